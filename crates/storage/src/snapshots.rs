//! The folder of snapshot files: the only place that touches them on disk. A file is written as a draft, which nobody
//! can ask for, and gets its name when its writer has found it good. Used by the engine.
//!
//! INVARIANT: every path is made here, from a folder name that was escaped and a file name of one strict grammar, so
//! none of them leaves the root; and a file with a name is whole, durable, and never written again.

mod names;
mod draft;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::store::{Map, Object};

pub use draft::Draft;
pub use names::is_snapshot_name;

/// Where drafts lie. It cannot be the folder of a collection: those never begin with a dot.
const DRAFTS: &str = ".drafts";

/// What is added to the name of a snapshot for the file with its SHA-256.
const CHECKSUM_SUFFIX: &str = ".checksum";

/// A file of at least so many bytes is mapped, a smaller one read.
const MAP_BYTES: u64 = 1 << 20;

/// Hexadecimal digits of a SHA-256.
const CHECKSUM_DIGITS: usize = 64;

/// Bytes that are digested between two looks at whether anybody still waits.
const STEP_BYTES: usize = 1 << 20;

/// A folder of snapshot files: those of a collection in a folder of its own, those of everything at the top. Nothing is
/// made on disk before the first draft. Several processes may share one.
#[derive(Debug)]
pub struct Snapshots {
    root: PathBuf,
    draft_count: AtomicU64,
    /// Held while a draft gets its name, so that none takes the place of another.
    publishing: Mutex<()>,
}

/// What is known of a snapshot file without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// Its name in its folder.
    pub name: String,
    /// Its bytes.
    pub size_bytes: u64,
    /// When it was written, if the file system says so.
    pub modified: Option<SystemTime>,
    /// Its SHA-256 as it was when it was written, in hexadecimal digits; it is not compared with the file.
    pub checksum: Option<String>,
}

/// A snapshot file being read from its start to its end, in bounded memory.
#[derive(Debug)]
pub struct SnapshotReader {
    name: String,
    file: io::Take<File>,
    size_bytes: u64,
}

impl Snapshots {
    /// The folder `root`, which may be absent. Drafts of processes that have ended are removed.
    pub fn open(root: impl Into<PathBuf>) -> Snapshots {
        let root = root.into();
        draft::sweep(&root.join(DRAFTS));
        Snapshots {
            root,
            draft_count: AtomicU64::new(0),
            publishing: Mutex::default(),
        }
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A new file without a name.
    pub fn draft(self: &Arc<Self>) -> Result<Draft, Error> {
        let number = self.draft_count.fetch_add(1, Ordering::Relaxed);
        Draft::create(Arc::clone(self), number)
    }

    /// The files in the folder of a collection, or with `None` at the top, by name. What was put there by hand under a
    /// name of the grammar counts; symbolic links and everything else do not.
    pub fn list(&self, collection: Option<&str>) -> Result<Vec<SnapshotFile>, Error> {
        let folder = self.folder(collection);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::io("snapshots", source)),
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| Error::io("snapshots", source))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            // A file that was deleted meanwhile is left out.
            let metadata = entry.metadata().ok();
            if let Some(metadata) = metadata.filter(|found| found.is_file() && is_snapshot_name(&name)) {
                files.push(SnapshotFile {
                    checksum: read_checksum(&folder, &name),
                    name,
                    size_bytes: metadata.len(),
                    modified: metadata.modified().ok(),
                });
            }
        }
        files.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    /// Opens a file for reading; [`Error::NotFound`] for a name that no file has or can have.
    pub fn read(&self, collection: Option<&str>, name: &str) -> Result<SnapshotReader, Error> {
        let path = self.path(collection, name)?;
        let file = File::open(path).map_err(|source| absent_or_io(name, source))?;
        let size_bytes = file.metadata().map_err(|source| Error::io(name, source))?.len();
        Ok(SnapshotReader {
            name: name.to_owned(),
            file: file.take(size_bytes),
            size_bytes,
        })
    }

    /// Removes a file and its checksum; [`Error::NotFound`] as for `read`. Who is reading it reads on.
    pub fn delete(&self, collection: Option<&str>, name: &str) -> Result<(), Error> {
        let path = self.path(collection, name)?;
        fs::remove_file(&path).map_err(|source| absent_or_io(name, source))?;
        let folder = self.folder(collection);
        // A checksum without its file says nothing, and is replaced with it.
        fs::remove_file(folder.join(format!("{name}{CHECKSUM_SUFFIX}"))).ok();
        if collection.is_some() {
            // As long as there are other files this fails, as it should.
            fs::remove_dir(&folder).ok();
        }
        Ok(())
    }

    /// A copy of the file at an absolute path, so that whoever may write there cannot change it while it is read.
    /// [`Error::NotFound`] if there is no file, [`Error::BadName`] if there is one, but outside this folder, be it by a
    /// symbolic link.
    pub fn take_in(self: &Arc<Self>, path: &str) -> Result<Draft, Error> {
        let bad_name = || Error::BadName {
            name: path.to_owned(),
        };
        let found = fs::canonicalize(path).map_err(|_| Error::not_found(path))?;
        let root = fs::canonicalize(&self.root).map_err(|_| bad_name())?;
        let below = found.strip_prefix(&root).map_err(|_| bad_name())?;
        if below.starts_with(DRAFTS) {
            return Err(bad_name());
        }
        if !found.is_file() {
            return Err(Error::not_found(path));
        }
        let failed = |source| Error::io(path, source);
        let mut file = File::open(&found).map_err(failed)?;
        let mut draft = self.draft()?;
        io::copy(&mut file, &mut draft).map_err(failed)?;
        Ok(draft)
    }

    fn folder(&self, collection: Option<&str>) -> PathBuf {
        match collection {
            Some(collection) => self.root.join(names::folder_name(collection)),
            None => self.root.clone(),
        }
    }

    /// The path of a file that is there.
    fn path(&self, collection: Option<&str>, name: &str) -> Result<PathBuf, Error> {
        if !is_snapshot_name(name) {
            return Err(Error::not_found(name));
        }
        let path = self.folder(collection).join(name);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_file() => Ok(path),
            Ok(_) => Err(Error::not_found(name)),
            Err(source) => Err(absent_or_io(name, source)),
        }
    }
}

impl SnapshotReader {
    /// The bytes that will come.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next bytes, up to `max`; none at the end. A file that has become shorter is an error.
    pub fn next(&mut self, max: usize) -> Result<Vec<u8>, Error> {
        let left = self.file.limit();
        let mut bytes = Vec::new();
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        let read = (&mut self.file).take(limit).read_to_end(&mut bytes);
        read.map_err(|source| Error::io(&self.name, source))?;
        if bytes.is_empty() && left > 0 && max > 0 {
            return Err(Error::io(&self.name, io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(bytes)
    }
}

/// The bytes of any file on this machine, named `label` in errors: for what an owner points at on a command line.
pub fn load_file(path: &Path, label: &str) -> Result<Object, Error> {
    load(path, label)
}

/// The SHA-256 of the bytes, in hexadecimal digits. `go_on` is asked now and then, and ends the work with its error.
pub fn sha256<E>(bytes: &[u8], mut go_on: impl FnMut() -> Result<(), E>) -> Result<String, E> {
    let mut hash = Sha256::new();
    for step in bytes.chunks(STEP_BYTES) {
        go_on()?;
        hash.update(step);
    }
    Ok(digits(hash))
}

fn digits(hash: Sha256) -> String {
    let mut text = String::with_capacity(CHECKSUM_DIGITS);
    for byte in hash.finalize() {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(half.into(), 16));
        }
    }
    text
}

fn load(path: &Path, label: &str) -> Result<Object, Error> {
    let file = File::open(path).map_err(|source| absent_or_io(label, source))?;
    map_or_read(file, label)
}

fn map_or_read(mut file: File, label: &str) -> Result<Object, Error> {
    let failed = |source| Error::io(label, source);
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::not_found(label));
    }
    if metadata.len() >= MAP_BYTES {
        return Map::open(&file).map(Object::from).map_err(failed);
    }
    let mut bytes = Vec::new();
    io::Seek::rewind(&mut file).map_err(failed)?;
    file.take(MAP_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}

/// `None` without a checksum, or with something else in its place.
fn read_checksum(folder: &Path, name: &str) -> Option<String> {
    let path = folder.join(format!("{name}{CHECKSUM_SUFFIX}"));
    let metadata = fs::symlink_metadata(&path).ok()?;
    let mut text = String::new();
    let file = File::open(path).ok().filter(|_| metadata.is_file())?;
    let limit = u64::try_from(CHECKSUM_DIGITS).ok()?;
    file.take(limit).read_to_string(&mut text).ok()?;
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == CHECKSUM_DIGITS && text.bytes().all(is_digit)).then_some(text)
}

fn absent_or_io(name: &str, source: io::Error) -> Error {
    let is_absent = matches!(
        source.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    );
    if is_absent {
        Error::not_found(name)
    } else {
        Error::io(name, source)
    }
}
