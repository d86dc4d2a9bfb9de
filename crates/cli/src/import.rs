//! `kindred import`: points from a file of JSON lines and files of vectors, into a folder or a server.
//!
//! What is already there is asked for, never remembered: a repeated run continues where the acknowledged batches
//! ended, whatever interrupted it.

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::vector::{DEFAULT_VECTOR, NamedVectors, Vector};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::jsonl::Lines;
use crate::npy::Npy;
use crate::target::{Target, TargetArgs};

/// A batch is sent before it outgrows half of what a request body may hold.
const BATCH_BYTES_MAX: usize = kindred_model::limits::BODY_BYTES_MAX / 2;
/// An upper bound of a number's length in JSON, for the estimate of a batch's size.
const NUMBER_BYTES: usize = 14;

pub(crate) const AFTER_HELP: &str = "\
The file holds one JSON object a line, plain or compressed with zstd. Each object becomes the payload of a point.
Vectors come from .npy files (two dimensions; f16, f32, f64 or u8; C order): row i belongs to line i.
A missing collection is made, with the dimensions of the files and the given distance.

Interrupted? Run the same command again: batches that were acknowledged are durable, and points whose ids the
collection already holds are passed over. --overwrite replaces them instead.

Examples:
  # 69,202 artworks into ./storage, ids from the field `id`
  kindred import tate.jsonl.zst --vectors tate.npy --id-field id --collection artworks

  # two named vectors, into a running server, ids counted from 0
  kindred import shop.jsonl --vectors image=image.npy --vectors text=text.npy \\
      --collection shop --distance dot --url http://127.0.0.1:6333";

/// The options of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    target: TargetArgs,
}

/// What is imported, and as what.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// JSON objects, one a line; may be compressed with zstd
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The collection to fill; made when absent
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: String,
    /// A file of vectors, for the default vector or for the one called NAME; may be repeated
    #[arg(long, value_name = "[NAME=]FILE.npy")]
    pub(crate) vectors: Vec<NamedFile>,
    /// The field with the point's id, an unsigned integer or a UUID; it is left out of the payload. Without it,
    /// ids are counted from 0
    #[arg(long, value_name = "FIELD")]
    pub(crate) id_field: Option<String>,
    /// How vectors of a new collection are compared
    #[arg(long, value_enum, default_value_t = DistanceArg::Cosine)]
    pub(crate) distance: DistanceArg,
    /// How vectors of a new collection are stored
    #[arg(long, value_enum, default_value_t = DatatypeArg::Float32)]
    pub(crate) datatype: DatatypeArg,
    /// Points per request
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) batch: u32,
    /// Replace points that are already there
    #[arg(long)]
    pub(crate) overwrite: bool,
}

/// A vector's name and its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    name: String,
    path: PathBuf,
}

impl NamedFile {
    /// The file of the default vector.
    pub(crate) fn unnamed(path: PathBuf) -> Self {
        Self {
            name: DEFAULT_VECTOR.to_owned(),
            path,
        }
    }
}

impl FromStr for NamedFile {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').unwrap_or((DEFAULT_VECTOR, text));
        Ok(Self {
            name: name.to_owned(),
            path: PathBuf::from(path),
        })
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DistanceArg {
    Cosine,
    Euclid,
    Dot,
    Manhattan,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DatatypeArg {
    Float32,
    Float16,
    Uint8,
}

/// What an import did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// Points written.
    pub(crate) written: u64,
    /// Points passed over, because the collection held them.
    pub(crate) held: u64,
}

/// Imports and reports on stderr.
pub(crate) fn run(args: ImportArgs) -> Result<()> {
    let target = args.target.open()?;
    let bar = ProgressBar::no_length();
    let report = load(&target, &args.source, &bar)?;
    let seconds = bar.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let rate = report.written as f64 / seconds.max(0.001);
    eprintln!(
        "{} points written to `{}` in {seconds:.1} s ({rate:.0} a second)",
        HumanCount(report.written),
        args.source.collection
    );
    if report.held > 0 {
        eprintln!(
            "{} were already there; --overwrite replaces them",
            HumanCount(report.held)
        );
    }
    Ok(())
}

/// Imports into `target`, moving `bar`.
pub(crate) fn load(target: &Target, source: &Source, bar: &ProgressBar) -> Result<Report> {
    let mut reader = PointReader::open(source)?;
    match reader.rows() {
        Some(rows) => bar.set_length(rows),
        None => bar.set_style(ProgressStyle::with_template(
            "{spinner} {human_pos} points  {per_sec}",
        )?),
    }
    if bar.length().is_some() {
        let template = "{bar:32} {human_pos} of {human_len} points  {per_sec}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template)?);
    }
    let is_new = !target.has_collection(&source.collection)?;
    if is_new {
        let body = reader.collection_body(source);
        target
            .create_collection(&source.collection, &body)
            .context("cannot make the collection")?;
    }
    let writer = Writer {
        target,
        collection: &source.collection,
        may_hold: !is_new && !source.overwrite,
        bar,
        written: AtomicU64::new(0),
        held: AtomicU64::new(0),
        failure: Mutex::new(None),
    };
    let workers = target.parallelism();
    let (sender, receiver) = sync_channel(workers);
    let receiver = Mutex::new(receiver);
    let read = std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| writer.write_all(&receiver));
        }
        let outcome = loop {
            match reader.next_batch(source) {
                Ok(batch) if batch.is_empty() => break Ok(()),
                // After a failure what is under way ends, and nothing new is sent.
                Ok(_) if writer.has_failed() => break Ok(()),
                Ok(batch) => {
                    if sender.send(batch).is_err() {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        // Tells the workers that there is no more; the scope waits for them.
        drop(sender);
        outcome
    });
    if let Some(error) = writer
        .failure
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
    {
        return Err(error.context("stopped; run the same command again to continue"));
    }
    read?;
    Ok(Report {
        written: writer.written.into_inner(),
        held: writer.held.into_inner(),
    })
}

/// Writes batches from several threads.
struct Writer<'a> {
    target: &'a Target,
    collection: &'a str,
    /// Whether the collection may hold some of the points, so that it must be asked.
    may_hold: bool,
    bar: &'a ProgressBar,
    written: AtomicU64,
    held: AtomicU64,
    failure: Mutex<Option<anyhow::Error>>,
}

impl Writer<'_> {
    fn has_failed(&self) -> bool {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Writes what comes until there is no more, or something failed.
    fn write_all(&self, batches: &Mutex<Receiver<Vec<Point>>>) {
        loop {
            let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = batch else { return };
            if self.has_failed() {
                // Take the rest, so that the reader does not wait for a place.
                continue;
            }
            if let Err(error) = self.write(batch) {
                self.failure
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(error);
            }
        }
    }

    fn write(&self, mut batch: Vec<Point>) -> Result<()> {
        let count = batch.len();
        if self.may_hold {
            let ids = batch.iter().map(|point| point.id).collect();
            let held = self.target.held(self.collection, ids)?;
            batch.retain(|point| !held.contains(&point.id));
        }
        let written = batch.len();
        if written > 0 {
            self.target.upsert(self.collection, batch)?;
        }
        self.written.fetch_add(u64::try_from(written)?, Ordering::Relaxed);
        self.held
            .fetch_add(u64::try_from(count - written)?, Ordering::Relaxed);
        self.bar.inc(u64::try_from(count)?);
        Ok(())
    }
}

/// Joins lines and rows into points.
struct PointReader {
    lines: Lines,
    vectors: Vec<(String, Npy<BufReader<File>>)>,
    next_id: u64,
    /// Ids of a field, to find one that is used twice: the order of two batches is not certain.
    seen: HashSet<PointId>,
}

impl PointReader {
    fn open(source: &Source) -> Result<Self> {
        let lines = Lines::open(&source.file)?;
        let mut vectors: Vec<(String, Npy<BufReader<File>>)> = Vec::new();
        for NamedFile { name, path } in &source.vectors {
            let npy = Npy::open(path)?;
            if vectors.iter().any(|(other, _)| other == name) {
                bail!("the vector `{name}` is given twice; name them with --vectors NAME=FILE");
            }
            if let Some((_, other)) = vectors.first()
                && other.rows() != npy.rows()
            {
                bail!(
                    "{} has {} rows, another file has {}",
                    path.display(),
                    npy.rows(),
                    other.rows()
                );
            }
            vectors.push((name.clone(), npy));
        }
        Ok(Self {
            lines,
            vectors,
            next_id: 0,
            seen: HashSet::new(),
        })
    }

    /// How many points there will be, when a file of vectors tells.
    fn rows(&self) -> Option<u64> {
        self.vectors.first().map(|(_, npy)| npy.rows())
    }

    /// The body that makes a collection for these vectors.
    fn collection_body(&self, source: &Source) -> Value {
        let distance = match source.distance {
            DistanceArg::Cosine => "Cosine",
            DistanceArg::Euclid => "Euclid",
            DistanceArg::Dot => "Dot",
            DistanceArg::Manhattan => "Manhattan",
        };
        let params = |npy: &Npy<_>| match source.datatype {
            DatatypeArg::Float32 => json!({ "size": npy.dim(), "distance": distance }),
            DatatypeArg::Float16 => json!({ "size": npy.dim(), "distance": distance, "datatype": "float16" }),
            DatatypeArg::Uint8 => json!({ "size": npy.dim(), "distance": distance, "datatype": "uint8" }),
        };
        let vectors = match self.vectors.as_slice() {
            [(name, npy)] if name == DEFAULT_VECTOR => params(npy),
            several => Value::Object(
                several
                    .iter()
                    .map(|(name, npy)| (name.clone(), params(npy)))
                    .collect(),
            ),
        };
        json!({ "vectors": vectors })
    }

    /// The next points, none at the end of the file.
    fn next_batch(&mut self, source: &Source) -> Result<Vec<Point>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < usize::try_from(source.batch)? && bytes < BATCH_BYTES_MAX {
            let Some((line, object)) = self.lines.next_object()? else {
                let left = self.vectors.iter_mut().map(|(_, npy)| npy.next_row());
                if left.collect::<Result<Vec<_>>>()?.iter().any(Option::is_some) {
                    let rows = self.rows().unwrap_or_default();
                    bail!(
                        "the file has {} objects, but there are {rows} rows of vectors",
                        self.next_id
                    );
                }
                break;
            };
            let point = self.point(line, object, source.id_field.as_deref());
            let point = point.with_context(|| format!("line {line}"))?;
            let numbers: usize = self.vectors.iter().map(|(_, npy)| npy.dim()).sum();
            bytes += self.lines.line_bytes() + numbers * NUMBER_BYTES;
            batch.push(point);
        }
        Ok(batch)
    }

    fn point(&mut self, line: u64, mut object: Map<String, Value>, id_field: Option<&str>) -> Result<Point> {
        let id = match id_field {
            None => PointId::from(self.next_id),
            Some(field) => {
                let value = object
                    .remove(field)
                    .with_context(|| format!("no field `{field}`"))?;
                let id: PointId =
                    serde_json::from_value(value).with_context(|| format!("`{field}` is not an id"))?;
                if !self.seen.insert(id) {
                    bail!("the id {id} was used on an earlier line than {line}");
                }
                id
            }
        };
        self.next_id += 1;
        let mut vectors = NamedVectors::default();
        for (name, npy) in &mut self.vectors {
            let row = npy
                .next_row()?
                .context("there are fewer rows of vectors than lines")?;
            vectors.insert(name.clone(), Vector::Dense(row));
        }
        Ok(Point {
            id,
            vectors,
            payload: Payload(object),
        })
    }
}

#[cfg(test)]
mod tests;
