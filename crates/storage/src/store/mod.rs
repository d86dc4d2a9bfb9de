//! Named, immutable objects behind one small trait, and the stores that implement them: a local directory, memory, and
//! memory with faults for tests. Everything durable in Kindred goes through this trait.

mod name;
mod probe;

mod map;

mod bytes;

mod memory;

mod faulty;
mod local;

#[cfg(feature = "cloud")]
mod object;

#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;

use crate::error::Error;

pub use bytes::Object;
pub use faulty::{Fault, FaultyStore};
pub use local::{Durability, LocalStore};
pub use map::Advice;
pub use memory::MemoryStore;

#[cfg(feature = "cloud")]
pub use object::{CloudOptions, ObjectStore};

pub(crate) use map::Map;
pub use name::STORE_NAME;
pub(crate) use name::check_prefix;

/// Immutable objects under names.
///
/// A name is one or more segments of `[a-z0-9._-]` joined by `/`; a segment does not begin with a dot, and the first
/// is not `local`, which is the local directory's own. The single exception is the name `STORE`. Anything else is
/// [`Error::BadName`]. A prefix is empty, or a name followed by `/`.
pub trait Store: Send + Sync {
    /// Writes a new object, whole and durable when this returns.
    ///
    /// [`Error::Exists`]: lost, another object has the name (or, on some object stores, nothing has: get tells).
    /// [`Error::Full`]: the object is certainly absent. [`Error::Io`]: the object may be absent or there, but if a
    /// later get finds it, then it is whole and durable.
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error>;

    /// As `create`, and may use the reserve that a store keeps for a full device: for what frees space or must not fail
    /// for want of it (manifests, seals, catalogs, batches that only delete).
    fn create_urgent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.create(name, bytes)
    }

    /// As `create`, for an object too large to be built in memory: `write` writes its bytes, in order. It is called at
    /// most once; its error is returned, and then the object is certainly absent.
    fn create_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn io::Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut bytes = Vec::new();
        write(&mut bytes)?;
        self.create(name, &bytes)
    }

    /// Reads an object, or the part of it within `range` (bytes). A range is cut at the object's end, and is empty
    /// beyond it: a bounded range is the way to read an object of unknown size safely. A whole object may come as a
    /// memory map, a range is always a copy.
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error>;

    /// The names of all objects below the prefix, at any depth, sorted. Complete as of some instant between call and
    /// return; what does not look like an object is left out.
    fn list(&self, prefix: &str) -> Result<Vec<String>, Error>;

    /// Removes an object; one that is absent already is no error. May come undone by a power cut.
    fn delete(&self, name: &str) -> Result<(), Error>;

    /// Proves that this can become a store: that it is empty ([`Error::Foreign`] if not, unless it has a `STORE`
    /// already), and then, on a scratch object, what the log protocol needs: that create refuses an existing name,
    /// and that get and list see a write and a delete at once. Run before a store is first used.
    fn probe(&self) -> Result<(), Error> {
        probe::check(self)
    }
}
