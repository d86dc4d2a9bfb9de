//! What the older bodies mean, said as the bodies of the query endpoints.

use kindred_model::error::Check;
use kindred_model::query::groups::GroupsRequest;
use kindred_model::query::request::QueryRequest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;

fn lowered<B: Lower + DeserializeOwned>(old: Value) -> Result<QueryRequest, String> {
    let body: B = serde_json::from_value(old).map_err(|error| error.to_string())?;
    Check::all("internal", &body).map_err(|invalid| invalid.to_string())?;
    body.lower().map_err(|invalid| invalid.to_string())
}

fn check<B: Lower + DeserializeOwned>(old: Value, new: Value) {
    let want: QueryRequest = serde_json::from_value(new).unwrap();
    assert_eq!(lowered::<B>(old.clone()), Ok(want), "{old}");
}

fn check_refused<B: Lower + DeserializeOwned>(old: Value, part: &str) {
    let refused = lowered::<B>(old.clone()).expect_err("refused");
    assert!(refused.contains(part), "{old}: {refused}");
}

#[test]
fn search_is_nearest() {
    check::<SearchBody>(
        json!({"vector": [1.0, 2.0], "limit": 3}),
        json!({"query": [1.0, 2.0], "limit": 3}),
    );
    check::<SearchBody>(
        json!({"vector": {"name": "a", "vector": [1.0]}, "top": 3, "offset": 2, "score_threshold": 0.5,
            "with_payload": ["x"], "with_vectors": ["a"], "params": {"exact": true},
            "filter": {"must": [{"has_id": [1]}]}}),
        json!({"query": [1.0], "using": "a", "limit": 3, "offset": 2, "score_threshold": 0.5,
            "with_payload": ["x"], "with_vector": ["a"], "params": {"exact": true},
            "filter": {"must": [{"has_id": [1]}]}}),
    );
    check::<SearchBody>(
        json!({"vector": {"name": "s", "vector": {"indices": [3, 1], "values": [0.5, 1.0]}}, "limit": 1,
            "filter": null, "with_payload": null, "shard_key": null}),
        json!({"query": {"indices": [3, 1], "values": [0.5, 1.0]}, "using": "s", "limit": 1}),
    );
}

#[test]
fn search_refuses_what_it_does_not_know() {
    check_refused::<SearchBody>(json!({"vector": [1.0]}), "missing field `limit`");
    check_refused::<SearchBody>(json!({"limit": 1}), "missing field `vector`");
    check_refused::<SearchBody>(
        json!({"vector": [1.0], "limit": 0}),
        "internal.limit: value 0 invalid, must be 1 or larger",
    );
    check_refused::<SearchBody>(
        json!({"vector": [], "limit": 1}),
        "dense vector must not be empty",
    );
    check_refused::<SearchBody>(json!({"vector": [[1.0]], "limit": 1}), "invalid type");
    check_refused::<SearchBody>(
        json!({"vector": 7, "limit": 1}),
        "a list of numbers, or an object",
    );
    check_refused::<SearchBody>(
        json!({"vector": {"name": "m", "vector": [[1.0]]}, "limit": 1}),
        "expected a point id, a dense or a sparse vector",
    );
    check_refused::<SearchBody>(
        json!({"vector": {"indices": [1], "values": [1.0]}, "limit": 1}),
        "missing field `name`",
    );
    check_refused::<SearchBody>(
        json!({"vector": [1.0], "limit": 1, "shard_key": "a"}),
        "Shard key",
    );
}

#[test]
fn recommend_keeps_its_examples_and_looks_up_the_default_vector() {
    check::<RecommendBody>(
        json!({"positive": [1, [0.5]], "negative": ["936da01f-9abd-4d9d-80c7-02af85c822a8"], "top": 10}),
        json!({"query": {"recommend": {"positive": [1, [0.5]],
            "negative": ["936da01f-9abd-4d9d-80c7-02af85c822a8"]}}, "limit": 10}),
    );
    check::<RecommendBody>(
        json!({"negative": [2], "strategy": "best_score", "limit": 1, "using": "a",
            "lookup_from": {"collection": "c"}}),
        json!({"query": {"recommend": {"negative": [2], "strategy": "best_score"}}, "limit": 1, "using": "a",
            "lookup_from": {"collection": "c", "vector": ""}}),
    );
    check::<RecommendBody>(
        json!({"positive": [2], "limit": 1, "lookup_from": {"collection": "c", "vector": "v"}}),
        json!({"query": {"recommend": {"positive": [2]}}, "limit": 1,
            "lookup_from": {"collection": "c", "vector": "v"}}),
    );
}

#[test]
fn recommend_needs_examples() {
    let average = "At least one positive vector ID required with this strategy";
    check_refused::<RecommendBody>(json!({"limit": 1}), average);
    check_refused::<RecommendBody>(json!({"negative": [1], "limit": 1}), average);
    for strategy in ["best_score", "sum_scores"] {
        check_refused::<RecommendBody>(
            json!({"positive": [], "strategy": strategy, "limit": 1}),
            "At least one positive or negative vector ID required with this strategy",
        );
    }
    check_refused::<RecommendBody>(
        json!({"positive": [1], "strategy": "other", "limit": 1}),
        "unknown variant",
    );
    check_refused::<RecommendBody>(
        json!({"positive": [[[1.0]]], "limit": 1}),
        "use the query endpoint",
    );
    check_refused::<RecommendBody>(json!({"positive": [1]}), "missing field `limit`");
}

#[test]
fn discover_is_discover_or_context() {
    check::<DiscoverBody>(
        json!({"target": 1, "context": [{"positive": 2, "negative": [0.5]}], "limit": 4}),
        json!({"query": {"discover": {"target": 1, "context": [{"positive": 2, "negative": [0.5]}]}}, "limit": 4}),
    );
    check::<DiscoverBody>(
        json!({"target": [0.5], "limit": 4}),
        json!({"query": {"discover": {"target": [0.5], "context": []}}, "limit": 4}),
    );
    check::<DiscoverBody>(
        json!({"context": [{"positive": 2, "negative": 3}], "limit": 4, "score_threshold": 0.5}),
        json!({"query": {"context": [{"positive": 2, "negative": 3}]}, "limit": 4}),
    );
    for nothing in [json!({"limit": 4}), json!({"context": [], "limit": 4})] {
        check_refused::<DiscoverBody>(nothing, "target and/or context_pairs must be specified");
    }
    check_refused::<DiscoverBody>(
        json!({"context": {"positive": 2, "negative": 3}, "limit": 4}),
        "invalid type",
    );
}

#[test]
fn groups_are_the_same_queries_grouped() {
    let old = json!({"vector": [1.0], "group_by": "a.b", "group_size": 2, "limit": 5, "with_lookup": "c"});
    let new = json!({"query": [1.0], "group_by": "a.b", "group_size": 2, "limit": 5, "with_lookup": "c"});
    let body: SearchGroupsBody = serde_json::from_value(old).unwrap();
    let want: GroupsRequest = serde_json::from_value(new).unwrap();
    assert_eq!(body.lower(), Ok(want));

    let old =
        json!({"positive": [1], "group_by": "a", "group_size": 1, "limit": 5, "strategy": "sum_scores"});
    let new = json!({"query": {"recommend": {"positive": [1], "strategy": "sum_scores"}},
        "group_by": "a", "group_size": 1, "limit": 5});
    let body: RecommendGroupsBody = serde_json::from_value(old).unwrap();
    let want: GroupsRequest = serde_json::from_value(new).unwrap();
    assert_eq!(body.lower(), Ok(want));

    let missing = json!({"positive": [1], "group_by": "a", "limit": 5});
    let error = serde_json::from_value::<RecommendGroupsBody>(missing).unwrap_err();
    assert!(
        error.to_string().contains("missing field `group_size`"),
        "{error}"
    );
}
