//! A folder with copies of large objects, so that they can be mapped into memory. Used by the object store alone.
//!
//! INVARIANT: never authoritative. A copy belongs to one version of an object (its size and the service's tag are in
//! the file's name), it gets that name when it is whole, and it can be removed at any time; who reads it checks its
//! checksums as if it came from the network.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::remote::Version;
use crate::checksum::crc32c;
use crate::error::Error;
use crate::store::Object;
use crate::store::map::Map;

/// Between an object's name and its version; in no name.
const MARK: char = '+';

/// Numbers drafts; of the process, because two stores in it may share a folder.
static TEMP_COUNT: AtomicU64 = AtomicU64::new(0);

/// The copies of the objects of one place.
#[derive(Debug)]
pub(super) struct Cache {
    objects: PathBuf,
    temp: PathBuf,
    /// Held shared by all that use the folder: who can have it alone may sweep.
    lock: File,
}

/// A file that is becoming a copy; removed when dropped.
#[derive(Debug)]
pub(super) struct Draft {
    path: PathBuf,
    pub(super) file: File,
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After a rename there is nothing left; what cannot be removed is swept later.
        fs::remove_file(&self.path).ok();
    }
}

impl Cache {
    /// Makes the folder for `place` below `root`, and removes unfinished files if nobody else uses it.
    pub(super) fn open(root: &Path, place: &str) -> Result<Cache, Error> {
        let at = |source| Error::io(&root.display().to_string(), source);
        let folder = root.join(folder_name(place));
        let (objects, temp) = (folder.join("objects"), folder.join("tmp"));
        fs::create_dir_all(&objects).map_err(at)?;
        fs::create_dir_all(&temp).map_err(at)?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(folder.join("lock"))
            .map_err(at)?;
        match lock.try_lock() {
            Ok(()) => {
                for entry in fs::read_dir(&temp).map_err(at)?.flatten() {
                    fs::remove_file(entry.path()).ok();
                }
                lock.unlock().map_err(at)?;
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(at(source)),
        }
        // Between unlock and this another may sweep: nothing of ours is there yet.
        lock.lock_shared().map_err(at)?;
        Ok(Cache { objects, temp, lock })
    }

    /// The copy of this version, mapped. Whatever is wrong with it, there is none.
    pub(super) fn find(&self, name: &str, version: &Version) -> Option<Object> {
        let file = File::open(self.path(name, version)).ok()?;
        if file.metadata().ok()?.len() != version.size {
            return None;
        }
        Map::open(&file).ok().map(Object::from)
    }

    /// A new file, in the folder but under no object's name.
    pub(super) fn draft(&self, name: &str) -> Result<Draft, Error> {
        let number = TEMP_COUNT.fetch_add(1, Ordering::Relaxed);
        // In containers every process has one number, and two may share the folder: the rest is random.
        let random = RandomState::new().hash_one(number);
        let path = self
            .temp
            .join(format!("{}-{number}-{random:016x}", std::process::id()));
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(|source| self.failed(name, source))?;
        Ok(Draft { path, file })
    }

    /// Makes the draft the copy of this version.
    pub(super) fn keep(&self, name: &str, version: &Version, draft: Draft) -> Result<(), Error> {
        let keep = || {
            // A power cut must not leave a file of the right length without its bytes.
            draft.file.sync_all()?;
            let path = self.path(name, version);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::rename(&draft.path, &path)
        };
        keep().map_err(|source| self.failed(name, source))
    }

    /// Removes the copies of an object.
    pub(super) fn forget(&self, name: &str) {
        let own = self.objects.join(name);
        let (Some(folder), Some(last)) = (own.parent(), own.file_name().and_then(|last| last.to_str()))
        else {
            return;
        };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_copy = entry
                .file_name()
                .to_str()
                .and_then(|file| file.split_once(MARK))
                .is_some_and(|(object, _)| object == last);
            if is_copy {
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// Whether there is any copy.
    pub(super) fn is_empty(&self) -> bool {
        self.copies().is_empty()
    }

    /// Removes the copies of objects that are not among `names`.
    pub(super) fn sweep(&self, names: &BTreeSet<String>) {
        for (name, path) in self.copies() {
            if !names.contains(&name) {
                fs::remove_file(path).ok();
            }
        }
    }

    /// Every copy with the object's name; what cannot be read is left out.
    fn copies(&self) -> Vec<(String, PathBuf)> {
        let mut found = Vec::new();
        let mut open = vec![(self.objects.clone(), String::new())];
        while let Some((folder, prefix)) = open.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let file_name = entry.file_name();
                let Some(last) = file_name.to_str() else { continue };
                match (
                    entry.file_type().is_ok_and(|kind| kind.is_dir()),
                    last.split_once(MARK),
                ) {
                    (true, _) => open.push((entry.path(), format!("{prefix}{last}/"))),
                    (false, Some((object, _))) => found.push((format!("{prefix}{object}"), entry.path())),
                    (false, None) => {}
                }
            }
        }
        found
    }

    fn path(&self, name: &str, version: &Version) -> PathBuf {
        let Version { size, tag } = version;
        self.objects
            .join(format!("{name}{MARK}{size:x}-{:08x}", crc32c(tag.as_bytes())))
    }

    /// A failure of this folder says nothing about the store, so it is never "full".
    fn failed(&self, name: &str, source: io::Error) -> Error {
        let why = format!(
            "the cache folder {} cannot be used: {source}",
            self.objects.display()
        );
        Error::io(name, io::Error::other(why))
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.lock.unlock().ok();
    }
}

/// Readable, and different for different places.
fn folder_name(place: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
            c
        } else {
            '_'
        }
    };
    let readable: String = place.chars().map(plain).take(100).collect();
    format!("{readable}-{:08x}", crc32c(place.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn version(size: u64, tag: &str) -> Version {
        Version {
            size,
            tag: tag.to_owned(),
        }
    }

    fn keep(cache: &Cache, name: &str, tag: &str, bytes: &[u8]) {
        let mut draft = cache.draft(name).unwrap();
        draft.file.write_all(bytes).unwrap();
        cache
            .keep(name, &version(bytes.len() as u64, tag), draft)
            .unwrap();
    }

    #[test]
    fn a_copy_belongs_to_one_version_of_one_object() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), "s3://b/p/").unwrap();
        assert!(cache.is_empty());
        keep(&cache, "c/x", "1", b"first");
        keep(&cache, "c/x", "2", b"other");
        keep(&cache, "c/xy", "1", b"more");
        assert_eq!(*cache.find("c/x", &version(5, "1")).unwrap(), *b"first");
        assert_eq!(*cache.find("c/x", &version(5, "2")).unwrap(), *b"other");
        for (name, size, tag) in [("c/x", 4, "1"), ("c/x", 5, "3"), ("c/y", 5, "1")] {
            assert!(
                cache.find(name, &version(size, tag)).is_none(),
                "{name} {size} {tag}"
            );
        }
        cache.forget("c/x");
        assert!(cache.find("c/x", &version(5, "1")).is_none());
        assert!(cache.find("c/xy", &version(4, "1")).is_some());
        cache.sweep(&BTreeSet::from(["c/x".to_owned()]));
        assert!(cache.is_empty());
    }

    #[test]
    fn a_copy_of_the_wrong_length_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), "s3://b/p/").unwrap();
        keep(&cache, "a", "1", b"first");
        let wanted = version(5, "1");
        fs::write(cache.path("a", &wanted), b"firs").unwrap();
        assert!(cache.find("a", &wanted).is_none());
    }

    #[test]
    fn drafts_of_the_dead_are_swept_and_those_of_the_living_stay() {
        let folder = tempfile::tempdir().unwrap();
        let first = Cache::open(folder.path(), "s3://b/p/").unwrap();
        let draft = first.draft("a").unwrap();
        let second = Cache::open(folder.path(), "s3://b/p/").unwrap();
        assert!(draft.path.exists(), "somebody uses it");
        let left = first.temp.join("1-1");
        fs::write(&left, b"x").unwrap();
        drop((draft, first, second));
        let third = Cache::open(folder.path(), "s3://b/p/").unwrap();
        assert!(!left.exists());
        let elsewhere = Cache::open(folder.path(), "s3://b/p2/").unwrap();
        assert_ne!(third.objects, elsewhere.objects);
    }
}
