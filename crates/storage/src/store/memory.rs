//! A store in memory: for tests, and the durable image below the faulty store.

use std::collections::BTreeMap;
use std::ops::Range;

use parking_lot::Mutex;

use super::{Object, Store, name};
use crate::error::Error;

/// Objects in a map. Share it through an `Arc` to give several writers the same store.
#[derive(Debug, Default)]
pub struct MemoryStore {
    objects: Mutex<BTreeMap<String, Object>>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }
}

impl Store for MemoryStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        name::check(name)?;
        let mut objects = self.objects.lock();
        if objects.contains_key(name) {
            return Err(Error::exists(name));
        }
        objects.insert(name.to_owned(), bytes.to_vec().into());
        Ok(())
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        name::check(name)?;
        let objects = self.objects.lock();
        let bytes = objects.get(name).ok_or_else(|| Error::not_found(name))?;
        Ok(match range {
            None => bytes.clone(),
            Some(range) => {
                let start = cut(range.start, bytes.len());
                let end = cut(range.end, bytes.len());
                bytes.get(start..end).unwrap_or_default().to_vec().into()
            }
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        name::check_prefix(prefix)?;
        let objects = self.objects.lock();
        let below = objects.range(prefix.to_owned()..).map(|(name, _)| name);
        Ok(below
            .take_while(|name| name.starts_with(prefix))
            .cloned()
            .collect())
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        name::check(name)?;
        self.objects.lock().remove(name);
        Ok(())
    }
}

fn cut(position: u64, len: usize) -> usize {
    usize::try_from(position).map_or(len, |position| position.min(len))
}
