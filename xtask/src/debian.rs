//! What tests need of Debian's packages, installed where that is possible. Only root can install, and only root is asked to.

use anyhow::{Result, bail};

use crate::shell;

/// Whether this is root.
pub(crate) fn is_root() -> bool {
    let asked = shell::program("id").arg("-u").output();
    asked.is_ok_and(|out| out.stdout == b"0\n")
}

/// Installs a package; an error says how to do it by hand.
pub(crate) fn install(package: &str) -> Result<()> {
    if !is_root() || !shell::succeeds(shell::program("apt-get").arg("--version")) {
        bail!("{package} is missing; on Debian or Ubuntu: sudo apt-get install {package}");
    }
    shell::run(
        "apt-get update",
        shell::program("apt-get").args(["update", "-qq"]),
    )?;
    shell::run(
        &format!("install {package}"),
        shell::program("apt-get").args(["install", "-qq", "-y", package]),
    )
}
