//! A file of named, aligned regions with a table at its end: segments and snapshots are such objects. Writing is one pass
//! without seeking; opening reads the first and last bytes only, so a large object that is mapped is not touched.
//!
//! INVARIANT: what `open` gives is within the object, without overlap and aligned; whether the bytes of a region are
//! those that were written, `Region::check` says, and nobody else.

mod open;
mod write;

#[cfg(test)]
mod tests;

pub use open::{Region, Regions};
pub use write::RegionWriter;

/// The first bytes of a segment.
pub const SEGMENT_MAGIC: [u8; 8] = *b"KNDRSEGM";

/// The first bytes of a snapshot.
pub const SNAPSHOT_MAGIC: [u8; 8] = *b"KNDRSNAP";

/// Every region begins at a multiple of this many bytes, from the start of the object.
pub const ALIGNMENT_BYTES: u64 = 64;

/// The most regions that one object may have.
pub const MAX_REGIONS: usize = 65_536;

/// The longest name of a region, in bytes.
pub const MAX_NAME_BYTES: usize = 128;

/// The last bytes of every object of regions.
const TAIL_MAGIC: [u8; 8] = *b"KNDRTAIL";
/// Where the table begins (u64), its bytes (u32) and checksum (u32), the bytes of the object (u64), the checksum of
/// these (u32), magic (8).
const TAIL_BYTES: usize = 36;
/// Of the tail, what its own checksum covers.
const TAIL_CHECKED_BYTES: usize = 24;

/// The prelude and four zeros.
const HEAD_BYTES: usize = 16;

/// An entry of the table with a name of one byte, the smallest.
const MIN_ENTRY_BYTES: usize = 2 + 1 + 8 + 8 + 4;

/// Bytes between `at` and the next multiple of [`ALIGNMENT_BYTES`].
fn gap(at: u64) -> u64 {
    at.wrapping_neg() % ALIGNMENT_BYTES
}

/// Names are `[a-z0-9._/-]`, 1 to [`MAX_NAME_BYTES`] of them. They are no paths: nothing is ever made under them.
fn is_name(name: &str) -> bool {
    let is_good = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-');
    (1..=MAX_NAME_BYTES).contains(&name.len()) && name.bytes().all(is_good)
}
