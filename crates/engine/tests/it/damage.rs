//! What is lost or damaged is said, by the name of the object; the other collections are not concerned; and nothing is
//! removed on the way.

use std::collections::BTreeSet;
use std::sync::Arc;

use kindred::{Database, Env, ErrorKind, Status};
use kindred_model::point::Record;
use kindred_storage::regions::SEGMENT_MAGIC;
use kindred_storage::{MemoryStore, Regions, Store};
use kindred_testkit::crash::{Event, left_behind, parse};
use kindred_testkit::subject::{FailureKind, Subject};

use crate::engine::Engine;

/// Two collections. The first has a sealed segment with every kind of column and id, and one batch in the log.
const SETUP: &str = r#"[
    {"create": ["art", {
        "vectors": {
            "": {"size": 2, "distance": "Dot"},
            "bytes": {"size": 2, "distance": "Cosine", "datatype": "uint8"},
            "rows": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
        },
        "sparse_vectors": {"words": {}}
    }]},
    {"update": ["art", {"upsert": {"points": [
        {"id": 1, "vector": {"": [1, 2], "bytes": [3, 4], "words": {"indices": [1, 5], "values": [1, 2]}}, "payload": {"k": 1}},
        {"id": 2, "vector": {"": [1, 3], "rows": [[1, 2], [3, 4]]}, "payload": {"k": "two"}},
        {"id": "00000000-0000-0000-0000-000000000001", "vector": {"bytes": [5, 6]}}
    ]}}]},
    {"seal": "art"},
    {"update": ["art", {"upsert": {"points": [{"id": 4, "vector": {}}]}}]},
    {"create": ["other", {"vectors": {"size": 1, "distance": "Dot"}}]},
    {"update": ["other", {"upsert": {"points": [{"id": 1, "vector": [1]}]}}]},
    {"seal": "other"}
]"#;

/// A point for a collection.
fn bring(collection: &str) -> Event {
    let text = format!(
        r#"[{{"update": ["{collection}", {{"upsert": {{"points": [{{"id": 7, "vector": {{}}}}]}}}}]}}]"#
    );
    parse(&text).unwrap().remove(0)
}

fn tell(engine: &mut Engine, event: &Event) -> Result<(), kindred_testkit::subject::Failure> {
    match event {
        Event::Change(change) => engine.change(change),
        Event::Reopen | Event::Fault { .. } | Event::During { .. } => panic!("only changes here"),
    }
}

fn populated() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::patient(store.clone(), 1).unwrap();
    for event in parse(SETUP).unwrap() {
        tell(&mut engine, &event).unwrap();
    }
    store
}

/// The prefix of the first collection.
fn art(store: &MemoryStore) -> String {
    let newest = store.list("catalog/").unwrap().pop().unwrap();
    let catalog: serde_json::Value = serde_json::from_slice(&store.get(&newest, None).unwrap()).unwrap();
    let uuid = catalog["collections"]["art"]["uuid"].as_str().unwrap();
    format!("c/{}/", uuid.replace('-', ""))
}

/// The only object of the first collection whose name has `part` in it; the newest of several.
fn object(store: &MemoryStore, part: &str) -> String {
    let names = store.list(&art(store)).unwrap();
    names.into_iter().rfind(|name| name.contains(part)).unwrap()
}

fn flip(store: &MemoryStore, name: &str, at: usize) {
    let mut bytes = store.get(name, None).unwrap().to_vec();
    bytes[at] ^= 0x20;
    store.delete(name).unwrap();
    store.create(name, &bytes).unwrap();
}

/// A copy, so that the same damage never meets another one.
fn copy(store: &MemoryStore) -> Arc<MemoryStore> {
    let other = MemoryStore::new();
    for name in store.list("").unwrap() {
        other.create(&name, &store.get(&name, None).unwrap()).unwrap();
    }
    Arc::new(other)
}

/// The points of a collection.
fn points(engine: &Engine, collection: &str) -> Vec<Record> {
    let request = serde_json::from_str(r#"{"limit": 100, "with_vector": true}"#).unwrap();
    engine.scroll(collection, &request).unwrap().points
}

fn optimizer_status(engine: &Engine) -> String {
    let info = engine.database.info("art").unwrap();
    serde_json::to_value(info).unwrap()["optimizer_status"].to_string()
}

/// The other collection answers and takes writes.
fn check_other(engine: &mut Engine) {
    tell(engine, &bring("other")).unwrap();
    assert_eq!(points(engine, "other").len(), 2);
    let info = engine.database.info("other").unwrap();
    assert_eq!(info.status, Status::Green);
}

/// The damage was seen at the opening: `object` is named wherever somebody looks, and no write is taken.
fn check_told(engine: &mut Engine, object: &str, status: Status) {
    let notices = engine.database.notices().join("\n");
    assert!(
        notices.contains("`art`") && notices.contains(object),
        "{object}: {notices}"
    );
    assert_eq!(engine.database.info("art").unwrap().status, status, "{object}");
    let why = optimizer_status(engine);
    assert!(why.contains("error") && why.contains(object), "{object}: {why}");
    let refused = tell(engine, &bring("art")).unwrap_err();
    assert_eq!(refused.kind, FailureKind::Broken);
    assert!(
        refused.text.contains("Corrupt") && refused.text.contains(object),
        "{refused}"
    );
    check_other(engine);
}

/// How far a flipped byte comes.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Seen {
    AtOpening,
    WhenRead,
    /// Only by a check of the whole segment, as `kindred verify` does.
    WhenChecked,
}

fn seen(store: &Arc<MemoryStore>, segment: &str) -> Seen {
    let before = store.list("").unwrap();
    let mut engine = Engine::patient(store.clone(), 2).unwrap();
    let is_told = !engine.database.notices().is_empty();
    let seen = if is_told {
        check_told(&mut engine, segment, Status::Yellow);
        // What is in the log is there.
        assert_eq!(points(&engine, "art").len(), 1);
        Seen::AtOpening
    } else {
        match engine.contents() {
            Err(failure) => {
                assert!(failure.text.contains(segment), "{failure}");
                Seen::WhenRead
            }
            Ok(contents) => {
                assert_eq!(contents.collections["art"].points.len(), 4);
                Seen::WhenChecked
            }
        }
    };
    drop(engine);
    let object = store.get(segment, None).unwrap();
    let checked = kindred_segment::Segment::open(segment, object, &kindred_segment::Residence::default());
    let checked = checked.and_then(|segment| segment.check());
    assert!(checked.is_err(), "a check finds everything");
    let after = store.list("").unwrap();
    let is_kept = |name: &&String| !name.contains("/seg/") || after.contains(name);
    assert!(
        before.iter().all(|name| is_kept(&name)),
        "{before:?} became {after:?}"
    );
    seen
}

#[test]
fn a_flipped_byte_in_every_region_of_a_segment() {
    let whole = populated();
    let segment = object(&whole, "/seg/");
    let regions = Regions::open(&segment, whole.get(&segment, None).unwrap(), SEGMENT_MAGIC).unwrap();
    let mut kinds = BTreeSet::new();
    for name in regions.names() {
        let region = regions.region(name).unwrap();
        let start = usize::try_from(region.offset()).unwrap();
        let end = start + region.len();
        for at in BTreeSet::from([start, start + region.len() / 2, end - 1]) {
            let store = copy(&whole);
            flip(&store, &segment, at);
            let seen = seen(&store, &segment);
            let kind = name.rsplit('/').next().unwrap();
            // Bulk is not read when a collection is opened.
            let want = match kind {
                "data" | "indices" | "values" => Seen::WhenChecked,
                "blocks" => Seen::WhenRead,
                _ => Seen::AtOpening,
            };
            assert_eq!(seen, want, "{name} at {at}");
            kinds.insert(kind.to_owned());
        }
    }
    assert!(kinds.len() >= 9, "{kinds:?}");
}

#[test]
fn a_flipped_byte_outside_of_the_regions() {
    let whole = populated();
    let segment = object(&whole, "/seg/");
    let size = whole.get(&segment, None).unwrap().len();
    for at in [0, 9, size - 80, size - 36, size - 20, size - 1] {
        let store = copy(&whole);
        flip(&store, &segment, at);
        let mut engine = Engine::patient(store, 2).unwrap();
        check_told(&mut engine, &segment, Status::Yellow);
    }
}

/// A change that builds on a row that cannot be read is refused before it is logged: nothing else stops, now or later.
#[test]
fn a_write_to_a_damaged_payload() {
    let store = populated();
    let segment = object(&store, "/seg/");
    let regions = Regions::open(&segment, store.get(&segment, None).unwrap(), SEGMENT_MAGIC).unwrap();
    let at = usize::try_from(regions.region("payload/blocks").unwrap().offset()).unwrap();
    flip(&store, &segment, at);
    let mut engine = Engine::patient(store.clone(), 2).unwrap();
    let change = r#"[{"update": ["art", {"set_payload": {"payload": {"k": 2}, "points": [1]}}]}]"#;
    let failure = tell(&mut engine, &parse(change).unwrap().remove(0)).unwrap_err();
    assert!(failure.text.contains(&segment), "{failure}");
    for seed in 3..5 {
        tell(&mut engine, &bring("art")).unwrap();
        check_other(&mut engine);
        drop(engine);
        engine = Engine::patient(store.clone(), seed).unwrap();
        assert_eq!(engine.database.notices(), [""; 0]);
    }
}

#[test]
fn a_missing_segment() {
    let store = populated();
    let segment = object(&store, "/seg/");
    store.delete(&segment).unwrap();
    let mut engine = Engine::patient(store.clone(), 2).unwrap();
    check_told(&mut engine, &segment, Status::Yellow);
    drop(engine);
    // Told again every time, and what is left can be dropped.
    let mut engine = Engine::patient(store.clone(), 3).unwrap();
    check_told(&mut engine, &segment, Status::Yellow);
    assert!(engine.database.drop_collection("art").unwrap());
    drop(engine);
    let engine = Engine::patient(store.clone(), 4).unwrap();
    assert_eq!(engine.database.notices(), [""; 0]);
    drop(engine);
    assert_eq!(left_behind(&*store).unwrap(), [""; 0]);
}

/// A collection that cannot be opened at all.
fn check_broken(harm: impl Fn(&MemoryStore) -> String) {
    let store = populated();
    let art = art(&store);
    let object = harm(&store);
    let before = store.list("c/").unwrap();
    let mut engine = Engine::patient(store.clone(), 2).unwrap();
    check_told(&mut engine, &object, Status::Red);
    let count = serde_json::from_str("{}").unwrap();
    let refused = engine.count("art", &count).unwrap_err();
    assert!(refused.text.contains(&object), "{refused}");
    assert!(engine.database.exists("art"), "the name is taken");
    drop(engine);
    let after = store.list("c/").unwrap();
    let is_kept = |name: &&String| !name.starts_with(&art) || after.contains(name);
    assert!(
        before.iter().all(|name| is_kept(&name)),
        "{before:?} became {after:?}"
    );
    let engine = Engine::patient(store.clone(), 3).unwrap();
    assert!(engine.database.drop_collection("art").unwrap());
    assert_eq!(store.list(&art).unwrap(), [""; 0]);
}

#[test]
fn a_damaged_manifest() {
    for at in [3, 20, 60, 70] {
        check_broken(|store| {
            let manifest = object(store, "/m/");
            flip(store, &manifest, at);
            manifest
        });
    }
}

#[test]
fn a_damaged_or_missing_slot_of_the_log() {
    for at in [3, 20, 66, 80] {
        check_broken(|store| {
            let slot = object(store, "/log/");
            flip(store, &slot, at);
            slot
        });
    }
}

#[test]
fn a_lost_manifest_is_not_an_empty_collection() {
    check_broken(|store| {
        let manifest = object(store, "/m/");
        store.delete(&manifest).unwrap();
        manifest.rsplit_once('/').unwrap().0.to_owned()
    });
    check_broken(|store| {
        let art = art(store);
        for name in store.list(&art).unwrap() {
            store.delete(&name).unwrap();
        }
        format!("{art}s0/m/")
    });
}

/// The database refuses to open, says `want`, and removes nothing.
fn check_refused(harm: impl Fn(&MemoryStore), want: &str) {
    let store = populated();
    harm(&store);
    let before = store.list("").unwrap();
    let opened = Database::open_with(Env::with_seed(store.clone(), 2));
    let error = opened.err().unwrap_or_else(|| panic!("opened without {want}"));
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains(want), "{error}");
    let after = store.list("").unwrap();
    assert!(
        before.iter().all(|name| after.contains(name)),
        "{before:?} became {after:?}"
    );
}

#[test]
fn a_damaged_or_lost_catalog_is_not_an_empty_database() {
    check_refused(
        |store| {
            for name in store.list("catalog/").unwrap() {
                store.delete(&name).unwrap();
            }
        },
        "a catalog must have been lost",
    );
    for at in [0, 12, 100] {
        check_refused(
            |store| {
                let newest = store.list("catalog/").unwrap().pop().unwrap();
                flip(store, &newest, at);
            },
            "catalog/",
        );
    }
}

/// The collection that was made last is in the newest catalog only. Without it nothing of the collection is removed.
#[test]
fn losing_the_newest_catalog_removes_nothing() {
    for setup in [
        r#"[{"create": ["art", {"vectors": {"size": 1, "distance": "Dot"}}]}]"#,
        r#"[{"create": ["other", {"vectors": {"size": 1, "distance": "Dot"}}]},
            {"create": ["art", {"vectors": {"size": 1, "distance": "Dot"}}]}]"#,
    ] {
        let store = Arc::new(MemoryStore::new());
        let mut engine = Engine::patient(store.clone(), 1).unwrap();
        for event in parse(setup).unwrap() {
            tell(&mut engine, &event).unwrap();
        }
        tell(&mut engine, &bring("art")).unwrap();
        let prefix = art(&store);
        let before = store.list(&prefix).unwrap();
        drop(engine);
        store
            .delete(&store.list("catalog/").unwrap().pop().unwrap())
            .unwrap();
        match Database::open_with(Env::with_seed(store.clone(), 2)) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            Ok(database) => {
                assert_eq!(database.collections(), ["other"]);
                assert!(
                    database.notices()[0].contains(&prefix),
                    "{:?}",
                    database.notices()
                );
            }
        }
        assert_eq!(store.list(&prefix).unwrap(), before);
    }
}

#[test]
fn what_belongs_to_nobody_is_left_alone() {
    let store = populated();
    let art = art(&store);
    let strange = [
        "c/photos/cat.jpg".to_owned(),
        "notes.txt".to_owned(),
        "catalog/old.json".to_owned(),
        format!("{art}s0/seg/a.tmp"),
        format!("{art}s0/m/1.mf.atomicwrite"),
        format!("{art}s0/log/x"),
        format!("{art}readme"),
    ];
    for name in &strange {
        store.create(name, b"meow").unwrap();
    }
    let mut engine = Engine::patient(store.clone(), 2).unwrap();
    assert_eq!(points(&engine, "art").len(), 4);
    tell(&mut engine, &bring("art")).unwrap();
    drop(engine);
    for name in &strange {
        assert_eq!(&*store.get(name, None).unwrap(), b"meow", "{name}");
    }
}

#[test]
fn dropped_collections_leave_nothing() {
    let store = populated();
    let engine = Engine::patient(store.clone(), 2).unwrap();
    for name in ["art", "other"] {
        assert!(engine.database.drop_collection(name).unwrap());
    }
    assert_eq!(store.list("c/").unwrap(), [""; 0]);
    drop(engine);
    let engine = Engine::patient(store, 3).unwrap();
    assert_eq!(engine.database.collections(), [""; 0]);
}

/// The search for what is left behind finds what a careless writer would leave.
#[test]
fn what_is_left_behind_is_found() {
    let store = populated();
    // Enough catalogs for the first one to be superfluous.
    for opening in 2..12 {
        drop(Engine::patient(store.clone(), opening).unwrap());
    }
    assert_eq!(left_behind(&*store).unwrap(), [""; 0]);
    let art = art(&store);
    let strays = [
        format!("catalog/{:020}.json", 1),
        format!("{art}s0/m/{:020}.mf", 1),
        format!("{art}s0/seg/{:016x}-{:016x}.seg", 1, 77),
        format!("{art}s0/log/{:016x}/{:016x}", 1, 0),
        "c/0123/s0/seg/x.seg".to_owned(),
    ];
    for stray in &strays {
        store.create(stray, &[1; 80]).unwrap();
    }
    let found = left_behind(&*store).unwrap();
    for stray in &strays {
        assert!(found.contains(stray), "{stray} in {found:?}");
    }
    assert_eq!(found.len(), strays.len());
}
