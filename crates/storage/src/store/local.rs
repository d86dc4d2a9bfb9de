//! A store in a directory: one file per object. A file appears under its final name only by a hard link, after its
//! bytes were synced, so an object is whole or absent at every instant, whatever stops the machine.
//!
//! INVARIANT: once a sync has failed nothing more is written in the same scope until the folder is opened again, and an
//! object whose directory entry could not be synced cannot be read either, so nobody takes it for durable.

mod halts;
mod reserve;
mod temp;

mod folder;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

use super::map::Map;
use super::name::{self, LOCAL_SEGMENT};
use super::{Object, Store, probe};
use crate::error::Error;
use halts::Halts;
use reserve::{AllocateFn, Reserve};
use temp::Temp;

/// A whole object of at least so many bytes is mapped, a smaller one read: a map costs page faults and an entry in the
/// kernel's tables, a copy costs memory.
const MAP_BYTES: u64 = 1 << 20;

/// How often a directory may vanish below a create before that is an error; only a stranger can remove one at all.
const MAX_DIRECTORY_ATTEMPTS: usize = 8;

/// What a create of a [`LocalStore`] waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// File and directory are synced: an acknowledged object survives a power cut.
    #[default]
    Fsync,
    /// The batches of a log are with the operating system when they are acknowledged: they survive the end of the
    /// process, but a power cut may lose, cut or empty the newest. Those that are damaged are refused when they are
    /// opened. All else is synced, for it makes older batches superfluous.
    Os,
}

/// A directory of objects, locked against a second opener for as long as this lives.
#[derive(Debug)]
pub struct LocalStore {
    root: PathBuf,
    temp: PathBuf,
    temp_count: AtomicU64,
    sync: SyncFn,
    durability: Durability,
    reserve: Reserve,
    /// Held shared while an object is linked, exclusively while an empty directory is removed.
    directories: RwLock<()>,
    /// Directories, relative to the root, whose own entries are known to be durable.
    durable_directories: Mutex<BTreeSet<PathBuf>>,
    halts: Halts,
    map_bytes: u64,
    /// The operating system releases the lock when this is closed, also by a kill.
    _lock: File,
}

type SyncFn = fn(&File) -> io::Result<()>;

/// What writes the bytes of an object into its temporary file.
type Fill<'a> = &'a mut dyn FnMut(&Temp) -> Result<(), Error>;

/// The calls to the operating system that tests let fail.
#[derive(Clone, Copy)]
struct Device {
    sync: SyncFn,
    allocate: AllocateFn,
}

impl LocalStore {
    /// Opens or makes the folder, takes its lock ([`Error::Locked`] if another has it), and sweeps what unfinished
    /// creates left. In a folder that is not a store yet nothing of anybody else is touched: `probe` refuses it.
    ///
    /// From its first create on a store keeps 64 MiB in reserve. A create fails with [`Error::Full`] when the device has
    /// no room for that, an urgent one uses it up.
    pub fn open(root: impl Into<PathBuf>, durability: Durability) -> Result<LocalStore, Error> {
        let (sync, allocate) = (File::sync_all, reserve::allocate);
        let mut store = LocalStore::open_with(root.into(), Device { sync, allocate })?;
        store.durability = durability;
        Ok(store)
    }

    fn open_with(root: PathBuf, Device { sync, allocate }: Device) -> Result<LocalStore, Error> {
        let folder = root.display().to_string();
        let at_folder = |source| Error::io(&folder, source);
        make_directory(&root, sync).map_err(at_folder)?;
        let local = root.join(LOCAL_SEGMENT);
        let temp = local.join("tmp");
        fs::create_dir_all(&local).map_err(at_folder)?;
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
        let reserve = Reserve::new(local.join(reserve::NAME), allocate);
        make_or_free(&temp, &reserve).map_err(at_folder)?;
        folder::sweep(&root).map_err(at_folder)?;
        Ok(LocalStore {
            root,
            temp,
            temp_count: AtomicU64::new(0),
            sync,
            durability: Durability::Fsync,
            reserve,
            directories: RwLock::new(()),
            durable_directories: Mutex::default(),
            halts: Halts::default(),
            map_bytes: MAP_BYTES,
            _lock: lock,
        })
    }

    /// Maps whole objects of at least so many bytes from now on, instead of 1 MiB.
    pub fn map_from(&mut self, bytes: u64) {
        self.map_bytes = bytes;
    }

    /// The folder, as it was given.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, name: &str) -> Result<PathBuf, Error> {
        name::check(name)?;
        Ok(self.root.join(name))
    }

    /// Whether a create of this object waits for the device: always, but for log slots when that was asked for.
    fn is_synced(&self, name: &str) -> bool {
        self.durability == Durability::Fsync || !name.contains("/log/")
    }

    fn write_temp(&self, name: &str, fill: Fill<'_>) -> Result<Temp, Error> {
        let number = self.temp_count.fetch_add(1, Ordering::Relaxed);
        let temp = Temp::create(self.temp.join(folder::temp_name(number)));
        let temp = temp.map_err(|source| Error::io(name, source))?;
        fill(&temp)?;
        if self.is_synced(name)
            && let Err(source) = (self.sync)(&temp.file)
        {
            let error = Error::io(name, source);
            // No space for delayed blocks is no halt: the temporary file is thrown away, and nothing else was lost.
            if let Error::Io { source, .. } = &error {
                self.halts.stop(name, source);
            }
            return Err(error);
        }
        Ok(temp)
    }

    /// Makes sure of the reserve, then writes.
    fn create_ordinary(&self, name: &str, fill: Fill<'_>) -> Result<(), Error> {
        name::check(name)?;
        self.halts.check_create(name)?;
        self.reserve.keep().map_err(|source| Error::io(name, source))?;
        self.create_now(name, fill)
    }

    fn create_now(&self, name: &str, fill: Fill<'_>) -> Result<(), Error> {
        let path = self.path(name)?;
        self.halts.check_create(name)?;
        let temp = self.write_temp(name, fill)?;
        let _shared = self.directories.read();
        let entries = if self.is_synced(name) {
            self.entries(name).map_err(|source| Error::io(name, source))?
        } else {
            Vec::new()
        };
        self.link(&temp, name, &path)?;
        if let Err((directory, source)) = self.sync_entries(&entries) {
            let source = Arc::new(source);
            self.halts.stop_linked(name, directory, &source);
        }
        // Also if the sync of another create has failed meanwhile: it may have been told of what this one lost.
        self.halts.check_linked(name)
    }

    fn link(&self, temp: &Temp, name: &str, path: &Path) -> Result<(), Error> {
        let mut attempts = 0;
        loop {
            match fs::hard_link(temp.path(), path) {
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

    /// The directory of a new object, and once per directory and opening every one above it, for an earlier process may
    /// have made it and died before the sync: open, so that nothing but a sync itself can fail later.
    fn entries<'n>(&self, name: &'n str) -> io::Result<Vec<(&'n str, File)>> {
        let mut entries = Vec::new();
        let mut below = name;
        // Elsewhere a directory cannot be opened as a file, and its entries are durable with the file.
        while cfg!(unix) {
            let directory = below.rsplit_once('/').map_or("", |(directory, _)| directory);
            let path = self.root.join(directory);
            if entries.is_empty() {
                fs::create_dir_all(&path)?;
            }
            entries.push((directory, File::open(path)?));
            if directory.is_empty() || self.durable_directories.lock().contains(Path::new(directory)) {
                break;
            }
            below = directory;
        }
        Ok(entries)
    }

    /// Makes the entry of a new object durable. A failure comes with the directory.
    fn sync_entries<'n>(&self, entries: &[(&'n str, File)]) -> Result<(), (&'n str, io::Error)> {
        for (directory, file) in entries {
            (self.sync)(file).map_err(|source| (*directory, source))?;
        }
        let synced = entries.iter().map(|(directory, _)| PathBuf::from(directory));
        self.durable_directories.lock().extend(synced);
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
        self.create_ordinary(name, &mut |temp| temp.write(name, bytes))
    }

    fn create_urgent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let fill: Fill<'_> = &mut |temp| temp.write(name, bytes);
        match self.create_now(name, fill) {
            Err(Error::Full { .. }) if self.reserve.release() => self.create_now(name, fill),
            done => done,
        }
    }

    fn create_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn io::Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.create_ordinary(name, &mut |temp| temp.fill(name, write))
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        let path = self.path(name)?;
        self.halts.check_get(name)?;
        match read(&path, range, self.map_bytes) {
            Ok(Some(object)) => Ok(object),
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

/// `None`: there is something of that name, but it is not a file.
fn read(path: &Path, range: Option<Range<u64>>, map_bytes: u64) -> io::Result<Option<Object>> {
    // Before it is opened: a pipe would wait for a writer.
    if !fs::metadata(path)?.is_file() {
        return Ok(None);
    }
    let mut file = File::open(path)?;
    let metadata = file.metadata()?;
    // A file system that cannot map, or a process with too many maps, still reads.
    if range.is_none()
        && metadata.len() >= map_bytes
        && let Ok(map) = Map::open(&file)
    {
        return Ok(Some(map.into()));
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
    Ok(Some(bytes.into()))
}

/// Nothing has this path, be it that a directory above it is missing or is a file.
fn is_absent(source: &io::Error) -> bool {
    matches!(
        source.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Makes the directory of temporary files, if need be with the space of the reserve: a folder can be opened on a device
/// that is full.
fn make_or_free(temp: &Path, reserve: &Reserve) -> io::Result<()> {
    match fs::create_dir_all(temp) {
        Err(source)
            if matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ) && reserve.release() =>
        {
            fs::create_dir_all(temp)
        }
        done => done,
    }
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
