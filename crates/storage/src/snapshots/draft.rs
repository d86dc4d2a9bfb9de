//! A snapshot file that has no name yet: written once, looked at, then published or gone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{CHECKSUM_SUFFIX, DRAFTS, SnapshotFile, Snapshots, digits, is_snapshot_name, map_or_read};
use crate::error::Error;
use crate::fields::offset;
use crate::store::Object;

const BUFFER_BYTES: usize = 256 << 10;

/// How errors call a file without a name.
const LABEL: &str = "the snapshot";

/// A file being written, removed when dropped. Its first failure ends it: every later write and `finish` fail, too.
#[derive(Debug)]
pub struct Draft {
    home: Arc<Snapshots>,
    path: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
    size_bytes: u64,
    failure: Option<io::ErrorKind>,
}

impl Draft {
    pub(super) fn create(home: Arc<Snapshots>, number: u64) -> Result<Draft, Error> {
        let failed = |source| Error::io(LABEL, source);
        let drafts = home.root.join(DRAFTS);
        fs::create_dir_all(&drafts).map_err(failed)?;
        let path = drafts.join(format!("{:08x}-{number:016x}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        // The lock says to other processes that somebody still writes; the system releases it with the file.
        file.try_lock().map_err(|error| failed(error.into()))?;
        Ok(Draft {
            home,
            path,
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            hash: Sha256::new(),
            size_bytes: 0,
            failure: None,
        })
    }

    /// The bytes written so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The SHA-256 of the bytes written so far, in hexadecimal digits.
    pub fn checksum(&self) -> String {
        digits(self.hash.clone())
    }

    /// When the file system saw the last write.
    pub fn modified(&self) -> Option<SystemTime> {
        self.out.get_ref().metadata().ok()?.modified().ok()
    }

    /// Makes the bytes durable and gives them for reading. Nothing is written after this.
    pub fn finish(&mut self) -> Result<Object, Error> {
        let failed = |source| Error::io(LABEL, source);
        self.flush().map_err(failed)?;
        self.failure = Some(io::ErrorKind::ReadOnlyFilesystem);
        let file = self.out.get_ref();
        file.sync_all().map_err(failed)?;
        map_or_read(file.try_clone().map_err(failed)?, LABEL)
    }

    /// Gives the finished file its name in the folder of a collection, or with `None` at the top, and its checksum
    /// beside it; both are durable when this returns. [`Error::Exists`]: there is a file of this name.
    pub fn publish(&self, collection: Option<&str>, name: &str) -> Result<SnapshotFile, Error> {
        if !is_snapshot_name(name) {
            let name = name.to_owned();
            return Err(Error::BadName { name });
        }
        let failed = |source| Error::io(name, source);
        let folder = self.home.folder(collection);
        let target = folder.join(name);
        let checksum_path = folder.join(format!("{name}{CHECKSUM_SUFFIX}"));
        let checksum = self.checksum();
        let modified = self.modified();
        let _alone = self.home.publishing.lock();
        fs::create_dir_all(&folder).map_err(failed)?;
        if fs::symlink_metadata(&target).is_ok() {
            return Err(Error::exists(name));
        }
        // First the checksum: whoever sees the file finds it. One without a file is left over from a crash.
        fs::remove_file(&checksum_path).ok();
        let published = write_checksum(&checksum_path, &checksum)
            .and_then(|()| fs::rename(&self.path, &target))
            .and_then(|()| sync_folders(&self.home.root, &folder));
        if let Err(source) = published {
            fs::remove_file(&target).ok();
            fs::remove_file(&checksum_path).ok();
            return Err(failed(source));
        }
        Ok(SnapshotFile {
            name: name.to_owned(),
            size_bytes: self.size_bytes,
            modified,
            checksum: Some(checksum),
        })
    }

    fn run<T>(&mut self, act: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>) -> io::Result<T> {
        if let Some(kind) = self.failure {
            return Err(kind.into());
        }
        let done = act(&mut self.out);
        self.failure = done.as_ref().err().map(io::Error::kind);
        done
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.run(|out| out.write_all(bytes))?;
        self.hash.update(bytes);
        self.size_bytes += offset(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.run(BufWriter::flush)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a publication there is nothing at this path. What cannot be removed is swept by a later process.
        fs::remove_file(&self.path).ok();
    }
}

/// Removes the drafts that no running process holds.
pub(super) fn sweep(drafts: &Path) {
    let entries = fs::read_dir(drafts).into_iter().flatten().flatten();
    for entry in entries {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let is_draft = entry.file_name().to_str().is_some_and(is_draft_name);
        if !is_file || !is_draft {
            continue;
        }
        let file = OpenOptions::new().write(true).open(entry.path());
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            fs::remove_file(entry.path()).ok();
        }
    }
}

fn is_draft_name(name: &str) -> bool {
    name.len() == 8 + 1 + 16 && name.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn write_checksum(path: &Path, checksum: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(checksum.as_bytes())?;
    file.sync_all()
}

/// Makes the entries of a new file, of its folder and of the root durable.
fn sync_folders(root: &Path, folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    sync(folder)?;
    sync(root)?;
    match root.parent() {
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
