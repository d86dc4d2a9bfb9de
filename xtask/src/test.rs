//! `cargo xtask test`: everything that must hold before a change is taken, in the order of what fails fastest.
//!
//! Rust and Python tests run against the same profile, so that dependencies compile once. The last line counts what
//! ran: a suite that silently shrinks is seen.

use crate::debian;
use crate::s3::{self, S3};
use crate::{shell, tidy};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What ran and passed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    passed: u64,
    ignored: u64,
}

/// Runs all of it; the first failure ends it. Returns where the tested server is.
pub(crate) fn run() -> Result<PathBuf> {
    let started = shell::now();
    require_tools()?;
    shell::run(
        "cargo fmt --check",
        shell::cargo().args(["fmt", "--all", "--check"]),
    )?;
    println!("==> tidy");
    tidy::run()?;
    shell::run(
        "cargo clippy",
        shell::cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    let server = build()?;
    let clients = shell::root().join("clients").join("python");
    let python = python_environment(&clients)?;
    let s3 = S3::start(&python, &clients)?;
    let mut rust = rust_tests()?;
    s3_tests(&s3, &mut rust)?;
    if rust.ignored > 0 {
        bail!(
            "{} Rust tests are ignored; a test either holds or goes",
            rust.ignored
        );
    }
    let python = python_tests(&python, &clients, &server, &s3)?;
    println!(
        "test: all passed: {} Rust tests, {} tests with the Python client, in {} s",
        rust.passed,
        python.passed,
        started.elapsed().as_secs()
    );
    Ok(server)
}

/// Builds the tests and, because some of them start it, the server. A build of the server alone would choose other
/// features of shared dependencies, and compile most of them a second time.
fn build() -> Result<PathBuf> {
    shell::run(
        "build",
        shell::cargo().args(["test", "--workspace", "--no-run", "--quiet"]),
    )?;
    let server = shell::server_path()?;
    if !server.is_file() {
        bail!("the build left no {}", server.display());
    }
    Ok(server)
}

/// Says which tool is missing and how to get it, before anything long starts.
fn require_tools() -> Result<()> {
    for (tool, args, hint) in [
        ("rustfmt", ["fmt", "--version"], "rustup component add rustfmt"),
        ("clippy", ["clippy", "-V"], "rustup component add clippy"),
    ] {
        if !shell::succeeds(shell::cargo().args(args)) {
            bail!("{tool} is missing; install it with `{hint}`");
        }
    }
    if !shell::succeeds(shell::program("python3").arg("--version")) {
        bail!("python3 is missing; the tests with the official client need Python 3.10 or later");
    }
    Ok(())
}

fn rust_tests() -> Result<Tally> {
    let mut tally = Tally::default();
    if shell::succeeds(shell::cargo().args(["nextest", "--version"])) {
        // nextest reports on stderr and has no doc-tests: count from its machine-readable list instead.
        shell::run(
            "cargo nextest",
            shell::cargo().args(["nextest", "run", "--workspace", "--no-fail-fast"]),
        )?;
        let list = shell::cargo()
            .args(["nextest", "list", "--workspace", "--message-format", "json"])
            .output()?;
        count_nextest(
            &serde_json::from_slice(&list.stdout).context("nextest's list")?,
            &mut tally,
        );
        let mut command = shell::cargo();
        command.args(["test", "--workspace", "--doc"]);
        shell::run_reading("cargo test --doc", &mut command, |line| {
            count_cargo(line, &mut tally)
        })?;
    } else {
        let mut command = shell::cargo();
        command.args(["test", "--workspace", "--quiet"]);
        shell::run_reading("cargo test", &mut command, |line| count_cargo(line, &mut tally))?;
    }
    Ok(tally)
}

/// Adds a list of nextest: suites by name, each with its test cases by name.
fn count_nextest(list: &Value, tally: &mut Tally) {
    let suites = list.get("rust-suites").and_then(Value::as_object);
    let cases = suites
        .into_iter()
        .flatten()
        .filter_map(|(_, suite)| suite.get("testcases")?.as_object());
    for case in cases.flat_map(|cases| cases.values()) {
        let is_ignored = case.get("ignored").and_then(Value::as_bool) == Some(true);
        tally.ignored += u64::from(is_ignored);
        tally.passed += u64::from(!is_ignored);
    }
}

/// Adds a line such as `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn count_cargo(line: &str, tally: &mut Tally) {
    let Some(rest) = line.trim_start().strip_prefix("test result:") else {
        return;
    };
    tally.passed += number_before(rest, "passed");
    tally.ignored += number_before(rest, "ignored");
}

/// Adds a line such as `==== 143 passed, 2 warnings in 61.02s ====`.
fn count_pytest(line: &str, tally: &mut Tally) {
    if line.contains(" passed") && line.contains(" in ") {
        tally.passed += number_before(line, "passed");
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let pair = words.windows(2).find(|pair| pair.last() == Some(&word));
    pair.and_then(|pair| pair.first())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

/// Runs the tests that need a real S3 API; a plain `cargo test` leaves them out.
fn s3_tests(s3: &S3, tally: &mut Tally) -> Result<()> {
    let before = tally.passed;
    let mut command = shell::cargo();
    command
        .args(["test", "--workspace", "--test", "s3"])
        .env(s3::VARIABLE, s3.address())
        // The server takes any; without, the client would look for the role of a machine.
        .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")]);
    shell::run_reading("tests with a local S3 API", &mut command, |line| {
        count_cargo(line, tally)
    })?;
    if tally.passed == before {
        bail!("no test with the local S3 API ran");
    }
    Ok(())
}

/// Runs the official Python client's tests against `server`.
/// Tests of a full and of a failing device.
const FOR_ROOT: [&str; 2] = ["test_restart_full.py", "test_restart_fsync.py"];

fn python_tests(python: &Path, clients: &Path, server: &Path, s3: &S3) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut command = shell::program(&python.to_string_lossy());
    command
        .args(["-m", "pytest", "-q", "--color=no"])
        .current_dir(clients)
        .env("KINDRED_BIN", server)
        .env(s3::VARIABLE, s3.address());
    if debian::is_root() {
        for (tool, package) in [
            ("strace", "strace"),
            ("mkfs.ext4", "e2fsprogs"),
            ("mount", "mount"),
        ] {
            if !shell::succeeds(shell::program(tool).arg("-V")) {
                debian::install(package)?;
            }
        }
    } else {
        println!(
            "left out, for only root may mount and trace: {}",
            FOR_ROOT.join(", ")
        );
        command.args(FOR_ROOT.map(|file| format!("--ignore={file}")));
    }
    shell::run_reading("tests with the Python client", &mut command, |line| {
        count_pytest(line, &mut tally)
    })?;
    if tally.passed == 0 {
        bail!("no test with the Python client ran");
    }
    Ok(tally)
}

/// The interpreter of a virtual environment under the target directory that holds exactly the requirements.
fn python_environment(clients: &Path) -> Result<PathBuf> {
    if !clients.join("requirements.txt").is_file() {
        bail!("clients/python/requirements.txt is missing");
    }
    let place = shell::target_dir()?.join("python-clients");
    let python = place.join("bin").join("python");
    let wanted = std::fs::read_to_string(clients.join("requirements.txt"))?;
    let stamp = place.join("installed-requirements.txt");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    create_environment(&place)?;
    let mut install = shell::program(&python.to_string_lossy());
    install.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "-r",
        "requirements.txt",
    ]);
    shell::run("install the Python client", install.current_dir(clients))?;
    std::fs::write(&stamp, wanted)?;
    Ok(python)
}

fn create_environment(place: &Path) -> Result<()> {
    let create = || {
        shell::program("python3")
            .args(["-m", "venv", "--clear"])
            .arg(place)
            .status()
    };
    println!("==> create a Python environment in {}", place.display());
    if create()?.success() {
        return Ok(());
    }
    // Debian and Ubuntu ship Python without it.
    debian::install("python3-venv")?;
    if !create()?.success() {
        bail!("`python3 -m venv` does not work, even with python3-venv installed");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_ran() {
        let mut rust = Tally::default();
        for line in [
            "running 12 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            count_cargo(line, &mut rust);
        }
        assert_eq!(
            rust,
            Tally {
                passed: 15,
                ignored: 1
            }
        );

        let mut list = Tally::default();
        let suites = r#"{ "rust-suites": { "a": { "testcases": { "x": { "ignored": false }, "y": { "ignored": true } } },
            "b": { "testcases": { "z": { "ignored": false } } } } }"#;
        count_nextest(&serde_json::from_str(suites).unwrap(), &mut list);
        assert_eq!(
            list,
            Tally {
                passed: 2,
                ignored: 1
            }
        );

        let mut python = Tally::default();
        count_pytest("......", &mut python);
        count_pytest("143 passed, 2 warnings in 61.02s (0:01:01)", &mut python);
        assert_eq!(
            python,
            Tally {
                passed: 143,
                ignored: 0
            }
        );
    }
}
