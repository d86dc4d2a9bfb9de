//! `kindred demo`: a server on a fresh folder, the sample of artworks, and one query of each kind over REST.
//! Everything goes through the door that clients use; what is printed is what they would get.

use anyhow::{Context, Result, anyhow, bail};
use clap::Args;
use indicatif::ProgressBar;
use kindred_api::{BindError, ServerSettings};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tokio::sync::oneshot;

use crate::http::Client;
use crate::import::{self, NamedFile, Source};
use crate::place::Place;
use crate::serve::{self, Running};
use crate::settings::Opening;
use crate::table;
use crate::target::Target;

mod scenes;

/// The collection that the demo makes.
const COLLECTION: &str = "artworks";

pub(crate) const AFTER_HELP: &str = "\
The demo makes a fresh folder that it removes at the end, serves it on this machine only, loads 5,000 artworks of the
Tate Collection (metadata CC0) with their vectors, and prints what each kind of query finds among them.

Examples:
  kindred demo           runs the queries, then keeps serving until Ctrl-C
  kindred demo --once    ends after the queries";

/// The options of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder with artworks.jsonl.zst and artworks.npy
    #[arg(long, value_name = "DIR", default_value = "testdata/sample")]
    sample: PathBuf,
    /// The port to listen on; 0 takes any free one [default: 6333, or any free one if that is taken]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// End after the queries
    #[arg(long)]
    once: bool,
}

/// Runs the queries; then serves until a signal, or ends.
pub(crate) fn run(args: DemoArgs) -> Result<()> {
    let file = args.sample.join("artworks.jsonl.zst");
    if !file.is_file() {
        bail!(
            "{} is not there; say where the sample is with --sample DIR",
            file.display()
        );
    }
    serve::start_log("warn")?;
    let folder = FreshFolder::new()?;
    let running = start(&args, &folder.0)?;
    let url = format!("http://{}", running.address());
    std::thread::scope(|scope| {
        let (stop, stopped) = oneshot::channel::<()>();
        let server = scope.spawn(move || {
            running.until(async move {
                tokio::select! {
                    () = serve::stop_signal() => {}
                    // Also when the sender is gone.
                    _ = stopped => {}
                }
            })
        });
        let outcome = tour(&url, &args.sample);
        let goes_on = outcome.is_ok() && !args.once;
        // Held while the server goes on, dropped to end it.
        let stop = goes_on.then_some(stop);
        if goes_on {
            println!(
                "\nStill serving `{COLLECTION}` at {url}; Ctrl-C ends it and removes the folder. Try:\n"
            );
            println!("  kindred query {COLLECTION} '{{\"query\": 14821}}' --show title,artist --url {url}");
        }
        let ended = server.join().map_err(|_| anyhow!("the server broke down"));
        drop(stop);
        outcome.and(ended?)
    })
}

/// A folder of this process, removed at the end.
struct FreshFolder(PathBuf);

impl FreshFolder {
    fn new() -> Result<Self> {
        let path = std::env::temp_dir().join(format!("kindred-demo-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for FreshFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

fn start(args: &DemoArgs, folder: &Path) -> Result<Running> {
    let settings = |port| ServerSettings {
        port,
        ..ServerSettings::default()
    };
    let wished = args.http_port.unwrap_or(if args.once {
        0
    } else {
        ServerSettings::default().port
    });
    let place = Place::folder(folder);
    let opening = Opening::default();
    let snapshots = Path::new(serve::DEFAULT_SNAPSHOTS);
    match Running::start(settings(wished), &place, opening, snapshots) {
        Err(error) if args.http_port.is_none() && is_taken(&error) => {
            Running::start(settings(0), &place, opening, snapshots)
        }
        outcome => outcome,
    }
}

fn is_taken(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(BindError::Address { .. }))
}

/// Loads the sample and shows every scene.
fn tour(url: &str, sample: &Path) -> Result<()> {
    let target = Target::Server(Client::new(url, None)?);
    let source = Source {
        file: sample.join("artworks.jsonl.zst"),
        collection: COLLECTION.to_owned(),
        vectors: vec![NamedFile::unnamed(sample.join("artworks.npy"))],
        id_field: Some("id".to_owned()),
        distance: import::DistanceArg::Cosine,
        datatype: import::DatatypeArg::Float32,
        batch: 500,
        overwrite: false,
    };
    let bar = ProgressBar::no_length();
    let report = import::load(&target, &source, &bar)?;
    let seconds = bar.elapsed().as_secs_f64();
    bar.finish_and_clear();
    println!(
        "{} artworks loaded in {seconds:.1} s, served at {url}",
        report.written
    );

    let client = Client::new(url, None)?;
    for (field, schema) in [
        ("year", "integer"),
        ("artist", "keyword"),
        ("movements", "keyword"),
    ] {
        let body = json!({ "field_name": field, "field_schema": schema });
        client.put(
            &format!("/collections/{COLLECTION}/index?wait=true"),
            &serde_json::to_vec(&body)?,
        )?;
    }
    let scenes = scenes::all();
    for scene in &scenes {
        println!("\n{}: {}", scene.kind, scene.says);
        let answer = client.post(
            &format!("/collections/{COLLECTION}/{}", scene.path),
            &serde_json::to_vec(&scene.body)?,
        );
        let answer = answer.with_context(|| format!("the query `{}` was refused", scene.kind))?;
        let lines = lines(&answer);
        if lines.is_empty() {
            bail!("the query `{}` found nothing: {answer}", scene.kind);
        }
        println!("{}", lines.join("\n"));
    }
    println!("\n{} queries answered", scenes.len());
    Ok(())
}

/// An answer as lines that a person can judge, whatever its shape.
fn lines(answer: &Value) -> Vec<String> {
    let list = |key: &str| answer.get(key).and_then(Value::as_array).into_iter().flatten();
    let mut lines: Vec<String> = list("points").map(point_line).collect();
    for group in list("groups") {
        lines.push(format!("  {}", text(group, "/id")));
        let hits = group.get("hits").and_then(Value::as_array).into_iter().flatten();
        lines.extend(hits.map(|hit| format!("  {}", point_line(hit))));
    }
    lines.extend(list("hits").map(|hit| format!("  {:>7}  {}", text(hit, "/count"), text(hit, "/value"))));
    for (index, answer) in answer.as_array().into_iter().flatten().enumerate() {
        lines.push(format!("  request {}", index + 1));
        lines.extend(self::lines(answer).iter().map(|line| format!("  {line}")));
    }
    lines
}

fn point_line(point: &Value) -> String {
    let score = point.get("score").and_then(Value::as_f64).unwrap_or_default();
    let title = table::cut(&text(point, "/payload/title"));
    let mut line = format!("  {score:>7.4}  {title} — {}", text(point, "/payload/artist"));
    for field in ["year", "classification"] {
        let value = text(point, &format!("/payload/{field}"));
        if !value.is_empty() {
            line.push_str(", ");
            line.push_str(&value);
        }
    }
    line
}

fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_))) => {
            other.to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_becomes_lines() {
        let point =
            json!({ "id": 1, "score": 0.5, "payload": { "title": "Sea", "artist": "A", "year": 1840 } });
        let line = "   0.5000  Sea — A, 1840";
        assert_eq!(lines(&json!({ "points": [point] })), [line]);
        assert_eq!(
            lines(&json!({ "groups": [{ "id": "g", "hits": [point] }] })),
            ["  g", &format!("  {line}")]
        );
        assert_eq!(
            lines(&json!({ "hits": [{ "value": "x", "count": 3 }] })),
            ["        3  x"]
        );
        assert_eq!(
            lines(&json!([{ "points": [point] }])),
            ["  request 1", &format!("  {line}")]
        );
        assert!(lines(&json!({ "points": [] })).is_empty());
    }
}
