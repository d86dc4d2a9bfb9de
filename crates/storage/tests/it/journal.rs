//! The journal on a real directory, and how it reports damage.

use std::fs;
use std::sync::Arc;

use kindred_storage::{
    Durability, Error, Fault, FaultyStore, Flaw, Garbage, Journal, LocalStore, Lsn, MemoryStore, Store,
};

use crate::shard::{SHARD, Shard};

#[test]
fn a_directory_keeps_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let open = |seed| {
        let store = LocalStore::open(folder.path(), Durability::Fsync).unwrap();
        Shard::open(Arc::new(store), seed).unwrap()
    };
    let mut expected = Vec::new();
    for seed in 1..6 {
        let mut shard = open(seed);
        assert_eq!(shard.list, expected);
        for number in 0..3 {
            let batch = vec![format!("{seed}.{number}"); 2];
            shard.append(&batch).unwrap();
            expected.extend(batch);
        }
        if seed == 3 {
            shard.checkpoint(3).unwrap();
        }
    }
    let shard = open(9);
    assert_eq!(shard.list, expected);
    assert_eq!(
        shard.journal.segments(),
        ["c/x/s0/seg/0000000000000003-0000000000000001.seg"]
    );
    assert_eq!(shard.journal.replay_from(), Lsn(16));
}

#[test]
fn one_group_commit_is_one_object() {
    let store = Arc::new(kindred_storage::FaultyStore::new(Arc::default()));
    let mut journal = Journal::open::<Error>(store.clone(), SHARD, 1, |_, _| Ok(())).unwrap();
    let calls = store.calls();
    let records = vec![vec![7; 4000]; 100];
    assert_eq!(journal.append(&records, false).unwrap(), Lsn(1));
    assert_eq!(store.calls(), calls + 1);
    assert_eq!(journal.append::<Vec<u8>>(&[], true).unwrap(), Lsn(101));
    assert_eq!(store.calls(), calls + 1, "nothing to write");
}

#[test]
fn damage_on_disk_is_reported_with_its_object() {
    let folder = tempfile::tempdir().unwrap();
    let open = |seed| {
        Shard::open(
            Arc::new(LocalStore::open(folder.path(), Durability::Os).unwrap()),
            seed,
        )
    };
    let mut shard = open(1).unwrap();
    for number in 0..3 {
        shard.append(&[format!("text {number}")]).unwrap();
    }
    drop(shard);
    let slot = "c/x/s0/log/0000000000000001/0000000000000001";
    let mut bytes = fs::read(folder.path().join(slot)).unwrap();
    bytes[80] ^= 0x20;
    fs::write(folder.path().join(slot), bytes).unwrap();
    for seed in [2, 3] {
        let error = open(seed).unwrap_err();
        let is_it =
            matches!(&error, Error::Corrupt { object, offset: 68, flaw: Flaw::Checksum } if object == slot);
        assert!(is_it, "{error}");
    }
}

/// The newest batch was acknowledged, so no opening may go on without it, however often it is tried.
#[test]
fn a_last_batch_that_was_cut_is_refused_at_every_length() {
    let slot = "c/x/s0/log/0000000000000001/0000000000000001";
    let written = || {
        let store = Arc::new(MemoryStore::new());
        let mut shard = Shard::open(store.clone(), 1).unwrap();
        shard.append(&["first".into()]).unwrap();
        shard.append(&["second".into(), "third".into()]).unwrap();
        let bytes = store.get(slot, None).unwrap().to_vec();
        (store, bytes)
    };
    for len in 0..written().1.len() {
        let (store, bytes) = written();
        store.delete(slot).unwrap();
        store.create(slot, &bytes[..len]).unwrap();
        for seed in [2, 3] {
            let error = Shard::open(store.clone(), seed).unwrap_err();
            let place = u64::try_from(len).unwrap();
            let is_it = matches!(&error, Error::Corrupt { object, offset, flaw: Flaw::Short }
                if object == slot && *offset == place);
            assert!(is_it, "cut to {len}: {error}");
        }
        store.delete(slot).unwrap();
        store.create(slot, &bytes).unwrap();
        let repaired = Shard::open(store, 4).unwrap();
        assert_eq!(
            repaired.list,
            ["first", "second", "third"],
            "the refusals broke nothing"
        );
    }
}

#[test]
fn a_log_without_a_manifest_is_not_taken_for_a_new_shard() {
    let store = Arc::new(MemoryStore::new());
    Shard::open(store.clone(), 1)
        .unwrap()
        .append(&["a".into()])
        .unwrap();
    for name in store.list("c/x/s0/m/").unwrap() {
        store.delete(&name).unwrap();
    }
    assert!(matches!(
        Shard::open(store, 2),
        Err(Error::Corrupt {
            flaw: Flaw::Missing,
            ..
        })
    ));
}

#[test]
fn the_caller_can_end_the_replay() {
    #[derive(Debug)]
    struct Mine;
    impl From<Error> for Mine {
        fn from(error: Error) -> Mine {
            panic!("{error}")
        }
    }
    let store = Arc::new(MemoryStore::new());
    Shard::open(store.clone(), 1)
        .unwrap()
        .append(&["a".into(), "b".into()])
        .unwrap();
    let mut seen = 0;
    let ended = Journal::open(store.clone(), SHARD, 2, |_, _| {
        seen += 1;
        Err(Mine)
    });
    assert!(ended.is_err());
    assert_eq!(seen, 1);
    assert_eq!(
        Shard::open(store, 3).unwrap().list,
        ["a", "b"],
        "which harms nothing"
    );
}

#[test]
fn a_bad_shard_prefix_is_refused() {
    for shard in ["c/x", "/", "../", "c/X/"] {
        let refused = Journal::claim(Arc::new(MemoryStore::new()), shard, 1);
        assert!(matches!(refused, Err(Error::BadName { .. })), "{shard}");
    }
}

fn slot(epoch: u64, seq: u64) -> String {
    format!("{SHARD}log/{epoch:016x}/{seq:016x}")
}

fn segment(epoch: u64, number: u64) -> String {
    format!("{SHARD}seg/{epoch:016x}-{number:016x}.seg")
}

fn manifest(version: u64) -> String {
    format!("{SHARD}m/{version:020}.mf")
}

fn open(store: &Arc<MemoryStore>, seed: u128) -> Journal {
    Journal::open::<Error>(store.clone(), SHARD, seed, |_, _| Ok(())).unwrap()
}

#[test]
fn a_checkpoint_names_what_it_has_made_superfluous() {
    let store = Arc::new(MemoryStore::new());
    let mut first = open(&store, 1);
    first.append(&["a", "b"], false).unwrap();
    first.append(&["c"], false).unwrap();
    let mut journal = open(&store, 2);
    journal.append(&["d"], true).unwrap();
    journal.append(&["e", "f"], false).unwrap();
    let elsewhere = "c/y/s0/seg/0000000000000001-0000000000000001.seg".to_owned();
    let names = [
        journal.segment_name(),
        journal.segment_name(),
        journal.segment_name(),
    ];
    assert_eq!(names, [segment(2, 1), segment(2, 2), segment(2, 3)]);
    let [one, two, three] = names;

    // Up to "a": its batch is still needed for "b".
    let segments = vec![one.clone(), two.clone(), elsewhere];
    let garbage = journal.checkpoint(Lsn(2), segments, vec![]).unwrap();
    assert_eq!(garbage.names(), [manifest(2)]);
    // Up to "e", in the middle of a batch.
    let garbage = journal
        .checkpoint(Lsn(6), vec![two.clone(), three], vec![])
        .unwrap();
    assert_eq!(
        garbage.names(),
        [slot(1, 0), slot(1, 1), slot(2, 0), manifest(3), one],
        "and nothing of another shard"
    );
    assert_eq!(garbage.collect().unwrap(), 5);
    let garbage = journal.checkpoint(Lsn(7), vec![two], vec![]).unwrap();
    assert_eq!(garbage.names(), [slot(2, 1), manifest(4), segment(2, 3)]);
    // Uncollected; the next opening finds it, and the manifests of the first openings.
    drop(garbage);
    let next = open(&store, 3);
    assert_eq!(next.next_lsn(), Lsn(7));
    let superfluous = [manifest(1), manifest(2), manifest(4), manifest(5), slot(2, 1)];
    assert_eq!(next.garbage().unwrap().names(), superfluous);
    next.garbage().unwrap().collect().unwrap();
    assert_eq!(store.list("").unwrap(), [slot(1, 2), slot(2, 2), manifest(6)]);
}

#[test]
fn segments_of_older_writers_are_garbage_and_the_own_are_not() {
    let store = Arc::new(MemoryStore::new());
    let mut first = open(&store, 1);
    first.append(&["a"], false).unwrap();
    let (named, unnamed) = (first.segment_name(), first.segment_name());
    for name in [&named, &unnamed] {
        store.create(name, b"x").unwrap();
    }
    drop(first.checkpoint(Lsn(2), vec![named.clone()], vec![]).unwrap());
    let of = |journal: &Journal| -> Vec<String> {
        let names = journal.garbage().unwrap();
        names
            .names()
            .iter()
            .filter(|name| name.contains("/seg/"))
            .cloned()
            .collect()
    };
    assert!(of(&first).is_empty(), "it may be about to commit the second");
    let mut second = open(&store, 2);
    let own = second.segment_name();
    for name in [
        own.as_str(),
        "c/x/s0/seg/stranger.seg",
        "c/x/s0/seg/0000000000000001-2.seg",
    ] {
        store.create(name, b"x").unwrap();
    }
    assert_eq!(of(&second), [unnamed]);
    assert!(matches!(first.garbage(), Err(Error::Fenced { .. })));
    second.garbage().unwrap().collect().unwrap();
    assert!(store.get(&named, None).is_ok() && store.get(&own, None).is_ok());
    Garbage::of(store.clone(), vec![own.clone()]).collect().unwrap();
    assert!(matches!(store.get(&own, None), Err(Error::NotFound { .. })));
}

#[test]
fn an_epoch_without_slots_keeps_its_seal_through_every_collection() {
    let store = Arc::new(MemoryStore::new());
    let mut sleeper = open(&store, 1);
    sleeper.append(&["a"], false).unwrap();
    for seed in 2..6 {
        let mut journal = open(&store, seed);
        assert_eq!(journal.next_lsn(), Lsn(u64::try_from(seed).unwrap()));
        journal.append(&["b"], false).unwrap();
        let from = journal.next_lsn();
        journal
            .checkpoint(from, vec![], vec![])
            .unwrap()
            .collect()
            .unwrap();
        journal.garbage().unwrap().collect().unwrap();
        assert!(journal.garbage().unwrap().is_empty());
        let own = u64::try_from(seed).unwrap();
        let mut expected = vec![slot(1, 1)];
        expected.extend((2..own).map(|epoch| slot(epoch, 1)));
        expected.push(manifest(2 * own - 1));
        assert_eq!(store.list(SHARD).unwrap(), expected);
    }
    assert!(matches!(
        sleeper.append(&["late"], false),
        Err(Error::Fenced { .. })
    ));
}

/// A sleeper between claim and recovery: what it lacks then was collected, and is not damage.
#[test]
fn an_opening_that_was_overtaken_is_fenced_and_reports_no_damage() {
    let store = Arc::new(MemoryStore::new());
    open(&store, 1).append(&["a"], false).unwrap();
    let sleeper = Journal::claim(store.clone(), SHARD, 2).unwrap();
    sleeper.check().unwrap();
    let mut newer = open(&store, 3);
    newer
        .checkpoint(Lsn(2), vec![], vec![])
        .unwrap()
        .collect()
        .unwrap();
    assert!(matches!(sleeper.check(), Err(Error::Fenced { .. })));
    let recovered = sleeper.recover(|_, _| Ok::<(), Error>(()));
    assert!(matches!(recovered, Err(Error::Fenced { .. })));
    newer.append(&["b"], false).unwrap();
}

#[test]
fn a_failure_to_delete_leaves_the_rest_for_later() {
    for (fault, left) in [(Fault::Error, 1), (Fault::LostAnswer, 0), (Fault::Crash, 6)] {
        let image = Arc::new(MemoryStore::new());
        let names: Vec<String> = (1..=6).map(|number| segment(1, number)).collect();
        for name in &names {
            image.create(name, b"x").unwrap();
        }
        let store = Arc::new(FaultyStore::with_fault(image.clone(), 1, fault, 1));
        assert!(Garbage::of(store, names.clone()).collect().is_err());
        let is_left = image.list("").unwrap().len();
        assert!(
            is_left == left || fault == Fault::Crash && is_left == left - 1,
            "{fault:?}: {is_left}"
        );
        assert_eq!(
            Garbage::of(image.clone(), names).collect().unwrap(),
            6,
            "absent is fine"
        );
        assert!(image.list("").unwrap().is_empty());
    }
}
