//! Requests that mean harm: all are answered, none with a 5xx, and the server lives on.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::time::{Sleep, sleep};

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
        ("/search", format!("{{\"vector\":{list},\"limit\":1}}")),
        ("/payload", format!("{{\"payload\":{object},\"points\":[1]}}")),
        ("/query/batch", list.clone()),
    ] {
        let answer = door.raw("POST", &format!("{ART}{path}"), body).await;
        assert_eq!(answer.status.as_u16(), 400, "{path}: {}", answer.text);
        assert!(
            answer.error().starts_with("Format error in JSON body: "),
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

/// Paths below `/collections/art` and bodies; `$` stands for the number.
const HUGE: &str = r#"
/points/query {"query": [1, 0], "limit": $}
/points/query {"query": [1, 0], "limit": $, "offset": $}
/points/query {"query": [1, 0], "offset": $}
/points/query {"limit": $, "offset": $}
/points/query {"query": {"sample": "random"}, "limit": $, "offset": $}
/points/query {"query": {"recommend": {"positive": [1], "strategy": "best_score"}}, "limit": $}
/points/query {"prefetch": {"query": [1, 0], "limit": $}, "query": {"fusion": "rrf"}, "limit": $}
/points/query {"prefetch": [{"limit": $}], "query": {"formula": "$score"}, "limit": $}
/points/query {"query": {"nearest": [1, 0], "mmr": {}}, "limit": $}
/points/query {"query": {"nearest": [1, 0], "mmr": {"candidates_limit": $}}}
/points/query {"query": [1, 0], "params": {"hnsw_ef": $}}
/points/query/groups {"query": [1, 0], "group_by": "kind", "limit": $, "group_size": $}
/points/search {"vector": [1, 0], "limit": $, "offset": $}
/points/search/groups {"vector": [1, 0], "group_by": "kind", "limit": $, "group_size": $}
/points/search/matrix/pairs {"sample": $, "limit": $}
/points/search/matrix/offsets {"sample": $, "limit": $}
/points/scroll {"limit": $, "offset": $}
/points/scroll {"filter": {"min_should": {"conditions": [{"has_id": [1]}], "min_count": $}}}
/points {"ids": [$]}
/facet {"key": "kind", "limit": $}
"#;

#[tokio::test]
async fn huge_numbers_are_answered() {
    let door = Door::with_art().await;
    for huge in [
        "18446744073709551615",
        "9223372036854775807",
        "100000000000000000",
        "4294967296",
    ] {
        for row in HUGE.lines().skip(1) {
            let (path, body) = row.split_once(' ').unwrap();
            let body = body
                .replace(": $", &format!(": {huge}"))
                .replace("[$", &format!("[{huge}"));
            let path = format!("/collections/art{path}?timeout={huge}");
            let answer = door.raw("POST", &path, body.clone()).await;
            assert!(answer.status.as_u16() < 500, "{path} {body}: {}", answer.text);
            assert!(
                !answer.text.contains("Format error"),
                "{path} {body}: {}",
                answer.text
            );
        }
        let config = format!("{{\"vectors\": {{\"size\": {huge}, \"distance\": \"Dot\"}}}}");
        assert_eq!(
            door.raw("PUT", "/collections/new", config).await.status.as_u16(),
            422
        );
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
    let operations: Vec<Value> = (0..16_385).map(|_| json!({"delete": {"points": []}})).collect();
    // Refused while it is read: an operation takes a hundred times the memory of its text.
    let text = "a list here has at most 16384 elements";
    let body = json!({"operations": operations});
    door.refuses("POST", &format!("{ART}/batch"), body, 400, text)
        .await;
}

#[tokio::test]
async fn two_megabytes_of_empty_objects_are_not_decoded() {
    let door = Door::with_art().await;
    let many = format!("[{}{{}}]", "{},".repeat(700_000));
    for (path, body) in [
        ("/points/query", format!("{{\"prefetch\":{many}}}")),
        ("/points/query", format!("{{\"filter\":{{\"must\":{many}}}}}")),
        ("/points/query/batch", format!("{{\"searches\":{many}}}")),
        ("/points/query/groups", format!("{{\"prefetch\":{many}}}")),
        ("/points/search", format!("{{\"filter\":{{\"must\":{many}}}}}")),
        ("/points/search/batch", format!("{{\"searches\":{many}}}")),
        ("/points/recommend", format!("{{\"positive\":{many}}}")),
        ("/points/discover", format!("{{\"context\":{many}}}")),
        (
            "/points/search/matrix/pairs",
            format!("{{\"filter\":{{\"must\":{many}}}}}"),
        ),
        ("/points", format!("{{\"ids\":{many}}}")),
        ("/points/scroll", format!("{{\"filter\":{{\"must\":{many}}}}}")),
        ("/points/count", format!("{{\"filter\":{{\"must\":{many}}}}}")),
        ("/points/delete", format!("{{\"filter\":{{\"must\":{many}}}}}")),
        (
            "/points/payload/clear",
            format!("{{\"filter\":{{\"must\":{many}}}}}"),
        ),
        ("/facet", format!("{{\"filter\":{{\"must\":{many}}}}}")),
    ] {
        let answer = door.raw("POST", &format!("/collections/art{path}"), body).await;
        assert_eq!(answer.status.as_u16(), 400, "{path}: {}", answer.text);
        assert_eq!(
            answer.error(),
            "Format error in JSON body: more than 131072 objects and arrays, or 64 times as many elements",
            "{path}"
        );
    }
    // Points may bring that much.
    let payload = format!("{{\"points\":[{{\"id\":1,\"vector\":[1,0],\"payload\":{{\"a\":{many}}}}}]}}");
    let answer = door.raw("PUT", &format!("{ART}?wait=true"), payload).await;
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.text);
}

/// A body that arrives whole after two seconds.
struct Late {
    body: Option<Bytes>,
    wait: Pin<Box<Sleep>>,
}

impl HttpBody for Late {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.wait.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(self.body.take().map(|body| Ok(Frame::data(body))))
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_for_a_body_counts_for_its_timeout() {
    let door = Door::with_art().await;
    let ask = async |timeout: u64| {
        let body = Late {
            body: Some(Bytes::from_static(b"{\"query\":[1,0]}")),
            wait: Box::pin(sleep(Duration::from_secs(2))),
        };
        let request = Request::post(format!("{ART}/query?timeout={timeout}"))
            .header("content-type", "application/json")
            .body(Body::new(body))
            .unwrap();
        door.send(request).await
    };
    let late = ask(1).await;
    assert_eq!(late.status.as_u16(), 408, "{}", late.text);
    assert_eq!(
        late.error(),
        "Timeout: Timeout error: Operation 'Search' timed out after 1 seconds"
    );
    assert_eq!(ask(60).await.status.as_u16(), 200);
}

#[tokio::test]
async fn a_compressed_body_is_a_415() {
    let door = Door::with_art().await;
    let request = Request::post(format!("{ART}/query"))
        .header("content-type", "application/json")
        .header("content-encoding", "gzip")
        .body(Body::from("x"))
        .unwrap();
    let answer = door.send(request).await;
    assert_eq!(answer.status.as_u16(), 415, "{}", answer.text);
    assert_eq!(
        answer.error(),
        "Unsupported content encoding: the request body must not be compressed"
    );
}
