//! `cargo xtask demo [--once]`: build the server and hand over to its own `kindred demo`.

use crate::shell;
use anyhow::{Result, bail};
use std::path::Path;

/// Builds, then runs the demo in the foreground; with `--once` it ends after the queries.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    if let Some(unknown) = args.iter().find(|arg| **arg != "--once") {
        bail!("`cargo xtask demo` knows only --once, not `{unknown}`");
    }
    shell::run(
        "build the server",
        shell::cargo().args(["build", "--package", "kindred-cli", "--bin", "kindred"]),
    )?;
    run_built(&shell::server_path()?, args)
}

/// Runs the demo of a server that is built.
pub(crate) fn run_built(server: &Path, args: &[&str]) -> Result<()> {
    let sample = shell::root().join("testdata").join("sample");
    let mut command = shell::program(&server.to_string_lossy());
    shell::run("demo", command.arg("demo").arg("--sample").arg(sample).args(args))
}
