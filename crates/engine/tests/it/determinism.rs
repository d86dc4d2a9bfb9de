//! The same seed and the same operations give the same bytes (I8).

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_storage::{MemoryStore, Store};
use kindred_testkit::crash::workload;
use kindred_testkit::subject::Subject;

use crate::engine::Engine;

/// Runs the workload, with an opening in the middle, and returns every object.
fn bytes(seed: u64) -> BTreeMap<String, Vec<u8>> {
    let store = Arc::new(MemoryStore::new());
    let changes = workload();
    let (first, second) = changes.split_at(changes.len() / 2);
    for (opening, changes) in [first, second].into_iter().enumerate() {
        let mut engine = Engine::open(store.clone(), seed + opening as u64).unwrap();
        for change in changes {
            // The workload has refusals in it.
            drop(engine.change(change));
        }
    }
    let names = store.list("").unwrap();
    names
        .into_iter()
        .map(|name| (name.clone(), store.get(&name, None).unwrap().to_vec()))
        .collect()
}

#[test]
fn one_seed_gives_the_same_bytes() {
    let objects = bytes(7);
    assert!(objects.len() > 10, "{} objects", objects.len());
    assert!(
        objects.keys().any(|name| name.ends_with(".seg")),
        "{:?}",
        objects.keys()
    );
    assert_eq!(objects, bytes(7));
}

#[test]
fn another_seed_gives_other_names() {
    assert_ne!(
        bytes(7).keys().collect::<Vec<_>>(),
        bytes(8).keys().collect::<Vec<_>>()
    );
}
