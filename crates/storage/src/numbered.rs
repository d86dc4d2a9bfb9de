//! Objects that replace each other: version n+1 is created if absent, the newest is the highest number that exists.
//! The shard manifest and the engine's catalog are kept so.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::fields::offset;
use crate::put::{Put, Urgency, put};
use crate::store::{Object, Store, check_prefix};

/// The largest numbered object, in bytes.
pub const MAX_NUMBERED_BYTES: usize = 256 << 20;

/// How often the newest object may be deleted between list and get, which means that a newer one came.
const MAX_LIST_ATTEMPTS: usize = 16;

const DIGITS: usize = 20;

/// The objects `<prefix><version, 20 digits><suffix>`; other names below the prefix are ignored.
#[derive(Clone)]
pub struct Numbered {
    store: Arc<dyn Store>,
    prefix: String,
    suffix: &'static str,
}

impl Numbered {
    /// `prefix` ends with a slash, `suffix` begins with a dot. Touches nothing.
    pub fn open(store: Arc<dyn Store>, prefix: &str, suffix: &'static str) -> Result<Numbered, Error> {
        check_prefix(prefix)?;
        Ok(Numbered {
            store,
            prefix: prefix.to_owned(),
            suffix,
        })
    }

    /// The name of the object with this version.
    pub fn name(&self, version: u64) -> String {
        format!("{}{version:020}{}", self.prefix, self.suffix)
    }

    /// The newest version and its bytes, or `None` if there never was one. Older ones are not tried in its stead:
    /// what they name may be gone.
    pub fn newest(&self) -> Result<Option<(u64, Object)>, Error> {
        for _ in 0..MAX_LIST_ATTEMPTS {
            let Some(version) = self.newest_version()? else {
                return Ok(None);
            };
            match self
                .store
                .get(&self.name(version), Some(0..offset(MAX_NUMBERED_BYTES)))
            {
                Ok(bytes) => return Ok(Some((version, bytes))),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::io(
            &self.prefix,
            io::Error::other("what is listed as newest cannot be read"),
        ))
    }

    /// Makes `bytes` the newest version. `version` must be one above the newest that the caller has read, from 1, and
    /// the bytes must hold something that no other writer would write (a put-id, a fresh uuid).
    ///
    /// [`Error::Exists`]: lost, another writer made that version; read again. [`Error::Fenced`]: created, but it is
    /// not the newest: the caller has slept while others went on, and must stop. Other errors leave it in doubt.
    pub fn commit(&self, version: u64, bytes: &[u8]) -> Result<(), Error> {
        self.write(version, bytes, Urgency::Urgent)
    }

    /// As [`Numbered::commit`], for what announces new data: it leaves the reserve of a full device alone.
    pub fn commit_ordinary(&self, version: u64, bytes: &[u8]) -> Result<(), Error> {
        self.write(version, bytes, Urgency::Normal)
    }

    fn write(&self, version: u64, bytes: &[u8], urgency: Urgency) -> Result<(), Error> {
        let name = self.name(version);
        if bytes.len() > MAX_NUMBERED_BYTES {
            let (size_bytes, limit_bytes) = (offset(bytes.len()), offset(MAX_NUMBERED_BYTES));
            return Err(Error::TooLarge {
                object: name,
                size_bytes,
                limit_bytes,
            });
        }
        match put(&*self.store, &name, bytes, bytes.len(), urgency)? {
            Put::Done => {}
            Put::Taken(_) => return Err(Error::exists(&name)),
        }
        // Without this look, a writer that slept while its version was made, used and collected would fill the hole
        // and believe to be newest.
        self.confirm(version)
    }

    /// [`Error::Fenced`] unless this version, which the caller has made or read, is still the newest.
    pub fn confirm(&self, version: u64) -> Result<(), Error> {
        match self.newest_version()? {
            Some(newest) if newest == version => Ok(()),
            Some(newest) => Err(Error::fenced(&self.name(newest))),
            None => Err(Error::fenced(&self.name(version))),
        }
    }

    /// The names of all versions before this one that are still there.
    pub fn older_than(&self, version: u64) -> Result<Vec<String>, Error> {
        let mut names = self.store.list(&self.prefix)?;
        names.retain(|name| self.version(name).is_some_and(|found| found < version));
        Ok(names)
    }

    fn newest_version(&self) -> Result<Option<u64>, Error> {
        let names = self.store.list(&self.prefix)?;
        Ok(names.iter().filter_map(|name| self.version(name)).max())
    }

    pub(crate) fn version(&self, name: &str) -> Option<u64> {
        let digits = name.strip_prefix(&self.prefix)?.strip_suffix(self.suffix)?;
        let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { digits.parse().ok() } else { None }
    }
}

impl std::fmt::Debug for Numbered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Numbered({}*{})", self.prefix, self.suffix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, FaultyStore, MemoryStore};

    fn catalog(store: Arc<dyn Store>) -> Numbered {
        Numbered::open(store, "catalog/", ".json").unwrap()
    }

    #[test]
    fn versions_replace_each_other() {
        let store = Arc::new(MemoryStore::new());
        let catalog = catalog(store.clone());
        assert_eq!(catalog.newest().unwrap(), None);
        for version in 1..=12 {
            catalog.commit(version, format!("v{version}").as_bytes()).unwrap();
            let (newest, bytes) = catalog.newest().unwrap().unwrap();
            assert_eq!((newest, &*bytes), (version, format!("v{version}").as_bytes()));
        }
        assert!(store.get("catalog/00000000000000000012.json", None).is_ok());
        assert!(matches!(catalog.commit(12, b"other"), Err(Error::Exists { .. })));
    }

    #[test]
    fn other_names_are_ignored() {
        let store = Arc::new(MemoryStore::new());
        let catalog = catalog(store.clone());
        catalog.commit(1, b"one").unwrap();
        for name in [
            "catalog/9.json",
            "catalog/99999999999999999999.json",
            "catalog/00000000000000000009.jsonx",
            "catalog/x/00000000000000000009.json",
            "catalog/0000000000000000000a.json",
        ] {
            store.create(name, b"stranger").unwrap();
        }
        assert_eq!(catalog.newest().unwrap().unwrap().0, 1);
    }

    #[test]
    fn filling_a_hole_is_noticed() {
        let store = Arc::new(MemoryStore::new());
        let catalog = catalog(store.clone());
        for version in 1..=3 {
            catalog.commit(version, b"x").unwrap();
        }
        store.delete(&catalog.name(2)).unwrap();
        assert!(matches!(catalog.commit(2, b"late"), Err(Error::Fenced { .. })));
        assert_eq!(catalog.newest().unwrap().unwrap().0, 3);
    }

    #[test]
    fn a_lost_answer_is_not_a_lost_race() {
        let store = Arc::new(FaultyStore::with_fault(Arc::default(), 1, Fault::LostAnswer, 0));
        catalog(store).commit(1, b"mine").unwrap();
    }
}
