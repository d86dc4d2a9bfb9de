//! A database that is closed and opened again answers as before, and goes on numbering its changes.

use std::sync::Arc;

use kindred_storage::{Durability, LocalStore, MemoryStore, Store};
use kindred_testkit::Reference;
use kindred_testkit::corpus;
use kindred_testkit::crash::workload;
use kindred_testkit::subject::Subject;

use crate::engine::Engine;

#[test]
fn the_workload_survives_on_a_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let open = |seed| {
        let mut store = LocalStore::open(folder.path(), Durability::Fsync).unwrap();
        store.map_from(1);
        Engine::open(Arc::new(store), seed).unwrap()
    };
    let mut reference = Reference::new();
    for (seed, changes) in (1..).zip(workload().chunks(5)) {
        let mut engine = open(seed);
        for change in changes {
            let (want, got) = (reference.change(change), engine.change(change));
            assert_eq!(
                want.map_err(|failure| failure.kind),
                got.map_err(|failure| failure.kind),
                "{change:?}"
            );
        }
        assert_eq!(engine.contents(), reference.contents());
        drop(engine);
        assert_eq!(open(seed + 100).contents(), reference.contents());
    }
}

/// Every question of the corpus, with an opening between the changes and the questions, and nothing ever sealed.
#[test]
fn the_corpus_survives_in_the_log() {
    for entry in corpus::load().unwrap() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        for (opening, change) in (1..).zip(entry.setup().unwrap()) {
            let mut engine = Engine::patient(store.clone(), opening).unwrap();
            engine.change(&change).unwrap();
        }
        let engine = Engine::patient(store, 0).unwrap();
        entry.check(&engine).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

/// What the catalog cannot keep is refused; what it takes is there after the next opening.
#[test]
fn metadata_that_is_taken_can_be_read_back() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let check = |metadata: &str, is_taken: bool| {
        let body = format!(r#"{{"vectors": {{"size": 1, "distance": "Dot"}}, "metadata": {metadata}}}"#);
        let create: kindred_model::config::CreateCollection = serde_json::from_str(&body).unwrap();
        let created = create
            .into_config()
            .map_err(kindred::Error::from)
            .and_then(|config| {
                let engine = Engine::open(store.clone(), 1).unwrap();
                engine.database.drop_collection("art")?;
                engine.database.create_collection("art", config)
            });
        assert_eq!(created.is_ok(), is_taken, "{created:?}");
        let engine = Engine::open(store.clone(), 2).unwrap();
        if is_taken {
            let info = serde_json::to_value(engine.database.info("art").unwrap()).unwrap();
            let wanted: serde_json::Value = serde_json::from_str(metadata).unwrap();
            assert_eq!(info["config"]["metadata"], wanted);
            let patch = format!(r#"{{"metadata": {{"b": {}}}}}"#, nested(100));
            let patch = serde_json::from_str(&patch).unwrap();
            assert!(engine.database.update_collection("art", patch).is_err());
        }
    };
    check(&nested(100), true);
    check(&nested(101), false);
    check(&format!(r#"{{"a": "{}"}}"#, "x".repeat(64 * 1024 - 8)), true);
    check(&format!(r#"{{"a": "{}"}}"#, "x".repeat(64 * 1024)), false);
}
