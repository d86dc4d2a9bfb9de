//! A read sees one moment, however long it takes and whatever is written meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use kindred::Ctx;
use kindred_model::config::CreateCollection;
use kindred_model::query::lists::{FacetRequest, FacetValue};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::UpdateOp;
use kindred_model::update::json::UpdateOperation;
use serde_json::{Value, json};

use crate::engine::Engine;

const POINTS: u64 = 200;
const ROUNDS: u64 = 120;

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn op(value: Value) -> UpdateOp {
    read::<UpdateOperation>(value).into_op().unwrap()
}

/// Every change moves all points to the next round at once: some replace the points, some only their payload.
fn rounds() -> impl Iterator<Item = UpdateOp> {
    (1..=ROUNDS).map(|round| {
        let point = |id: u64| json!({ "id": id, "vector": [1, id], "payload": { "round": round } });
        match round % 4 {
            0 => op(json!({ "set_payload": { "payload": { "round": round }, "filter": {} } })),
            _ => op(json!({ "upsert": { "points": (0..POINTS).map(point).collect::<Vec<Value>>() } })),
        }
    })
}

fn prepare(engine: &Engine) {
    let config: CreateCollection = read(json!({ "vectors": { "size": 2, "distance": "Dot" } }));
    engine
        .database
        .create_collection("all", config.into_config().unwrap())
        .unwrap();
    let schema = read(json!("integer"));
    engine
        .database
        .create_index("all", "round".parse().unwrap(), schema)
        .unwrap();
}

/// The round of every point that a reader sees: one and the same.
fn seen(engine: &Engine) -> u64 {
    let request: FacetRequest = read(json!({ "key": "round" }));
    let hits = engine.database.facet(&Ctx::unlimited(), "all", &request).unwrap();
    assert_eq!(hits.len(), 1, "one moment has one round: {hits:?}");
    assert_eq!(hits[0].count, POINTS, "{hits:?}");
    match hits[0].value {
        FacetValue::Int(round) => u64::try_from(round).unwrap(),
        FacetValue::Bool(_) | FacetValue::Keyword(_) => panic!("{hits:?}"),
    }
}

fn batch(engine: &Engine) {
    let ordered = json!({ "query": { "order_by": "round" }, "limit": POINTS + 1, "with_payload": true });
    let nearest = json!({ "query": [0, 1], "limit": POINTS + 1, "with_payload": true });
    let listed = json!({ "limit": POINTS + 1, "with_payload": true });
    let requests: Vec<QueryRequest> = [ordered, nearest, listed].into_iter().map(read).collect();
    let lists = engine
        .database
        .query_batch(&Ctx::unlimited(), "all", &requests)
        .unwrap();
    let mut rounds: Vec<Option<Value>> = Vec::new();
    for list in &lists {
        assert_eq!(list.len() as u64, POINTS);
        rounds.extend(
            list.iter()
                .map(|point| point.payload.as_ref().unwrap().get("round").cloned()),
        );
    }
    rounds.dedup();
    assert_eq!(rounds.len(), 1, "a batch reads one moment: {rounds:?}");
}

#[test]
fn readers_see_whole_changes_in_order() {
    check_readers(&Engine::in_memory());
}

#[test]
fn readers_see_whole_changes_while_segments_are_sealed_and_merged() {
    check_readers(&Engine::busy());
}

fn check_readers(engine: &Engine) {
    prepare(engine);
    let mut rounds = rounds();
    engine
        .database
        .update(&Ctx::unlimited(), "all", rounds.next().unwrap())
        .unwrap();
    let is_done = AtomicBool::new(false);
    let reads = std::thread::scope(|threads| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                threads.spawn(|| {
                    let (mut last, mut reads) = (0, 0_u64);
                    loop {
                        // Asked first, so that one whole turn comes after the last change.
                        let is_last = is_done.load(Ordering::Acquire);
                        let round = seen(engine);
                        assert!(round >= last, "round {round} after {last}");
                        last = round;
                        batch(engine);
                        reads += 1;
                        if is_last {
                            assert_eq!(last, ROUNDS);
                            return reads;
                        }
                    }
                })
            })
            .collect();
        for change in rounds {
            engine.database.update(&Ctx::unlimited(), "all", change).unwrap();
        }
        is_done.store(true, Ordering::Release);
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap())
            .sum::<u64>()
    });
    assert!(reads >= 3, "{reads}");
}

#[test]
fn writers_queue() {
    check_writers(&Engine::in_memory());
}

#[test]
fn writers_queue_while_segments_are_sealed_and_merged() {
    check_writers(&Engine::busy());
}

/// Several writers at once: every acknowledged change is there, numbers are unique.
fn check_writers(engine: &Engine) {
    const WRITERS: u64 = 4;
    const CHANGES: u64 = 40;
    prepare(engine);
    let mut numbers: Vec<u64> = std::thread::scope(|threads| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                threads.spawn(move || {
                    let mut numbers = Vec::new();
                    for at in 0..CHANGES {
                        let id = writer * CHANGES + at;
                        let bring = op(json!({ "upsert": { "points": [{ "id": id, "vector": [1, 1] }] } }));
                        // Depends on the point: it must see the change before it.
                        let mark =
                            op(json!({ "set_payload": { "payload": { "own": writer }, "points": [id] } }));
                        for change in [bring, mark] {
                            let done = engine.database.update(&Ctx::unlimited(), "all", change).unwrap();
                            numbers.push(done.operation_id);
                        }
                    }
                    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
                    numbers
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len() as u64, 2 * WRITERS * CHANGES);
    for writer in 0..WRITERS {
        let request = read(json!({ "filter": { "must": { "key": "own", "match": { "value": writer } } } }));
        assert_eq!(
            engine.database.count(&Ctx::unlimited(), "all", &request).unwrap(),
            CHANGES
        );
    }
}
