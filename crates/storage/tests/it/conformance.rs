//! What every `Store` must do, as one function from a store to a verdict: run on memory, on a local directory, on the
//! object store over memory, and on a real S3 API.

use std::io::Write;
use std::sync::Barrier;
use std::thread;

use super::{Error, Store};

/// Checks everything on an empty store, which is empty again afterwards.
pub(crate) fn check(store: &dyn Store) {
    assert!(store.list("").unwrap().is_empty(), "the store must be empty");
    store.probe().unwrap();
    assert!(store.list("").unwrap().is_empty(), "the probe left something");
    check_create(store);
    check_ranges(store);
    check_names(store);
    check_lists(store);
    check_create_with(store);
    check_large(store);
    check_race(store);
    for name in store.list("").unwrap() {
        store.delete(&name).unwrap();
    }
    assert!(store.list("").unwrap().is_empty());
}

fn check_create(store: &dyn Store) {
    assert!(matches!(store.get("a", None), Err(Error::NotFound { .. })));
    assert!(matches!(store.get("a", Some(0..1)), Err(Error::NotFound { .. })));
    assert!(matches!(store.get("a", Some(1..1)), Err(Error::NotFound { .. })));
    store.create("a", b"first").unwrap();
    for bytes in [&b"first"[..], b"other", b""] {
        assert!(matches!(store.create("a", bytes), Err(Error::Exists { object }) if object == "a"));
    }
    assert_eq!(*store.get("a", None).unwrap(), *b"first");
    store.create_urgent("b/c", b"").unwrap();
    assert!(matches!(
        store.create_urgent("b/c", b"x"),
        Err(Error::Exists { .. })
    ));
    assert_eq!(*store.get("b/c", None).unwrap(), *b"");
    assert_eq!(*store.get("b/c", Some(0..10)).unwrap(), *b"");
    store.delete("a").unwrap();
    store.delete("a").unwrap();
    assert!(matches!(store.get("a", None), Err(Error::NotFound { .. })));
    store.create("a", b"again").unwrap();
    assert_eq!(*store.get("a", None).unwrap(), *b"again");
}

fn check_ranges(store: &dyn Store) {
    let bytes: Vec<u8> = (0..=255).collect();
    store.create("ranges", &bytes).unwrap();
    for start in [0, 1, 100, 255, 256, 257, 1 << 40, u64::MAX - 1] {
        for end in [0, 1, 2, 101, 255, 256, 257, 1 << 40, u64::MAX] {
            let cut = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            let expected = bytes.get(cut(start)..cut(end)).unwrap_or_default();
            let found = store.get("ranges", Some(start..end)).unwrap();
            assert_eq!(*found, *expected, "{start}..{end}");
        }
    }
}

fn check_names(store: &dyn Store) {
    let long = "n".repeat(128);
    for name in [long.as_str(), "x/y-_.z/0", "x/y", "STORE"] {
        store.create(name, name.as_bytes()).unwrap();
        assert_eq!(*store.get(name, None).unwrap(), *name.as_bytes());
        store.delete(name).unwrap();
    }
    for name in [
        "",
        "/a",
        "a/",
        "a//b",
        "../a",
        "a/../b",
        "A",
        "a b",
        "%61",
        "local/lock",
    ] {
        assert!(
            matches!(store.create(name, b"x"), Err(Error::BadName { .. })),
            "{name}"
        );
        assert!(
            matches!(store.get(name, None), Err(Error::BadName { .. })),
            "{name}"
        );
        assert!(matches!(store.delete(name), Err(Error::BadName { .. })), "{name}");
    }
    for prefix in ["a", "/", "../", "A/"] {
        assert!(
            matches!(store.list(prefix), Err(Error::BadName { .. })),
            "{prefix}"
        );
    }
}

/// More than one page of an S3 list, which has at most 1,000 keys.
fn check_lists(store: &dyn Store) {
    let names: Vec<String> = (0..1203).map(|number| format!("l/{number:04}")).collect();
    thread::scope(|scope| {
        for part in names.chunks(names.len().div_ceil(8)) {
            scope.spawn(move || part.iter().for_each(|name| store.create(name, b"x").unwrap()));
        }
    });
    store.create("l0/x", b"x").unwrap();
    store.create("l/sub/deep/x", b"x").unwrap();
    let mut expected = names.clone();
    expected.push("l/sub/deep/x".to_owned());
    assert_eq!(store.list("l/").unwrap(), expected);
    assert_eq!(store.list("l/sub/").unwrap(), ["l/sub/deep/x"]);
    assert_eq!(store.list("l/0/").unwrap(), Vec::<String>::new());
    let all = store.list("").unwrap();
    assert!(all.is_sorted() && expected.iter().all(|name| all.contains(name)));
    thread::scope(|scope| {
        for part in expected.chunks(expected.len().div_ceil(8)) {
            scope.spawn(move || part.iter().for_each(|name| store.delete(name).unwrap()));
        }
    });
    assert!(store.list("l/").unwrap().is_empty());
    store.delete("l0/x").unwrap();
}

fn check_create_with(store: &dyn Store) {
    let mut calls = 0;
    let refused = store.create_with("w/1", &mut |out| {
        calls += 1;
        out.write_all(b"half")
            .map_err(|source| Error::io("w/1", source))?;
        Err(Error::io("w/1", std::io::Error::other("mine")))
    });
    assert!(refused.unwrap_err().to_string().contains("mine"));
    assert_eq!(calls, 1);
    assert!(matches!(store.get("w/1", None), Err(Error::NotFound { .. })));
    let mut write = |out: &mut dyn Write| out.write_all(b"whole").map_err(|source| Error::io("w/1", source));
    store.create_with("w/1", &mut write).unwrap();
    assert_eq!(*store.get("w/1", None).unwrap(), *b"whole");
    let mut other = |out: &mut dyn Write| out.write_all(b"other").map_err(|source| Error::io("w/1", source));
    assert!(matches!(
        store.create_with("w/1", &mut other),
        Err(Error::Exists { .. })
    ));
    assert_eq!(*store.get("w/1", None).unwrap(), *b"whole");
}

/// Sizes around those at which stores change their ways: maps from 1 MiB, parts of 8 MiB.
fn check_large(store: &dyn Store) {
    for (number, size) in [(1 << 20) - 1, 1 << 20, 8 << 20, (8 << 20) + 1, (41 << 20) + 12345]
        .iter()
        .enumerate()
    {
        let bytes: Vec<u8> = (0..*size)
            .map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let name = format!("large/{number}");
        let mut write = |out: &mut dyn Write| {
            bytes
                .chunks(70_001)
                .try_for_each(|part| out.write_all(part))
                .map_err(|source| Error::io(&name, source))
        };
        store.create_with(&name, &mut write).unwrap();
        assert!(store.get(&name, None).unwrap()[..] == bytes[..], "{size} bytes");
        let end = bytes.len() as u64;
        assert!(store.get(&name, Some(end - 5..end + 5)).unwrap()[..] == bytes[bytes.len() - 5..]);
        assert!(matches!(store.create(&name, b"x"), Err(Error::Exists { .. })));
        assert!(matches!(
            store.create_with(&name, &mut write),
            Err(Error::Exists { .. }) | Ok(())
        ));
        assert!(
            store.get(&name, None).unwrap()[..] == bytes[..],
            "{size} bytes, again"
        );
        let held = store.get(&name, None).unwrap();
        store.delete(&name).unwrap();
        assert!(matches!(store.get(&name, None), Err(Error::NotFound { .. })));
        assert!(held[..] == bytes[..], "what was handed out stays");
    }
    let put: Vec<u8> = vec![7; 20 << 20];
    store.create("large/put", &put).unwrap();
    assert!(store.get("large/put", None).unwrap()[..] == put[..]);
    store.delete("large/put").unwrap();
}

/// Eight threads at once: for each name one is told that it created the object, and its bytes are there.
fn check_race(store: &dyn Store) {
    let start = Barrier::new(8);
    let start = &start;
    let won: Vec<Vec<usize>> = thread::scope(|scope| {
        let racer = |writer: u8| {
            move || {
                let mut won = Vec::new();
                for number in 0..40 {
                    start.wait();
                    match store.create(&format!("race/{number:02}"), &[writer; 100]) {
                        Ok(()) => won.push(number),
                        Err(Error::Exists { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
                won
            }
        };
        let racers: Vec<_> = (0..8).map(|writer| scope.spawn(racer(writer))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    for number in 0..40 {
        let winners: Vec<usize> = (0..8).filter(|&writer| won[writer].contains(&number)).collect();
        let [winner] = winners[..] else {
            panic!("race {number} was won by {winners:?}")
        };
        let held = store.get(&format!("race/{number:02}"), None).unwrap();
        assert_eq!(*held, [u8::try_from(winner).unwrap(); 100]);
    }
}
