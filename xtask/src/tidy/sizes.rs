//! Rules `file-size` and `function-size`: what is too long to be read at once. Tests are not counted.

use super::files::{File, Finding, Tree};
use super::lexer;

/// Lines of a file, blank lines and comments included.
const FILE_LINES: usize = 500;
/// Lines of a function's body, blank lines and comments left out, as clippy counts them.
const FUNCTION_LINES: usize = 70;

/// Checks every Rust file.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let files = tree.rust().filter(|(path, _)| !Tree::is_test(path));
    files.flat_map(|(path, file)| check_file(path, file)).collect()
}

fn check_file(path: &str, file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    // A line of a test item is blank in `live` and not blank in the original code.
    let lines = file.code.lines().zip(file.live.lines());
    let count = lines
        .filter(|(code, live)| code.trim().is_empty() || !live.trim().is_empty())
        .count();
    if count > FILE_LINES {
        let what = format!("{count} lines outside tests, more than {FILE_LINES}; split it");
        findings.push(Finding {
            path: path.to_owned(),
            line: 0,
            rule: "file-size",
            what,
        });
    }
    for (name, line, length) in functions(&file.live) {
        if length > FUNCTION_LINES {
            let what = format!("`{name}` has {length} lines of code, more than {FUNCTION_LINES}; split it");
            findings.push(Finding {
                path: path.to_owned(),
                line,
                rule: "function-size",
                what,
            });
        }
    }
    findings
}

/// Every function with a body: its name, its first line, and its body's lines of code.
fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let tokens = lexer::tokens(code);
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if keyword.text != "fn" || !name.is_ident() {
            continue;
        }
        let end = lexer::end_of_item(&tokens, index);
        let Some(last) = tokens.get(end - 1).filter(|last| last.text == "}") else {
            continue;
        };
        let mut depth = 0_usize;
        let body = tokens.iter().skip(index).find(|token| {
            match token.text {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                _ => {}
            }
            depth == 0 && token.text == "{"
        });
        let Some(body) = body else { continue };
        let inside = lines
            .get(body.line..last.line.saturating_sub(1))
            .unwrap_or_default();
        let length = inside.iter().filter(|line| !line.trim().is_empty()).count();
        found.push((name.text.to_owned(), keyword.line, length));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    #[track_caller]
    fn found(text: &str, expected: &[&str]) {
        let rules: Vec<&str> = check(&tree(&[("crates/k/src/a.rs", text)]))
            .iter()
            .map(|f| f.rule)
            .collect();
        assert_eq!(rules, expected);
    }

    #[test]
    fn long_files_are_found() {
        found(&"// a\n".repeat(500), &[]);
        found(&"// a\n".repeat(501), &["file-size"]);
        let with_tests = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "// a\n".repeat(400),
            "a();\n".repeat(300)
        );
        found(&with_tests, &[]);
        let tests = tree(&[("crates/k/src/a/tests.rs", &"a\n".repeat(900))]);
        assert_eq!(check(&tests), []);
    }

    #[test]
    fn long_functions_are_found() {
        let function = |lines: usize| {
            format!(
                "fn f(a: [u8; 2]) -> u8\n{{\n{}}}\n",
                "  a();\n  // b\n\n".repeat(lines)
            )
        };
        found(&function(70), &[]);
        found(&function(71), &["function-size"]);
        found(
            &format!("trait T {{ fn f(); }}\n{}", function(71)),
            &["function-size"],
        );
        found(&format!("#[cfg(test)]\nmod t {{ {} }}", function(71)), &[]);
    }
}
