//! A store in a directory: one file per object. A file appears under its final name only by a hard link, after its
//! bytes were synced, so an object is whole or absent at every instant, whatever stops the machine.
//!
//! INVARIANT: once a sync has failed nothing more is written until the folder is opened again (the kernel may have
//! dropped the dirty pages and will report the next sync as fine), and an object whose directory entry could not be
//! synced cannot be read either, so nobody takes it for durable.

mod folder;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::name::{self, LOCAL_SEGMENT};
use super::{Object, Store, probe};
use crate::error::Error;

/// How often a directory may vanish below a create before that is an error; only a stranger can remove one at all.
const MAX_DIRECTORY_ATTEMPTS: usize = 8;

/// What a create of a [`LocalStore`] waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// File and directory are synced: an acknowledged object survives a power cut.
    #[default]
    Fsync,
    /// The bytes are with the operating system: an acknowledged object survives the end of the process, but a power
    /// cut may lose, cut or empty the newest objects. Those that are damaged are refused when they are opened.
    Os,
}

/// A directory of objects, locked against a second opener for as long as this lives.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    temp: PathBuf,
    temp_count: AtomicU64,
    sync: SyncFn,
    /// Held shared while an object is linked, exclusively while an empty directory is removed.
    directories: RwLock<()>,
    /// Directories, relative to the root, whose own entries are known to be durable.
    durable_directories: Mutex<BTreeSet<PathBuf>>,
    halt: Mutex<Option<Halt>>,
    /// The operating system releases the lock when this is closed, also by a kill.
    _lock: File,
}

type SyncFn = fn(&File) -> io::Result<()>;

/// A sync has failed.
#[derive(Debug)]
struct Halt {
    source: Arc<io::Error>,
    unsynced: BTreeSet<String>,
}

impl LocalStore {
    /// Opens or makes the folder, takes its lock ([`Error::Locked`] if another has it), and sweeps what unfinished
    /// creates left. In a folder that is not a store yet nothing of anybody else is touched: `probe` refuses it.
    pub fn open(root: impl Into<PathBuf>, durability: Durability) -> Result<LocalStore, Error> {
        let sync: SyncFn = match durability {
            Durability::Fsync => File::sync_all,
            Durability::Os => |_| Ok(()),
        };
        LocalStore::open_with(root.into(), sync)
    }

    fn open_with(root: PathBuf, sync: SyncFn) -> Result<LocalStore, Error> {
        let folder = root.display().to_string();
        let at_folder = |source| Error::io(&folder, source);
        make_directory(&root, sync).map_err(at_folder)?;
        let local = root.join(LOCAL_SEGMENT);
        let temp = local.join("tmp");
        fs::create_dir_all(&temp).map_err(at_folder)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(local.join("lock"))
            .map_err(at_folder)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { folder }),
            Err(TryLockError::Error(source)) => return Err(Error::io(&folder, source)),
        }
        // Only now, under the lock, is whatever lies there nobody's.
        folder::sweep(&root).map_err(at_folder)?;
        Ok(LocalStore {
            root,
            temp,
            temp_count: AtomicU64::new(0),
            sync,
            directories: RwLock::new(()),
            durable_directories: Mutex::default(),
            halt: Mutex::new(None),
            _lock: lock,
        })
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        name::check(name)?;
        Ok(self.root.join(name))
    }

    fn check_running(&self, name: &str) -> Result<(), Error> {
        match &*self.halt.lock() {
            None => Ok(()),
            Some(halt) => Err(Error::Io {
                object: name.to_owned(),
                source: Arc::clone(&halt.source),
            }),
        }
    }

    /// Stops all further creates. `is_linked`: the object can be seen, though nobody knows for how long.
    fn halt(&self, name: &str, is_linked: bool, source: &Arc<io::Error>) {
        let mut halt = self.halt.lock();
        let halt = halt.get_or_insert_with(|| Halt {
            source: Arc::clone(source),
            unsynced: BTreeSet::new(),
        });
        if is_linked {
            halt.unsynced.insert(name.to_owned());
        }
    }

    fn write_temp(&self, name: &str, bytes: &[u8]) -> Result<Temp, Error> {
        let number = self.temp_count.fetch_add(1, Ordering::Relaxed);
        let temp = Temp(self.temp.join(folder::temp_name(number)));
        let mut file = File::create_new(&temp.0).map_err(|source| Error::io(name, source))?;
        file.write_all(bytes).map_err(|source| Error::io(name, source))?;
        if let Err(source) = (self.sync)(&file) {
            let error = Error::io(name, source);
            // No space for delayed blocks is no halt: the temporary file is thrown away, and nothing else was lost.
            if let Error::Io { source, .. } = &error {
                self.halt(name, false, source);
            }
            return Err(error);
        }
        Ok(temp)
    }

    fn link(&self, temp: &Temp, name: &str, path: &Path) -> Result<(), Error> {
        let mut attempts = 0;
        loop {
            match fs::hard_link(&temp.0, path) {
                Ok(()) => return Ok(()),
                Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(Error::exists(name));
                }
                Err(source)
                    if source.kind() == io::ErrorKind::NotFound && attempts < MAX_DIRECTORY_ATTEMPTS =>
                {
                    attempts += 1;
                    let parent = path.parent().unwrap_or(&self.root);
                    fs::create_dir_all(parent).map_err(|source| Error::io(name, source))?;
                }
                Err(source) => return Err(Error::io(name, source)),
            }
        }
    }

    /// Syncs the directory of a new object, and once per directory and opening every one above it: an earlier process
    /// may have made it and died before the sync.
    fn sync_entry(&self, name: &str) -> io::Result<()> {
        let mut fresh = Vec::new();
        for directory in Path::new(name).ancestors().skip(1) {
            sync_directory(&self.root.join(directory), self.sync)?;
            if directory.as_os_str().is_empty() || self.durable_directories.lock().contains(directory) {
                break;
            }
            fresh.push(directory.to_owned());
        }
        if !fresh.is_empty() {
            self.durable_directories.lock().extend(fresh);
        }
        Ok(())
    }

    /// Removes the directories above a deleted object that are empty now.
    fn prune(&self, name: &str) {
        for directory in Path::new(name)
            .ancestors()
            .skip(1)
            .filter(|path| !path.as_os_str().is_empty())
        {
            let path = self.root.join(directory);
            if !fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none()) {
                return;
            }
            let _exclusive = self.directories.write();
            if fs::remove_dir(&path).is_err() {
                return;
            }
            self.durable_directories.lock().remove(directory);
        }
    }
}

impl Store for LocalStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let path = self.path(name)?;
        self.check_running(name)?;
        let temp = self.write_temp(name, bytes)?;
        let _shared = self.directories.read();
        self.link(&temp, name, &path)?;
        self.sync_entry(name).map_err(|source| {
            let source = Arc::new(source);
            self.halt(name, true, &source);
            Error::Io {
                object: name.to_owned(),
                source,
            }
        })
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        let path = self.path(name)?;
        if let Some(halt) = &*self.halt.lock()
            && halt.unsynced.contains(name)
        {
            return Err(Error::Io {
                object: name.to_owned(),
                source: Arc::clone(&halt.source),
            });
        }
        match read(&path, range) {
            Ok(Some(bytes)) => Ok(bytes.into()),
            Ok(None) => Err(Error::not_found(name)),
            Err(source) if is_absent(&source) => Err(Error::not_found(name)),
            Err(source) => Err(Error::io(name, source)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        name::check_prefix(prefix)?;
        let mut names = Vec::new();
        let mut pending = vec![prefix.to_owned()];
        while let Some(prefix) = pending.pop() {
            let entries = match fs::read_dir(self.root.join(&prefix)) {
                Ok(entries) => entries,
                Err(source) if is_absent(&source) => continue,
                Err(source) => return Err(Error::io(&prefix, source)),
            };
            for entry in entries {
                let entry = entry.map_err(|source| Error::io(&prefix, source))?;
                // Symbolic links are neither, so a list never leaves the folder.
                let kind = entry.file_type().map_err(|source| Error::io(&prefix, source))?;
                let Some(name) = entry.file_name().to_str().map(|last| format!("{prefix}{last}")) else {
                    continue;
                };
                if !name::is_name(&name) {
                    continue;
                }
                if kind.is_file() {
                    names.push(name);
                } else if kind.is_dir() {
                    pending.push(format!("{name}/"));
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        let path = self.path(name)?;
        match fs::remove_file(&path) {
            Ok(()) => self.prune(name),
            Err(source) if is_absent(&source) => {}
            Err(source) => return Err(Error::io(name, source)),
        }
        Ok(())
    }

    /// Looks at all files, as the grammar of names hides from a list what strangers may have here.
    fn probe(&self) -> Result<(), Error> {
        match folder::foreign(&self.root)? {
            Some(found) => Err(Error::Foreign { found }),
            None => probe::check(self),
        }
    }
}

/// A temporary file, removed when dropped: after a link the object lives on under its final name.
struct Temp(PathBuf);

impl Drop for Temp {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next opening.
        fs::remove_file(&self.0).ok();
    }
}

/// `None`: there is something of that name, but it is not a file.
fn read(path: &Path, range: Option<Range<u64>>) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(None);
    }
    let range = range.unwrap_or(0..u64::MAX);
    let end = range.end.min(metadata.len());
    let count = end.saturating_sub(range.start);
    let mut bytes = Vec::new();
    let capacity = usize::try_from(count).map_err(io::Error::other)?;
    bytes.try_reserve_exact(capacity).map_err(io::Error::other)?;
    if range.start > 0 {
        file.seek(SeekFrom::Start(range.start.min(metadata.len())))?;
    }
    file.take(count).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Nothing has this path, be it that a directory above it is missing or is a file.
fn is_absent(source: &io::Error) -> bool {
    matches!(
        source.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes a directory and those above it, and makes the entries of all new ones durable.
fn make_directory(path: &Path, sync: SyncFn) -> io::Result<()> {
    match fs::create_dir(path) {
        Ok(()) => {}
        Err(source) if source.kind() == io::ErrorKind::NotFound => {
            make_directory(path.parent().ok_or(source)?, sync)?;
            fs::create_dir(path)?;
        }
        Err(_) if path.is_dir() => return Ok(()),
        Err(source) => return Err(source),
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    sync_directory(parent, sync)
}

fn sync_directory(path: &Path, sync: SyncFn) -> io::Result<()> {
    // Elsewhere a directory cannot be opened as a file, and its entries are durable with the file.
    if cfg!(unix) {
        sync(&File::open(path)?)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
