//! Rules `header`, `untagged`, `words`: what every file must start with, and what no file may contain.
//! This file lists the words, so it is the only one not searched for them.

use super::files::{Finding, Tree};
use super::floors::has_word;

/// Where this list stands.
const HERE: &str = "xtask/src/tidy/words.rs";

/// Unfinished work belongs in an issue. Written like this only.
const MARKS: [&str; 3] = ["TODO", "FIXME", "XXX"];

/// Paths of one person's machine.
const MACHINE_PATHS: [&str; 5] = ["/work/", "/root/", "/tmp/", "/home/", "/Users/"];

/// Who or what wrote a text is not part of it. In lower case, whole words.
const WRITERS: [&str; 16] = [
    "claude",
    "anthropic",
    "chatgpt",
    "openai",
    "copilot",
    "codex",
    "gemini",
    "llm",
    "llms",
    "ai assistant",
    "ai agent",
    "ai-generated",
    "ai generated",
    "language model",
    "co-authored-by",
    "generated with",
];

/// Checks every file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in tree.rust() {
        let mut fail = |line, rule, what: &str| {
            findings.push(Finding {
                path: path.to_owned(),
                line,
                rule,
                what: what.to_owned(),
            });
        };
        if !file.text.trim_start().starts_with("//!") {
            fail(
                1,
                "header",
                "starts without `//!`: what it is, who uses it, the invariant it keeps",
            );
        }
        if let Some(line) = file.code.lines().position(|line| has_word(line, "untagged")) {
            fail(
                line + 1,
                "untagged",
                "an untagged enum buffers its input and hides the field in errors; write a visitor",
            );
        }
    }
    for (path, file) in tree
        .files
        .iter()
        .filter(|(path, _)| path.as_str() != HERE && *path != "Cargo.lock")
    {
        for (index, line) in file.text.lines().enumerate() {
            let what = banned(line);
            findings.extend(what.map(|what| Finding {
                path: path.clone(),
                line: index + 1,
                rule: "words",
                what,
            }));
        }
    }
    findings
}

fn banned(line: &str) -> Option<String> {
    if let Some(mark) = MARKS.iter().find(|mark| has_word(line, mark)) {
        return Some(format!("`{mark}`: finish it or open an issue"));
    }
    if let Some(path) = MACHINE_PATHS.iter().find(|path| has_path(line, path)) {
        return Some(format!("`{path}` is a place on one machine"));
    }
    let line = line.to_lowercase();
    let writer = WRITERS.iter().find(|word| has_word(&line, word));
    writer.map(|word| format!("`{word}`: a text does not say who or what wrote it"))
}

/// Whether `path` starts a path: `art/work/` and `https://host/work/` do not.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| line.as_bytes().get(at));
        !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'}'))
    })
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[track_caller]
    fn found(path: &str, text: &str, expected: &[&str]) {
        let rules: Vec<&str> = check(&tree(&[(path, text)]))
            .iter()
            .map(|finding| finding.rule)
            .collect();
        assert_eq!(rules, expected, "{text}");
    }

    #[test]
    fn headers_and_untagged_enums() {
        found("crates/k/src/a.rs", "//! A.\nfn a() {}", &[]);
        found("crates/k/src/a.rs", "fn a() {}", &["header"]);
        found(
            "crates/k/src/a.rs",
            "//! A.\n#[serde(\n  untagged\n)]\nenum E {}",
            &["untagged"],
        );
        found("crates/k/src/a.rs", "//! No `serde(untagged)` here.", &[]);
    }

    #[test]
    fn words_are_whole_and_paths_start() {
        found("a.md", "see /tmp/x", &["words"]);
        found("a.md", "`/work/main`", &["words"]);
        found("a.md", "art/work/ and {root}/tmp/x and TODOS", &[]);
        found("a.md", "TODO: later", &["words"]);
        found("a.py", "# by an AI assistant", &["words"]);
        found("a.md", "a codexes' shelf", &[]);
        found(HERE, "//! TODO", &[]);
    }
}
