//! The table of refusals (section 6 of the wire), row by row: a request, and below it the code and a part of the
//! text that it is refused with.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::door::Door;

async fn check(table: &str) {
    let door = Door::with_art().await;
    let max_sim = json!({"comparator": "max_sim"});
    let vectors = json!({
        "a": {"size": 2, "distance": "Dot"},
        "b": {"size": 3, "distance": "Dot"},
        "m": {"size": 2, "distance": "Dot", "multivector_config": max_sim},
    });
    door.put(
        "/collections/named",
        json!({"vectors": vectors, "sparse_vectors": {"s": {}}}),
    )
    .await;
    let point = json!({"points": [{"id": 1, "vector": {"b": [1, 2, 3]}}]});
    door.put("/collections/named/points?wait=true", point).await;
    let lines: Vec<&str> = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let (rows, rest) = lines.as_chunks::<2>();
    assert!(!rows.is_empty() && rest.is_empty());
    for [request, refusal] in rows {
        let mut words = request.splitn(3, ' ');
        let mut word = || words.next().unwrap();
        let (method, path) = (word(), format!("/collections/{}", word()));
        let body: Value = serde_json::from_str(word()).unwrap();
        let (code, text) = refusal.split_once(' ').unwrap();
        door.refuses(method, &path, body, code.parse().unwrap(), text)
            .await;
    }
}

#[tokio::test]
async fn queries_whose_parts_do_not_go_together() {
    check(
        r#"
        POST art/points/query {"query": [1, 0], "limit": 0}
            422 Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]
        POST art/points/query {"prefetch": [{"query": [1, 0]}]}
            400 Bad request: A query is needed to merge the prefetches. Can't have prefetches without defining a query.
        POST art/points/query {"score_threshold": 0.5}
            400 Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query.
        POST art/points/query {"query": {"order_by": "year"}, "score_threshold": 0.5}
            400 Bad request: Can't use score_threshold with an order_by query.
        POST art/points/query {"prefetch": [{"query": [1, 0]}], "query": {"fusion": "rrf"}, "using": "a"}
            400 Bad request: Fusion queries cannot be combined with the 'using' field.
        POST art/points/query {"query": {"fusion": "rrf"}}
            400 cannot apply Fusion without prefetches
        POST art/points/query {"query": {"formula": 1}}
            400 cannot apply Formula without prefetches
        POST art/points/query {"query": "not a uuid"}
            400 Expected some form of vector, id, or a type of query
        POST art/points/query {"query": ["a"]}
            400 Expected some form of vector, id, or a type of query
        POST art/points/query {"query": {"order_by": "year"}}
            400 Wrong input: No range index for `order_by` key: `year`
        POST art/points/query/groups {"query": [1, 0], "group_by": ""}
            422 Validation error in JSON body: [internal.group_by: value "" invalid, must be from 1 to 4096 characters]
        POST art/points/query/groups {"query": [1, 0], "group_by": "a..b"}
            400 Invalid json path
        POST art/points/search/groups {"vector": [1, 0], "group_by": "", "limit": 1, "group_size": 1}
            422 group_by: value "" invalid, must be from 1 to 4096 characters
        POST art/points/search/matrix/pairs {"sample": 1}
            422 Validation error in JSON body: [sample: value 1 invalid, must be 2 or larger]
        "#,
    )
    .await;
}

#[tokio::test]
async fn examples_that_cannot_be_found() {
    check(
        r#"
        POST art/points/query {"query": 99}
            404 Not found: No point with id 99 found
        POST art/points/query {"query": 424242424242424242, "lookup_from": {"collection": "named", "vector": "b"}}
            404 Not found: No point with id 424242424242424242 found
        POST art/points/query {"query": 1, "lookup_from": {"collection": "none"}}
            404 Not found: Collection none not found
        POST art/points/query {"query": 1, "lookup_from": {"collection": "named", "vector": "x"}}
            400 Wrong input: Not existing vector name error: x
        POST art/points/query {"query": 1, "lookup_from": {"collection": "named", "vector": "b"}}
            400 Wrong input: Vector dimension error: expected dim: 2, got 3
        POST art/points/query {"query": [1, 2, 3]}
            400 Wrong input: Vector dimension error: expected dim: 2, got 3
        POST named/points/query {"query": [1, 2]}
            400 Wrong input: Collection requires specified vector name in the request, available names: a, b
        POST named/points/query {"query": [1, 2], "using": "x"}
            400 Wrong input: Vector with name `x` is not configured in this collection, available names: a, b
        "#,
    )
    .await;
}

#[tokio::test]
async fn kinds_that_miss_something() {
    check(
        r#"
        POST art/points/query {"query": {"recommend": {"negative": [1]}}}
            400 Positive vectors should not be empty with `average` strategy
        POST art/points/query {"query": {"recommend": {"strategy": "best_score"}}}
            422 At least one positive or negative vector/id must be provided
        POST art/points/query {"query": {"relevance_feedback": {"target": [1, 0], "feedback": [{"example": 1, "score": 1.0}], "strategy": {"naive": {"a": 1.0, "b": -1.0, "c": 1.0}}}}}
            422 Validation error in JSON body: [internal.query.relevance_feedback.strategy.naive.b: value -1.0 invalid, must be 0.0 or larger]
        POST art/points/query {"query": {"relevance_feedback": {"target": [1, 0], "feedback": [], "strategy": {"naive": {"a": 1.0, "b": 1.0, "c": 1.0}}}}}
            422 feedback elements must be non-empty
        POST art/points/query {"query": {"relevance_feedback": {"target": [1, 0], "feedback": [{"example": 99, "score": 1.0}], "strategy": {"naive": {"a": 1.0, "b": 1.0, "c": 1.0}}}}}
            404 Not found: No point with id 99 found
        POST art/points/query {"query": {"relevance_feedback": {"target": [1, 0], "feedback": [{"example": 1, "score": 1.0}], "strategy": {"naive": {"a": 1.0, "b": 1.0}}}}}
            400 missing field `c`
        POST art/points/query {"query": {"discover": {"target": 1}}}
            400 missing field `context`
        POST art/points/query {"prefetch": {"query": [1, 0]}, "query": {"formula": "none"}}
            400 Wrong input: Expected number value for none in the payload
        POST art/points/query {"prefetch": {"query": [1, 0]}, "query": {"formula": {"div": {"left": 1, "right": 0}}}}
            400 produced a non-finite number
        POST art/points/query {"prefetch": {"query": [1, 0]}, "query": {"formula": "$other"}}
            400 failed to parse variable ID
        "#,
    )
    .await;
}

#[tokio::test]
async fn points_that_do_not_fit() {
    check(
        r#"
        PUT art/points {"points": [{"id": 1, "vector": [1, 2, 3]}]}
            400 Wrong input: Vector dimension error: expected dim: 2, got 3
        PUT art/points?wait=true {"points": [{"id": 1, "vector": [1, 2, 3]}]}
            400 Wrong input: Vector dimension error: expected dim: 2, got 3
        PUT art/points {"points": [{"id": 1, "vector": []}]}
            422 dense vector must not be empty
        PUT art/points?wait=true {"points": [{"id": 1, "vector": []}]}
            422 dense vector must not be empty
        PUT art/points {"points": [{"id": 1, "vector": {"x": [1, 2]}}]}
            400 Wrong input: Not existing vector name error: x
        PUT named/points {"points": [{"id": 1, "vector": {"m": [[1, 2], []]}}]}
            422 Validation error in JSON body: [points[0].vector.?.data: all vectors must be non-empty]
        PUT named/points {"points": [{"id": 1, "vector": {"m": [[1, 2], [1, 2, 3]]}}]}
            422 found vector with dimension 3
        PUT named/points {"points": [{"id": 1, "vector": {"s": {"indices": [1, 2], "values": [1]}}}]}
            422 points[0].vector.?.values: Validation error: must be the same length as indices [{}]
        PUT named/points {"points": [{"id": 1, "vector": {"s": {"indices": [1, 1], "values": [1, 2]}}}]}
            422 points[0].vector.?.indices: Validation error: must be unique [{}]
        PUT named/points {"points": [{"id": 1, "vector": {"s": {"indices": [1, 1], "values": [1]}, "t": {"indices": [1], "values": []}}}]}
            422 Validation error in JSON body
        PUT art/points {"points": [{"id": "x", "vector": [1, 2]}]}
            400 value x is not a valid point ID, valid values are either an unsigned integer or a UUID
        PUT art/points {"points": [{"id": -3, "vector": [1, 2]}]}
            400 value -3 is not a valid point ID, valid values are either an unsigned integer or a UUID
        PUT art/points {"batch": {"ids": [1, 2], "vectors": [[1, 2]]}}
            422 number of ids and vectors must be equal (2 != 1)
        "#,
    )
    .await;
}

#[tokio::test]
async fn changes_and_reads_that_do_not_fit() {
    check(
        r#"
        PUT art/points/vectors {"points": [{"id": 1, "vector": {}}]}
            422 Validation error in JSON body: [points[0].vector: must specify vectors to update for point]
        PUT art/points/vectors {"points": []}
            422 must specify points to update
        PUT art/points/vectors {"points": [{"id": 77, "vector": [1, 2]}]}
            404 Not found: No point with id 77 found
        POST art/points/vectors/delete {"points": [1], "vector": ["a"]}
            400 Wrong input: Not existing vector name error: a
        POST art/points/vectors/delete {"vector": [""]}
            400 No filter or points provided
        POST art/points/payload {"payload": {"a": 1}}
            400 Either list of point ids or filter must be provided
        POST art/points/payload {"payload": {"a": 1}, "points": [77]}
            404 Not found: No point with id 77 found
        POST art/points/scroll {"offset": 1, "order_by": "year"}
            400 Cannot use an `offset` when using `order_by`
        POST art/points/count {"filter": {"must": [{"key": "a"}]}}
            422 At least one field condition must be specified
        POST art/points/count {"filter": {"must_": []}}
            400 Format error in JSON body:
        POST art/facet {"key": "kind"}
            400 Wrong input: No appropriate index for faceting: `kind`. Please create one to facet on this field.
        "#,
    )
    .await;
}

#[tokio::test]
async fn collections_that_do_not_fit() {
    check(
        r#"
        PUT new {"vectors": {"size": 65537, "distance": "Dot"}}
            422 Validation error in JSON body: [vectors.size: value 65537 invalid, must be from 1 to 65536]
        PUT new {"hnsw_config": {"ef_construct": 0}}
            422 hnsw_config.ef_construct
        PUT art {"vectors": {"size": 2, "distance": "Dot"}}
            409 Wrong input: Collection `art` already exists!
        PUT new {"vectors": {"a": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"a": {}}}
            400 Dense and sparse vector names must be unique - duplicate found with 'a'
        PUT new {"sparse_vectors": {"": {}}}
            400 Sparse vector name cannot be empty
        PUT new {"sparse_vectors": {"s": {"index": {"datatype": "turbo4"}}}}
            422 sparse vectors do not support the `turbo4` datatype
        PUT art/index {"field_name": "a", "field_schema": {"type": "integer", "lookup": false, "range": false}}
            422 Validation error: the 'lookup' and 'range' capabilities can't be both disabled
        PATCH none {}
            404 Not found: Collection `none` doesn't exist!
        POST none/points/query {"query": [1]}
            404 Not found: Collection `none` doesn't exist!
        POST art/points/query?timeout=0 {"query": [1, 0]}
            422 Validation error in query parameters: [timeout: value 0 invalid, must be 1 or larger]
        PUT art/points?timeout=0 {"points": []}
            422 timeout: value 0 invalid
        PUT new?timeout=0 {}
            422 timeout: value 0 invalid
        POST art/points/query?consistency=0 {}
            400 Deserialize error in query parameters:
        "#,
    )
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
        let answer = door
            .raw("POST", "/collections/art/points/query", body.to_owned())
            .await;
        assert_eq!(answer.status.as_u16(), 400, "{body}: {}", answer.text);
        let error = answer.error();
        assert!(
            error.starts_with("Format error in JSON body: ") && error.contains(part),
            "{body}: {error}"
        );
    }
    for content_type in [None, Some("text/plain")] {
        let mut request = Request::builder()
            .method("POST")
            .uri("/collections/art/points/query");
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
