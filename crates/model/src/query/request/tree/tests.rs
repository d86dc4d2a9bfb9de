//! Trees that are refused, ids that are left out, and filters on their way down.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::error::Invalid;
use crate::filter::Filter;
use crate::query::request::QueryRequest;

fn request(body: Value) -> QueryRequest {
    serde_json::from_value(body).unwrap()
}

fn filter(body: Value) -> Filter {
    serde_json::from_value(body).unwrap()
}

#[track_caller]
fn check(body: Value, want: Result<(), Invalid>) {
    assert_eq!(request(body.clone()).validate_tree(), want, "{body}");
    // The same below the root.
    let wrapped = json!({"query": {"fusion": "rrf"}, "prefetch": [{"query": 1}, body]});
    assert_eq!(request(wrapped).validate_tree(), want, "{body} as a prefetch");
}

#[test]
fn parts_that_do_not_go_together() {
    let merge = "A query is needed to merge the prefetches. Can't have prefetches without defining a query.";
    let threshold =
        "A query is needed to use the score_threshold. Can't have score_threshold without defining a query.";
    let order = "Can't use score_threshold with an order_by query.";
    let using = "Fusion queries cannot be combined with the 'using' field.";
    let lonely_fusion = "Validation failed: cannot apply Fusion without prefetches";
    let lonely_formula = "Validation failed: cannot apply Formula without prefetches";
    let weights = "Validation failed: RRF weights length (3) does not match number of prefetches (1)";
    let leaf = json!({"query": 1});
    let fused = |query: Value| json!({"query": query, "prefetch": leaf});
    for (body, error) in [
        (json!({"prefetch": leaf}), Invalid::request(merge)),
        (json!({"prefetch": [leaf, leaf]}), Invalid::request(merge)),
        (json!({"score_threshold": 0.5}), Invalid::request(threshold)),
        (
            json!({"query": {"order_by": "a"}, "score_threshold": 0.5}),
            Invalid::request(order),
        ),
        (
            json!({"query": {"fusion": "rrf"}, "prefetch": leaf, "using": "a"}),
            Invalid::request(using),
        ),
        (
            json!({"query": {"fusion": "dbsf"}}),
            Invalid::input(lonely_fusion),
        ),
        (
            json!({"query": {"rrf": {}}, "prefetch": []}),
            Invalid::input(lonely_fusion),
        ),
        (
            json!({"query": {"formula": "$score"}}),
            Invalid::input(lonely_formula),
        ),
        (
            fused(json!({"rrf": {"weights": [1, 2, 3]}})),
            Invalid::input(weights),
        ),
        (
            fused(json!({"formula": {"exp_decay": {"x": 1, "scale": 0}}})),
            Invalid::input("Decay scale should be non-zero positive, got 0."),
        ),
    ] {
        check(body, Err(error));
    }
    for body in [
        json!({}),
        json!({"prefetch": []}),
        json!({"query": {"sample": "random"}, "score_threshold": 0.5}),
        json!({"query": {"fusion": "rrf"}, "prefetch": leaf, "using": ""}),
        fused(json!({"rrf": {"weights": [1.5]}})),
        fused(json!({"formula": "$score"})),
        fused(json!([1.0, 2.0])),
    ] {
        check(body, Ok(()));
    }
}

#[test]
fn depth() {
    let nested = |levels: usize| {
        let wrap = |inner, _| json!({"query": 1, "prefetch": inner});
        request((0..levels).fold(json!({"query": 1}), wrap)).validate_tree()
    };
    assert_eq!(nested(64), Ok(()));
    assert_eq!(
        nested(65),
        Err(Invalid::request("prefetches depth 65 exceeds max depth 64"))
    );
}

#[test]
fn excluded_ids_are_those_of_the_whole_tree() {
    let tree = json!({
        "query": {"recommend": {"positive": [1, [1.0]], "negative": [2]}},
        "prefetch": [
            {"query": {"discover": {"target": 3, "context": [{"positive": 4, "negative": 5}]}}},
            {"query": {"context": {"positive": 6, "negative": 7}}, "lookup_from": {"collection": "here"}},
            {"query": 8, "lookup_from": {"collection": "elsewhere"}, "prefetch": {
                "query": {"relevance_feedback": {
                    "target": 9,
                    "feedback": [{"example": 10, "score": 1.0}],
                    "strategy": {"naive": {"a": 1.0, "b": 1.0, "c": 1.0}},
                }},
            }},
            {"query": {"nearest": "936da01f-9abd-4d9d-80c7-02af85c822a8", "mmr": {}}},
        ],
    });
    let ids = request(tree).excluded_ids("here");
    let uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap();
    let want: BTreeSet<_> = [1, 2, 3, 4, 5, 6, 7, 9, 10]
        .map(Into::into)
        .into_iter()
        .chain([uuid])
        .collect();
    assert_eq!(ids, want);
    let alias = json!({"query": 1, "lookup_from": {"collection": "here"}});
    assert_eq!(request(alias).excluded_ids("alias_of_here"), BTreeSet::new());
}

#[test]
fn filters_go_down_to_the_leaves() {
    let condition = |n: u64| json!({"key": "k", "match": {"value": n}});
    let body = json!({
        "query": 7,
        "filter": {"must": condition(1), "should": condition(2)},
        "prefetch": {"query": 8, "filter": {"should": condition(3), "must_not": condition(4)}},
    });
    let request = request(body);
    let root = request.root_filter("here");
    let want = json!({"must": condition(1), "should": condition(2), "must_not": {"has_id": [7, 8]}});
    assert_eq!(root, Some(filter(want)));
    let leaf = request.node.prefetch[0].leaf_filter(root.as_ref());
    let want = json!({
        "must": condition(1),
        "should": [condition(2), condition(3)],
        "must_not": [{"has_id": [7, 8]}, condition(4)],
    });
    assert_eq!(leaf, Some(filter(want)));
    let plain = self::request(json!({"query": [1.0]}));
    assert_eq!(plain.root_filter("here"), None);
    assert_eq!(plain.node.leaf_filter(None), None);
}

#[test]
fn the_window_does_not_overflow() {
    assert_eq!(request(json!({"limit": 5, "offset": 7})).window(), 12);
    assert_eq!(
        request(json!({"limit": u64::MAX, "offset": u64::MAX})).window(),
        u64::MAX
    );
}
