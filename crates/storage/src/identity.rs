//! The object `STORE`: what makes a folder or bucket a store of ours, in which format, and which one it is. The engine
//! opens it before it touches anything else.

use std::ops::Range;

use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::fields::{FORMAT_MAJOR, FORMAT_MINOR, Fields, write_prelude};
use crate::put::{Put, put};
use crate::store::{STORE_NAME, Store};

const MAGIC: [u8; 8] = *b"KNDRSTOR";
const BYTES: usize = 32;

/// One byte more than belongs there, to notice it.
const READ: Range<u64> = 0..33;

/// What a store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// A random number (a UUID, big-endian when written as text) that no other store has.
    pub uuid: u128,
    /// Major and minor format version that the store was made with.
    pub format: (u16, u16),
}

impl Identity {
    /// Reads the identity. In a store without one, probes whether the store keeps its promises, and only then makes
    /// one with the caller's random `uuid`; of several first openers one wins and all get its identity.
    ///
    /// [`Error::Version`]: made by a newer program, whose objects cannot be understood.
    pub fn open(store: &dyn Store, uuid: u128) -> Result<Identity, Error> {
        match store.get(STORE_NAME, Some(READ)) {
            Ok(found) => return decode(&found),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        store.probe()?;
        match put(store, STORE_NAME, &encode(uuid), BYTES)? {
            Put::Done => Ok(Identity {
                uuid,
                format: (FORMAT_MAJOR, FORMAT_MINOR),
            }),
            Put::Taken(found) => decode(&found),
        }
    }
}

fn encode(uuid: u128) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(BYTES);
    write_prelude(&mut bytes, &MAGIC);
    bytes.extend_from_slice(&uuid.to_le_bytes());
    let crc = crc32c(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Result<Identity, Error> {
    let mut fields = Fields::new(STORE_NAME, bytes);
    let minor = fields.prelude(&MAGIC)?;
    let uuid = fields.u128()?;
    let crc = fields.u32()?;
    if !fields.rest().is_empty() {
        return Err(Error::corrupt(STORE_NAME, 32, Flaw::Trailing));
    }
    if bytes.get(..BYTES - 4).map(crc32c) != Some(crc) {
        return Err(Error::corrupt(STORE_NAME, 28, Flaw::Checksum));
    }
    Ok(Identity {
        uuid,
        format: (FORMAT_MAJOR, minor),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, FaultyStore, MemoryStore};
    use std::sync::Arc;

    #[test]
    fn the_first_opener_decides() {
        let store = MemoryStore::new();
        let first = Identity::open(&store, 7).unwrap();
        assert_eq!(
            first,
            Identity {
                uuid: 7,
                format: (1, 0)
            }
        );
        assert_eq!(Identity::open(&store, 8).unwrap(), first);
        assert_eq!(store.list("").unwrap(), [STORE_NAME]);
    }

    #[test]
    fn a_newer_major_version_is_refused_and_a_newer_minor_read() {
        for (at, check) in [(8, false), (10, true)] {
            let mut bytes = encode(7);
            bytes[at] = 2;
            let crc = crc32c(&bytes[..28]).to_le_bytes();
            bytes[28..].copy_from_slice(&crc);
            let store = MemoryStore::new();
            store.create(STORE_NAME, &bytes).unwrap();
            match Identity::open(&store, 8) {
                Ok(identity) => assert!(
                    check
                        && identity
                            == Identity {
                                uuid: 7,
                                format: (1, 2)
                            }
                ),
                Err(Error::Version {
                    found: 2,
                    supported: 1,
                    ..
                }) => assert!(!check),
                Err(error) => panic!("{error}"),
            }
        }
    }

    #[test]
    fn every_flip_cut_and_addition_is_noticed() {
        let bytes = encode(7);
        let mut damaged: Vec<Vec<u8>> = (0..bytes.len()).map(|at| bytes[..at].to_vec()).collect();
        damaged.push([&bytes[..], b"x"].concat());
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            damaged.push(flipped);
        }
        for bytes in damaged {
            let store = MemoryStore::new();
            store.create(STORE_NAME, &bytes).unwrap();
            assert!(
                matches!(
                    Identity::open(&store, 8),
                    Err(Error::Corrupt { .. } | Error::Version { .. })
                ),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn a_crash_at_any_call_leaves_a_store_that_opens() {
        let whole = FaultyStore::new(Arc::default());
        Identity::open(&whole, 7).unwrap();
        for (at, seed) in (1..=whole.calls()).flat_map(|at| (0..4).map(move |seed| (at, seed))) {
            let store = FaultyStore::with_fault(Arc::default(), at, Fault::Crash, seed);
            Identity::open(&store, 7).ok();
            let identity = Identity::open(&store.reopen(), 8).unwrap();
            assert!([7, 8].contains(&identity.uuid), "call {at}, seed {seed}");
        }
    }
}
