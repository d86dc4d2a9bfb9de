//! The older endpoints give the very results of the query endpoints.

use serde_json::{Value, json};

use crate::door::{Door, ids};

async fn check(door: &Door, kind: &str, old: Value, new: Value) {
    let path = "/collections/art/points";
    let want = door.post(&format!("{path}/query"), new).await["points"].take();
    assert!(!want.as_array().unwrap().is_empty());
    let got = door.post(&format!("{path}/{kind}"), old.clone()).await;
    assert_eq!(got, want, "{kind} {old}");
    let batch = json!({"searches": [old.clone(), old]});
    let got = door.post(&format!("{path}/{kind}/batch"), batch).await;
    assert_eq!(got, json!([want.clone(), want]));
}

#[tokio::test]
async fn old_and_new_bodies_answer_alike() {
    let door = Door::with_art().await;
    let filter = json!({"must": [{"key": "year", "range": {"gte": 1902}}]});
    check(
        &door,
        "search",
        json!({"vector": [1, 0], "top": 3, "offset": 1, "filter": filter, "with_vectors": true}),
        json!({"query": [1, 0], "limit": 3, "offset": 1, "filter": filter, "with_vector": true}),
    )
    .await;
    check(
        &door,
        "recommend",
        json!({"positive": [1], "negative": [2], "limit": 10, "with_payload": true}),
        json!({"query": {"recommend": {"positive": [1], "negative": [2]}}, "limit": 10, "with_payload": true}),
    )
    .await;
    check(
        &door,
        "recommend",
        json!({"positive": [[1, 0]], "strategy": "best_score", "limit": 2}),
        json!({"query": {"recommend": {"positive": [[1, 0]], "strategy": "best_score"}}, "limit": 2}),
    )
    .await;
    check(
        &door,
        "discover",
        json!({"target": 3, "context": [{"positive": 1, "negative": 2}], "limit": 10}),
        json!({"query": {"discover": {"target": 3, "context": [{"positive": 1, "negative": 2}]}}, "limit": 10}),
    )
    .await;
    check(
        &door,
        "discover",
        json!({"context": [{"positive": 1, "negative": 2}], "limit": 10}),
        json!({"query": {"context": [{"positive": 1, "negative": 2}]}, "limit": 10}),
    )
    .await;
}

#[tokio::test]
async fn old_groups_answer_alike() {
    let door = Door::with_art().await;
    let path = "/collections/art/points";
    let frame = |mut body: Value| {
        body["group_by"] = json!("kind");
        body["group_size"] = json!(1);
        body["limit"] = json!(2);
        body
    };
    for (old, body, query) in [
        ("search", json!({"vector": [1, 0]}), json!([1, 0])),
        (
            "recommend",
            json!({"positive": [1]}),
            json!({"recommend": {"positive": [1]}}),
        ),
    ] {
        let want = door
            .post(&format!("{path}/query/groups"), frame(json!({"query": query})))
            .await;
        assert_eq!(want["groups"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            door.post(&format!("{path}/{old}/groups"), frame(body)).await,
            want
        );
    }
}

#[tokio::test]
async fn old_refusals_have_their_own_texts() {
    let door = Door::with_art().await;
    let path = |kind: &str| format!("/collections/art/points/{kind}");
    let limit = "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]";
    door.refuses(
        "POST",
        &path("search"),
        json!({"vector": [1, 0], "limit": 0}),
        422,
        limit,
    )
    .await;
    door.refuses(
        "POST",
        &path("recommend"),
        json!({"positive": [1], "limit": 0}),
        422,
        limit,
    )
    .await;
    door.refuses(
        "POST",
        &path("search"),
        json!({"vector": [1, 0]}),
        400,
        "missing field `limit`",
    )
    .await;
    let text = "Bad request: At least one positive vector ID required with this strategy";
    door.refuses(
        "POST",
        &path("recommend"),
        json!({"negative": [1], "limit": 1}),
        400,
        text,
    )
    .await;
    let text = "Bad request: target and/or context_pairs must be specified";
    door.refuses("POST", &path("discover"), json!({"limit": 1}), 400, text)
        .await;
    let other = json!({"positive": [1], "strategy": "guess", "limit": 1});
    door.refuses(
        "POST",
        &path("recommend"),
        other,
        400,
        "Format error in JSON body: ",
    )
    .await;
}

/// Without a vector's name, the older endpoints look up the default vector of the other collection.
#[tokio::test]
async fn old_lookups_read_the_default_vector() {
    let door = Door::with_art().await;
    let vectors = json!({"": {"size": 2, "distance": "Dot"}, "b": {"size": 2, "distance": "Dot"}});
    door.put("/collections/other", json!({"vectors": vectors})).await;
    let vector = json!({"": [-1, 0], "b": [1, 0]});
    door.put(
        "/collections/other/points?wait=true",
        json!({"points": [{"id": 1, "vector": vector}]}),
    )
    .await;
    let body = json!({"positive": [1], "limit": 5, "lookup_from": {"collection": "other"}});
    let found = door.post("/collections/art/points/recommend", body).await;
    assert_eq!(ids(&found), [1, 2, 3, 4, 5]);
    let body = json!({"positive": [1], "limit": 5, "lookup_from": {"collection": "other", "vector": "b"}});
    let found = door.post("/collections/art/points/recommend", body).await;
    assert_eq!(ids(&found), [5, 4, 3, 2, 1]);
}
