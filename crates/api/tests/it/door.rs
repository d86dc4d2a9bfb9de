//! What the tests send requests with.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use kindred::Database;
use kindred_api::ServerSettings;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use tower::util::BoxCloneService;

/// A door to a fresh database, which lives as long as the door.
pub(crate) struct Door {
    _folder: TempDir,
    /// Where its snapshots lie.
    pub(crate) snapshots: TempDir,
    pub(crate) db: Arc<Database>,
    service: BoxCloneService<Request<Body>, Response, Infallible>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The result of a success.
    pub(crate) fn result(&self) -> Value {
        assert_eq!(self.status, StatusCode::OK, "{}", self.text);
        let mut body = self.json();
        assert_eq!(body["status"], "ok");
        assert!(body["time"].is_f64());
        body["result"].take()
    }

    /// The text of a refusal.
    pub(crate) fn error(&self) -> String {
        let body = self.json();
        assert!(body.get("result").is_none() && body["time"].is_f64(), "{body}");
        body["status"]["error"]
            .as_str()
            .unwrap_or_else(|| panic!("{body}"))
            .to_owned()
    }
}

impl Door {
    pub(crate) fn new() -> Self {
        Self::with(ServerSettings::default())
    }

    pub(crate) fn with(settings: ServerSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let snapshots = tempfile::tempdir().unwrap();
        let db = Database::open(folder.path())
            .unwrap()
            .with_snapshots(snapshots.path());
        let db = Arc::new(db);
        let service = BoxCloneService::new(kindred_api::service(&settings, Arc::clone(&db)));
        Self {
            _folder: folder,
            snapshots,
            db,
            service,
        }
    }

    /// The answer as it comes.
    pub(crate) async fn raw_send(&self, request: Request<Body>) -> Response {
        self.service.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.raw_send(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text,
        }
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> Answer {
        self.raw(method, path, body.to_string()).await
    }

    /// Sends a body that need not be JSON, under the name of JSON.
    pub(crate) async fn raw(&self, method: &str, path: &str, body: String) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::builder().uri(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(
            Request::builder()
                .method("DELETE")
                .uri(path)
                .body(Body::empty())
                .unwrap(),
        )
        .await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        self.call("POST", path, body).await.result()
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Value {
        self.call("PUT", path, body).await.result()
    }

    /// Checks that a request is refused with this code and a text that contains `part`.
    pub(crate) async fn refuses(&self, method: &str, path: &str, body: Value, code: u16, part: &str) {
        let answer = self.call(method, path, body.clone()).await;
        assert_eq!(
            answer.status.as_u16(),
            code,
            "{method} {path} {body}: {}",
            answer.text
        );
        assert!(
            answer.error().contains(part),
            "{method} {path} {body}: {}",
            answer.text
        );
    }

    /// A collection `art` with one vector of two dimensions and five points on a line.
    pub(crate) async fn with_art() -> Self {
        let door = Self::new();
        let config = json!({"vectors": {"size": 2, "distance": "Dot"}});
        assert_eq!(door.put("/collections/art", config).await, true);
        let point = |id: u64| {
            let kind = if id.is_multiple_of(2) { "print" } else { "painting" };
            json!({"id": id, "vector": [id, 1], "payload": {"kind": kind, "year": 1900 + id}})
        };
        let points: Vec<Value> = (1..=5).map(point).collect();
        let done = door
            .put("/collections/art/points?wait=true", json!({"points": points}))
            .await;
        assert_eq!(done["status"], "completed");
        door
    }
}

/// The ids of a list of points.
pub(crate) fn ids(points: &Value) -> Vec<u64> {
    points
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point["id"].as_u64().unwrap())
        .collect()
}
