//! `kindred snapshot`: copies of collections, and of everything, on a running server and as files.

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use kindred::{Ctx, SnapshotKind, SnapshotReport, verify_snapshot};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::http::{Client, segment};
use crate::place::PlaceArgs;
use crate::settings::{Opening, Settings};

pub(crate) const AFTER_HELP: &str = "\
A snapshot is one file: a collection, or everything, as of a moment. It is read again in whole before it gets its name,
and so is every file before it is restored. A server keeps its snapshots in the folder that `serve --snapshots` names.

Examples:
  kindred snapshot create art
  kindred snapshot list art
  kindred snapshot download art NAME --output art.snapshot
  kindred snapshot verify art.snapshot
  kindred snapshot upload art art.snapshot
  kindred snapshot restore art file:///srv/snapshots/art/NAME
  kindred snapshot create --all
  kindred snapshot restore-all full.snapshot --storage ./empty

`upload` and `restore` put the snapshot in the place of the collection, in one step, or make it; aliases stay.
`verify` and `restore-all` need no server.";

/// The options of `snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a snapshot
    Create {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List snapshots
    List {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Fetch a snapshot, and read the file in whole
    Download {
        #[command(flatten)]
        of: Of,
        /// Its name
        #[arg(value_name = "NAME", required_unless_present = "all")]
        name: Option<String>,
        /// Where to put it [default: its name]
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Send a file, and put it in the place of the collection
    Upload {
        /// The collection; made when absent
        #[arg(value_name = "COLLECTION")]
        collection: String,
        /// The snapshot
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Put a snapshot that lies in the server's folder in the place of the collection
    Restore {
        /// The collection; made when absent
        #[arg(value_name = "COLLECTION")]
        collection: String,
        /// file:// and an absolute path on the server
        #[arg(value_name = "LOCATION")]
        location: String,
        /// The SHA-256 that the file must have
        #[arg(long, value_name = "HEX")]
        checksum: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a snapshot
    Delete {
        #[command(flatten)]
        of: Of,
        /// Its name
        #[arg(value_name = "NAME", required_unless_present = "all")]
        name: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Read a file in whole and say what is in it
    Verify {
        /// The snapshot
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Restore a snapshot of everything into an empty storage that no server has open
    RestoreAll {
        /// The snapshot
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        place: PlaceArgs,
        /// A YAML file with settings, as for `serve`
        #[arg(long, value_name = "FILE")]
        config_path: Option<PathBuf>,
    },
}

/// Of what.
#[derive(Debug, Args)]
struct Of {
    /// The collection; with --all, the name of the snapshot where one is asked for
    #[arg(value_name = "COLLECTION", required_unless_present = "all")]
    collection: Option<String>,
    /// Everything
    #[arg(long)]
    all: bool,
}

/// A running server.
#[derive(Debug, Args)]
struct ServerArgs {
    /// The address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:6333")]
    url: String,
    /// The key of the server
    #[arg(long, value_name = "KEY", env = "KINDRED_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

impl ServerArgs {
    fn client(&self) -> Result<Client> {
        Client::new(&self.url, self.api_key.clone())
    }
}

impl Of {
    /// The path of all snapshots.
    fn path(&self) -> Result<String> {
        match (&self.collection, self.all) {
            (None, true) => Ok("/snapshots".to_owned()),
            (Some(collection), false) => Ok(format!("/collections/{}/snapshots", segment(collection))),
            (Some(_), true) => bail!("either a collection or --all"),
            (None, false) => bail!("which collection, or --all?"),
        }
    }

    /// The name of one, and its path. With --all the only word is its name.
    fn one(self, name: Option<String>) -> Result<(String, String)> {
        let (of, name) = if self.all && name.is_none() {
            let of = Self {
                collection: None,
                all: true,
            };
            (of, self.collection)
        } else {
            (self, name)
        };
        let name = name.context("which snapshot?")?;
        let path = format!("{}/{}", of.path()?, segment(&name));
        Ok((name, path))
    }
}

/// Does what is asked.
pub(crate) fn run(args: SnapshotArgs) -> Result<()> {
    match args.action {
        Action::Create { of, server } => {
            let made = server.client()?.post_slow(&of.path()?)?;
            println!("{}", line(&made));
        }
        Action::List { of, server } => {
            let listed = server.client()?.get(&of.path()?)?;
            listed
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|one| println!("{}", line(one)));
        }
        Action::Download {
            of,
            name,
            output,
            server,
        } => {
            let (name, path) = of.one(name)?;
            // The server decides what a snapshot is called: only the last part of it names a file here.
            let own = Path::new(&name)
                .file_name()
                .context("that cannot be the name of a file")?;
            let output = output.unwrap_or_else(|| PathBuf::from(own));
            download(&server.client()?, &path, &name, &output)?;
        }
        Action::Upload {
            collection,
            file,
            server,
        } => {
            let report = verified(&file)?;
            let path = format!(
                "/collections/{}/snapshots/upload?checksum={}",
                segment(&collection),
                report.checksum
            );
            server.client()?.upload(&path, "snapshot", &file)?;
            println!("restored `{collection}`");
        }
        Action::Restore {
            collection,
            location,
            checksum,
            server,
        } => {
            let path = format!("/collections/{}/snapshots/recover", segment(&collection));
            let body = json!({"location": location, "checksum": checksum});
            server.client()?.put_slow(&path, body.to_string().as_bytes())?;
            println!("restored `{collection}`");
        }
        Action::Delete { of, name, server } => {
            let (name, path) = of.one(name)?;
            server.client()?.delete(&path)?;
            println!("removed {name}");
        }
        Action::Verify { file } => {
            println!("{}", told(&verified(&file)?));
        }
        Action::RestoreAll {
            file,
            place,
            config_path,
        } => restore_all(&file, place, config_path.as_deref())?,
    }
    Ok(())
}

fn restore_all(file: &Path, place: PlaceArgs, config_path: Option<&Path>) -> Result<()> {
    let settings = Settings::load(config_path)?;
    let place = place.place(&settings.storage)?;
    let database = place.open(Opening::default())?;
    let restored = database.restore_all(&Ctx::unlimited(), file)?;
    println!("restored {restored} collections into {place}");
    Ok(())
}

fn verified(file: &Path) -> Result<SnapshotReport> {
    verify_snapshot(file).with_context(|| format!("{}", file.display()))
}

/// Fetches into a file beside the wanted one, which appears when what came is good.
fn download(client: &Client, path: &str, name: &str, output: &Path) -> Result<()> {
    if output.exists() {
        bail!("{} is there already", output.display());
    }
    let mut part = output.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let fetched = fetch(client, path, &part).and_then(|report| {
        fs::rename(&part, output).with_context(|| format!("cannot rename to {}", output.display()))?;
        Ok(report)
    });
    if fetched.is_err() {
        // What came is of no use; that it may stay behind is no second error.
        fs::remove_file(&part).ok();
    }
    let report = fetched.with_context(|| format!("cannot download {name}"))?;
    println!("{}\n{}", output.display(), told(&report));
    Ok(())
}

fn fetch(client: &Client, path: &str, part: &Path) -> Result<SnapshotReport> {
    let mut file = File::create(part).with_context(|| format!("cannot write {}", part.display()))?;
    client.download(path, &mut file)?;
    file.sync_all()?;
    verified(part)
}

fn line(snapshot: &Value) -> String {
    let text = |key: &str| snapshot.get(key).and_then(Value::as_str).unwrap_or("-");
    let size = snapshot.get("size").and_then(Value::as_u64).unwrap_or(0);
    format!(
        "{}\t{size} bytes\t{}\t{}",
        text("name"),
        text("creation_time"),
        text("checksum")
    )
}

fn told(report: &SnapshotReport) -> String {
    let kind = match report.kind {
        SnapshotKind::Collection => "one collection",
        SnapshotKind::Storage => "everything",
    };
    let mut text = format!(
        "good: {kind}, {} bytes, sha256 {}",
        report.size_bytes, report.checksum
    );
    for part in &report.collections {
        text.push_str(&format!(
            "\n  `{}`: {} points in {} segments, position {}",
            part.name, part.points, part.segments, part.position
        ));
    }
    for (alias, collection) in &report.aliases {
        text.push_str(&format!("\n  alias `{alias}` of `{collection}`"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(collection: Option<&str>, all: bool) -> Of {
        Of {
            collection: collection.map(str::to_owned),
            all,
        }
    }

    #[test]
    fn what_a_snapshot_is_of_becomes_a_path() {
        assert_eq!(
            of(Some("a b"), false).path().unwrap(),
            "/collections/a%20b/snapshots"
        );
        assert_eq!(of(None, true).path().unwrap(), "/snapshots");
        assert!(of(Some("a"), true).path().is_err() && of(None, false).path().is_err());
        let one = |of: Of, name: Option<&str>| of.one(name.map(str::to_owned)).map(|(_, path)| path);
        assert_eq!(
            one(of(Some("a"), false), Some("x")).unwrap(),
            "/collections/a/snapshots/x"
        );
        assert_eq!(one(of(Some("x"), true), None).unwrap(), "/snapshots/x");
        assert!(one(of(Some("a"), false), None).is_err());
    }

    #[test]
    fn a_snapshot_is_told_on_a_line() {
        let one = json!({"name": "n", "size": 7, "creation_time": "t", "checksum": null});
        assert_eq!(line(&one), "n\t7 bytes\tt\t-");
    }
}
