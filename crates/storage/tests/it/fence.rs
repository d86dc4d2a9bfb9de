//! Several writers of one shard: the newest opening wins, the others cannot acknowledge, nothing acknowledged is lost,
//! wherever a writer is stalled while another goes on.

use std::ops::Range;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use kindred_storage::{Error, MemoryStore, Object, Store};
use proptest::prelude::*;

use crate::shard::Shard;

#[test]
fn the_second_opening_fences_the_first() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut first = Shard::open(store.clone(), 1).unwrap();
    first.append(&["a".into()]).unwrap();
    let mut second = Shard::open(store.clone(), 2).unwrap();
    assert_eq!(second.list, ["a"]);
    assert_eq!(second.journal.epoch(), first.journal.epoch() + 1);
    for _ in 0..2 {
        assert!(matches!(
            first.append(&["lost".into()]),
            Err(Error::Fenced { .. })
        ));
        assert!(matches!(first.checkpoint(0), Err(Error::Fenced { .. })));
    }
    assert!(matches!(first.journal.poison(), Some(Error::Fenced { .. })));
    second.append(&["b".into()]).unwrap();
    assert_eq!(Shard::open(store, 3).unwrap().list, ["a", "b"]);
}

#[test]
fn a_fenced_checkpoint_stops_the_writer_too() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let mut first = Shard::open(store.clone(), 1).unwrap();
    first.append(&["a".into()]).unwrap();
    let second = Shard::open(store.clone(), 2).unwrap();
    assert!(matches!(first.checkpoint(0), Err(Error::Fenced { .. })));
    assert_eq!(second.list, Shard::open(store, 3).unwrap().list);
}

/// Lets something else happen right before the n-th call.
struct Stalling {
    image: Arc<MemoryStore>,
    calls: AtomicU64,
    at: u64,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Stalling {
    fn count(&self) -> &MemoryStore {
        if self.calls.fetch_add(1, Ordering::Relaxed) + 1 == self.at
            && let Some(meanwhile) = self.meanwhile.lock().unwrap().take()
        {
            meanwhile();
        }
        &self.image
    }
}

impl Store for Stalling {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.count().create(name, bytes)
    }
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.count().get(name, range)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.count().list(prefix)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.count().delete(name)
    }
}

/// What was acknowledged, in the order of the answers.
type Acknowledged = Arc<Mutex<Vec<String>>>;

/// Opens, appends and checkpoints; stops at the first error, which may only be a fence.
fn work(store: Arc<dyn Store>, seed: u128, acknowledged: &Acknowledged) {
    let note = |text: String| acknowledged.lock().unwrap().push(text);
    let act = || -> Result<(), Error> {
        let mut shard = Shard::open(store.clone(), seed)?;
        for number in 0..2 {
            let text = format!("{seed}.{number}");
            shard.append(std::slice::from_ref(&text))?;
            note(text);
        }
        shard.checkpoint(1)?;
        let text = format!("{seed}.last");
        shard.append(std::slice::from_ref(&text))?;
        note(text);
        Ok(())
    };
    match act() {
        Ok(()) | Err(Error::Fenced { .. }) => {}
        Err(error) => panic!("writer {seed}: {error}"),
    }
}

/// Writer 3 is stalled at its n-th call while writer 4 does all its work, itself stalled at its m-th while 5 works.
#[test]
fn a_writer_stalled_at_any_call_loses_and_breaks_nothing() {
    let mut n = 0;
    loop {
        n += 1;
        let mut stalled_four = true;
        let mut m = 0;
        while stalled_four {
            m += 1;
            let image = Arc::new(MemoryStore::new());
            let acknowledged = Acknowledged::default();
            work(image.clone(), 1, &acknowledged);
            work(image.clone(), 2, &acknowledged);
            let stalling = |at, meanwhile: Box<dyn FnOnce() + Send>| {
                let (calls, meanwhile) = (AtomicU64::new(0), Mutex::new(Some(meanwhile)));
                Arc::new(Stalling {
                    image: image.clone(),
                    calls,
                    at,
                    meanwhile,
                })
            };
            let five: Box<dyn FnOnce() + Send> = {
                let (image, acknowledged) = (image.clone(), acknowledged.clone());
                Box::new(move || work(image, 5, &acknowledged))
            };
            let four_store = stalling(m, five);
            let four: Box<dyn FnOnce() + Send> = {
                let (store, acknowledged) = (four_store.clone(), acknowledged.clone());
                Box::new(move || work(store, 4, &acknowledged))
            };
            let three_store = stalling(n, four);
            work(three_store.clone(), 3, &acknowledged);
            stalled_four = four_store.meanwhile.lock().unwrap().is_none();
            let stalled_three = three_store.meanwhile.lock().unwrap().is_none();
            let found = Shard::open(image, 6).unwrap().list;
            let expected = acknowledged.lock().unwrap().clone();
            // A text may be there unacknowledged only if its writer was stalled between writing and answering, which
            // no call lies between here; so the lists are equal.
            assert_eq!(found, expected, "stalled at {n} and {m}");
            if !stalled_three {
                assert!(n > 15, "the writer makes {n} calls");
                return;
            }
        }
    }
}

proptest! {
    /// Three handles on one shard, used in any order.
    #[test]
    fn any_interleaving_of_calls_keeps_what_was_acknowledged(
        steps in prop::collection::vec((0_usize..3, 0_u8..4), 1..40)
    ) {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut handles: [Option<Shard>; 3] = [None, None, None];
        let mut expected: Vec<String> = Vec::new();
        let mut newest = None;
        for (number, (who, what)) in steps.into_iter().enumerate() {
            let handle = &mut handles[who];
            match (what, handle) {
                (0, handle) => {
                    *handle = Some(Shard::open(store.clone(), u128::try_from(number).unwrap()).unwrap());
                    prop_assert_eq!(&handle.as_ref().unwrap().list, &expected);
                    newest = Some(who);
                }
                (_, None) => {}
                (1, Some(shard)) => {
                    let done = shard.checkpoint(number % 3);
                    let is_expected = matches!(done, Ok(()) | Err(Error::Fenced { .. }));
                    prop_assert!(is_expected);
                }
                (_, Some(shard)) => {
                    let text = format!("text {number}");
                    let done = shard.append(std::slice::from_ref(&text));
                    prop_assert_eq!(done.is_ok(), newest == Some(who), "the newest opening can write, no other can");
                    if done.is_ok() {
                        expected.push(text);
                    }
                }
            }
        }
        prop_assert_eq!(Shard::open(store, u128::MAX).unwrap().list, expected);
    }
}
