//! Rules `floors` and `foreign`: which crate may use which, and what must not appear in it at all.
//! The table is the one of ARCHITECTURE.md; a crate that is not in it is an error.

use super::files::{Finding, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// One floor: its folder under `crates`, its package, and the packages of ours that it may use.
struct Floor {
    folder: &'static str,
    package: &'static str,
    may_use: &'static [&'static str],
}

const KERNELS: &str = "kindred-kernels";
const MODEL: &str = "kindred-model";
const STORAGE: &str = "kindred-storage";
const INDEX: &str = "kindred-index";
const SEGMENT: &str = "kindred-segment";
const ENGINE: &str = "kindred";
const TRAINER: &str = "kindred-trainer";
const API: &str = "kindred-api";
const TESTKIT: &str = "kindred-testkit";

/// From the ground floor up.
const FLOORS: [Floor; 10] = [
    Floor {
        folder: "kernels",
        package: KERNELS,
        may_use: &[],
    },
    Floor {
        folder: "model",
        package: MODEL,
        may_use: &[],
    },
    Floor {
        folder: "storage",
        package: STORAGE,
        may_use: &[],
    },
    Floor {
        folder: "index",
        package: INDEX,
        may_use: &[KERNELS, MODEL],
    },
    Floor {
        folder: "segment",
        package: SEGMENT,
        may_use: &[INDEX, STORAGE, MODEL, KERNELS],
    },
    Floor {
        folder: "engine",
        package: ENGINE,
        may_use: &[SEGMENT, STORAGE, MODEL],
    },
    Floor {
        folder: "trainer",
        package: TRAINER,
        may_use: &[ENGINE, MODEL],
    },
    Floor {
        folder: "api",
        package: API,
        may_use: &[ENGINE, TRAINER, MODEL],
    },
    Floor {
        folder: "cli",
        package: "kindred-cli",
        may_use: &[API, TRAINER, ENGINE, MODEL],
    },
    Floor {
        folder: "testkit",
        package: TESTKIT,
        may_use: &[MODEL, STORAGE],
    },
];

/// The embeddable library must not bring these into a program, not even indirectly.
const NOT_IN_THE_LIBRARY: [&str; 8] = [
    "tokio",
    "axum",
    "hyper",
    "tower",
    "object_store",
    "ureq",
    "reqwest",
    "qdrant-client",
];

/// The one place below the door with a runtime of its own, behind a feature that is off by default.
const CLOUD: &str = "storage/src/store/object";

/// Words that only some folders may contain in code outside tests, with the reason.
const FOREIGN: [(&str, &[&str], &str); 6] = [
    (
        "std::fs",
        &["storage", "cli", "testkit"],
        "only storage touches the database's bytes",
    ),
    ("std::net", &["api", "cli"], "only api touches sockets"),
    ("async", &["api", "cli", CLOUD], "no async below the door"),
    ("await", &["api", "cli", CLOUD], "no async below the door"),
    (
        "unsafe",
        &["kernels", "storage"],
        "only kernels and storage contain unsafe",
    ),
    (
        "unsafe_code",
        &["kernels", "storage"],
        "only kernels and storage contain unsafe",
    ),
];

/// Checks every manifest under `crates`, and the code for what its floor must not contain.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours: BTreeSet<&str> = FLOORS.iter().map(|floor| floor.package).collect();
    for (path, file) in &tree.files {
        let Some(folder) = path
            .strip_prefix("crates/")
            .and_then(|rest| rest.strip_suffix("/Cargo.toml"))
        else {
            continue;
        };
        let mut fail = |what: String| {
            findings.push(Finding {
                path: path.clone(),
                line: 0,
                rule: "floors",
                what,
            })
        };
        let Some(floor) = FLOORS.iter().find(|floor| floor.folder == folder) else {
            fail(format!(
                "`{folder}` is not a floor; the table is in xtask/src/tidy/floors.rs"
            ));
            continue;
        };
        match file.text.parse::<toml::Table>() {
            Ok(manifest) => check_manifest(&manifest, floor, &ours, &mut fail),
            Err(error) => fail(format!("cannot be read: {error}")),
        }
    }
    if let Some(lock) = tree.files.get("Cargo.lock") {
        findings.extend(check_lock(&lock.text, &optional(tree)));
    }
    findings.extend(check_foreign(tree));
    findings
}

fn check_manifest(
    manifest: &toml::Table,
    floor: &Floor,
    ours: &BTreeSet<&str>,
    fail: &mut impl FnMut(String),
) {
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str);
    if name != Some(floor.package) {
        fail(format!("the package must be called `{}`", floor.package));
    }
    let has_lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    if has_lints.and_then(toml::Value::as_bool) != Some(true) {
        fail("`[lints] workspace = true` is missing".to_owned());
    }
    for (table, dependency) in dependencies(manifest) {
        if !ours.contains(dependency.as_str()) {
            continue;
        }
        let is_dev = table == "dev-dependencies";
        let is_allowed = floor.may_use.contains(&dependency.as_str()) || is_dev && dependency == TESTKIT;
        if !is_allowed {
            fail(format!(
                "[{table}]: `{}` must not use `{dependency}`",
                floor.folder
            ));
        }
    }
}

/// Every dependency with the kind of table it stands in, also under `[target.…]`; renamed ones by their real name.
fn dependencies(manifest: &toml::Table) -> Vec<(&'static str, String)> {
    let mut tables = vec![manifest];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    tables.extend(
        targets
            .into_iter()
            .flat_map(toml::Table::values)
            .filter_map(toml::Value::as_table),
    );
    let mut found = Vec::new();
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        for entries in tables
            .iter()
            .filter_map(|table| table.get(kind))
            .filter_map(toml::Value::as_table)
        {
            for (key, value) in entries {
                let renamed = value.get("package").and_then(toml::Value::as_str);
                found.push((kind, renamed.unwrap_or(key).to_owned()));
            }
        }
    }
    found
}

/// By package of ours, the dependencies that only a feature brings in; the lock file does not tell them apart. That no
/// such feature is on by default is for the manifests of the library.
fn optional(tree: &Tree) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for floor in &FLOORS {
        let path = format!("crates/{}/Cargo.toml", floor.folder);
        let Some(Ok(manifest)) = tree.files.get(&path).map(|file| file.text.parse::<toml::Table>()) else {
            continue;
        };
        let features = manifest.get("features").and_then(toml::Value::as_table);
        if features.is_some_and(|features| features.contains_key("default")) {
            continue;
        }
        let entries = manifest.get("dependencies").and_then(toml::Value::as_table);
        for (name, value) in entries.into_iter().flatten() {
            if value.get("optional").and_then(toml::Value::as_bool) == Some(true) {
                found.insert((floor.package.to_owned(), name.clone()));
            }
        }
    }
    found
}

/// Follows the lock file from the library: what it reaches, a program that embeds it must build.
fn check_lock(lock: &str, optional: &BTreeSet<(String, String)>) -> Vec<Finding> {
    let fail = |what: String| Finding {
        path: "Cargo.lock".to_owned(),
        line: 0,
        rule: "floors",
        what,
    };
    let lock: toml::Table = match lock.parse() {
        Ok(lock) => lock,
        Err(error) => return vec![fail(format!("cannot be read: {error}"))],
    };
    let packages = lock.get("package").and_then(toml::Value::as_array);
    let mut graph: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages.into_iter().flatten() {
        let Some(name) = package.get("name").and_then(toml::Value::as_str) else {
            continue;
        };
        let uses = package.get("dependencies").and_then(toml::Value::as_array);
        let uses = uses.into_iter().flatten().filter_map(toml::Value::as_str);
        // `name version` when there are several versions.
        graph
            .entry(name)
            .or_default()
            .extend(uses.filter_map(|text| text.split(' ').next()));
    }
    let mut seen = BTreeSet::from([ENGINE]);
    let mut open = vec![ENGINE];
    while let Some(name) = open.pop() {
        for used in graph.get(name).into_iter().flatten() {
            if !optional.contains(&(name.to_owned(), (*used).to_owned())) && seen.insert(used) {
                open.push(used);
            }
        }
    }
    let reached = NOT_IN_THE_LIBRARY.iter().filter(|name| seen.contains(**name));
    reached
        .map(|name| {
            fail(format!(
                "the embeddable library must not depend on `{name}`, not even indirectly"
            ))
        })
        .collect()
}

fn check_foreign(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, file) in tree.rust().filter(|(path, _)| !Tree::is_test(path)) {
        let Some((folder, place)) = path.strip_prefix("crates/").and_then(|rest| {
            let (folder, _) = rest.split_once("/src/")?;
            Some((folder, rest))
        }) else {
            continue;
        };
        let is_in = |home: &&str| *home == folder || place.starts_with(&format!("{home}/"));
        for (word, allowed, why) in FOREIGN
            .iter()
            .filter(|(_, allowed, _)| !allowed.iter().any(is_in))
        {
            let hit = file
                .live
                .lines()
                .enumerate()
                .find(|(_, line)| has_word(line, word));
            findings.extend(hit.map(|(index, _)| Finding {
                path: path.to_owned(),
                line: index + 1,
                rule: "foreign",
                what: format!("`{word}` belongs to {}: {why}", allowed.join(" and ")),
            }));
        }
    }
    findings
}

/// Whether `line` contains `word` as whole words.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
    line.match_indices(word).any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| line.as_bytes().get(at).copied());
        let after = line.as_bytes().get(at + word.len()).copied();
        !is_word(before) && !is_word(after)
    })
}

#[cfg(test)]
mod tests {
    use super::super::files::tree;
    use super::*;

    fn manifest(package: &str, more: &str) -> String {
        format!("[package]\nname = \"{package}\"\n[lints]\nworkspace = true\n{more}")
    }

    #[track_caller]
    fn found(files: &[(&str, &str)], expected: &[&str]) {
        let findings = check(&tree(files));
        assert_eq!(findings.len(), expected.len(), "{findings:?}");
        for (finding, part) in findings.iter().zip(expected) {
            assert!(finding.what.contains(part), "{finding:?} should mention {part}");
        }
    }

    #[test]
    fn a_floor_uses_only_lower_floors() {
        let good = manifest(
            "kindred-index",
            "[dependencies]\nkindred-model = {}\n[dev-dependencies]\nkindred-testkit = {}",
        );
        found(&[("crates/index/Cargo.toml", &good)], &[]);
        let upward = manifest("kindred-index", "[dependencies]\nkindred-segment = {}");
        found(
            &[("crates/index/Cargo.toml", &upward)],
            &["must not use `kindred-segment`"],
        );
        let renamed = manifest(
            "kindred-model",
            "[target.'cfg(unix)'.dependencies]\nk = { package = \"kindred-kernels\" }",
        );
        found(
            &[("crates/model/Cargo.toml", &renamed)],
            &["must not use `kindred-kernels`"],
        );
        let misused = manifest("kindred-model", "[dependencies]\nkindred-testkit = {}");
        found(
            &[("crates/model/Cargo.toml", &misused)],
            &["must not use `kindred-testkit`"],
        );
        found(
            &[("crates/utils/Cargo.toml", &manifest("kindred-utils", ""))],
            &["is not a floor"],
        );
        found(
            &[("crates/model/Cargo.toml", "[package]\nname = \"x\"")],
            &["must be called", "is missing"],
        );
    }

    #[test]
    fn the_library_stays_free_of_servers() {
        let lock = "[[package]]\nname = \"kindred\"\ndependencies = [\"a 1.0.0\"]\n\
                    [[package]]\nname = \"a\"\ndependencies = [\"tokio\"]\n";
        found(&[("Cargo.lock", lock)], &["`tokio`"]);
        // Behind a feature it is the program's own choice, unless the feature is on by default.
        let lock = "[[package]]\nname = \"kindred\"\ndependencies = [\"kindred-storage\"]\n\
                    [[package]]\nname = \"kindred-storage\"\ndependencies = [\"tokio\"]\n";
        let optional = "[dependencies]\ntokio = { workspace = true, optional = true }\n";
        for (more, expected) in [
            (optional.to_owned(), &[][..]),
            (
                format!("{optional}[features]\ndefault = [\"dep:tokio\"]\n"),
                &["`tokio`"],
            ),
            (
                "[dependencies]\ntokio = { workspace = true }\n".to_owned(),
                &["`tokio`"],
            ),
        ] {
            let manifest = manifest("kindred-storage", &more);
            found(
                &[("Cargo.lock", lock), ("crates/storage/Cargo.toml", &manifest)],
                expected,
            );
        }
        found(
            &[(
                "Cargo.lock",
                "[[package]]\nname = \"kindred-api\"\ndependencies = [\"tokio\"]\n",
            )],
            &[],
        );
    }

    #[test]
    fn a_floor_contains_no_foreign_words() {
        found(
            &[("crates/engine/src/a.rs", "use std::fs::File;")],
            &["only storage"],
        );
        found(
            &[("crates/model/src/a.rs", "async fn a() { unsafe_thing() }")],
            &["no async"],
        );
        found(
            &[("crates/segment/src/a.rs", "fn a() { unsafe { b() } }")],
            &["unsafe"],
        );
        found(
            &[(
                "crates/engine/src/a.rs",
                "// std::fs\n#[cfg(test)]\nmod t { use std::fs; }",
            )],
            &[],
        );
        found(&[("crates/storage/src/a.rs", "use std::fs::File;")], &[]);
        found(
            &[("crates/storage/src/store/object/a.rs", "async fn a() {}")],
            &[],
        );
        found(
            &[("crates/storage/src/store/objects.rs", "async fn a() {}")],
            &["no async"],
        );
    }
}
