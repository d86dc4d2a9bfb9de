//! `kindred verify`: looks for damage in a database that nobody has open, and repairs it when asked to.

use anyhow::{Context, Result};
use clap::Args;
#[cfg(feature = "cloud")]
use kindred::{Env, ObjectStore};
use kindred::{Error, Report};
use std::path::PathBuf;
use std::process::ExitCode;
#[cfg(feature = "cloud")]
use std::sync::Arc;

use crate::place::{Place, PlaceArgs};
use crate::settings::Settings;

/// The exit code when something is wrong.
const PROBLEMS: u8 = 1;

/// The exit code when the database could not be looked at.
pub(crate) const COULD_NOT_RUN: u8 = 2;

pub(crate) const AFTER_HELP: &str = "\
Reads every byte that counts: the catalogs, and of each collection the manifest, its segments and its log. Prints one
line per problem: the object, the byte, what it means, what a repair would do and what that would lose; then a summary.
Without --repair nothing is written.

--repair does the least that makes each collection open again. A damaged segment is written anew with the points that
can be read whole; of a damaged log everything before the damage is kept. What it takes out is copied to lost/<n>/ in
the same place first, with a report; remove that folder when you no longer need it.

Exit code: 0 when nothing is wrong, 1 when there were problems (repaired or not), 2 when it could not look.

Examples:
  kindred verify --storage ./storage
  kindred verify --storage ./storage --repair
  kindred verify --storage s3://bucket/art";

/// The options of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Repair what can be repaired
    #[arg(long)]
    repair: bool,
    #[command(flatten)]
    place: PlaceArgs,
    /// A YAML file with settings, as for `serve`
    #[arg(long, value_name = "FILE")]
    config_path: Option<PathBuf>,
}

/// Looks, prints, and says by the exit code whether something is wrong.
pub(crate) fn run(args: VerifyArgs) -> Result<ExitCode> {
    let settings = Settings::load(args.config_path.as_deref())?;
    let place = args.place.place(&settings.storage)?;
    let report = verify(&place, args.repair).with_context(|| format!("cannot verify {place}"))?;
    println!("{report}");
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(PROBLEMS)
    })
}

fn verify(place: &Place, is_repair: bool) -> Result<Report, Error> {
    match place {
        Place::Folder(folder) => kindred::verify_folder(folder, is_repair),
        #[cfg(feature = "cloud")]
        Place::Cloud { url, options } => {
            let store = ObjectStore::open(url, options)?;
            kindred::verify(&Env::new(Arc::new(store)), is_repair)
        }
    }
}
