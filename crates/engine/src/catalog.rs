//! Which collections there are, how they are configured, and their aliases. One numbered JSON object, replaced as
//! a whole: readable by people, committed by create-if-absent.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_model::config::{CollectionConfig, FieldSchema};
use kindred_model::path::JsonPath;
use kindred_storage::{Numbered, Store};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

/// The layout of the JSON below.
const VERSION: u32 = 1;

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
}

/// One collection. Its name never becomes part of an object's name; the uuid does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) uuid: Uuid,
    pub(crate) config: CollectionConfig,
    pub(crate) indexes: BTreeMap<JsonPath, FieldSchema>,
}

/// The newest catalog, and where the next one goes.
pub(crate) struct CatalogStore {
    store: Arc<dyn Store>,
    numbered: Numbered,
    version: u64,
    writer: Uuid,
    current: Catalog,
}

impl CatalogStore {
    /// Reads the newest catalog of the store; an empty store has an empty one. `writer` names this opening.
    pub(crate) fn open(store: Arc<dyn Store>, writer: Uuid) -> Result<Self, Error> {
        let numbered = Numbered::open(Arc::clone(&store), "catalog/", ".json")?;
        let (version, current) = match numbered.newest()? {
            None => (0, Catalog::default()),
            Some((version, bytes)) => {
                let catalog: Catalog = serde_json::from_slice(&bytes).map_err(|error| {
                    Error::new(ErrorKind::Corrupt, format!("{}: {error}", numbered.name(version)))
                })?;
                if catalog.version > VERSION {
                    let name = numbered.name(version);
                    let text = format!("{name} has version {}: use a newer program", catalog.version);
                    return Err(Error::new(ErrorKind::Corrupt, text));
                }
                (version, catalog)
            }
        };
        Ok(Self {
            store,
            numbered,
            version,
            writer,
            current,
        })
    }

    /// The newest catalog.
    pub(crate) fn current(&self) -> &Catalog {
        &self.current
    }

    /// Makes `next` the newest catalog, durably.
    pub(crate) fn commit(&mut self, next: Catalog) -> Result<(), Error> {
        let next = Catalog {
            version: VERSION,
            writer: self.writer,
            ..next
        };
        let bytes = serde_json::to_vec_pretty(&next).map_err(|error| {
            Error::new(
                ErrorKind::Internal,
                format!("the catalog cannot be written: {error}"),
            )
        })?;
        self.numbered.commit(self.version + 1, &bytes)?;
        self.version += 1;
        self.current = next;
        if let Some(old) = self.version.checked_sub(KEPT).filter(|old| *old > 0) {
            // A catalog that could not be removed is in nobody's way.
            drop(self.store.delete(&self.numbered.name(old)));
        }
        Ok(())
    }
}
