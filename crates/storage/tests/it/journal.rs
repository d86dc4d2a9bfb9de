//! The journal on a real directory, and how it reports damage.

use std::fs;
use std::sync::Arc;

use kindred_storage::{Durability, Error, Flaw, Journal, LocalStore, Lsn, MemoryStore, Store};

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
    assert_eq!(shard.journal.segments(), ["upto-15"]);
    assert_eq!(shard.journal.replay_from(), Lsn(16));
}

#[test]
fn one_group_commit_is_one_object() {
    let store = Arc::new(kindred_storage::FaultyStore::new(Arc::default()));
    let mut journal = Journal::open::<Error>(store.clone(), SHARD, 1, |_, _| Ok(())).unwrap();
    let calls = store.calls();
    let records = vec![vec![7; 4000]; 100];
    assert_eq!(journal.append(&records).unwrap(), Lsn(1));
    assert_eq!(store.calls(), calls + 1);
    assert_eq!(journal.append::<Vec<u8>>(&[]).unwrap(), Lsn(101));
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
