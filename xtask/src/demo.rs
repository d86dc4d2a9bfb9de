//! `cargo xtask demo [--once]`: build the server and hand over to its own `kindred demo`.

use crate::shell;
use anyhow::{Result, bail};

/// Builds, then runs the demo in the foreground; with `--once` it ends after the queries.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    if let Some(unknown) = args.iter().find(|arg| **arg != "--once") {
        bail!("`cargo xtask demo` knows only --once, not `{unknown}`");
    }
    let server = shell::build_server()?;
    let sample = shell::root().join("testdata").join("sample");
    shell::run(
        "demo",
        shell::program(&server.to_string_lossy())
            .arg("demo")
            .arg("--sample")
            .arg(sample)
            .args(args),
    )
}
