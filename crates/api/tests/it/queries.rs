//! Queries of every kind through the door: one small check each, that the request arrives whole and the answer has
//! its shape. What the scores mean is tested where the meaning is.

use serde_json::{Value, json};

use crate::door::{Door, ids};

const QUERY: &str = "/collections/art/points/query";

async fn check(door: &Door, request: Value, want: &[u64]) {
    let found = door.post(QUERY, request.clone()).await;
    assert_eq!(ids(&found["points"]), want, "{request}");
}

#[tokio::test]
async fn every_kind_is_answered() {
    let door = Door::with_art().await;
    check(&door, json!({"query": [1, 0], "limit": 2}), &[5, 4]).await;
    check(&door, json!({"query": 5, "limit": 2}), &[4, 3]).await;
    check(&door, json!({"limit": 2, "offset": 1}), &[2, 3]).await;
    check(
        &door,
        json!({"query": {"recommend": {"positive": [1, 2]}}, "limit": 1}),
        &[5],
    )
    .await;
    check(
        &door,
        json!({"query": {"recommend": {"negative": [1], "strategy": "best_score"}}}),
        &[2, 3, 4, 5],
    )
    .await;
    check(
        &door,
        json!({"query": {"recommend": {"positive": [1], "negative": [2], "strategy": "sum_scores"}}}),
        &[3, 4, 5],
    )
    .await;
    check(
        &door,
        json!({"query": {"discover": {"target": [1, 0], "context": [{"positive": 1, "negative": 2}]}}}),
        &[5, 4, 3],
    )
    .await;
    check(
        &door,
        json!({"query": {"context": [{"positive": 1, "negative": 2}]}}),
        &[3, 4, 5],
    )
    .await;
    let naive = json!({"naive": {"a": 1.0, "b": 1.0, "c": 1.0}});
    let feedback = json!({"target": [1, 0], "feedback": [{"example": 1, "score": 0.9}], "strategy": naive});
    check(
        &door,
        json!({"query": {"relevance_feedback": feedback}, "limit": 2}),
        &[5, 4],
    )
    .await;
    let formula = json!({"sum": ["$score", {"mult": [-2, "year"]}]});
    check(
        &door,
        json!({"prefetch": {"query": [1, 0]}, "query": {"formula": formula}}),
        &[1, 2, 3, 4, 5],
    )
    .await;
    let prefetch = json!([{"query": [1, 0], "limit": 3}, {"query": [-1, 0], "limit": 1}]);
    check(
        &door,
        json!({"prefetch": prefetch, "query": {"fusion": "rrf"}, "limit": 2}),
        &[5, 1],
    )
    .await;
    let sample = door
        .post(QUERY, json!({"query": {"sample": "random"}, "limit": 3}))
        .await;
    assert_eq!(sample["points"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn points_come_with_what_was_asked_for() {
    let door = Door::with_art().await;
    let plain = door.post(QUERY, json!({"query": [1, 0], "limit": 1})).await;
    let keys: Vec<&String> = plain["points"][0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["id", "score", "version"]);
    assert_eq!(plain["points"][0]["score"], 5.0);
    let all = json!({"query": [1, 0], "limit": 1, "with_payload": true, "with_vectors": true});
    let full = door.post(QUERY, all).await;
    assert_eq!(
        full["points"][0]["payload"],
        json!({"kind": "painting", "year": 1905})
    );
    assert_eq!(full["points"][0]["vector"], json!([5.0, 1.0]));
    check(&door, json!({"query": [1, 0], "score_threshold": 3.0}), &[5, 4]).await;
    check(
        &door,
        json!({"query": [1, 0], "filter": {"must_not": {"has_id": [5]}}, "limit": 1}),
        &[4],
    )
    .await;
}

#[tokio::test]
async fn batches_answer_in_order() {
    let door = Door::with_art().await;
    let path = format!("{QUERY}/batch");
    assert_eq!(door.post(&path, json!({"searches": []})).await, json!([]));
    let found = door
        .post(
            &path,
            json!({"searches": [{"query": 1, "limit": 1}, {"query": [-1, 0], "limit": 1}]}),
        )
        .await;
    assert_eq!(
        (ids(&found[0]["points"]), ids(&found[1]["points"])),
        (vec![5], vec![1])
    );
    let failing = json!({"searches": [{"query": 1}, {"query": 99}]});
    door.refuses(
        "POST",
        &path,
        failing,
        404,
        "Not found: No point with id 99 found",
    )
    .await;
    let invalid = json!({"searches": [{"query": 1}, {"query": 2, "limit": 0}]});
    let text = "[searches[1].internal.limit: value 0 invalid, must be 1 or larger]";
    door.refuses("POST", &path, invalid, 422, text).await;
}

#[tokio::test]
async fn groups_have_ids_hits_and_lookups() {
    let door = Door::with_art().await;
    door.put("/collections/kinds", json!({})).await;
    let path = format!("{QUERY}/groups");
    let request = json!({"query": [1, 0], "group_by": "kind", "group_size": 2, "limit": 2});
    let found = door.post(&path, request).await;
    let groups = found["groups"].as_array().unwrap();
    let summary: Vec<(Value, Vec<u64>)> = groups
        .iter()
        .map(|group| (group["id"].clone(), ids(&group["hits"])))
        .collect();
    assert_eq!(
        summary,
        [(json!("painting"), vec![5, 3]), (json!("print"), vec![4, 2])]
    );
    let lookup = json!({"query": [1, 0], "group_by": "kind", "with_lookup": "none"});
    door.refuses("POST", &path, lookup, 404, "Not found: Collection none not found")
        .await;
}

#[tokio::test]
async fn the_matrix_has_two_shapes() {
    let door = Door::with_art().await;
    let path = "/collections/art/points/search/matrix";
    let request = json!({"sample": 5, "limit": 1});
    let pairs = door.post(&format!("{path}/pairs"), request.clone()).await;
    let first = json!({"a": 1, "b": 5, "score": 6.0});
    assert_eq!(
        (pairs["pairs"].as_array().map(Vec::len), &pairs["pairs"][0]),
        (Some(5), &first)
    );
    let offsets = door.post(&format!("{path}/offsets"), request).await;
    assert_eq!(offsets["ids"], json!([1, 2, 3, 4, 5]));
    assert_eq!(offsets["offsets_row"], json!([0, 1, 2, 3, 4]));
    assert_eq!(offsets["offsets_col"], json!([4, 4, 4, 4, 3]));
    assert_eq!(offsets["scores"], json!([6.0, 11.0, 16.0, 21.0, 21.0]));
}
