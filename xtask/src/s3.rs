//! A local S3 API for the tests, running as long as this value lives. Used by `cargo xtask test`.

use crate::shell;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// The variable in which tests find the address.
pub(crate) const VARIABLE: &str = "KINDRED_TEST_S3";

/// A running server.
pub(crate) struct S3 {
    child: Child,
    address: String,
}

impl S3 {
    /// Starts `clients/python/s3_server.py` with an interpreter that has its requirements, and waits for its address.
    pub(crate) fn start(python: &Path, clients: &Path) -> Result<Self> {
        println!("==> start a local S3 API");
        let mut child = shell::program(&python.to_string_lossy())
            .arg("s3_server.py")
            .current_dir(clients)
            // It ends when this pipe closes, so also when we are killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the local S3 API")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let server = Self {
            child,
            address: address.unwrap_or_default(),
        };
        if server.address.is_empty() {
            bail!("the local S3 API ended before it listened");
        }
        Ok(server)
    }

    /// Its URL.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
