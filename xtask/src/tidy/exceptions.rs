//! The list of argued exceptions, `xtask/tidy-exceptions.toml`. It may only shrink: an unused entry is an error.

use super::files::{Finding, Tree};

/// Where the list is.
pub(crate) const PATH: &str = "xtask/tidy-exceptions.toml";

/// A reason shorter than this is none.
const MIN_REASON: usize = 20;

/// Takes the excepted findings out of `findings` and adds what is wrong with the list itself.
pub(crate) fn apply(tree: &Tree, findings: Vec<Finding>) -> Vec<Finding> {
    let fail = |what: String| Finding {
        path: PATH.to_owned(),
        line: 0,
        rule: "exceptions",
        what,
    };
    let Some(list) = tree.files.get(PATH) else {
        return findings;
    };
    let list: toml::Table = match list.text.parse() {
        Ok(list) => list,
        Err(error) => return vec![fail(format!("cannot be read: {error}"))],
    };
    let mut left = findings;
    let mut wrong = Vec::new();
    for entry in list
        .get("exception")
        .and_then(toml::Value::as_array)
        .into_iter()
        .flatten()
    {
        let text = |key: &str| entry.get(key).and_then(toml::Value::as_str).unwrap_or_default();
        let (rule, path, contains, reason) = (text("rule"), text("path"), text("contains"), text("reason"));
        if reason.trim().len() < MIN_REASON {
            wrong.push(fail(format!("{rule} {path}: say why in `reason`")));
        }
        let before = left.len();
        left.retain(|f| !(f.rule == rule && f.path == path && f.what.contains(contains)));
        if left.len() == before {
            wrong.push(fail(format!(
                "{rule} {path} {contains}: not needed any more; remove it"
            )));
        }
    }
    left.extend(wrong);
    left
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[test]
    fn exceptions_are_argued_and_used() {
        let finding = Finding {
            path: "a.rs".into(),
            line: 3,
            rule: "order",
            what: "`crate::b`".into(),
        };
        let apply_list = |list: &str| {
            let left = apply(&tree(&[(PATH, list)]), vec![finding.clone()]);
            left.iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        let entry = "[[exception]]\nrule = \"order\"\npath = \"a.rs\"\n";
        assert_eq!(apply_list(""), ["order"]);
        assert_eq!(
            apply_list(&format!("{entry}reason = \"the generator needs it there\"")),
            [""; 0]
        );
        assert_eq!(apply_list(&format!("{entry}reason = \"so\"")), ["exceptions"]);
        let other = format!("{entry}contains = \"crate::c\"\nreason = \"the generator needs it there\"");
        assert_eq!(apply_list(&other), ["order", "exceptions"]);
        assert_eq!(apply_list("[[["), ["exceptions"]);
    }
}
