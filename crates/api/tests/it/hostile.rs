//! Requests that mean harm: all are answered, none with a 5xx, and the server lives on.

use serde_json::{Value, json};

use crate::door::Door;

const ART: &str = "/collections/art/points";

#[tokio::test]
async fn nesting_without_end_is_a_400() {
    let door = Door::with_art().await;
    let nested = |open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(10_000), close.repeat(10_000))
    };
    let filter = nested("{\"must\":[", "{}", "]}");
    let prefetch = nested("{\"query\":[1,0],\"prefetch\":", "null", "}");
    let formula = nested("{\"neg\":", "1", "}");
    let list = nested("[", "1", "]");
    let object = nested("{\"a\":", "1", "}");
    for (path, body) in [
        ("/scroll", format!("{{\"filter\":{filter}}}")),
        ("/query", prefetch),
        (
            "/query",
            format!("{{\"prefetch\":{{\"query\":[1,0]}},\"query\":{{\"formula\":{formula}}}}}"),
        ),
        ("/query", format!("{{\"query\":{list}}}")),
        ("/query", format!("{{\"ignored\":{object}}}")),
        ("/search", format!("{{\"vector\":{list},\"limit\":1}}")),
        ("/payload", format!("{{\"payload\":{object},\"points\":[1]}}")),
        ("/query/batch", list.clone()),
    ] {
        let answer = door.raw("POST", &format!("{ART}{path}"), body).await;
        assert_eq!(answer.status.as_u16(), 400, "{path}: {}", answer.text);
        assert!(
            answer.error().contains("recursion limit exceeded"),
            "{path}: {}",
            answer.text
        );
    }
    assert_eq!(door.post(&format!("{ART}/count"), json!({})).await["count"], 5);
}

#[tokio::test]
async fn nesting_that_decodes_is_limited_too() {
    let door = Door::with_art().await;
    let nested = |depth: usize| {
        (0..depth).fold(
            json!({"query": [1, 0]}),
            |inner, _| json!({"query": [1, 0], "prefetch": inner}),
        )
    };
    let deep = door.call("POST", &format!("{ART}/query"), nested(30)).await;
    assert_eq!(deep.status.as_u16(), 200, "{}", deep.text);
    door.refuses(
        "POST",
        &format!("{ART}/query"),
        nested(65),
        400,
        "prefetches depth 65 exceeds max depth 64",
    )
    .await;
}

#[tokio::test]
async fn huge_numbers_are_answered() {
    let door = Door::with_art().await;
    for huge in [
        json!(u64::MAX),
        json!(i64::MAX),
        json!(100_000_000_000_000_000_u64),
        json!(4_294_967_296_u64),
    ] {
        for (path, body) in [
            ("/query", json!({"query": [1, 0], "limit": huge})),
            ("/query", json!({"query": [1, 0], "limit": huge, "offset": huge})),
            ("/query", json!({"query": [1, 0], "offset": huge})),
            ("/query", json!({"limit": huge, "offset": huge})),
            (
                "/query",
                json!({"query": {"sample": "random"}, "limit": huge, "offset": huge}),
            ),
            (
                "/query",
                json!({"query": {"recommend": {"positive": [1], "strategy": "best_score"}}, "limit": huge}),
            ),
            (
                "/query",
                json!({"prefetch": {"query": [1, 0], "limit": huge}, "query": {"fusion": "rrf"}, "limit": huge}),
            ),
            (
                "/query",
                json!({"prefetch": [{"limit": huge}], "query": {"formula": "$score"}, "limit": huge}),
            ),
            (
                "/query",
                json!({"query": {"nearest": [1, 0], "mmr": {}}, "limit": huge}),
            ),
            (
                "/query",
                json!({"query": {"nearest": [1, 0], "mmr": {"candidates_limit": huge}}}),
            ),
            ("/query", json!({"query": [1, 0], "params": {"hnsw_ef": huge}})),
            (
                "/query/groups",
                json!({"query": [1, 0], "group_by": "kind", "limit": huge, "group_size": huge}),
            ),
            (
                "/search",
                json!({"vector": [1, 0], "limit": huge, "offset": huge}),
            ),
            (
                "/search/groups",
                json!({"vector": [1, 0], "group_by": "kind", "limit": huge, "group_size": huge}),
            ),
            ("/search/matrix/pairs", json!({"sample": huge, "limit": huge})),
            ("/search/matrix/offsets", json!({"sample": huge, "limit": huge})),
            ("/scroll", json!({"limit": huge, "offset": huge})),
            (
                "/scroll",
                json!({"filter": {"min_should": {"conditions": [{"has_id": [1]}], "min_count": huge}}}),
            ),
            ("", json!({"ids": [huge]})),
        ] {
            let answer = door
                .call(
                    "POST",
                    &format!("{ART}{path}?timeout=18446744073709551615"),
                    body.clone(),
                )
                .await;
            assert!(answer.status.as_u16() < 500, "{path} {body}: {}", answer.text);
        }
        let facet = json!({"key": "kind", "limit": huge});
        assert!(
            door.call("POST", "/collections/art/facet", facet)
                .await
                .status
                .as_u16()
                < 500
        );
        let config = json!({"vectors": {"size": huge, "distance": "Dot"}, "shard_number": huge});
        assert!([400, 422].contains(&door.call("PUT", "/collections/new", config).await.status.as_u16()));
    }
    assert_eq!(door.post(&format!("{ART}/count"), json!({})).await["count"], 5);
}

#[tokio::test]
async fn names_never_leave_their_segment() {
    let door = Door::with_art().await;
    let long = "%61".repeat(300);
    for name in [
        "..",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc",
        "%2f",
        "%00",
        "%2fetc%2fpasswd",
        "C:%5cx",
        "NUL",
        long.as_str(),
    ] {
        for (method, path) in [
            ("GET", format!("/collections/{name}")),
            ("PUT", format!("/collections/{name}/points")),
            ("POST", format!("/collections/{name}/points/query")),
            ("DELETE", format!("/collections/{name}")),
            ("PUT", format!("/collections/art/vectors/{name}")),
            ("DELETE", format!("/collections/art/index/{name}")),
            ("GET", format!("/collections/art/snapshots/{name}")),
            ("GET", format!("/snapshots/{name}")),
            ("GET", format!("/collections/art/points/{name}")),
        ] {
            let answer = door.call(method, &path, json!({})).await;
            assert!(
                answer.status.as_u16() < 500 || answer.status.as_u16() == 501,
                "{method} {path}: {}",
                answer.text
            );
        }
        let create =
            json!({"actions": [{"create_alias": {"collection_name": "art", "alias_name": "a/../b"}}]});
        door.refuses("POST", "/collections/aliases", create, 422, "alias_name")
            .await;
    }
    assert_eq!(door.db.collections(), ["art"]);
}

#[tokio::test]
async fn too_many_requests_in_one_body_are_refused() {
    let door = Door::with_art().await;
    let searches: Vec<Value> = (0..16_385).map(|_| json!({})).collect();
    let text = "[searches: value 16385 invalid, must be 16384 or smaller]";
    door.refuses(
        "POST",
        &format!("{ART}/query/batch"),
        json!({"searches": searches}),
        422,
        text,
    )
    .await;
}
