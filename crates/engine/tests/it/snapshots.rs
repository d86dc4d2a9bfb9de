//! Snapshots: what is restored is what was there, whatever goes on meanwhile and wherever it fails.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kindred::{Ctx, Database, Env, Error, ErrorKind, SnapshotKind, verify_snapshot};
use kindred_model::config::CreateCollection;
use kindred_model::query::lists::ScrollRequest;
use kindred_model::update::json::{DeleteBody, SetPayloadBody, UpsertBody};
use kindred_storage::{Fault, FaultyStore, MemoryStore, Store};
use kindred_testkit::crash::left_behind;
use kindred_testkit::strategies::{self, Grain, LOOKUP, MAIN, world};
use kindred_testkit::subject::{CollectionContents, Subject};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::engine::Engine;

fn open(store: Arc<dyn Store>, seed: u64, folder: &Path) -> Result<Database, Error> {
    Ok(Database::open_with(Env::with_seed(store, seed))?.with_snapshots(folder))
}

fn create(database: &Database, name: &str, config: Value) {
    let create: CreateCollection = serde_json::from_value(config).unwrap();
    database
        .create_collection(name, create.into_config().unwrap())
        .unwrap();
}

fn upsert(database: &Database, name: &str, points: Value) -> Result<(), Error> {
    let body: UpsertBody = serde_json::from_value(json!({"points": points})).unwrap();
    database
        .update(&Ctx::unlimited(), name, body.into_op().unwrap())
        .map(drop)
}

fn delete(database: &Database, name: &str, ids: Value) {
    let body: DeleteBody = serde_json::from_value(json!({"points": ids})).unwrap();
    database
        .update(&Ctx::unlimited(), name, body.into_op().unwrap())
        .unwrap();
}

/// All points of a collection as JSON.
fn points(database: &Database, name: &str) -> Value {
    let everything: ScrollRequest =
        serde_json::from_value(json!({"limit": 1_000_000, "with_payload": true, "with_vector": true}))
            .unwrap();
    let page = database.scroll(&Ctx::unlimited(), name, &everything).unwrap();
    serde_json::to_value(page.points).unwrap()
}

fn path(folder: &Path, collection: &str, name: &str) -> String {
    format!("file://{}/{collection}/{name}", folder.display())
}

/// Two dimensions, three segments and a log, points gone from each, a vector field dropped and made anew.
fn fill(database: &Database) {
    let ctx = Ctx::unlimited();
    let vectors = json!({"a": {"size": 2, "distance": "Cosine"}, "b": {"size": 2, "distance": "Dot"}});
    create(database, "art", json!({"vectors": vectors, "metadata": {"x": 1}}));
    let some = |ids: std::ops::Range<u64>, word: &str| {
        let point = |id: u64| json!({"id": id, "vector": {"a": [id, 1], "b": [1, id]}, "payload": {"word": word, "n": id}});
        ids.map(point).collect::<Value>()
    };
    upsert(database, "art", some(0..40, "one")).unwrap();
    database.seal(&ctx, "art").unwrap();
    upsert(database, "art", some(20..60, "two")).unwrap();
    delete(database, "art", json!([1, 2, 30]));
    database.seal(&ctx, "art").unwrap();
    database.drop_vector("art", "b").unwrap();
    let again = serde_json::from_value(json!({"dense": {"size": 3, "distance": "Dot"}})).unwrap();
    database.create_vector("art", "b", again).unwrap();
    upsert(database, "art", json!([{"id": 7, "vector": {"b": [1, 2, 3]}}])).unwrap();
    let set: SetPayloadBody =
        serde_json::from_value(json!({"payload": {"late": true}, "points": [40, 41]})).unwrap();
    let schema = serde_json::from_value(json!("integer")).unwrap();
    database
        .create_index("art", "n".parse().unwrap(), schema)
        .unwrap();
    database.update(&ctx, "art", set.into_op().unwrap()).unwrap();
    delete(database, "art", json!([3, 50]));
}

#[test]
fn what_is_restored_is_what_was_there() {
    let ctx = Ctx::unlimited();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<MemoryStore> = Arc::default();
    let database = open(store.clone(), 1, folder.path()).unwrap();
    fill(&database);
    let wanted = points(&database, "art");
    assert_eq!(wanted.as_array().unwrap().len(), 55);
    let with_b = wanted.to_string().matches("\"b\":[1.0,").count();
    assert_eq!(with_b, 1, "the old vectors of b are hidden");
    let made = database.create_snapshot(&ctx, "art").unwrap();
    let listed = database.snapshots("art").unwrap();
    assert_eq!(listed, std::slice::from_ref(&made));
    let info = serde_json::to_value(database.info("art").unwrap()).unwrap();
    // The same again under another name, in place of others, and in another database.
    upsert(&database, "art", json!([{"id": 1000, "vector": {}}])).unwrap();
    create(&database, "other", json!({}));
    upsert(&database, "other", json!([{"id": 5, "vector": {}}])).unwrap();
    let location = path(folder.path(), "art", &made.name);
    let second = open(Arc::new(MemoryStore::new()), 2, folder.path()).unwrap();
    for name in ["new", "other", "art"] {
        for database in [&database, &second] {
            database
                .recover_snapshot(&ctx, name, &location, made.checksum.as_deref())
                .unwrap();
            assert_eq!(points(database, name), wanted, "{name}");
            let restored = serde_json::to_value(database.info(name).unwrap()).unwrap();
            for key in ["config", "payload_schema", "points_count", "status"] {
                assert_eq!(restored[key], info[key], "{key} of {name}");
            }
        }
    }
    // It goes on: positions grow from where they were, and everything is there after opening again.
    upsert(&second, "new", json!([{"id": 7, "vector": {"b": [3, 2, 1]}}])).unwrap();
    let changed = points(&second, "new");
    assert_ne!(changed, wanted);
    second.seal(&ctx, "new").unwrap();
    drop(database);
    let database = open(store.clone(), 3, folder.path()).unwrap();
    assert_eq!(database.notices(), [""; 0]);
    for name in ["new", "other", "art"] {
        assert_eq!(points(&database, name), wanted, "{name}");
    }
    assert_eq!(left_behind(&*store).unwrap(), [""; 0]);
    second.drop_collection("art").unwrap();
    assert!(second.snapshots("art").is_err());
    assert_eq!(points(&second, "new"), changed);
}

#[test]
fn writes_go_on_and_nothing_is_half_there() {
    let ctx = Ctx::unlimited();
    let folder = tempfile::tempdir().unwrap();
    let database = open(Arc::new(MemoryStore::new()), 1, folder.path()).unwrap();
    create(
        &database,
        "art",
        json!({"vectors": {"size": 1, "distance": "Dot"}}),
    );
    let stop = AtomicBool::new(false);
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        // Every change moves two points at once to the same number.
        scope.spawn(|| {
            for number in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let pair = json!([{"id": 1, "vector": [number]}, {"id": 2, "vector": [number]},
                                  {"id": 100 + number, "vector": [number]}]);
                upsert(&database, "art", pair).unwrap();
                if number % 7 == 0 {
                    delete(&database, "art", json!([100 + number]));
                }
            }
        });
        for _ in 0..6 {
            let before = database.info("art").unwrap().points_count;
            made.push((before, database.create_snapshot(&ctx, "art").unwrap()));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(
        database.snapshots("art").unwrap().len(),
        6,
        "each has a name of its own"
    );
    for (before, snapshot) in made {
        let location = path(folder.path(), "art", &snapshot.name);
        database.recover_snapshot(&ctx, "then", &location, None).unwrap();
        let found = points(&database, "then");
        let found = found.as_array().unwrap();
        // A pair and a point of each number; one that is about to be deleted may still be there.
        assert!(
            found.len() as u64 + 1 >= before,
            "{before} before, {} in it",
            found.len()
        );
        if let [one, two, ..] = found.as_slice() {
            assert_eq!(one["vector"], two["vector"], "a change is whole");
        }
    }
}

/// Random collections, snapshot and restored: the same contents.
#[test]
fn any_contents_survive() {
    let config = Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let history = world(Grain::Coarse).prop_flat_map(|world| {
        let setup = world.setup();
        let fills = (strategies::fill(&world, MAIN), strategies::fill(&world, LOOKUP));
        let changes = prop::collection::vec((strategies::change(&world), any::<bool>()), 0..20);
        (fills, changes).prop_map(move |((main, lookup), changes)| {
            let first = setup
                .iter()
                .cloned()
                .chain([main, lookup])
                .map(|change| (change, false));
            first.chain(changes).collect::<Vec<_>>()
        })
    });
    let outcome = runner.run(&history, |changes| {
        let folder = tempfile::tempdir().unwrap();
        let mut engine = Engine::of(open(Arc::new(MemoryStore::new()), 1, folder.path()).unwrap());
        let ctx = Ctx::unlimited();
        for (change, seals) in &changes {
            // Some are refused, which is fine.
            drop(engine.change(change));
            if *seals {
                engine.database.seal(&ctx, MAIN).ok();
            }
        }
        let wanted = engine.contents().unwrap();
        for name in [MAIN, LOOKUP] {
            if !wanted.collections.contains_key(name) {
                continue;
            }
            let made = engine.database.create_snapshot(&ctx, name).unwrap();
            engine
                .database
                .recover_snapshot(&ctx, name, &path(folder.path(), name, &made.name), None)
                .unwrap();
        }
        let found = engine.contents().unwrap();
        prop_assert!(found == wanted, "{}", found.difference(&wanted));
        let all = engine.database.create_full_snapshot(&ctx).unwrap();
        let empty = Engine::in_memory();
        empty
            .database
            .restore_all(&ctx, folder.path().join(all.name))
            .unwrap();
        let found = empty.contents().unwrap();
        prop_assert!(found == wanted, "{}", found.difference(&wanted));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

type State = BTreeMap<String, CollectionContents>;

fn state(database: impl Into<Arc<Database>>) -> (Arc<Database>, State) {
    let engine = Engine::of(database);
    let contents = engine.contents().unwrap();
    (engine.database, contents.collections)
}

/// A fault at every call of a restoration: the old state or the new one, and no object too many.
fn sweep(fault: Fault, target: &str) {
    let ctx = Ctx::unlimited();
    let folder = tempfile::tempdir().unwrap();
    let source = open(Arc::new(MemoryStore::new()), 1, folder.path()).unwrap();
    fill(&source);
    let made = source.create_snapshot(&ctx, "art").unwrap();
    let location = path(folder.path(), "art", &made.name);
    let prepare = |store: Arc<dyn Store>, seed: u64| -> Result<Database, Error> {
        let database = open(store, seed, folder.path())?;
        if database.collections().is_empty() {
            create(
                &database,
                "old",
                json!({"vectors": {"size": 1, "distance": "Dot"}}),
            );
            upsert(&database, "old", json!([{"id": 1, "vector": [1]}]))?;
            database.seal(&ctx, "old")?;
            upsert(&database, "old", json!([{"id": 2, "vector": [2]}]))?;
        }
        Ok(database)
    };
    // Without a fault: what it was, what it becomes, and which calls the restoration makes.
    let clean = Arc::new(FaultyStore::new(Arc::default()));
    let database = prepare(clean.clone(), 1).unwrap();
    let first = clean.calls() + 1;
    let (database, old) = state(database);
    database.recover_snapshot(&ctx, target, &location, None).unwrap();
    let last = clean.calls();
    let (_, new) = state(database);
    assert_ne!(old, new);
    assert!(last - first > 15, "{} calls", last - first);
    let mut outcomes = [0, 0];
    for at in first..=last {
        for seed in 0..2 {
            let store = Arc::new(FaultyStore::with_fault(Arc::default(), at, fault, seed));
            let database = prepare(store.clone(), 1).unwrap();
            let outcome = database.recover_snapshot(&ctx, target, &location, None);
            let when = format!("{fault:?} at call {at}, seed {seed}: {outcome:?}");
            if !store.has_crashed() {
                // Before it is opened again, too.
                let (database, now) = state(database);
                assert!(
                    now == if outcome.is_ok() { new.clone() } else { old.clone() },
                    "{when}"
                );
                drop(database);
            }
            store.free_space();
            let survived = Arc::new(store.reopen());
            let (database, found) = state(open(survived.clone(), 9, folder.path()).unwrap());
            assert!(found == new || (found == old && outcome.is_err()), "{when}");
            assert_eq!(database.notices(), [""; 0], "{when}");
            outcomes[usize::from(found == new)] += 1;
            upsert(&database, "old", json!([{"id": 77, "vector": {}}])).unwrap();
            drop(database);
            // Opening has swept what the fault left.
            drop(open(survived.clone(), 10, folder.path()).unwrap());
            assert_eq!(left_behind(&*survived).unwrap(), [""; 0], "{when}");
        }
    }
    if fault != Fault::Error {
        assert!(outcomes.iter().all(|count| *count > 0), "{outcomes:?}");
    }
}

#[test]
fn a_crash_at_every_call_of_a_restoration() {
    sweep(Fault::Crash, "old");
    sweep(Fault::Crash, "new");
}

#[test]
fn an_error_at_every_call_of_a_restoration() {
    sweep(Fault::Error, "old");
}

#[test]
fn a_lost_answer_at_every_call_of_a_restoration() {
    sweep(Fault::LostAnswer, "old");
}

#[test]
fn a_store_that_is_full_from_every_call_on() {
    sweep(Fault::Full, "old");
}

#[test]
fn everything_goes_into_an_empty_storage_only() {
    let ctx = Ctx::unlimited();
    let folder = tempfile::tempdir().unwrap();
    let database = open(Arc::new(MemoryStore::new()), 1, folder.path()).unwrap();
    fill(&database);
    create(&database, "é / nothing".replace(" / ", "-").as_str(), json!({}));
    let actions: kindred_model::config::AliasActions = serde_json::from_value(
        json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "a"}}]}),
    )
    .unwrap();
    database.update_aliases(actions.actions).unwrap();
    let made = database.create_full_snapshot(&ctx).unwrap();
    assert_eq!(database.full_snapshots().unwrap(), std::slice::from_ref(&made));
    assert_eq!(database.snapshots("art").unwrap(), []);
    let file = folder.path().join(&made.name);
    let report = verify_snapshot(&file).unwrap();
    assert_eq!(
        (report.kind, report.collections.len()),
        (SnapshotKind::Storage, 2)
    );
    assert_eq!(Some(report.checksum), made.checksum);
    assert_eq!(report.collections[0].points, 55);
    let (database, wanted) = state(database);
    let refused = database.restore_all(&ctx, &file).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
    let one = path(folder.path(), ".", &made.name);
    let refused = database.recover_snapshot(&ctx, "art", &one, None).unwrap_err();
    assert!(refused.to_string().contains("restore-all"), "{refused}");
    let store: Arc<MemoryStore> = Arc::default();
    let empty = open(store.clone(), 2, folder.path()).unwrap();
    assert_eq!(empty.restore_all(&ctx, &file).unwrap(), 2);
    assert_eq!(points(&empty, "a"), points(&database, "art"));
    drop(empty);
    let (_, found) = state(open(store.clone(), 3, folder.path()).unwrap());
    assert!(found == wanted);
    assert_eq!(left_behind(&*store).unwrap(), [""; 0]);
    // One of one collection does not restore everything.
    let one = database.create_snapshot(&ctx, "a").unwrap();
    let empty = Engine::in_memory().database;
    let refused = empty.restore_all(&ctx, folder.path().join("art").join(one.name));
    assert!(refused.unwrap_err().to_string().contains("of one collection"));
}

#[test]
fn an_alias_stands_for_its_collection_and_stays() {
    let ctx = Ctx::unlimited();
    let folder = tempfile::tempdir().unwrap();
    let database = open(Arc::new(MemoryStore::new()), 1, folder.path()).unwrap();
    fill(&database);
    let actions: kindred_model::config::AliasActions = serde_json::from_value(
        json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "a"}}]}),
    )
    .unwrap();
    database.update_aliases(actions.actions).unwrap();
    let made = database.create_snapshot(&ctx, "a").unwrap();
    assert_eq!(
        database.snapshots("art").unwrap(),
        database.snapshots("a").unwrap()
    );
    let wanted = points(&database, "art");
    delete(&database, "art", json!([7, 8, 9]));
    let location = path(folder.path(), "art", &made.name);
    database.recover_snapshot(&ctx, "a", &location, None).unwrap();
    assert_eq!(points(&database, "a"), wanted);
    assert_eq!(points(&database, "art"), wanted);
    assert_eq!(database.collections(), ["art"]);
}

#[test]
fn what_cannot_be_recovered_says_why() {
    let ctx = Ctx::unlimited();
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("snapshots");
    let database = open(Arc::new(MemoryStore::new()), 1, &folder).unwrap();
    fill(&database);
    let made = database.create_snapshot(&ctx, "art").unwrap();
    let outside = root.path().join("outside.snapshot");
    std::fs::copy(folder.join("art").join(&made.name), &outside).unwrap();
    let good = path(&folder, "art", &made.name);
    let recover = |collection: &str, location: &str, checksum: Option<&str>| {
        let error = database
            .recover_snapshot(&ctx, collection, location, checksum)
            .unwrap_err();
        (error.kind(), error.to_string())
    };
    let absent = format!("{}/absent", folder.display());
    assert_eq!(
        recover("art", &format!("file://{absent}"), None),
        (
            ErrorKind::InvalidRequest,
            format!("Snapshot file {absent:?} does not exist")
        )
    );
    let forbidden = "Snapshot file path must be inside the snapshots directory".to_owned();
    for location in [
        format!("file://{}", outside.display()),
        format!("file://{}/art/../../outside.snapshot", folder.display()),
        format!("file://{}/art/%2e%2e%2f..%2foutside.snapshot", folder.display()),
    ] {
        assert_eq!(
            recover("art", &location, None),
            (ErrorKind::Forbidden, forbidden.clone())
        );
    }
    let (kind, text) = recover("art", &good, Some("ab"));
    assert_eq!(kind, ErrorKind::Mismatch);
    let checksum = made.checksum.unwrap();
    assert_eq!(text, format!("expected: ab, actual: {checksum}"));
    for name in ["..", "a/b", "a\0", "", "C:\\x", &"a".repeat(256)] {
        assert_eq!(recover(name, &good, None).0, ErrorKind::InvalidValues, "{name:?}");
    }
    let without = Engine::in_memory().database;
    create(&without, "art", json!({}));
    let none = without.create_snapshot(&ctx, "art").unwrap_err();
    assert_eq!(none.kind(), ErrorKind::InvalidRequest);
    assert!(none.to_string().contains("without a folder"), "{none}");
    database
        .recover_snapshot(&ctx, "art", &good, Some(&checksum.to_uppercase()))
        .unwrap();
}
