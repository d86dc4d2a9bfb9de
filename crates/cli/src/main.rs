//! The program `kindred`: one file per command. A command reads its arguments and calls; it holds no meaning.

#![expect(clippy::print_stdout, reason = "a command line tool answers on stdout")]

use clap::{Parser, Subcommand};
use std::process::ExitCode;

mod http;
mod target;
mod npy;
mod jsonl;
mod table;
mod settings;
mod place;
mod serve;
mod import;
mod query;
mod demo;
mod snapshot;
mod verify;

/// An exploration-first vector search engine: more like this, less like that.
///
/// A server that Qdrant's REST clients work against unchanged, a command line, and (as the crate `kindred`) a library.
#[derive(Debug, Parser)]
#[command(
    name = "kindred",
    version,
    propagate_version = true,
    after_help = "Try `kindred demo` first."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a folder, or a prefix in object storage, over REST
    #[command(after_help = serve::AFTER_HELP)]
    Serve(serve::ServeArgs),
    /// Load JSON lines and .npy vectors into a collection
    #[command(after_help = import::AFTER_HELP)]
    Import(import::ImportArgs),
    /// Ask one query and print the answer as a table
    #[command(after_help = query::AFTER_HELP)]
    Query(query::QueryArgs),
    /// Load the sample of artworks and run one query of each kind
    #[command(after_help = demo::AFTER_HELP)]
    Demo(demo::DemoArgs),
    /// Make, move, check and restore snapshots
    #[command(after_help = snapshot::AFTER_HELP)]
    Snapshot(snapshot::SnapshotArgs),
    /// Look for damage in a database that nobody has open, and repair it
    #[command(after_help = verify::AFTER_HELP)]
    Verify(verify::VerifyArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(args),
        Command::Import(args) => import::run(args),
        Command::Query(args) => query::run(args),
        Command::Demo(args) => demo::run(args),
        Command::Snapshot(args) => snapshot::run(args),
        Command::Verify(args) => {
            return verify::run(args).unwrap_or_else(|error| failure(&error, verify::COULD_NOT_RUN));
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error, 1),
    }
}

fn failure(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("error: {}", told_once(error));
    ExitCode::from(code)
}

/// The error and its causes on one line; a cause that its error already tells is left out.
fn told_once(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cli, told_once};
    use anyhow::anyhow;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn causes_are_told_once() {
        let error = anyhow!("in use")
            .context("in use")
            .context("cannot open")
            .context("stopped");
        assert_eq!(told_once(&error), "stopped: cannot open: in use");
    }
}
