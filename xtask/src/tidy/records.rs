//! Rule `records`: every decision record is linked from the index, every link leads to one, no number is used twice,
//! and every dependency of the workspace has its line in the record on dependencies.

use super::files::{Finding, Tree};
use super::floors::has_word;
use std::collections::BTreeMap;

const FOLDER: &str = "docs/decisions/";
const INDEX: &str = "docs/decisions/README.md";
const DEPENDENCIES: &str = "docs/decisions/0001-dependencies.md";

/// Checks the index against the records.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut fail = |path: &str, what: String| {
        findings.push(Finding {
            path: path.to_owned(),
            line: 0,
            rule: "records",
            what,
        })
    };
    let names: Vec<&str> = tree
        .files
        .keys()
        .filter_map(|path| path.strip_prefix(FOLDER))
        .collect();
    let records = names
        .iter()
        .copied()
        .filter(|name| name.ends_with(".md") && *name != "README.md");
    let index = tree.files.get(INDEX).map_or("", |file| file.text.as_str());
    let mut numbers: BTreeMap<&str, &str> = BTreeMap::new();
    for name in records {
        let path = format!("{FOLDER}{name}");
        let number = name.split('-').next().unwrap_or_default();
        if number.len() != 4 || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            fail(&path, "a record is called NNNN-title.md".to_owned());
        } else if let Some(other) = numbers.insert(number, name) {
            fail(&path, format!("has the number of {other}"));
        }
        if !index.contains(&format!("]({name})")) {
            fail(&path, format!("is not linked from {INDEX}"));
        }
    }
    for link in index
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
    {
        if link.ends_with(".md") && !link.contains('/') && !names.contains(&link) {
            fail(INDEX, format!("links to {link}, which does not exist"));
        }
    }
    for dependency in unargued(tree) {
        fail(DEPENDENCIES, format!("does not say why `{dependency}` is there"));
    }
    findings
}

/// The dependencies of the workspace that are not ours and that the record does not name.
fn unargued(tree: &Tree) -> Vec<String> {
    let manifest = tree
        .files
        .get("Cargo.toml")
        .and_then(|file| file.text.parse::<toml::Table>().ok());
    let Some(manifest) = manifest else {
        return Vec::new();
    };
    let record = tree.files.get(DEPENDENCIES).map_or("", |file| file.text.as_str());
    let all = manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("dependencies"));
    let foreign = all.and_then(toml::Value::as_table).into_iter().flatten();
    let foreign = foreign
        .filter(|(_, value)| value.get("path").is_none())
        .map(|(name, _)| name);
    foreign
        .filter(|name| !record.lines().any(|line| has_word(line, name)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[track_caller]
    fn found(files: &[(&str, &str)], expected: &[&str]) {
        let findings = check(&tree(files));
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, part) in findings.iter().zip(expected) {
            assert!(finding.what.contains(part), "{finding:?} should mention {part}");
        }
    }

    #[test]
    fn index_and_records_agree() {
        let index = (INDEX, "- [One](0001-one.md)");
        found(&[index, ("docs/decisions/0001-one.md", "")], &[]);
        found(&[index], &["does not exist"]);
        found(
            &[
                index,
                ("docs/decisions/0001-one.md", ""),
                ("docs/decisions/0002-two.md", ""),
            ],
            &["not linked"],
        );
        let twice = (INDEX, "[One](0001-one.md) [Uno](0001-uno.md)");
        let both = [
            twice,
            ("docs/decisions/0001-one.md", ""),
            ("docs/decisions/0001-uno.md", ""),
        ];
        found(&both, &["has the number of 0001-one.md"]);
    }
    #[test]
    fn dependencies_are_argued() {
        let manifest =
            "[workspace.dependencies]\nkindred = { path = \"x\" }\nserde = \"1\"\nserde_json = \"1\"\n";
        let index = (INDEX, "[One](0001-dependencies.md)");
        let record = (DEPENDENCIES, "| serde_json | JSON |");
        found(
            &[("Cargo.toml", manifest), index, record],
            &["why `serde` is there"],
        );
    }
}
