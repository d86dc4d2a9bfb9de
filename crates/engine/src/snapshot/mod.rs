//! Snapshots: a collection, or all of them, as one file that can be kept, moved and restored. Making one copies the
//! sealed segments while writes go on; a file gets its name only after it was opened and read again in whole.

mod meta;
mod archive;
mod location;
mod restore;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use kindred_model::datetime::DateTime;
use kindred_model::limits::SNAPSHOT_BYTES_MAX;
use kindred_storage::regions::SNAPSHOT_MAGIC;
use kindred_storage::{Draft, Error as StorageError, SnapshotFile, SnapshotReader, load_file, sha256};

use self::archive::Archive;
pub use self::meta::SnapshotKind;
use self::meta::refused;
use crate::collection::capture::Capture;
use crate::ctx::Ctx;
use crate::database::Database;
use crate::error::{Error, ErrorKind};
use crate::shelf::{Shelf, Turn};

/// Names that are tried when others are taken.
const NAMES_MAX: usize = 100;

/// Bytes of a collection's name that its snapshots are called by.
const LABEL_BYTES_MAX: usize = 100;

/// A snapshot in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The name of its file.
    pub name: String,
    /// When it was made, if the file system says so.
    pub created: Option<DateTime>,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// SHA-256 of the file in hexadecimal digits.
    pub checksum: Option<String>,
}

/// What a snapshot file holds, all of it read and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotReport {
    /// What it is of.
    pub kind: SnapshotKind,
    /// Bytes of the file.
    pub size_bytes: u64,
    /// SHA-256 of the file in hexadecimal digits.
    pub checksum: String,
    /// Its collections, in the order of their names.
    pub collections: Vec<SnapshotPart>,
    /// From alias to collection.
    pub aliases: BTreeMap<String, String>,
}

/// One collection of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPart {
    /// How it was called.
    pub name: String,
    /// The position of its log that it shows.
    pub position: u64,
    /// Segments.
    pub segments: usize,
    /// Points.
    pub points: u64,
}

/// A snapshot that is on its way in. Dropped, it leaves nothing.
pub struct SnapshotUpload {
    draft: Draft,
    head: Vec<u8>,
    _turn: Turn,
}

impl SnapshotUpload {
    /// The next bytes of the file.
    ///
    /// # Errors
    /// `InvalidInput` as soon as it cannot be a snapshot, or is too large; `Full` when there is no room.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let missing = SNAPSHOT_MAGIC.len().saturating_sub(self.head.len());
        self.head.extend(bytes.iter().take(missing));
        if !SNAPSHOT_MAGIC.starts_with(&self.head) {
            return Err(refused("it does not begin as a Kindred snapshot"));
        }
        if self.draft.size_bytes().saturating_add(bytes.len() as u64) > SNAPSHOT_BYTES_MAX {
            return Err(refused(format!("it has more than {SNAPSHOT_BYTES_MAX} bytes")));
        }
        let written = std::io::Write::write_all(&mut self.draft, bytes);
        written.map_err(|error| StorageError::io("the snapshot", error).into())
    }
}

impl Database {
    /// Keeps snapshots in `folder`, which may be absent. Without one there are none.
    #[must_use]
    pub fn with_snapshots(mut self, folder: impl Into<PathBuf>) -> Self {
        self.shelf = Some(Shelf::new(folder.into()));
        self
    }

    /// Makes a snapshot of everything that was acknowledged before the call; writes go on meanwhile.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection, `Full` without room, `Corrupt` when what was written does not open: then,
    /// as after every error, there is no file.
    pub fn create_snapshot(&self, ctx: &Ctx, collection: &str) -> Result<Snapshot, Error> {
        let own_name = self.own_name(collection)?;
        let shelf = self.shelf()?;
        let _turn = shelf.begin()?;
        let names = self.names.load_full();
        let capture = names.collection(&own_name)?.capture(ctx)?;
        let peer = self.id().as_u64_pair().0 >> 11;
        let label = format!("{}-{peer}", label(&own_name));
        let sources = [(own_name.clone(), capture)];
        let made = Making {
            ctx,
            kind: SnapshotKind::Collection,
            folder: Some(&own_name),
            label,
        };
        made.run(shelf, &sources, BTreeMap::new())
    }

    /// Makes a snapshot of all collections and aliases, each collection as of a moment of its own during the call.
    ///
    /// # Errors
    /// As for [`Database::create_snapshot`]; `Corrupt` when a collection cannot be read, for a copy without it would
    /// not be one of everything.
    pub fn create_full_snapshot(&self, ctx: &Ctx) -> Result<Snapshot, Error> {
        let shelf = self.shelf()?;
        let _turn = shelf.begin()?;
        let names = self.names.load_full();
        let mut sources: Vec<(String, Capture)> = Vec::new();
        for (name, slot) in &names.collections {
            match slot.open().and_then(|collection| collection.capture(ctx)) {
                Ok(capture) => sources.push((name.clone(), capture)),
                // It was dropped meanwhile.
                Err(_) if !self.names.load().collections.contains_key(name) => {}
                Err(error) => return Err(Error::new(error.kind(), format!("collection `{name}`: {error}"))),
            }
        }
        let mut aliases = names.aliases.clone();
        aliases.retain(|_, collection| sources.iter().any(|(name, _)| name == collection));
        let made = Making {
            ctx,
            kind: SnapshotKind::Storage,
            folder: None,
            label: "full-snapshot".to_owned(),
        };
        made.run(shelf, &sources, aliases)
    }

    /// The snapshots of a collection, by name.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection.
    pub fn snapshots(&self, collection: &str) -> Result<Vec<Snapshot>, Error> {
        self.list(Some(&self.own_name(collection)?))
    }

    /// The snapshots of everything, by name.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn full_snapshots(&self) -> Result<Vec<Snapshot>, Error> {
        self.list(None)
    }

    /// Opens a snapshot of a collection (of everything, with `None`) for reading as a file.
    ///
    /// # Errors
    /// `NotFound` for an unknown collection or snapshot.
    pub fn read_snapshot(&self, collection: Option<&str>, name: &str) -> Result<SnapshotReader, Error> {
        let folder = collection
            .map(|collection| self.own_name(collection))
            .transpose()?;
        let read = self.shelf()?.files.read(folder.as_deref(), name);
        read.map_err(|error| missing(error, name))
    }

    /// Removes a snapshot of a collection (of everything, with `None`).
    ///
    /// # Errors
    /// As for [`Database::read_snapshot`].
    pub fn delete_snapshot(&self, collection: Option<&str>, name: &str) -> Result<(), Error> {
        let folder = collection
            .map(|collection| self.own_name(collection))
            .transpose()?;
        let deleted = self.shelf()?.files.delete(folder.as_deref(), name);
        deleted.map_err(|error| missing(error, name))
    }

    /// Begins to take a snapshot in, for [`Database::restore_uploaded`].
    ///
    /// # Errors
    /// `Busy` when too many are worked on.
    pub fn receive_snapshot(&self) -> Result<SnapshotUpload, Error> {
        let shelf = self.shelf()?;
        let turn = shelf.begin()?;
        Ok(SnapshotUpload {
            draft: shelf.files.draft()?,
            head: Vec::new(),
            _turn: turn,
        })
    }

    fn list(&self, folder: Option<&str>) -> Result<Vec<Snapshot>, Error> {
        let files = self.shelf()?.files.list(folder)?;
        Ok(files.into_iter().map(Snapshot::from).collect())
    }

    fn shelf(&self) -> Result<&Shelf, Error> {
        let text = "This database was opened without a folder for snapshots";
        self.shelf
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::InvalidRequest, text))
    }

    /// The collection's own name, by which its snapshots are kept, of its name or alias.
    fn own_name(&self, name: &str) -> Result<String, Error> {
        let names = self.names.load();
        let own_name = names.aliases.get(name).map_or(name, String::as_str);
        if names.collections.contains_key(own_name) {
            return Ok(own_name.to_owned());
        }
        Err(Error::no_collection(name))
    }
}

/// Reads a snapshot file, wherever it lies, in whole, and says what is in it.
///
/// # Errors
/// `NotFound` without such a file, `InvalidInput` for a file that is no good snapshot; the text says why.
pub fn verify_snapshot(path: impl AsRef<Path>) -> Result<SnapshotReport, Error> {
    let path = path.as_ref();
    let label = path.display().to_string();
    let object = load_file(path, &label).map_err(|error| absent(error, &label))?;
    let ctx = Ctx::unlimited();
    let checksum = sha256(&object, || Ok::<(), Error>(()))?;
    let size_bytes = object.len() as u64;
    let archive = Archive::open(object, None).map_err(distrusted)?;
    let collections = archive.check(&ctx).map_err(distrusted)?;
    let collections = collections.iter().map(|checked| SnapshotPart {
        name: checked.part.name.clone(),
        position: checked.part.position,
        segments: checked.segments.len(),
        points: checked.points,
    });
    Ok(SnapshotReport {
        kind: archive.meta().kind,
        size_bytes,
        checksum,
        collections: collections.collect(),
        aliases: archive.meta().aliases.clone(),
    })
}

/// A snapshot being made.
struct Making<'a> {
    ctx: &'a Ctx,
    kind: SnapshotKind,
    folder: Option<&'a str>,
    label: String,
}

impl Making<'_> {
    /// Writes, reads again, and only then gives the file its name.
    fn run(
        self,
        shelf: &Shelf,
        sources: &[(String, Capture)],
        aliases: BTreeMap<String, String>,
    ) -> Result<Snapshot, Error> {
        let mut draft = shelf.files.draft()?;
        archive::write(&mut draft, self.kind, sources, aliases, self.ctx)?;
        let object = draft.finish()?;
        let archive = Archive::open(object, Some(self.kind));
        let checked = archive.and_then(|archive| archive.check(self.ctx).map(drop));
        checked.map_err(|error| {
            if matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Timeout) {
                return error;
            }
            let text = format!("the snapshot was written, but is not good: {error}; it was removed");
            Error::new(ErrorKind::Corrupt, text)
        })?;
        let moment = draft.modified().map(moment).unwrap_or(DateTime::from_micros(0));
        let moment = seconds(moment).replace(['T', ':'], "-");
        for number in 0..NAMES_MAX {
            let name = match number {
                0 => format!("{}-{moment}.snapshot", self.label),
                _ => format!("{}-{moment}-{number}.snapshot", self.label),
            };
            match draft.publish(self.folder, &name) {
                Err(StorageError::Exists { .. }) => {}
                published => return Ok(published?.into()),
            }
        }
        Err(Error::new(ErrorKind::Busy, "too many snapshots in one second"))
    }
}

impl From<SnapshotFile> for Snapshot {
    fn from(file: SnapshotFile) -> Self {
        Self {
            name: file.name,
            created: file.modified.map(moment),
            size_bytes: file.size_bytes,
            checksum: file.checksum,
        }
    }
}

fn moment(time: SystemTime) -> DateTime {
    let micros = |duration: std::time::Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    DateTime::from_micros(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => micros(after),
        Err(before) => -micros(before.duration()),
    })
}

/// `2026-11-21T16:00:00`.
fn seconds(moment: DateTime) -> String {
    moment
        .to_string()
        .chars()
        .take("2026-11-21T16:00:00".len())
        .collect()
}

impl Snapshot {
    /// When it was made, to the second, as `2026-11-21T16:00:00` in UTC.
    pub fn creation_time(&self) -> Option<String> {
        self.created.map(seconds)
    }
}

/// The collection's name in the grammar of file names.
fn label(collection: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    collection.chars().map(plain).take(LABEL_BYTES_MAX).collect()
}

/// What is wrong with bytes that came from outside is their sender's to correct.
fn distrusted(error: Error) -> Error {
    if error.kind() == ErrorKind::Corrupt {
        refused(error)
    } else {
        error
    }
}

fn missing(error: StorageError, name: &str) -> Error {
    if let StorageError::NotFound { .. } = error {
        let name: String = name.chars().take(LABEL_BYTES_MAX).collect();
        return Error::new(ErrorKind::NotFound, format!("Snapshot `{name}` doesn't exist!"));
    }
    error.into()
}

fn absent(error: StorageError, label: &str) -> Error {
    if let StorageError::NotFound { .. } = error {
        return Error::new(ErrorKind::NotFound, format!("there is no file {label}"));
    }
    error.into()
}

#[cfg(test)]
mod tests;
