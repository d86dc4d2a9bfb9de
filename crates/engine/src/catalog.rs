//! Which collections there are, how they are configured, and their aliases. One numbered JSON object, replaced as
//! a whole: readable by people, committed by create-if-absent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kindred_model::config::{CollectionConfig, FieldSchema};
use kindred_model::path::JsonPath;
use kindred_storage::{Error as StorageError, Numbered, Store, crc32c};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::collection::view::Settings;
use crate::error::{Error, ErrorKind};

/// The layout of the JSON below.
const VERSION: u32 = 1;

/// Other processes that may get ahead of one opening.
const CLAIMS_MAX: usize = 64;

/// Older catalogs that are kept, so that a mistake can be looked into.
const KEPT: u64 = 8;

/// Everything that is decided about the database as a whole.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Catalog {
    version: u32,
    /// Which opening of the database wrote it; no two write the same.
    writer: Uuid,
    pub(crate) collections: BTreeMap<String, Entry>,
    /// From alias to collection.
    pub(crate) aliases: BTreeMap<String, String>,
    /// Dropped collections whose objects may still be there. Nothing else is ever removed.
    pub(crate) dropped: BTreeSet<Uuid>,
}

/// One collection. Its name never becomes part of an object's name; the uuid does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) uuid: Uuid,
    pub(crate) config: CollectionConfig,
    pub(crate) indexes: BTreeMap<JsonPath, FieldSchema>,
}

impl Catalog {
    /// The same as the next catalog, written by `writer`. Nothing is removed on the word of an old one.
    pub(crate) fn stand_in(&self, writer: Uuid) -> Self {
        Self {
            version: VERSION,
            writer,
            dropped: BTreeSet::new(),
            ..self.clone()
        }
    }

    /// Whether no collection was ever made.
    pub(crate) fn is_new(&self) -> bool {
        self.collections.is_empty() && self.dropped.is_empty()
    }
}

impl Entry {
    /// What the collection is configured to be.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            config: self.config.clone(),
            indexes: self.indexes.clone(),
        }
    }
}

/// The newest catalog, and where the next one goes.
pub(crate) struct CatalogStore {
    store: Arc<dyn Store>,
    numbered: Numbered,
    version: u64,
    writer: Uuid,
    current: Catalog,
    /// The first of the newest catalogs that hold collections for dropped which are only being made.
    announced: Option<u64>,
}

impl CatalogStore {
    /// Takes the newest catalog of the store over: it is committed again in the name of `writer`, so that an earlier
    /// opening of the same store can commit no more. An empty store has an empty catalog.
    pub(crate) fn open(store: Arc<dyn Store>, writer: Uuid) -> Result<Self, Error> {
        let numbered = Numbered::open(Arc::clone(&store), "catalog/", ".json")?;
        for _ in 0..CLAIMS_MAX {
            let (version, current) = match numbered.newest()? {
                None => (0, Catalog::default()),
                Some((version, bytes)) => (version, decode(&numbered.name(version), &bytes)?),
            };
            let mut own = Self {
                store: Arc::clone(&store),
                numbered: numbered.clone(),
                version,
                writer,
                current,
                announced: None,
            };
            match own.write(own.current.clone(), true) {
                Ok(()) => {
                    own.collect();
                    return Ok(own);
                }
                // Another process was faster.
                Err(StorageError::Exists { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let text = "other processes keep taking the catalog over";
        Err(Error::new(ErrorKind::Busy, text))
    }

    /// The newest catalog.
    pub(crate) fn current(&self) -> &Catalog {
        &self.current
    }

    /// Whether this is still the newest catalog.
    ///
    /// # Errors
    /// `Busy` when another process has taken it over; whatever keeps the store from telling.
    pub(crate) fn confirm(&self) -> Result<(), Error> {
        Ok(self.numbered.confirm(self.version)?)
    }

    /// Makes `next` the newest catalog, durably.
    ///
    /// # Errors
    /// `Busy` when another process has taken the catalog over.
    pub(crate) fn commit(&mut self, next: Catalog) -> Result<(), Error> {
        self.write(next, true)?;
        // Should this one ever be lost, no older one must say that what it names may be removed.
        for version in self
            .announced
            .take()
            .into_iter()
            .flat_map(|first| first..self.version)
        {
            drop(self.store.delete(&self.numbered.name(version)));
        }
        Ok(())
    }

    /// Announces collections that are about to be made: until a commit names them they count as dropped, so that
    /// whatever stops their making is swept.
    ///
    /// # Errors
    /// As for [`CatalogStore::commit`]; `Full` on a full device, whose reserve is not for new collections.
    pub(crate) fn announce(&mut self, uuids: &[Uuid]) -> Result<(), Error> {
        let mut next = self.current.clone();
        next.dropped.extend(uuids);
        self.write(next, false)?;
        self.announced.get_or_insert(self.version);
        Ok(())
    }

    fn write(&mut self, next: Catalog, is_urgent: bool) -> Result<(), StorageError> {
        let next = Catalog {
            version: VERSION,
            writer: self.writer,
            ..next
        };
        let bytes = encode(&next).map_err(|error| StorageError::io("catalog/", error.into()))?;
        let version = self.version + 1;
        // What could not be read back must not become the newest.
        let readable = decode(&self.numbered.name(version), &bytes);
        readable.map_err(|error| StorageError::io("catalog/", std::io::Error::other(error)))?;
        if is_urgent {
            self.numbered.commit(version, &bytes)?;
        } else {
            self.numbered.commit_ordinary(version, &bytes)?;
        }
        self.version += 1;
        self.current = next;
        if let Some(old) = self.version.checked_sub(KEPT).filter(|old| *old > 0) {
            // A catalog that could not be removed is in nobody's way.
            drop(self.store.delete(&self.numbered.name(old)));
        }
        Ok(())
    }

    /// Removes the old catalogs that earlier openings have not come to remove.
    fn collect(&self) {
        let oldest = (self.version + 1).saturating_sub(KEPT);
        for name in self.numbered.older_than(oldest).unwrap_or_default() {
            drop(self.store.delete(&name));
        }
    }

    /// Forgets a dropped collection whose objects are gone; the next commit makes it last.
    pub(crate) fn forget(&mut self, uuid: Uuid) {
        self.current.dropped.remove(&uuid);
    }
}

/// What the bytes of a catalog begin with; eight hexadecimal digits and [`SEAL_END`] follow. The checksum covers
/// everything after that, so that a changed byte is noticed and people can still read the whole as JSON.
const SEAL: &[u8] = b"{\"crc32c\":\"";
const SEAL_END: &[u8] = b"\",";

pub(crate) fn encode(catalog: &Catalog) -> Result<Vec<u8>, serde_json::Error> {
    let text = serde_json::to_vec_pretty(catalog)?;
    let fields = text.get(1..).unwrap_or_default();
    let digits = format!("{:08x}", crc32c(fields));
    Ok([SEAL, digits.as_bytes(), SEAL_END, fields].concat())
}

pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Catalog, Error> {
    let damaged = |why: &str| Error::new(ErrorKind::Corrupt, format!("{name} is damaged: {why}"));
    let (digits, rest) = bytes
        .strip_prefix(SEAL)
        .and_then(|rest| rest.split_at_checked(8))
        .ok_or_else(|| damaged("it does not begin with a checksum"))?;
    let fields = rest.strip_prefix(SEAL_END).unwrap_or_default();
    if format!("{:08x}", crc32c(fields)).as_bytes() != digits {
        return Err(damaged("its checksum does not match"));
    }
    let catalog: Catalog = serde_json::from_slice(bytes).map_err(|error| damaged(&error.to_string()))?;
    if catalog.version > VERSION {
        let text = format!("{name} has version {}: use a newer program", catalog.version);
        return Err(Error::new(ErrorKind::Corrupt, text));
    }
    Ok(catalog)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let entry = Entry {
            uuid: Uuid::from_u128(7),
            config: CollectionConfig::default(),
            indexes: BTreeMap::new(),
        };
        let catalog = Catalog {
            collections: BTreeMap::from([("art".to_owned(), entry)]),
            ..Catalog::default()
        };
        let bytes = encode(&catalog).unwrap();
        assert!(decode("x", &bytes).is_ok());
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode("x", &changed).is_err(), "byte {at}");
            assert!(decode("x", &bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
