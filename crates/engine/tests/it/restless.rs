//! The engine in a restless life: sealed, merged and opened again in between, on memory or on mapped files.

use std::sync::Arc;

use kindred_storage::{Durability, LocalStore, MemoryStore, Store};
use kindred_testkit::subject::{Change, Subject};

use crate::engine::Engine;

/// Where the bytes are.
pub(crate) enum Home {
    Memory(Arc<MemoryStore>),
    /// A folder that is opened anew every time, all segments of which are mapped.
    Folder(tempfile::TempDir),
}

impl Home {
    pub(crate) fn memory() -> Self {
        Self::Memory(Arc::new(MemoryStore::new()))
    }

    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Memory(store) => store.clone(),
            Self::Folder(folder) => {
                let mut store = LocalStore::open(folder.path(), Durability::Os).unwrap();
                store.map_from(1);
                Arc::new(store)
            }
        }
    }
}

/// An engine, and the store that it comes back to.
pub(crate) struct Restless {
    home: Home,
    engine: Option<Engine>,
    openings: u64,
}

impl Restless {
    pub(crate) fn new(home: Home) -> Self {
        let mut own = Self {
            home,
            engine: None,
            openings: 0,
        };
        own.reopen();
        own
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    pub(crate) fn engine_mut(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// Closes the database and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.engine = None;
        self.openings += 1;
        self.engine = Some(Engine::open(self.home.store(), self.openings).unwrap());
    }

    /// Does one of these to all collections: nothing, sealing, merging, opening again.
    pub(crate) fn stir(&mut self, dice: u64) {
        match dice % 6 {
            0 | 1 => {
                for collection in self.engine().database.collections() {
                    let engine = self.engine_mut();
                    engine
                        .change(&Change::Seal {
                            collection: collection.clone(),
                        })
                        .unwrap();
                    if dice % 6 == 1 {
                        engine.change(&Change::Compact { collection }).unwrap();
                    }
                }
            }
            2 => self.reopen(),
            _ => {}
        }
    }
}
