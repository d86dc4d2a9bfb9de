//! What the server says about itself, and what it does with paths and headers.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use kindred_api::ServerSettings;
use serde_json::{Value, json};

use crate::door::Door;

#[tokio::test]
async fn the_root_says_version_and_title() {
    let door = Door::new();
    let root = door.get("/").await.json();
    assert_eq!(root["title"], "kindred - exploration-first vector search engine");
    assert_eq!(root["version"], "1.19.2");
    assert_eq!(root["commit"].as_str().map(str::len), Some(40));
    assert_eq!(root.as_object().map(serde_json::Map::len), Some(3));
}

#[tokio::test]
async fn health_is_plain_text() {
    let door = Door::new();
    for (path, text) in [
        ("/healthz", "healthz check passed"),
        ("/livez", "healthz check passed"),
        ("/readyz", "all shards are ready"),
        ("//healthz/", "healthz check passed"),
    ] {
        let answer = door.get(path).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::OK, text),
            "{path}"
        );
        assert!(
            answer.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/plain")
        );
    }
}

#[tokio::test]
async fn unknown_routes_are_bare() {
    let door = Door::with_art().await;
    for path in [
        "/nothing",
        "/collections/art/nothing",
        "/collections/art/query/batch",
        "/dashboard",
    ] {
        let answer = door.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (404, ""),
            "{path}"
        );
    }
    let typo = door
        .call("POST", "/collections/art/query/batch", json!({"searches": []}))
        .await;
    assert_eq!((typo.status.as_u16(), typo.text.as_str()), (404, ""));
    let wrong_method = door.delete("/collections/art/points/query").await;
    assert_eq!(
        (wrong_method.status.as_u16(), wrong_method.text.as_str()),
        (405, "")
    );
}

/// Every operation of the document is answered by a handler, and not by the router's own refusals.
#[tokio::test]
async fn every_described_operation_is_routed() {
    let door = Door::new();
    let document = door.get("/openapi.json").await.json();
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path
            .replace("{collection_name}", "none")
            .replace("{id}", "1")
            .replace(['{', '}'], "");
        for method in methods.as_object().unwrap().keys() {
            let answer = door.call(&method.to_uppercase(), &path, json!({})).await;
            let is_routed =
                answer.status.as_u16() != 405 && !(answer.status.as_u16() == 404 && answer.text.is_empty());
            assert!(is_routed, "{method} {path}: {}", answer.status);
            assert!(answer.status.as_u16() != 500, "{method} {path}: {}", answer.text);
            count += 1;
        }
    }
    assert!(count > 70, "{count}");
}

#[tokio::test]
async fn what_is_not_built_says_so() {
    let door = Door::with_art().await;
    for (method, path) in [
        ("GET", "/collections/art/shards/0/snapshots"),
        ("POST", "/collections/art/shards/0/snapshots"),
        ("PUT", "/collections/art/shards/0/snapshots/recover"),
    ] {
        door.refuses(
            method,
            path,
            json!({}),
            501,
            "snapshots of single shards are not built yet",
        )
        .await;
    }
    for (method, path) in [
        ("POST", "/cluster/recover"),
        ("DELETE", "/cluster/peer/1"),
        ("POST", "/collections/art/cluster"),
        ("PUT", "/collections/art/shards"),
        ("GET", "/collections/art/shards"),
        ("POST", "/collections/art/shards/delete"),
    ] {
        door.refuses(
            method,
            path,
            json!({}),
            400,
            "Bad request: Distributed mode disabled",
        )
        .await;
    }
    assert_eq!(door.get("/cluster").await.result(), json!({"status": "disabled"}));
    assert_eq!(door.get("/issues").await.result(), json!({"issues": []}));
    assert_eq!(door.delete("/issues").await.result(), json!(true));
}

#[tokio::test]
async fn metrics_count_answers_by_route() {
    let door = Door::with_art().await;
    door.get("/collections/none").await;
    let answer = door.get("/metrics").await;
    assert!(
        answer.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    for line in [
        "# HELP app_info information about qdrant server",
        "# TYPE app_info gauge",
        "app_info{name=\"qdrant\",version=\"1.19.2\"} 1",
        "collections_total 1",
        "collection_points{id=\"art\"} 5",
        "rest_responses_total{method=\"GET\",endpoint=\"/collections/{collection_name}\",status=\"404\"} 1",
        "rest_responses_total{method=\"PUT\",endpoint=\"/collections/{collection_name}/points\",status=\"200\"} 1",
    ] {
        assert!(
            answer.text.lines().any(|found| found == line),
            "{line} in\n{}",
            answer.text
        );
    }
}

#[tokio::test]
async fn telemetry_grows_with_the_level_of_detail() {
    let door = Door::with_art().await;
    let little = door.get("/telemetry").await.result();
    assert_eq!(little["collections"], json!({"number_of_collections": 1}));
    assert_eq!(little["app"]["features"]["staging"], false);
    assert_ne!(little["id"], "00000000-0000-0000-0000-000000000000");
    let responses = &little["requests"]["rest"]["responses"];
    assert_eq!(
        responses["PUT /collections/{collection_name}/points"]["200"]["count"],
        1
    );
    let some = door.get("/telemetry?details_level=1").await.result();
    assert_eq!(some["collections"]["collections"][0]["vectors"], 5);
    let more = door
        .get("/telemetry?details_level=18446744073709551615")
        .await
        .result();
    assert_eq!(more["collections"]["collections"][0]["id"], "art");
    assert_eq!(
        more["collections"]["collections"][0]["config"]["params"]["vectors"]["size"],
        2
    );
    let hidden = door
        .get("/telemetry?details_level=2&anonymize=true")
        .await
        .result();
    assert_eq!(hidden["collections"]["collections"][0]["id"], "0");
}

async fn with_header(door: &Door, name: &str, value: &str) -> crate::door::Answer {
    door.send(
        Request::builder()
            .uri("/openapi.json")
            .header(name, value)
            .body(Body::empty())
            .unwrap(),
    )
    .await
}

#[tokio::test]
async fn answers_are_compressed_on_request() {
    let door = Door::new();
    let plain = door.get("/openapi.json").await;
    assert!(!plain.headers.contains_key("content-encoding"));
    assert!(serde_json::from_str::<Value>(&plain.text).is_ok());
    let packed = with_header(&door, "accept-encoding", "gzip").await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert!(packed.text.len() < plain.text.len());
}

#[tokio::test]
async fn other_origins_are_let_in_only_when_asked() {
    let closed = with_header(&Door::new(), "origin", "http://other.example").await;
    assert!(!closed.headers.contains_key("access-control-allow-origin"));
    let open = Door::with(ServerSettings {
        cors: true,
        api_key: Some("k".into()),
        ..ServerSettings::default()
    });
    let answer = with_header(&open, "origin", "http://other.example").await;
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    // A browser asks first, and sends no key with the question.
    let ask = Request::builder()
        .method("OPTIONS")
        .uri("/collections")
        .header("origin", "http://other.example")
        .header("access-control-request-method", "PUT");
    let answer = open.send(ask.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["access-control-allow-methods"], "*");
}
