//! What is lost or damaged is said, by the name of the object, and nothing is removed on the way.

use std::sync::Arc;

use kindred::{Ctx, Database, Env, ErrorKind};
use kindred_model::config::CreateCollection;
use kindred_model::update::json::UpsertBody;
use kindred_storage::{MemoryStore, Store};

/// A store with one collection and one point.
fn populated() -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let database = Database::open_with(Env::with_seed(store.clone(), 1)).unwrap();
    let config: CreateCollection =
        serde_json::from_str(r#"{"vectors": {"size": 2, "distance": "Dot"}}"#).unwrap();
    database
        .create_collection("art", config.into_config().unwrap())
        .unwrap();
    let points: UpsertBody = serde_json::from_str(r#"{"points": [{"id": 1, "vector": [1, 2]}]}"#).unwrap();
    database
        .update(&Ctx::unlimited(), "art", points.into_op().unwrap())
        .unwrap();
    drop(database);
    store
}

/// Removes the objects whose names `is_lost`, opens, and expects a refusal that says `want` and removes nothing.
fn check(is_lost: impl Fn(&str) -> bool, want: &str) {
    let store = populated();
    let mut lost = 0;
    for name in store.list("").unwrap() {
        if is_lost(&name) {
            store.delete(&name).unwrap();
            lost += 1;
        }
    }
    assert!(lost > 0, "nothing to lose for {want}");
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
fn a_lost_catalog_is_not_an_empty_database() {
    check(
        |name| name.starts_with("catalog/"),
        "a catalog must have been lost",
    );
}

#[test]
fn a_lost_manifest_is_not_an_empty_collection() {
    check(|name| name.starts_with("c/"), "names the collection `art`");
    check(|name| name.contains("/m/"), "names the collection `art`");
}

#[test]
fn what_belongs_to_nobody_is_left_alone() {
    let store = populated();
    store.create("c/photos/cat.jpg", b"meow").unwrap();
    drop(Database::open_with(Env::with_seed(store.clone(), 2)).unwrap());
    assert_eq!(&*store.get("c/photos/cat.jpg", None).unwrap(), b"meow");
}

#[test]
fn dropped_collections_leave_nothing() {
    let store = populated();
    let database = Database::open_with(Env::with_seed(store.clone(), 2)).unwrap();
    assert!(database.drop_collection("art").unwrap());
    assert_eq!(store.list("c/").unwrap(), [""; 0]);
    drop(database);
    let database = Database::open_with(Env::with_seed(store, 3)).unwrap();
    assert_eq!(database.collections(), [""; 0]);
}
