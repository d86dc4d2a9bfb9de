//! Runs the program. Every process ends with its test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};

/// What a finished run wrote.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    status: ExitStatus,
}

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kindred"));
    command.args(args).stdin(Stdio::null());
    // Settings of the person who runs the tests are none of ours.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("KINDRED") || text.starts_with("QDRANT") || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command
}

fn finish(args: &[&str]) -> Run {
    let output = program(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run {
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        status: output.status,
    }
}

/// Runs to the end, which must be a good one.
pub(crate) fn run(args: &[&str]) -> Run {
    let run = finish(args);
    assert!(run.status.success(), "{args:?}: {}", run.stderr);
    run
}

/// What a good run prints.
pub(crate) fn output(args: &[&str]) -> String {
    run(args).stdout
}

/// A run that must fail and say `part`.
pub(crate) fn fails(args: &[&str], part: &str) {
    let run = finish(args);
    assert_eq!(run.status.code(), Some(1), "{args:?}: {}", run.stderr);
    assert!(run.stderr.contains(part), "{args:?}: {}", run.stderr);
}

/// A server on a free port; killed at the latest when it is dropped.
pub(crate) struct Served {
    child: Child,
    pub(crate) url: String,
}

impl Served {
    /// Starts it and waits for its line.
    pub(crate) fn start(storage: &str, variables: &[(&str, &str)]) -> Self {
        let mut command = program(&["serve", "--storage", storage, "--http-port", "0"]);
        command
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim_end()
            .strip_prefix("listening on ")
            .expect("the server should say where it listens");
        Self {
            child,
            url: url.to_owned(),
        }
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn stop(mut self, signal: &str) -> ExitStatus {
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
