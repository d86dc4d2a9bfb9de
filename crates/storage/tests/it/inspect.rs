//! Looking at a damaged log: what is believed, what is counted as lost, and that a takeover fences older writers.

use std::sync::Arc;

use kindred_storage::inspect::{LogFound, Shard};
use kindred_storage::{Error, Journal, Lsn, MemoryStore, Store};

const SHARD: &str = "c/1/s0/";

fn open(store: &Arc<MemoryStore>, seed: u128) -> Journal {
    Journal::open::<Error>(store.clone(), SHARD, seed, |_, _| Ok(())).unwrap()
}

/// Epoch 1 has batches of 1, 2 and 1 records and a seal; epoch 2, which is open, has two of 1.
fn written() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let mut journal = open(&store, 1);
    for records in [&["a"][..], &["b", "c"], &["d"]] {
        journal.append(records, false).unwrap();
    }
    let mut journal = open(&store, 2);
    journal.append(&["e"], false).unwrap();
    journal.append(&["f"], false).unwrap();
    store
}

fn slot(epoch: u64, seq: u64) -> String {
    format!("{SHARD}log/{epoch:016x}/{seq:016x}")
}

fn look(store: &Arc<MemoryStore>) -> (LogFound, String) {
    let shard = Shard::new(store.clone(), SHARD).unwrap();
    let (_, newest) = shard.manifests().unwrap().remove(0);
    let mut read = String::new();
    let found = shard.log(&newest.unwrap(), &mut |lsn, record| {
        assert_eq!(lsn, Lsn(read.len() as u64 + 1));
        read.push_str(std::str::from_utf8(record).unwrap());
        Ok(())
    });
    (found.unwrap(), read)
}

/// `damage` makes the new bytes of a slot, or none. Then what is read, and of the break the changes lost and whether
/// those are all.
#[track_caller]
fn check(
    (epoch, seq): (u64, u64),
    damage: impl Fn(Vec<u8>) -> Option<Vec<u8>>,
    want: &str,
    broken: Option<(u64, bool)>,
    harmless: usize,
) {
    let store = written();
    let name = slot(epoch, seq);
    let bytes = store.get(&name, None).unwrap().to_vec();
    store.delete(&name).unwrap();
    if let Some(bytes) = damage(bytes) {
        store.create(&name, &bytes).unwrap();
    }
    let before = store.list("").unwrap();
    let (found, read) = look(&store);
    assert_eq!(store.list("").unwrap(), before);
    assert_eq!((read.as_str(), found.end.0), (want, want.len() as u64 + 1));
    let found_break = found
        .broken
        .as_ref()
        .map(|broken| (broken.changes, broken.is_exact));
    assert_eq!(found_break, broken, "{:?}", found.broken);
    assert_eq!(found.harmless.len(), harmless, "{:?}", found.harmless);
}

fn flip(at: usize) -> impl Fn(Vec<u8>) -> Option<Vec<u8>> {
    move |mut bytes| {
        bytes[at] ^= 1;
        Some(bytes)
    }
}

#[test]
fn a_log_is_believed_up_to_the_damage() {
    let none = |_| None;
    let cut = |at: usize| move |bytes: Vec<u8>| Some(bytes[..at].to_vec());
    check((1, 0), flip(0), "", Some((6, true)), 0);
    check((1, 0), none, "", Some((6, true)), 0);
    // The header tells what it had; its first record can be read.
    check((1, 1), flip(68 + 9 + 8), "ab", Some((4, true)), 0);
    check((1, 1), cut(70), "a", Some((5, true)), 0);
    check((1, 1), none, "a", Some((5, true)), 0);
    check((1, 2), none, "abc", Some((3, true)), 0);
    // A seal holds nothing, as the lsns behind it prove.
    check((1, 3), flip(30), "abcdef", None, 1);
    check((1, 3), none, "abcdef", None, 0);
    check((1, 3), cut(10), "abcdef", None, 1);
    check((2, 0), none, "abcd", Some((2, true)), 0);
    // Nobody knows what a last slot without a header had, and nobody misses a last slot that is gone.
    check((2, 1), cut(10), "abcde", Some((0, false)), 0);
    check((2, 1), flip(68 + 8), "abcde", Some((1, true)), 0);
    check((2, 1), none, "abcde", None, 0);
    // All of it is there, and more.
    check((2, 1), |bytes| Some([bytes, vec![0]].concat()), "abcdef", None, 1);
}

#[test]
fn a_takeover_fences_and_starts_anew() {
    let store = written();
    let mut older = open(&store, 3);
    older.append(&["g"], false).unwrap();
    // Recovery would refuse the log without it.
    store.delete(&slot(2, 0)).unwrap();
    let shard = Shard::new(store.clone(), SHARD).unwrap();
    let base = shard.manifests().unwrap().remove(0).1.unwrap();
    let mut takeover = shard.take_over(&base, 5).unwrap();
    assert!(matches!(older.append(&["h"], false), Err(Error::Fenced { .. })));
    let name = takeover.segment_name();
    store.create(&name, b"abcd").unwrap();
    takeover
        .commit(Lsn(5), vec![name.clone()], b"body".to_vec())
        .unwrap();

    let mut journal =
        Journal::open::<Error>(store.clone(), SHARD, 6, |lsn, _| panic!("replays {lsn}")).unwrap();
    assert_eq!(
        (journal.segments(), journal.body()),
        (std::slice::from_ref(&name), &b"body"[..])
    );
    assert_eq!(journal.append(&["e"], false).unwrap(), Lsn(5));
    journal.garbage().unwrap().collect().unwrap();
    assert!(store.get(&name, None).is_ok());
    let journal = open(&store, 7);
    assert_eq!(journal.next_lsn(), Lsn(6));
}
