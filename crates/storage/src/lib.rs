//! Bytes that survive: named objects in a [`Store`], and on top of it numbered durable batches, a manifest and the
//! [`Journal`] that a shard of the engine writes through. It knows nothing of points, vectors or filters.
//!
//! INVARIANT: every safety argument here rests on two things only: create-if-absent, and strongly consistent get and
//! list. No clock, no lease, no randomness of its own. The modules are listed from the ground up.

mod checksum;
mod error;

mod store;

pub mod fields;
pub mod frame;
pub mod regions;
mod put;

mod identity;
mod numbered;

mod log;
mod manifest;

mod garbage;

mod journal;

mod snapshots;

pub mod inspect;

pub use checksum::crc32c;
pub use error::{Error, Flaw};
pub use garbage::Garbage;
pub use identity::Identity;
pub use journal::{Claimed, Journal};
pub use log::{Lsn, MAX_BATCH_BYTES, batch_bytes};
pub use numbered::{MAX_NUMBERED_BYTES, Numbered};
pub use regions::{Region, RegionWriter, Regions};
pub use snapshots::{Draft, SnapshotFile, SnapshotReader, Snapshots, is_snapshot_name, load_file, sha256};
pub use store::{Advice, Durability, Fault, FaultyStore, LocalStore, MemoryStore, Object, STORE_NAME, Store};
#[cfg(feature = "cloud")]
pub use store::{CloudOptions, ObjectStore};
