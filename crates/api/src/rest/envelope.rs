//! The frame around every JSON answer: `{"result", "status": "ok", "time"}`, or `{"status": {"error"}, "time"}`.
//! Hardware usage is never reported, so the optional key `usage` is never written.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use kindred::ErrorKind;
use serde::Serialize;
use tokio::time::Instant;

use crate::openapi::{ErrorBody, ErrorStatus};
use crate::status::Refusal;

#[derive(Serialize)]
struct Success<'a, T> {
    result: &'a T,
    status: &'static str,
    time: f64,
}

/// The bytes of a successful answer. Serialising a large result takes time: call it off the async threads.
pub(crate) fn success<T: Serialize>(result: &T, started: Instant) -> Result<Vec<u8>, Refusal> {
    let body = Success {
        result,
        status: "ok",
        time: started.elapsed().as_secs_f64(),
    };
    serde_json::to_vec(&body).map_err(|error| Refusal::new(ErrorKind::Internal, error))
}

/// The answer to who does not wait for a result.
pub(crate) fn accepted(started: Instant) -> Response {
    #[derive(Serialize)]
    struct Accepted {
        status: &'static str,
        time: f64,
    }
    let body = Accepted {
        status: "accepted",
        time: started.elapsed().as_secs_f64(),
    };
    json(
        StatusCode::ACCEPTED,
        serde_json::to_vec(&body).unwrap_or_default(),
    )
}

/// The text of a refusal, kept beside the answer for the log.
#[derive(Debug, Clone)]
pub(crate) struct Failure(pub(crate) String);

/// A refusal as an answer; a failure of the server has a [`Failure`] among its extensions.
pub(crate) fn refused(refusal: &Refusal, started: Instant) -> Response {
    let status = ErrorStatus { error: &refusal.text };
    let body = ErrorBody {
        status,
        time: started.elapsed().as_secs_f64(),
    };
    // Two fields of plain types always serialise.
    let mut response = json(refusal.code, serde_json::to_vec(&body).unwrap_or_default());
    if refusal.code.is_server_error() {
        response.extensions_mut().insert(Failure(refusal.text.clone()));
    }
    response
}

/// Bytes that are JSON already.
pub(crate) fn json(code: StatusCode, body: impl Into<axum::body::Body>) -> Response {
    (code, [(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn success_has_its_three_keys_in_order() {
        let bytes = success(&json!({"a": 1}), Instant::now()).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("{\"result\":{\"a\":1},\"status\":\"ok\",\"time\":"),
            "{text}"
        );
        let read: Value = serde_json::from_str(&text).unwrap();
        assert!(read["time"].as_f64().is_some_and(|time| time >= 0.0));
        assert_eq!(read.as_object().map(serde_json::Map::len), Some(3));
    }

    #[tokio::test]
    async fn a_refusal_has_no_result() {
        let response = refused(&Refusal::bare("no \"x\""), Instant::now());
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()["content-type"], "application/json");
        let bytes = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        let mut read: Value = serde_json::from_slice(&bytes).unwrap();
        assert!(read["time"].take().as_f64().is_some());
        assert_eq!(read, json!({"status": {"error": "no \"x\""}, "time": null}));
    }
}
