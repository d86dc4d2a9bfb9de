//! The table of refusals (section 6 of the wire), one row after the other.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::door::Door;

async fn check(rows: &[(&str, &str, Value, u16, &str)]) {
    let door = Door::with_art().await;
    let named = json!({"vectors": {"a": {"size": 2, "distance": "Dot"}, "b": {"size": 3, "distance": "Dot"}},
        "sparse_vectors": {"s": {}}});
    door.put("/collections/named", named).await;
    door.put(
        "/collections/multi",
        json!({"vectors": {
        "size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}}),
    )
    .await;
    let other = json!({"points": [{"id": 1, "vector": {"b": [1, 2, 3]}}]});
    door.put("/collections/named/points?wait=true", other).await;
    for (method, path, body, code, part) in rows {
        door.refuses(method, path, body.clone(), *code, part).await;
    }
}

const QUERY: &str = "/collections/art/points/query";
const ART: &str = "/collections/art/points";
const NAMED: &str = "/collections/named/points";
const MULTI: &str = "/collections/multi/points";

#[tokio::test]
async fn queries_whose_parts_do_not_go_together() {
    let two = json!([{"query": [1, 0]}]);
    check(&[
        ("POST", QUERY, json!({"query": [1, 0], "limit": 0}), 422,
            "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]"),
        ("POST", QUERY, json!({"prefetch": two}), 400,
            "Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query."),
        ("POST", QUERY, json!({"score_threshold": 0.5}), 400,
            "Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query."),
        ("POST", QUERY, json!({"query": {"order_by": "year"}, "score_threshold": 0.5}), 400,
            "Bad request: Can't use score_threshold with an order_by query."),
        ("POST", QUERY, json!({"prefetch": two, "query": {"fusion": "rrf"}, "using": "a"}), 400,
            "Bad request: Fusion queries cannot be combined with the 'using' field."),
        ("POST", QUERY, json!({"query": {"fusion": "rrf"}}), 400, "cannot apply Fusion without prefetches"),
        ("POST", QUERY, json!({"query": {"formula": 1}}), 400, "cannot apply Formula without prefetches"),
        ("POST", QUERY, json!({"query": "not a uuid"}), 400,
            "Expected some form of vector, id, or a type of query"),
        ("POST", QUERY, json!({"query": ["a"]}), 400, "Expected some form of vector, id, or a type of query"),
        ("POST", QUERY, json!({"query": {"order_by": "year"}}), 400,
            "Wrong input: No range index for `order_by` key: `year`"),
    ])
    .await;
}

#[tokio::test]
async fn examples_that_cannot_be_found() {
    let lookup = |collection: &str, vector: Value| json!({"collection": collection, "vector": vector});
    check(&[
        (
            "POST",
            QUERY,
            json!({"query": 99}),
            404,
            "Not found: No point with id 99 found",
        ),
        (
            "POST",
            QUERY,
            json!({"query": 424242424242424242_u64, "lookup_from": lookup("named", json!("b"))}),
            404,
            "Not found: No point with id 424242424242424242 found",
        ),
        (
            "POST",
            QUERY,
            json!({"query": 1, "lookup_from": lookup("none", json!(null))}),
            404,
            "Not found: Collection none not found",
        ),
        (
            "POST",
            QUERY,
            json!({"query": 1, "lookup_from": lookup("named", json!("x"))}),
            400,
            "Wrong input: Not existing vector name error: x",
        ),
        (
            "POST",
            QUERY,
            json!({"query": 1, "lookup_from": lookup("named", json!("b"))}),
            400,
            "Wrong input: Vector dimension error: expected dim: 2, got 3",
        ),
        (
            "POST",
            QUERY,
            json!({"query": [1, 2, 3]}),
            400,
            "Wrong input: Vector dimension error: expected dim: 2, got 3",
        ),
        (
            "POST",
            &format!("{NAMED}/query"),
            json!({"query": [1, 2]}),
            400,
            "Wrong input: Collection requires specified vector name in the request, available names: a, b",
        ),
        (
            "POST",
            &format!("{NAMED}/query"),
            json!({"query": [1, 2], "using": "x"}),
            400,
            "x",
        ),
    ])
    .await;
}

#[tokio::test]
async fn kinds_that_miss_something() {
    let naive = |b: f64| json!({"naive": {"a": 1.0, "b": b, "c": 1.0}});
    let feedback = |items: Value, strategy: Value| json!({"query": {"relevance_feedback": {"target": [1, 0], "feedback": items, "strategy": strategy}}});
    let one = json!([{"example": 1, "score": 1.0}]);
    check(&[
        ("POST", QUERY, json!({"query": {"recommend": {"negative": [1]}}}), 400,
            "Positive vectors should not be empty with `average` strategy"),
        ("POST", QUERY, json!({"query": {"recommend": {"strategy": "best_score"}}}), 422,
            "At least one positive or negative vector/id must be provided"),
        ("POST", QUERY, feedback(one.clone(), naive(-1.0)), 422,
            "Validation error in JSON body: [internal.query.relevance_feedback.strategy.naive.b: value -1.0 invalid, must be 0.0 or larger]"),
        ("POST", QUERY, feedback(json!([]), naive(1.0)), 422, "feedback elements must be non-empty"),
        ("POST", QUERY, feedback(json!([{"example": 99, "score": 1.0}]), naive(1.0)), 404,
            "Not found: No point with id 99 found"),
        ("POST", QUERY, feedback(one, json!({"naive": {"a": 1.0, "b": 1.0}})), 400, "missing field `c`"),
        ("POST", QUERY, json!({"query": {"discover": {"target": 1}}}), 400, "missing field `context`"),
    ])
    .await;
}

#[tokio::test]
async fn formulas_that_cannot_be_evaluated() {
    let formula = |formula: Value| json!({"prefetch": {"query": [1, 0]}, "query": {"formula": formula}});
    check(&[
        (
            "POST",
            QUERY,
            formula(json!("none")),
            400,
            "Wrong input: Expected number value for none in the payload",
        ),
        (
            "POST",
            QUERY,
            formula(json!({"div": {"left": 1, "right": 0}})),
            400,
            "produced a non-finite number",
        ),
        (
            "POST",
            QUERY,
            formula(json!("$other")),
            400,
            "failed to parse variable ID",
        ),
    ])
    .await;
}

#[tokio::test]
async fn points_that_do_not_fit() {
    let upsert = |vector: Value| json!({"points": [{"id": 1, "vector": vector}]});
    check(&[
        (
            "PUT",
            ART,
            upsert(json!([1, 2, 3])),
            400,
            "Wrong input: Vector dimension error: expected dim: 2, got 3",
        ),
        (
            "PUT",
            &format!("{ART}?wait=true"),
            upsert(json!([1, 2, 3])),
            400,
            "expected dim: 2, got 3",
        ),
        (
            "PUT",
            ART,
            upsert(json!([])),
            422,
            "dense vector must not be empty",
        ),
        (
            "PUT",
            &format!("{ART}?wait=true"),
            upsert(json!([])),
            422,
            "dense vector must not be empty",
        ),
        (
            "PUT",
            ART,
            upsert(json!({"x": [1, 2]})),
            400,
            "Wrong input: Not existing vector name error: x",
        ),
        (
            "PUT",
            MULTI,
            upsert(json!([[1, 2], []])),
            422,
            "Validation error in JSON body: [points[0].vector.?.data: all vectors must be non-empty]",
        ),
        (
            "PUT",
            MULTI,
            upsert(json!([[1, 2], [1, 2, 3]])),
            422,
            "found vector with dimension 3",
        ),
        (
            "PUT",
            NAMED,
            upsert(json!({"s": {"indices": [1, 2], "values": [1]}})),
            422,
            "points[0].vector.?.values: Validation error: must be the same length as indices [{}]",
        ),
        (
            "PUT",
            NAMED,
            upsert(json!({"s": {"indices": [1, 1], "values": [1, 2]}})),
            422,
            "points[0].vector.?.indices: Validation error: must be unique [{}]",
        ),
        (
            "PUT",
            NAMED,
            upsert(json!({"s": {"indices": [1, 1], "values": [1]}, "t": {"indices": [1], "values": []}})),
            422,
            "Validation error in JSON body",
        ),
        (
            "PUT",
            ART,
            json!({"points": [{"id": "x", "vector": [1, 2]}]}),
            400,
            "is not a valid point ID",
        ),
        (
            "PUT",
            ART,
            json!({"points": [{"id": -3, "vector": [1, 2]}]}),
            400,
            "is not a valid point ID",
        ),
        (
            "PUT",
            ART,
            json!({"batch": {"ids": [1, 2], "vectors": [[1, 2]]}}),
            422,
            "number of ids and vectors must be equal (2 != 1)",
        ),
    ])
    .await;
}

#[tokio::test]
async fn changes_that_do_not_fit() {
    let vectors = format!("{ART}/vectors");
    check(&[
        ("PUT", &vectors, json!({"points": [{"id": 1, "vector": {}}]}), 422,
            "Validation error in JSON body: [points[0].vector: must specify vectors to update for point]"),
        ("PUT", &vectors, json!({"points": []}), 422, "must specify points to update"),
        ("PUT", &vectors, json!({"points": [{"id": 77, "vector": [1, 2]}]}), 404,
            "Not found: No point with id 77 found"),
        ("POST", &format!("{vectors}/delete"), json!({"points": [1], "vector": ["a"]}), 400,
            "Wrong input: Not existing vector name error: a"),
        ("POST", &format!("{vectors}/delete"), json!({"vector": [""]}), 400, "No filter or points provided"),
        ("POST", &format!("{ART}/payload"), json!({"payload": {"a": 1}}), 400,
            "Either list of point ids or filter must be provided"),
        ("POST", &format!("{ART}/payload"), json!({"payload": {"a": 1}, "points": [77]}), 404, "77"),
        ("POST", &format!("{ART}/scroll"), json!({"offset": 1, "order_by": "year"}), 400,
            "Cannot use an `offset` when using `order_by`"),
        ("POST", &format!("{ART}/count"), json!({"filter": {"must": [{"key": "a"}]}}), 422,
            "At least one field condition must be specified"),
        ("POST", &format!("{ART}/count"), json!({"filter": {"must_": []}}), 400, "Format error in JSON body: "),
        ("POST", &format!("{QUERY}/groups"), json!({"query": [1, 0], "group_by": ""}), 422, "Validation error"),
        ("POST", "/collections/art/facet", json!({"key": "kind"}), 400,
            "Wrong input: No appropriate index for faceting: `kind`. Please create one to facet on this field."),
    ])
    .await;
}

#[tokio::test]
async fn collections_that_do_not_fit() {
    let create = |vectors: Value| json!({"vectors": vectors});
    let dot = json!({"size": 2, "distance": "Dot"});
    check(&[
        (
            "PUT",
            "/collections/new",
            create(json!({"size": 65537, "distance": "Dot"})),
            422,
            "Validation error in JSON body: [vectors.size: value 65537 invalid, must be from 1 to 65536]",
        ),
        (
            "PUT",
            "/collections/new",
            json!({"hnsw_config": {"ef_construct": 0}}),
            422,
            "hnsw_config.ef_construct",
        ),
        (
            "PUT",
            "/collections/art",
            create(dot.clone()),
            409,
            "Wrong input: Collection `art` already exists!",
        ),
        (
            "PUT",
            "/collections/new",
            json!({"vectors": {"a": dot}, "sparse_vectors": {"a": {}}}),
            400,
            "Dense and sparse vector names must be unique - duplicate found with 'a'",
        ),
        (
            "PUT",
            "/collections/new",
            json!({"sparse_vectors": {"": {}}}),
            400,
            "Sparse vector name cannot be empty",
        ),
        (
            "PUT",
            "/collections/new",
            json!({"sparse_vectors": {"s": {"index": {"datatype": "turbo4"}}}}),
            422,
            "sparse vectors do not support the `turbo4` datatype",
        ),
        (
            "PUT",
            "/collections/art/index",
            json!({"field_name": "a", "field_schema": {"type": "integer", "lookup": false, "range": false}}),
            422,
            "Validation error: the 'lookup' and 'range' capabilities can't be both disabled",
        ),
        (
            "PATCH",
            "/collections/none",
            json!({}),
            404,
            "Not found: Collection `none` doesn't exist!",
        ),
        (
            "POST",
            "/collections/none/points/query",
            json!({"query": [1]}),
            404,
            "Not found: Collection `none` doesn't exist!",
        ),
        (
            "POST",
            &format!("{QUERY}?timeout=0"),
            json!({"query": [1, 0]}),
            422,
            "timeout: value 0 invalid",
        ),
        (
            "PUT",
            &format!("{ART}?timeout=0"),
            json!({"points": []}),
            422,
            "timeout: value 0 invalid",
        ),
        (
            "PUT",
            "/collections/new?timeout=0",
            json!({}),
            422,
            "timeout: value 0 invalid",
        ),
        (
            "POST",
            &format!("{QUERY}?consistency=0"),
            json!({}),
            400,
            "Deserialize error in query parameters: ",
        ),
    ])
    .await;
}

#[tokio::test]
async fn bodies_that_are_no_json() {
    let door = Door::with_art().await;
    for (body, part) in [
        ("", "EOF while parsing a value"),
        ("{", "EOF while parsing"),
        ("{\"query\": [1, 0]} x", "trailing characters"),
        ("{\"limit\": \"a\"}", "invalid type: string"),
        ("{\"limit\": -1}", "invalid value: integer `-1`"),
        ("{\"limit\": NaN}", "expected value"),
        ("{\"query\": [1e400, 0]}", "number out of range"),
        ("{\"query\": [1e39, 0]}", "Expected some form of vector"),
    ] {
        let answer = door.raw("POST", QUERY, body.to_owned()).await;
        assert_eq!(answer.status.as_u16(), 400, "{body}: {}", answer.text);
        let error = answer.error();
        assert!(
            error.starts_with("Format error in JSON body: ") && error.contains(part),
            "{body}: {error}"
        );
    }
    for content_type in [None, Some("text/plain")] {
        let mut request = Request::builder().method("POST").uri(QUERY);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = door.send(request.body(Body::from("{}")).unwrap()).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert_eq!(
            answer.error(),
            "Format error in JSON body: content type must be application/json"
        );
    }
}
