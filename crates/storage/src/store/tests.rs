//! One conformance suite for every store, and what the faulty store promises to crash tests.

use std::sync::Arc;
use std::thread;

use super::*;

/// What every store must do; the store must be empty.
fn conformance(store: &dyn Store) {
    store.probe().unwrap();
    assert_eq!(store.list("").unwrap(), [""; 0], "a probe leaves nothing");
    refuses_bad_names(store);
    writes_once(store);
    writes_in_every_way(store);
    reads_ranges(store);
    lists(store);
    deletes(store);
    one_of_many_wins(store);
}

fn refuses_bad_names(store: &dyn Store) {
    for name in [
        "",
        "..",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "A",
        "a//b",
        "local/lock",
        "a\0b",
    ] {
        assert!(
            matches!(store.create(name, b"x"), Err(Error::BadName { .. })),
            "{name:?}"
        );
        assert!(
            matches!(store.get(name, None), Err(Error::BadName { .. })),
            "{name:?}"
        );
        assert!(
            matches!(store.delete(name), Err(Error::BadName { .. })),
            "{name:?}"
        );
    }
    for prefix in ["a", "/", "../", "local/"] {
        assert!(
            matches!(store.list(prefix), Err(Error::BadName { .. })),
            "{prefix:?}"
        );
    }
}

fn writes_once(store: &dyn Store) {
    store.create("once/a", b"first").unwrap();
    let lost = store.create("once/a", b"second");
    assert!(
        matches!(&lost, Err(Error::Exists { object }) if object == "once/a"),
        "{lost:?}"
    );
    assert_eq!(*store.get("once/a", None).unwrap(), *b"first");
    store.create("once/empty", b"").unwrap();
    assert_eq!(*store.get("once/empty", None).unwrap(), *b"");
    store.create("STORE", b"capitals").unwrap();
    assert_eq!(*store.get("STORE", None).unwrap(), *b"capitals");
    store.delete("STORE").unwrap();
    let big = vec![7; 3 << 20];
    store.create("once/big", &big).unwrap();
    assert!(*store.get("once/big", None).unwrap() == *big);
}

fn writes_in_every_way(store: &dyn Store) {
    store.create_urgent("way/urgent", b"now").unwrap();
    assert_eq!(*store.get("way/urgent", None).unwrap(), *b"now");
    let streamed = |name: &str| {
        store.create_with(name, &mut |out| {
            let parts = (0..100_000_u32).map(u32::to_le_bytes);
            let written = { parts }.try_for_each(|part| out.write_all(&part));
            written.map_err(|source| Error::io(name, source))
        })
    };
    streamed("way/streamed").unwrap();
    let object = store.get("way/streamed", None).unwrap();
    let expected: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    assert!(*object == *expected);
    assert_eq!(*store.get("way/streamed", Some(4..9)).unwrap(), [1, 0, 0, 0, 2]);
    store.create_with("way/empty", &mut |_| Ok(())).unwrap();
    assert_eq!(*store.get("way/empty", None).unwrap(), *b"");
    assert!(matches!(streamed("way/urgent"), Err(Error::Exists { .. })));
    assert!(matches!(
        store.create_urgent("way/empty", b"x"),
        Err(Error::Exists { .. })
    ));
    assert!(matches!(streamed("../x"), Err(Error::BadName { .. })));
    assert!(matches!(
        store.create_urgent("", b"x"),
        Err(Error::BadName { .. })
    ));
    let failed = store.create_with("way/failed", &mut |out| {
        out.write_all(b"half").unwrap();
        Err(Error::not_found("its source"))
    });
    assert!(matches!(failed, Err(Error::NotFound { object }) if object == "its source"));
    assert!(matches!(
        store.get("way/failed", None),
        Err(Error::NotFound { .. })
    ));
    assert_eq!(
        store.list("way/").unwrap(),
        ["way/empty", "way/streamed", "way/urgent"]
    );
}

fn reads_ranges(store: &dyn Store) {
    store.create("range/a", b"0123456789").unwrap();
    let cases: [(Range<u64>, &[u8]); 8] = [
        (0..10, b"0123456789"),
        (0..0, b""),
        (3..5, b"34"),
        (9..10, b"9"),
        (7..u64::MAX, b"789"),
        (10..12, b""),
        (u64::MAX - 1..u64::MAX, b""),
        (Range { start: 5, end: 3 }, b""),
    ];
    for (range, expected) in cases {
        assert_eq!(
            *store.get("range/a", Some(range.clone())).unwrap(),
            *expected,
            "{range:?}"
        );
    }
    for name in ["range/b", "range", "absent/deep/down"] {
        let absent = store.get(name, None);
        assert!(
            matches!(&absent, Err(Error::NotFound { object }) if object == name),
            "{name}: {absent:?}"
        );
    }
}

fn lists(store: &dyn Store) {
    // Sorted as whole names: '-' and '.' come before '/', so "l/a-b" comes before "l/a/b".
    let expected = ["l/a-b", "l/a/b", "l/a/c/d", "l/a0", "l/b"];
    for name in ["l/b", "l/a/c/d", "l/a0", "l/a/b", "l/a-b"] {
        store.create(name, b"").unwrap();
    }
    assert_eq!(store.list("l/").unwrap(), expected);
    assert_eq!(
        store.list("l/a/").unwrap(),
        ["l/a/b", "l/a/c/d"],
        "not l/a-b, not l/a0"
    );
    assert_eq!(store.list("nothing/here/").unwrap(), [""; 0]);
    assert!(
        expected
            .iter()
            .all(|name| store.list("").unwrap().iter().any(|listed| listed == name))
    );
}

fn deletes(store: &dyn Store) {
    store.create("d/a", b"old").unwrap();
    store.delete("d/a").unwrap();
    store.delete("d/a").unwrap();
    store.delete("d/never/was").unwrap();
    assert!(matches!(store.get("d/a", None), Err(Error::NotFound { .. })));
    assert_eq!(store.list("d/").unwrap(), [""; 0]);
    store.create("d/a", b"new").unwrap();
    assert_eq!(*store.get("d/a", None).unwrap(), *b"new");
}

/// Eight writers race for twenty names: each name has exactly one winner, and its bytes.
fn one_of_many_wins(store: &dyn Store) {
    let wins: Vec<Vec<bool>> = thread::scope(|scope| {
        let race = |writer: u8| {
            let create = move |key: usize| store.create(&format!("race/{key}/x"), &[writer; 64]);
            scope.spawn(move || (0..20).map(|key| create(key).is_ok()).collect())
        };
        let racers: Vec<_> = (0..8).map(race).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    for key in 0..20 {
        let winners: Vec<u8> = (0..8)
            .zip(&wins)
            .filter(|(_, wins)| wins[key])
            .map(|(writer, _)| writer)
            .collect();
        let [winner] = winners[..] else {
            panic!("race/{key} has winners {winners:?}")
        };
        assert_eq!(*store.get(&format!("race/{key}/x"), None).unwrap(), [winner; 64]);
    }
}

#[test]
fn memory_conforms() {
    conformance(&MemoryStore::new());
}

#[test]
fn local_conforms() {
    for durability in [Durability::Fsync, Durability::Os] {
        let folder = tempfile::tempdir().unwrap();
        conformance(&LocalStore::open(folder.path(), durability).unwrap());
    }
}

#[test]
fn faulty_without_a_fault_conforms() {
    conformance(&FaultyStore::new(Arc::default()));
}

/// A store that overwrites.
struct Overwriting(MemoryStore);

impl Store for Overwriting {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.0.delete(name)?;
        self.0.create(name, bytes)
    }
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.0.get(name, range)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.0.list(prefix)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.0.delete(name)
    }
}

#[test]
fn a_store_without_create_if_absent_is_refused() {
    let refused = Overwriting(MemoryStore::new()).probe().unwrap_err();
    assert!(refused.to_string().contains("overwrites"), "{refused}");
}

#[test]
fn a_crash_is_final_and_leaves_the_create_whole_or_absent() {
    let mut survivals = [0, 0];
    for seed in 0..64 {
        let store = FaultyStore::with_fault(Arc::default(), 2, Fault::Crash, seed);
        store.create("a", b"one").unwrap();
        assert!(matches!(store.create("b", b"two"), Err(Error::Io { .. })));
        assert!(store.has_crashed());
        assert!(store.get("a", None).is_err() && store.list("").is_err() && store.delete("a").is_err());
        assert_eq!(store.calls(), 5);
        let next = store.reopen();
        assert_eq!(*next.get("a", None).unwrap(), *b"one");
        match next.get("b", None) {
            Ok(bytes) => {
                assert_eq!(*bytes, *b"two");
                survivals[1] += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::NotFound { .. }));
                survivals[0] += 1;
            }
        }
    }
    assert!(
        survivals[0] > 10 && survivals[1] > 10,
        "the seed decides: {survivals:?}"
    );
}

#[test]
fn single_faults_pass() {
    for (fault, is_done) in [(Fault::Error, false), (Fault::LostAnswer, true)] {
        let store = FaultyStore::with_fault(Arc::default(), 1, fault, 0);
        assert!(matches!(store.create("a", b"one"), Err(Error::Io { .. })));
        assert_eq!(store.get("a", None).is_ok(), is_done, "{fault:?}");
        store.create("b", b"two").unwrap();
    }
    let store = FaultyStore::with_fault(Arc::default(), 2, Fault::Full, 0);
    store.create("a", b"one").unwrap();
    for _ in 0..2 {
        assert!(matches!(store.create("b", b"two"), Err(Error::Full { .. })));
        let streamed = store.create_with("b", &mut |_| Ok(()));
        assert!(matches!(streamed, Err(Error::Full { .. })));
        assert_eq!(*store.get("a", None).unwrap(), *b"one", "reading goes on");
    }
    store.create_urgent("urgent", b"from the reserve").unwrap();
    store.free_space();
    store.create("b", b"two").unwrap();
}

#[test]
fn a_stream_is_one_call_and_whole_or_absent() {
    let mut survivals = [0, 0];
    for seed in 0..32 {
        let store = FaultyStore::with_fault(Arc::default(), 1, Fault::Crash, seed);
        let crashed = store.create_with("a", &mut |out| {
            out.write_all(b"one")
                .and_then(|()| out.write_all(b"two"))
                .unwrap();
            Ok(())
        });
        assert!(matches!(crashed, Err(Error::Io { .. })) && store.calls() == 1);
        match store.reopen().get("a", None) {
            Ok(bytes) => {
                assert_eq!(*bytes, *b"onetwo");
                survivals[1] += 1;
            }
            Err(error) => {
                assert!(matches!(error, Error::NotFound { .. }));
                survivals[0] += 1;
            }
        }
    }
    assert!(
        survivals[0] > 5 && survivals[1] > 5,
        "the seed decides: {survivals:?}"
    );
}
