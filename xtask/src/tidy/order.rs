//! Rule `order`: inside a crate, a module mentions only modules listed above it. This makes a circle impossible.
//!
//! A module may use what its ancestors define, and any of its own descendants. Between the branches of one parent, a
//! path may only point to a branch whose `mod` line stands earlier. Paths through re-exports are followed.

use super::files::{Finding, Tree};
use super::modules::Crate;

/// How many re-exports one path may go through; more is a circle.
const MAX_STEPS: usize = 32;

/// Checks every crate and xtask.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let roots = tree.files.keys().filter(|path| {
        let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
        is_root && (path.starts_with("crates/") || path.starts_with("xtask/"))
    });
    roots
        .flat_map(|root| check_crate(&Crate::read(tree, root)))
        .collect()
}

fn check_crate(all: &Crate) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, module) in all.modules.iter().enumerate() {
        for mention in &module.mentions {
            let Some(target) = all.resolve(index, &mention.segments, 0) else {
                continue;
            };
            let Some((user, used)) = all.out_of_order(index, target) else {
                continue;
            };
            findings.push(Finding {
                path: module.file.clone(),
                line: mention.line,
                rule: "order",
                what: format!(
                    "`{}` is written in `{user}`, but `{used}` is listed below `{user}`; a module uses only modules above it",
                    mention.segments.join("::")
                ),
            });
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

impl Crate {
    /// The module that holds what a path names, seen from the module at `from`. `None` for what is not of this crate.
    fn resolve(&self, from: usize, segments: &[String], steps: usize) -> Option<usize> {
        if steps > MAX_STEPS {
            return None;
        }
        let mut at = from;
        for (position, segment) in segments.iter().enumerate() {
            let module = self.modules.get(at)?;
            match segment.as_str() {
                "crate" => at = 0,
                "self" => {}
                "super" => at = module.parent,
                name => {
                    if let Some((_, child)) = module.children.iter().find(|(child, _)| child == name) {
                        at = *child;
                        continue;
                    }
                    let rest = segments.get(position + 1..).unwrap_or_default();
                    return self
                        .reach_through(at, name, rest, steps)
                        .or((position > 0).then_some(at));
                }
            }
        }
        Some(at)
    }

    /// Follows a name that the module at `at` does not hold as a child: its own item, an import, or a glob import.
    fn reach_through(&self, at: usize, name: &str, rest: &[String], steps: usize) -> Option<usize> {
        let module = self.modules.get(at)?;
        if module.items.iter().any(|item| item == name) {
            return Some(at);
        }
        if let Some(path) = module.names.get(name) {
            let path: Vec<String> = path.iter().chain(rest).cloned().collect();
            return self.resolve(at, &path, steps + 1);
        }
        module.globs.iter().find_map(|glob| {
            let opened = self.resolve(at, glob, steps + 1)?;
            let holds = opened != at && self.modules.get(opened)?.items.iter().any(|item| item == name);
            holds.then_some(opened)
        })
    }

    /// The two branches at the fork between `from` and `to`, when the path from one to the other points down the list.
    fn out_of_order(&self, from: usize, to: usize) -> Option<(String, String)> {
        let (from, to) = (&self.modules.get(from)?.path, &self.modules.get(to)?.path);
        let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
        // One lies inside the other: no fork.
        let (user, used) = (from.get(shared)?, to.get(shared)?);
        let fork = self
            .modules
            .iter()
            .find(|module| Some(module.path.as_slice()) == from.get(..shared))?;
        let place = |name: &String| fork.children.iter().position(|(child, _)| child == name);
        (place(used)? > place(user)?).then(|| (user.clone(), used.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    /// Checks a crate whose `lib.rs` lists a, b, c, where b has the children x and y.
    #[track_caller]
    fn check_files(files: &[(&str, &str)], expected: &[&str]) {
        let mut all = vec![
            (
                "crates/k/src/lib.rs",
                "mod a; mod b; mod c; pub use c::Third; pub use a::*;",
            ),
            ("crates/k/src/a.rs", "pub struct First;"),
            (
                "crates/k/src/b/mod.rs",
                "mod x; mod y; pub use y::Why; pub struct Second;",
            ),
            ("crates/k/src/b/x.rs", ""),
            ("crates/k/src/b/y.rs", "pub struct Why;"),
            ("crates/k/src/c.rs", "pub struct Third;"),
        ];
        all.extend_from_slice(files);
        let found: Vec<String> = check(&tree(&all))
            .iter()
            .map(|f| format!("{}:{}", f.path, f.line))
            .collect();
        let expected: Vec<String> = expected
            .iter()
            .map(|place| format!("crates/k/src/{place}"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn downward_is_allowed() {
        check_files(
            &[(
                "crates/k/src/c.rs",
                "use crate::{a::First, b::{self, Second}}; use super::b::y;",
            )],
            &[],
        );
        check_files(
            &[(
                "crates/k/src/b/y.rs",
                "use super::x::X; use super::Second; use crate::a::*;",
            )],
            &[],
        );
        check_files(
            &[(
                "crates/k/src/a.rs",
                "use serde::c; use crate::First; fn f() { self::g() } fn g() {}",
            )],
            &[],
        );
    }

    #[test]
    fn upward_imports_are_found() {
        check_files(&[("crates/k/src/a.rs", "\nuse crate::b::Second;")], &["a.rs:2"]);
        check_files(
            &[(
                "crates/k/src/a.rs",
                "use crate::{\n  b::{\n    Second as S,\n  },\n};",
            )],
            &["a.rs:3"],
        );
        check_files(&[("crates/k/src/a.rs", "use super::c::Third;")], &["a.rs:1"]);
        check_files(&[("crates/k/src/b/x.rs", "use super::y::Why;")], &["b/x.rs:1"]);
        check_files(&[("crates/k/src/b/x.rs", "use super::super::c;")], &["b/x.rs:1"]);
        check_files(
            &[("crates/k/src/a.rs", "fn f() {\n crate::c::Third::new()\n}")],
            &["a.rs:2"],
        );
        check_files(
            &[("crates/k/src/a.rs", "pub mod inner { use super::super::c::*; }")],
            &["a.rs:1"],
        );
    }

    #[test]
    fn a_knot_is_found() {
        let a = ("crates/k/src/a.rs", "use crate::c::Third; pub struct First;");
        let c = ("crates/k/src/c.rs", "use crate::a::First; pub struct Third;");
        check_files(&[a, c], &["a.rs:1"]);
    }

    #[test]
    fn re_exports_are_followed() {
        check_files(&[("crates/k/src/a.rs", "use crate::Third;")], &["a.rs:1"]);
        check_files(&[("crates/k/src/b/x.rs", "use super::Why;")], &["b/x.rs:1"]);
        check_files(
            &[("crates/k/src/c.rs", "use crate::b::Why; use crate::First;")],
            &[],
        );
    }

    #[test]
    fn tests_comments_and_texts_do_not_count() {
        let a = "// use crate::c;\n#[cfg(test)]\nmod tests { use crate::c::Third; }\nconst A: &str = \"crate::c\";";
        check_files(&[("crates/k/src/a.rs", a)], &[]);
        let test = "#[cfg(test)] mod tests;";
        check_files(
            &[
                ("crates/k/src/a.rs", test),
                ("crates/k/src/a/tests.rs", "use crate::c;"),
            ],
            &[],
        );
    }
}
