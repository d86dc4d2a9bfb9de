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
