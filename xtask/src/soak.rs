//! `cargo xtask soak [--seeds N] [--from N]`: random workloads with random faults on the engine, many more than a plain
//! test runs. A failure prints its seed and the shortest workload found, ready to be pasted into the crash tests.

use crate::shell;
use anyhow::{Context, Result, bail};

/// Seeds when nobody says how many.
const SEEDS: u64 = 1_000;

const TEST: &str = "crash::random_workloads_with_random_faults";

/// Runs the seeds and reports how long they took.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let (from, seeds) = read(args)?;
    let started = shell::now();
    let mut has_run = false;
    let mut command = shell::cargo();
    command
        .args(["test", "--package", "kindred", "--test", "it", "--"])
        .args(["--exact", TEST, "--nocapture"])
        .env("KINDRED_SOAK_FROM", from.to_string())
        .env("KINDRED_SOAK_SEEDS", seeds.to_string());
    shell::run_reading(&format!("soak {seeds} seeds from {from}"), &mut command, |line| {
        has_run |= line.starts_with("soak: ");
    })?;
    if !has_run {
        bail!("the test {TEST} did not run");
    }
    println!(
        "soak: {seeds} seeds from {from} in {} s",
        started.elapsed().as_secs()
    );
    Ok(())
}

/// The first seed, and how many.
fn read(args: &[&str]) -> Result<(u64, u64)> {
    let (mut from, mut seeds) = (1, SEEDS);
    let mut rest = args.iter();
    while let Some(option) = rest.next() {
        let value = rest.next().with_context(|| format!("{option} needs a number"))?;
        let number = value.parse().with_context(|| format!("{option} {value}"))?;
        match *option {
            "--seeds" => seeds = number,
            "--from" => from = number,
            other => bail!("`cargo xtask soak` knows --seeds and --from, not `{other}`"),
        }
    }
    Ok((from, seeds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_options() {
        assert_eq!(read(&[]).unwrap(), (1, SEEDS));
        assert_eq!(read(&["--from", "7", "--seeds", "9"]).unwrap(), (7, 9));
        for wrong in [&["--from"][..], &["--seeds", "many"], &["--rounds", "1"]] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
