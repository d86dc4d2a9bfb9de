//! Keys against every route of the table.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use kindred_api::ServerSettings;
use serde_json::Value;

use crate::door::{Answer, Door};

fn locked() -> Door {
    Door::with(ServerSettings {
        api_key: Some("full".into()),
        read_only_api_key: Some("look".into()),
        ..ServerSettings::default()
    })
}

async fn ask(door: &Door, method: &str, path: &str, key: Option<(&str, &str)>) -> Answer {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json");
    if let Some((name, value)) = key {
        request = request.header(name, value);
    }
    door.send(request.body(Body::from("{}")).unwrap()).await
}

#[tokio::test]
async fn without_a_sufficient_key_no_operation_runs() {
    let door = locked();
    let document = ask(&door, "GET", "/openapi.json", Some(("api-key", "look")))
        .await
        .json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{collection_name}", "c")
            .replace("{id}", "1")
            .replace(['{', '}'], "");
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase();
            if ["/", "/healthz", "/livez", "/readyz"].contains(&path.as_str()) {
                assert_eq!(
                    ask(&door, &method, &path, None).await.status.as_u16(),
                    200,
                    "{path}"
                );
                continue;
            }
            let none = ask(&door, &method, &path, None).await;
            let want = (401, "Must provide an API key or an Authorization bearer token");
            assert_eq!(
                (none.status.as_u16(), none.text.as_str()),
                want,
                "{method} {path}"
            );
            let wrong = ask(&door, &method, &path, Some(("api-key", "fullx"))).await;
            assert_eq!(
                (wrong.status.as_u16(), wrong.text.as_str()),
                (401, "Invalid API key or JWT")
            );
            assert!(
                wrong.headers["content-type"]
                    .to_str()
                    .unwrap()
                    .starts_with("text/plain")
            );
            let look = ask(&door, &method, &path, Some(("authorization", "Bearer look"))).await;
            if changes(&method, &path, operation) {
                assert_eq!(look.status.as_u16(), 403, "{method} {path}");
                assert_eq!(look.error(), "Forbidden: Global manage access is required");
            } else {
                assert!(
                    ![401, 403].contains(&look.status.as_u16()) || look.error().is_empty(),
                    "{method} {path}"
                );
            }
            let full = ask(&door, &method, &path, Some(("api-key", "full"))).await;
            assert!(![401, 403].contains(&full.status.as_u16()), "{method} {path}");
        }
    }
}

/// Whether an operation changes or hands out more than one read: said here a second time, on purpose.
fn changes(method: &str, path: &str, operation: &Value) -> bool {
    let is_snapshot_file = path.ends_with("/snapshot_name");
    match method {
        "GET" => is_snapshot_file,
        "POST" => {
            let reads = ["/scroll", "/count", "/facet", "/points"];
            operation["tags"][0] != "Search" && !reads.iter().any(|end| path.ends_with(end))
        }
        _ => true,
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_gets_around_the_keys() {
    let door = locked();
    for path in [
        "/dashboard%2f..%2fcollections",
        "/healthz%2f..%2fcollections",
        "/healthz/../collections",
        "//collections",
        "/collections/",
        "/%63ollections",
        "/readyz%00/collections",
        "/nothing",
    ] {
        assert_eq!(ask(&door, "GET", path, None).await.status.as_u16(), 401, "{path}");
    }
}

/// A body that notices when it is read.
struct Watched(Arc<AtomicBool>);

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, std::io::Error>>> {
        self.0.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    }
}

#[tokio::test]
async fn keys_are_checked_before_the_body_is_read() {
    let door = locked();
    let was_read = Arc::new(AtomicBool::new(false));
    let request = Request::builder()
        .method("PUT")
        .uri("/collections/c")
        .header("content-type", "application/json")
        .header("api-key", "look")
        // A client that waits for permission has sent nothing, so nothing is drained either.
        .header("expect", "100-continue");
    let answer = door
        .send(request.body(Body::new(Watched(Arc::clone(&was_read)))).unwrap())
        .await;
    assert_eq!(answer.status.as_u16(), 403);
    tokio::task::yield_now().await;
    assert!(!was_read.load(Ordering::Relaxed));
}

#[tokio::test]
async fn no_answer_contains_a_key() {
    let secret = "kx9-canary-77";
    let door = Door::with(ServerSettings {
        api_key: Some(secret.into()),
        ..ServerSettings::default()
    });
    for path in [
        "/telemetry?details_level=9",
        "/metrics",
        "/openapi.json",
        "/",
        "/collections",
    ] {
        let answer = ask(&door, "GET", path, Some(("api-key", secret))).await;
        assert_eq!(answer.status.as_u16(), 200, "{path}");
        assert!(!answer.text.contains(secret), "{path}");
    }
}
