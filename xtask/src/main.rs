//! The project's own commands: `cargo xtask tidy | test | demo | soak | ci`.
//!
//! Used by people and by `.ci/run`. It depends on none of the project's crates, so that it builds in seconds and
//! still runs when they do not compile.

#![expect(clippy::print_stdout, reason = "a command line tool reports on stdout")]

use std::process::ExitCode;

mod shell;
mod debian;
mod tidy;
mod s3;
mod test;
mod demo;
mod soak;

const USAGE: &str = "\
The project's own commands.

  cargo xtask tidy          check floors, module order, sizes, headers and words (under a second)
  cargo xtask test          everything that must hold: fmt, tidy, clippy, Rust tests, tests with a local S3
                            API and with the real Python client
  cargo xtask demo [--once] build, serve a fresh folder, load the sample, run one query of each kind
  cargo xtask soak [--seeds N] [--from N]
                            random workloads with random faults, 1,000 unless told otherwise
  cargo xtask ci            what continuous integration runs: test, then the demo once
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["tidy"] => tidy::run(),
        ["test"] => test::run().map(|_| ()),
        ["demo", rest @ ..] => demo::run(rest),
        ["soak", rest @ ..] => soak::run(rest),
        ["ci"] => test::run().and_then(|server| demo::run_built(&server, &["--once"])),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        other => Err(anyhow::anyhow!(
            "unknown command `{}`\n\n{USAGE}",
            other.join(" ")
        )),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
