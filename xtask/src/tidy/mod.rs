//! `cargo xtask tidy`: what neither the compiler nor clippy checks, as functions from the tree of files to findings.
//! Adding a rule is adding a file with a `check` and a line in `findings`.

use crate::shell;
use anyhow::{Result, bail};

mod lexer;
mod files;
mod modules;
mod floors;
mod order;
mod sizes;
mod words;
mod records;
mod exceptions;

use files::{Finding, Tree};

/// Checks the committed files and prints what is wrong.
pub(crate) fn run() -> Result<()> {
    let started = shell::now();
    let tree = Tree::read(shell::root())?;
    let findings = findings(&tree);
    for finding in &findings {
        let line = if finding.line > 0 {
            format!(":{}", finding.line)
        } else {
            String::new()
        };
        println!("{}{line}: [{}] {}", finding.path, finding.rule, finding.what);
    }
    if !findings.is_empty() {
        bail!(
            "tidy: {} findings; argued exceptions go into {}",
            findings.len(),
            exceptions::PATH
        );
    }
    println!(
        "tidy: {} files, nothing found, in {:.2} s",
        tree.files.len(),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// All findings, without the excepted ones, in the order of the files.
fn findings(tree: &Tree) -> Vec<Finding> {
    let rules = [
        floors::check,
        order::check,
        sizes::check,
        words::check,
        records::check,
    ];
    let found = rules.iter().flat_map(|rule| rule(tree)).collect();
    let mut left = exceptions::apply(tree, found);
    left.sort();
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed tree keeps its own rules, also when only the tests are run.
    #[test]
    fn this_tree_is_tidy() {
        let tree = Tree::read(shell::root()).expect("the repository can be read");
        assert!(tree.files.len() > 50, "found only {} files", tree.files.len());
        assert_eq!(findings(&tree), []);
    }
}
