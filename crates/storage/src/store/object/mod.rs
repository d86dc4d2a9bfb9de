//! A store in a bucket: S3, Google Cloud Storage, Azure Blob Storage, and what speaks the language of one of them.
//! Only with the feature `cloud`, so that programs that embed Kindred do not build it without need.
//!
//! INVARIANT: `create` rests on the service's own create-if-absent. A service that lacks it, or does it in two steps,
//! is refused by `probe` before the first object of ours is written.

mod place;

mod remote;

mod cache;

mod race;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use self::cache::{Cache, Draft};
use self::remote::{Look, PART_BYTES, Remote};
use super::name::{self, STORE_NAME};
use super::{Object, Store};
use crate::error::Error;

pub use place::CloudOptions;
use place::Place;

/// Whole objects from this size on go through the cache folder and come as memory maps.
const MAP_FROM_BYTES: u64 = 1 << 20;

/// The objects below a prefix of a bucket. May be called from any thread, also from those of another runtime.
pub struct ObjectStore {
    place: String,
    remote: Remote,
    cache: Cache,
}

impl ObjectStore {
    /// Opens `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`, and removes copies from the cache
    /// folder that no object has any more. [`Error::Io`]: the address, an option or a variable cannot be understood, or
    /// the cache folder cannot be made. That a service cannot be reached shows in the first call.
    pub fn open(url: &str, options: &CloudOptions) -> Result<ObjectStore, Error> {
        let place = Place::parse(url)?;
        let client = place.client(options)?;
        // Two services may have buckets of one name; the client's own text does not tell them apart.
        let endpoint = options
            .endpoint
            .clone()
            .or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
        let full = format!(
            "{place}{}",
            endpoint.map(|at| format!(" at {at}")).unwrap_or_default()
        );
        ObjectStore::with_client(client, full, place.prefix, options)
    }

    fn with_client(
        client: Arc<dyn object_store::ObjectStore>,
        place: String,
        prefix: String,
        options: &CloudOptions,
    ) -> Result<ObjectStore, Error> {
        let cache = Cache::open(&options.cache, &place)?;
        // A limit of nothing would fail every call.
        let timeout = options.timeout.max(Duration::from_millis(1));
        let remote = Remote::new(client, place.clone(), prefix, timeout)?;
        let store = ObjectStore { place, remote, cache };
        store.sweep_cache();
        Ok(store)
    }

    /// The address and the endpoint.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn sweep_cache(&self) {
        if self.cache.is_empty() {
            return;
        }
        // If the service does not answer, then another time.
        if let Ok(names) = self.list("") {
            self.cache.sweep(&names.into_iter().collect::<BTreeSet<_>>());
        }
    }

    /// An object that is not small: its copy, or a new one.
    fn large(&self, name: &str, version: &remote::Version) -> Result<Object, Error> {
        if let Some(copy) = self.cache.find(name, version) {
            return Ok(copy);
        }
        let mut draft = self.cache.draft(name)?;
        self.remote.download(name, version.size, &mut draft.file)?;
        self.cache.keep(name, version, draft)?;
        self.cache.find(name, version).ok_or_else(|| {
            Error::io(
                name,
                io::Error::other("its copy vanished from the cache folder at once"),
            )
        })
    }

    fn send(&self, name: &str, mut draft: Draft) -> Result<(), Error> {
        let at_draft = |source| Error::io(name, source);
        let size = draft.file.seek(SeekFrom::End(0)).map_err(at_draft)?;
        draft.file.rewind().map_err(at_draft)?;
        if size > PART_BYTES {
            self.remote.upload(name, &mut draft.file, size)?;
        } else {
            let mut bytes = Vec::new();
            draft.file.read_to_end(&mut bytes).map_err(at_draft)?;
            self.create_settled(name, bytes)?;
        }
        // The next reader, who is likely to be this process, need not fetch what is here. No matter if it has to.
        if size >= MAP_FROM_BYTES
            && let Ok(version) = self.remote.version(name)
            && version.size == size
        {
            self.cache.keep(name, &version, draft).ok();
        }
        Ok(())
    }

    /// Creates; told "exists" or nothing, looks whether the object is ours (rule 7 of the log protocol).
    fn create_settled(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        match self.remote.create(name, bytes.clone()) {
            Err(error @ (Error::Exists { .. } | Error::Io { .. })) => {
                let enough = u64::try_from(bytes.len()).unwrap_or(u64::MAX).saturating_add(1);
                match self.remote.read(name, 0, enough) {
                    Ok(found) if found == bytes => Ok(()),
                    Ok(_) => Err(Error::exists(name)),
                    Err(_) => Err(error),
                }
            }
            outcome => outcome,
        }
    }
}

impl Store for ObjectStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        name::check(name)?;
        self.remote.create(name, bytes.to_vec())
    }

    /// Goes through a file in the cache folder. Above 8 MiB the object is sent in parts; then the name must be one that
    /// nobody else writes, as a segment's is: that it is absent is only looked up before.
    fn create_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn io::Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        name::check(name)?;
        let draft = self.cache.draft(name)?;
        let mut out = BufWriter::with_capacity(1 << 18, &draft.file);
        write(&mut out)?;
        out.flush().map_err(|source| Error::io(name, source))?;
        drop(out);
        self.send(name, draft)
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        name::check(name)?;
        if let Some(range) = range {
            return self.remote.read(name, range.start, range.end).map(Object::from);
        }
        match self.remote.look(name, MAP_FROM_BYTES)? {
            Look::Small(bytes) => Ok(bytes.into()),
            Look::Large(version) => self.large(name, &version),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        name::check_prefix(prefix)?;
        let mut names = self.remote.keys(prefix)?;
        names.retain(|name| name::is_name(name));
        names.sort_unstable();
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        name::check(name)?;
        self.cache.forget(name);
        self.remote.delete(name)
    }

    /// Looks at all keys, as the grammar of names hides from a list what strangers may have here; then lets 8 writers
    /// race for 20 objects.
    fn probe(&self) -> Result<(), Error> {
        let keys = self.remote.keys("")?;
        if !keys.iter().any(|key| key == STORE_NAME)
            && let Some(found) = keys.into_iter().find(|key| !race::is_scratch(key))
        {
            return Err(Error::Foreign { found });
        }
        race::check(self)
    }
}

impl fmt::Debug for ObjectStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
