//! An array of a segment: owned by a segment in memory, or part of a stored object. Used by ids, columns and payload
//! blocks, so that one code path reads both.
//!
//! INVARIANT: the bytes of a stored array were found to be aligned and a whole number of items when it was opened.

use std::fmt;
use std::ops::Deref;

use bytemuck::Pod;
use kindred_storage::{Error, Flaw, Region, Regions};

#[cfg(target_endian = "big")]
compile_error!("segments are little-endian and used where they lie: big-endian machines are not supported");

/// Items that never change.
pub(crate) struct Buffer<T> {
    items: Items<T>,
    /// Where the first byte lies in its object.
    at: u64,
}

enum Items<T> {
    Owned(Vec<T>),
    Stored(Region),
}

impl<T> Default for Buffer<T> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<T> From<Vec<T>> for Buffer<T> {
    fn from(items: Vec<T>) -> Self {
        Self {
            items: Items::Owned(items),
            at: 0,
        }
    }
}

impl<T: Pod> Deref for Buffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.items {
            Items::Owned(items) => items,
            // Never empty but by a stored array that is: see the invariant.
            Items::Stored(region) => bytemuck::try_cast_slice(region).unwrap_or_default(),
        }
    }
}

impl<T: Pod> fmt::Debug for Buffer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} items)", self.len())
    }
}

impl<T: Pod> Buffer<T> {
    /// The items of a region; `None` unless it holds a whole number of them.
    fn open(region: Region) -> Option<Self> {
        let at = region.offset();
        if !region.len().is_multiple_of(size_of::<T>()) {
            return None;
        }
        // Regions are aligned within their object; bytes on the heap need not be aligned themselves.
        let items = if bytemuck::try_cast_slice::<u8, T>(&region).is_ok() {
            Items::Stored(region)
        } else {
            Items::Owned(bytemuck::allocation::pod_collect_to_vec(&region))
        };
        Some(Self { items, at })
    }

    /// The array called `region` in a segment object; one without items has no region. `count` is how many items it
    /// must have, if that is known. Its bytes are not read.
    pub(crate) fn read(regions: &Regions, region: &str, count: Option<usize>) -> Result<Self, Error> {
        let Some(found) = regions.region(region) else {
            return match count {
                None | Some(0) => Ok(Self::default()),
                Some(_) => Err(Error::corrupt(
                    regions.name(),
                    0,
                    Flaw::Value("the list of regions"),
                )),
            };
        };
        let damage = Error::corrupt(
            regions.name(),
            found.offset(),
            Flaw::Value("the size of an array"),
        );
        match Self::open(found) {
            Some(items) if !items.is_empty() && count.is_none_or(|count| count == items.len()) => Ok(items),
            Some(_) | None => Err(damage),
        }
    }

    /// As [`Buffer::read`], and compares its bytes with their checksum.
    pub(crate) fn read_checked(regions: &Regions, region: &str, count: Option<usize>) -> Result<Self, Error> {
        if let Some(region) = regions.region(region) {
            region.check()?;
        }
        Self::read(regions, region, count)
    }

    /// The damage that item `index` shows.
    pub(crate) fn damage(&self, object: &str, index: usize, field: &'static str) -> Error {
        self.flawed(object, index, Flaw::Value(field))
    }

    /// As [`Buffer::damage`], for any flaw.
    pub(crate) fn flawed(&self, object: &str, index: usize, flaw: Flaw) -> Error {
        let bytes = u64::try_from(index.saturating_mul(size_of::<T>())).unwrap_or(u64::MAX);
        Error::corrupt(object, self.at.saturating_add(bytes), flaw)
    }

    /// Memory of its own that it takes, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.items {
            Items::Owned(items) => items.capacity().saturating_mul(size_of::<T>()),
            Items::Stored(_) => 0,
        }
    }
}

/// The items of a list of lists, from where each ends: `None` when the ends do not say so.
pub(crate) fn between(ends: &[u64], place: usize) -> Option<std::ops::Range<usize>> {
    let start = match place.checked_sub(1) {
        Some(before) => *ends.get(before)?,
        None => 0,
    };
    Some(usize::try_from(start).ok()?..usize::try_from(*ends.get(place)?).ok()?)
}
