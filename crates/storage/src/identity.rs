//! The object `STORE`: what makes a folder or bucket a store of ours, in which format, and which one it is. The engine
//! opens it before it touches anything else.

use std::ops::Range;

use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::fields::{FORMAT_MAJOR, FORMAT_MINOR, Fields, write_prelude};
use crate::put::{Put, Urgency, put};
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
    /// Reads the identity. In a store without one, probes whether it is empty and keeps its promises, and only then
    /// makes one with the caller's random `uuid`; of several first openers one wins and all get its identity.
    ///
    /// [`Error::Version`]: made by a newer program, whose objects cannot be understood. [`Error::Foreign`]: without
    /// identity, but not empty; nothing was changed.
    pub fn open(store: &dyn Store, uuid: u128) -> Result<Identity, Error> {
        if let Some(identity) = read(store)? {
            return Ok(identity);
        }
        match store.probe() {
            Ok(()) => {}
            // What was found may be from another first opener, who was quicker by then.
            Err(error @ Error::Foreign { .. }) => return read(store)?.ok_or(error),
            Err(error) => return Err(error),
        }
        match put(store, STORE_NAME, &encode(uuid), BYTES, Urgency::Normal)? {
            Put::Done => Ok(Identity {
                uuid,
                format: (FORMAT_MAJOR, FORMAT_MINOR),
            }),
            Put::Taken(found) => decode(&found),
        }
    }
}

pub(crate) fn read(store: &dyn Store) -> Result<Option<Identity>, Error> {
    match store.get(STORE_NAME, Some(READ)) {
        Ok(found) => decode(&found).map(Some),
        Err(Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn encode(uuid: u128) -> Vec<u8> {
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
    use crate::store::{Fault, FaultyStore, MemoryStore, Object};
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

    /// Whatever the name: also what looks like ours, and what is beside the probe's own object.
    #[test]
    fn a_store_that_holds_something_else_is_refused_and_left_as_it_is() {
        for name in [
            "c/photos/cat.jpg",
            "catalog/00000000000000000001.json",
            "probe/1",
            "zebra",
        ] {
            let store = FaultyStore::new(Arc::default());
            store.create(name, b"theirs").unwrap();
            store.create("probe/0", b"first").unwrap();
            let before = store.list("").unwrap();
            for uuid in [7, 8] {
                let refused = Identity::open(&store, uuid).unwrap_err();
                assert!(
                    matches!(&refused, Error::Foreign { found } if found == name),
                    "{refused}"
                );
            }
            assert_eq!(store.list("").unwrap(), before);
            assert_eq!(*store.get(name, None).unwrap(), *b"theirs");
        }
    }

    #[test]
    fn what_a_crash_left_of_the_probe_is_not_foreign() {
        let store = MemoryStore::new();
        store.create("probe/0", b"first").unwrap();
        assert_eq!(Identity::open(&store, 7).unwrap().uuid, 7);
        assert_eq!(store.list("").unwrap(), [STORE_NAME]);
    }

    /// Another opener makes the store and its first object right before this one lists, which shows only the latter.
    struct Overtaken(MemoryStore);

    impl Store for Overtaken {
        fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
            self.0.create(name, bytes)
        }
        fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
            self.0.get(name, range)
        }
        fn list(&self, _prefix: &str) -> Result<Vec<String>, Error> {
            self.0.create(STORE_NAME, &encode(7))?;
            Ok(vec!["catalog/00000000000000000001.json".to_owned()])
        }
        fn delete(&self, name: &str) -> Result<(), Error> {
            self.0.delete(name)
        }
    }

    #[test]
    fn the_objects_of_a_quicker_first_opener_are_not_foreign() {
        let identity = Identity::open(&Overtaken(MemoryStore::new()), 8).unwrap();
        assert_eq!(identity.uuid, 7);
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
    fn a_fault_at_any_call_leaves_a_store_that_opens() {
        let whole = FaultyStore::new(Arc::default());
        Identity::open(&whole, 7).unwrap();
        let mut left_by_the_probe = 0;
        for fault in [Fault::Crash, Fault::Error, Fault::LostAnswer, Fault::Full] {
            for (at, seed) in (1..=whole.calls()).flat_map(|at| (0..4).map(move |seed| (at, seed))) {
                let store = FaultyStore::with_fault(Arc::default(), at, fault, seed);
                Identity::open(&store, 7).ok();
                let next = store.reopen();
                left_by_the_probe += usize::from(next.list("").unwrap() == ["probe/0"]);
                let identity = Identity::open(&next, 8)
                    .unwrap_or_else(|error| panic!("{fault:?} at call {at}, seed {seed}: {error}"));
                assert!(
                    [7, 8].contains(&identity.uuid),
                    "{fault:?} at call {at}, seed {seed}"
                );
            }
        }
        assert!(left_by_the_probe > 0, "the sweep passes through the probe");
    }
}
