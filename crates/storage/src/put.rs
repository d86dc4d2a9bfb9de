//! Creating an object when the answer may get lost (rule 7 of the log protocol): whoever is told "exists" or gets an
//! error looks at what is there, and knows its own bytes by the put-id in them. Used by the log and by numbered objects.

use std::io;
use std::sync::Arc;

use crate::error::Error;
use crate::fields::offset;
use crate::store::{Object, Store};

/// How often one object is tried before the last error is final.
const MAX_ATTEMPTS: usize = 4;

/// Random numbers that mark who wrote an object, all different within one opening of the store and, if the seeds are
/// random, among all openings.
#[derive(Debug)]
pub(crate) struct PutIds {
    next: u128,
}

impl PutIds {
    pub(crate) fn new(seed: u128) -> PutIds {
        // An odd factor (2^128 over the golden ratio) keeps small neighbouring seeds, as in tests, far apart.
        PutIds {
            next: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        }
    }

    pub(crate) fn draw(&mut self) -> u128 {
        self.next = self.next.wrapping_add(1);
        self.next
    }
}

/// Whether a create may use the reserve that a store keeps for when it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    Normal,
    /// What makes space in the end (a checkpoint, a delete), or fences another writer.
    Urgent,
}

/// What became of a create.
pub(crate) enum Put {
    /// The object is there, durable, and ours.
    Done,
    /// Another writer's object is there; at most one byte more of it than asked for.
    Taken(Object),
}

/// Creates the object and settles every doubt about it. `max_bytes` bounds what is read of another writer's object.
///
/// [`Error::Full`]: certainly absent. Any other error: in doubt after all attempts.
pub(crate) fn put(
    store: &dyn Store,
    name: &str,
    bytes: &[u8],
    max_bytes: usize,
    urgency: Urgency,
) -> Result<Put, Error> {
    let create = || match urgency {
        Urgency::Normal => store.create(name, bytes),
        Urgency::Urgent => store.create_urgent(name, bytes),
    };
    let read = 0..offset(max_bytes).saturating_add(1);
    let mut is_in_doubt = false;
    let mut last = Arc::new(io::Error::other("create finds the object, but it cannot be read"));
    for _ in 0..MAX_ATTEMPTS {
        match create() {
            Ok(()) => return Ok(Put::Done),
            Err(Error::Exists { .. }) => {}
            Err(Error::Io { source, .. }) => last = source,
            Err(error) if !is_in_doubt => return Err(error),
            // "No space" now does not say that an earlier attempt did not get through.
            Err(_) => continue,
        }
        is_in_doubt = true;
        // If it is absent, or nobody can say, then once more: should this attempt arrive late, it has the same bytes.
        if let Ok(found) = store.get(name, Some(read.clone())) {
            return Ok(if *found == *bytes {
                Put::Done
            } else {
                Put::Taken(found)
            });
        }
    }
    Err(Error::Io {
        object: name.to_owned(),
        source: last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Fault, FaultyStore, MemoryStore};
    use std::collections::BTreeSet;
    use std::ops::Range;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn put_ids_of_neighbouring_seeds_do_not_meet() {
        let mut seen = BTreeSet::new();
        for seed in 0..100 {
            let mut ids = PutIds::new(seed);
            assert!((0..100).all(|_| seen.insert(ids.draw())), "seed {seed}");
        }
    }

    #[test]
    fn single_faults_are_settled() {
        for (fault, expected_calls) in [(Fault::Error, 3), (Fault::LostAnswer, 2)] {
            let store = FaultyStore::with_fault(Arc::default(), 1, fault, 0);
            assert!(
                matches!(put(&store, "a", b"mine", 10, Urgency::Normal), Ok(Put::Done)),
                "{fault:?}"
            );
            assert_eq!(store.calls(), expected_calls, "{fault:?}");
            assert_eq!(*store.get("a", None).unwrap(), *b"mine");
        }
    }

    #[test]
    fn a_lost_race_shows_the_winner_within_bounds() {
        let store = MemoryStore::new();
        store.create("a", b"theirs, and long").unwrap();
        let Ok(Put::Taken(found)) = put(&store, "a", b"mine", 10, Urgency::Normal) else {
            panic!("not taken")
        };
        assert_eq!(*found, *b"theirs, and");
    }

    #[test]
    fn a_crash_ends_after_a_bounded_number_of_calls() {
        let store = FaultyStore::with_fault(Arc::default(), 1, Fault::Crash, 0);
        assert!(matches!(
            put(&store, "a", b"mine", 10, Urgency::Normal),
            Err(Error::Io { .. })
        ));
        assert_eq!(store.calls(), 8);
    }

    /// Answers "exists" the first times though nothing does, as S3 does on 409, then as the script says.
    struct Conflicting(AtomicUsize, MemoryStore);

    impl Store for Conflicting {
        fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => Err(Error::exists(name)),
                1 => Err(Error::io(name, io::ErrorKind::StorageFull.into())),
                _ => self.1.create(name, bytes),
            }
        }
        fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
            self.1.get(name, range)
        }
        fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
            self.1.list(prefix)
        }
        fn delete(&self, name: &str) -> Result<(), Error> {
            self.1.delete(name)
        }
    }

    #[test]
    fn full_is_only_reported_without_doubt() {
        let in_doubt = put(
            &Conflicting(AtomicUsize::new(0), MemoryStore::new()),
            "a",
            b"mine",
            10,
            Urgency::Normal,
        );
        assert!(matches!(in_doubt, Ok(Put::Done)), "the third attempt");
        let certain = put(
            &Conflicting(AtomicUsize::new(1), MemoryStore::new()),
            "a",
            b"mine",
            10,
            Urgency::Normal,
        );
        assert!(matches!(certain, Err(Error::Full { .. })));
    }
}
