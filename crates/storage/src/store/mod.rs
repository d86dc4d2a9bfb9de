//! Named, immutable objects behind five methods, and the stores that implement them: a local directory, memory, and
//! memory with faults for tests. Everything durable in Kindred goes through this trait.

mod name;
mod probe;

mod memory;

mod faulty;
mod local;

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::{Deref, Range};

use crate::error::Error;

pub use faulty::{Fault, FaultyStore};
pub use local::{Durability, LocalStore};
pub use memory::MemoryStore;

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

    /// Reads an object, or the part of it within `range` (bytes). A range is cut at the object's end, and is empty
    /// beyond it: a bounded range is the way to read an object of unknown size safely.
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

/// The bytes of an object, or of a part of it. A type of its own so that a store may hand out a memory map.
#[derive(Clone, PartialEq, Eq)]
pub struct Object(Vec<u8>);

impl Deref for Object {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Object {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Object {
    fn from(bytes: Vec<u8>) -> Object {
        Object(bytes)
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} bytes)", self.0.len())
    }
}
