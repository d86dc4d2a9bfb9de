//! The committed files as values, so that every check is a function from a tree to findings.
//! Used by all checks; their tests build small trees from literals.

use super::lexer;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// Folders that are never committed, in any place.
const SKIPPED: [&str; 6] = [
    ".git",
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".hypothesis",
    "node_modules",
];
/// Folders of the root that are never committed.
const SKIPPED_AT_ROOT: [&str; 2] = ["target", "storage"];

/// Every text file by its path from the root, with `/` between the parts.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) files: BTreeMap<String, File>,
}

/// One text file.
#[derive(Debug)]
pub(crate) struct File {
    /// As it is.
    pub(crate) text: String,
    /// Rust only: comments and literals blanked; else empty.
    pub(crate) code: String,
    /// Rust only: items kept to tests blanked as well; else empty.
    pub(crate) live: String,
}

/// Something that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// Path from the root.
    pub(crate) path: String,
    /// Counted from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// Which rule, the name that an exception uses.
    pub(crate) rule: &'static str,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl File {
    fn new(path: &str, text: String) -> Self {
        if !path.ends_with(".rs") {
            return Self {
                text,
                code: String::new(),
                live: String::new(),
            };
        }
        let code = lexer::mask(&text);
        let live = lexer::without_tests(&code);
        Self { text, code, live }
    }
}

impl Tree {
    /// Reads every committed file under `root` that is text.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.walk(root, "")
            .with_context(|| format!("cannot read {}", root.display()))?;
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, below: &str) -> Result<()> {
        for entry in std::fs::read_dir(root.join(below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() {
                name.clone()
            } else {
                format!("{below}/{name}")
            };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let is_skipped = SKIPPED.contains(&name.as_str())
                    || below.is_empty() && SKIPPED_AT_ROOT.contains(&name.as_str());
                if !is_skipped {
                    self.walk(root, &path)?;
                }
            } else if kind.is_file()
                && let Ok(text) = String::from_utf8(std::fs::read(entry.path())?)
            {
                self.add(&path, text);
            }
        }
        Ok(())
    }

    /// Adds or replaces a file.
    pub(crate) fn add(&mut self, path: &str, text: String) {
        self.files.insert(path.to_owned(), File::new(path, text));
    }

    /// The Rust files, in the order of their paths.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &File)> {
        self.files
            .iter()
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, file)| (path.as_str(), file))
    }

    /// Whether a file holds only tests: by its name, or because it lies under a folder of tests.
    pub(crate) fn is_test(path: &str) -> bool {
        path.split('/')
            .any(|part| matches!(part, "tests" | "tests.rs" | "benches"))
    }
}

/// A tree from paths and texts.
#[cfg(test)]
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    let mut tree = Tree::default();
    for (path, text) in files {
        tree.add(path, (*text).to_owned());
    }
    tree
}
