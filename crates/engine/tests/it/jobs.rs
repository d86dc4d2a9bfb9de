//! Work on the segments: that it ends, and what it leaves.

use std::sync::Arc;

use kindred::Status;
use kindred_storage::{MemoryStore, Store};
use kindred_testkit::crash::{Event, left_behind, parse};
use kindred_testkit::subject::Subject;
use serde_json::{Value, json};

use crate::engine::Engine;

fn tell(engine: &mut Engine, events: &Value) {
    for event in parse(&events.to_string()).unwrap() {
        let Event::Change(change) = event else {
            panic!("only changes here: {event:?}")
        };
        engine.change(&change).unwrap();
    }
}

fn points(ids: std::ops::Range<u64>) -> Value {
    let point = |id| json!({ "id": id, "vector": [id, 1], "payload": { "n": id } });
    json!({ "update": ["all", { "upsert": { "points": ids.map(point).collect::<Vec<_>>() } }] })
}

fn segments(store: &MemoryStore) -> usize {
    let names = store.list("c/").unwrap();
    names.iter().filter(|name| name.ends_with(".seg")).count()
}

/// A collection that rewrites segments of at least a hundred rows.
fn engine(store: &Arc<MemoryStore>) -> Engine {
    let mut engine = Engine::patient(store.clone(), 1).unwrap();
    let config = json!({
        "vectors": { "size": 2, "distance": "Dot" },
        "optimizers_config": { "vacuum_min_vector_number": 100, "deleted_threshold": 0.2 }
    });
    tell(&mut engine, &json!([{ "create": ["all", config] }]));
    engine
}

#[test]
fn a_segment_whose_rows_left_in_the_log_is_not_written_anew_for_ever() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store);
    let gone: Vec<u64> = (0..150).collect();
    tell(
        &mut engine,
        &json!([
            points(0..200),
            { "seal": "all" },
            { "update": ["all", { "delete": { "points": gone } }] },
            // More jobs than the engine of the tests allows mean that this does not end.
            { "compact": "all" },
            { "seal": "all" },
            { "compact": "all" }
        ]),
    );
    let info = engine.database.info("all").unwrap();
    assert_eq!((info.status, info.points_count), (Status::Green, 50));
    assert_eq!(segments(&store), 1);
    drop(engine);
    drop(Engine::patient(store.clone(), 2).unwrap());
    assert_eq!(left_behind(&*store).unwrap(), [""; 0]);
}

#[test]
fn many_seals_leave_few_segments() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store);
    for round in 0..40 {
        tell(
            &mut engine,
            &json!([points(round * 5..round * 5 + 10), { "seal": "all" }, { "compact": "all" }]),
        );
        assert!(segments(&store) <= 2, "{} segments", segments(&store));
    }
    assert_eq!(engine.database.info("all").unwrap().points_count, 205);
}

#[test]
fn what_is_empty_leaves_no_segment() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = engine(&store);
    tell(
        &mut engine,
        &json!([
            points(0..10),
            { "seal": "all" },
            { "update": ["all", { "delete": { "filter": {} } }] },
            { "seal": "all" }
        ]),
    );
    assert_eq!(segments(&store), 0);
    tell(&mut engine, &json!([points(3..5)]));
    drop(engine);
    let engine = Engine::patient(store, 2).unwrap();
    assert_eq!(engine.database.info("all").unwrap().points_count, 2);
}
