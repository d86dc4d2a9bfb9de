//! Reading a request's body: bounded in size, in time and in the memory of all bodies together, then decoded as
//! JSON and checked. A body that is refused before its end is drained for a moment, so that the refusal reaches
//! a client that is still sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use kindred::ErrorKind;
use kindred_model::error::{Check, Validate};
use kindred_model::limits::{BODIES_BYTES_MAX, BODY_DRAIN_BYTES_MAX, BODY_DRAIN_S, BODY_STALL_S};
use kindred_model::object::object;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::status::{Part, Refusal};

/// The memory that all bodies being read or decoded may take together, in kibibytes, and the limit of one.
#[derive(Debug)]
pub(crate) struct BodyLimits {
    one: usize,
    all: Arc<Semaphore>,
}

/// A whole body, holding its share of the memory until it is dropped.
#[derive(Debug)]
pub(crate) struct Bounded {
    bytes: Vec<u8>,
    _share: OwnedSemaphorePermit,
}

impl Bounded {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

const STALL: Duration = Duration::from_secs(BODY_STALL_S);

impl BodyLimits {
    /// `one` is the largest body, in bytes; at least one of them always fits.
    pub(crate) fn new(one: usize) -> Self {
        let all = kibibytes(BODIES_BYTES_MAX).max(kibibytes(one));
        Self {
            one,
            all: Arc::new(Semaphore::new(
                usize::try_from(all).unwrap_or(Semaphore::MAX_PERMITS),
            )),
        }
    }

    /// Reads a JSON body to its end.
    pub(crate) async fn read(&self, headers: &HeaderMap, mut body: Body) -> Result<Bounded, Refusal> {
        let announced = match self.check_headers(headers) {
            Ok(announced) => announced,
            Err(refusal) => {
                discard(headers, body);
                return Err(refusal);
            }
        };
        let share = kibibytes(announced.unwrap_or(self.one));
        let Ok(Ok(share)) = timeout(STALL, Arc::clone(&self.all).acquire_many_owned(share)).await else {
            discard(headers, body);
            return Err(Refusal::new(
                ErrorKind::Busy,
                "too many large requests at once, please retry",
            ));
        };
        let mut bytes = Vec::new();
        loop {
            let frame = timeout(STALL, next_data(&mut body))
                .await
                .map_err(|_| stalled())?;
            let Some(data) = frame? else {
                return Ok(Bounded { bytes, _share: share });
            };
            if data.len() > self.one.saturating_sub(bytes.len()) {
                discard(headers, body);
                return Err(self.too_large());
            }
            bytes.extend_from_slice(&data);
        }
    }

    /// The announced length, if the headers are those of a JSON body that is not too large.
    fn check_headers(&self, headers: &HeaderMap) -> Result<Option<usize>, Refusal> {
        if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Refusal::bare(
                "Format error in JSON body: content type must be application/json",
            ));
        }
        let Some(length) = headers.get(CONTENT_LENGTH) else {
            return Ok(None);
        };
        // A length that is no number was refused before it came here; one that does not fit is too large.
        let length = length
            .to_str()
            .ok()
            .and_then(|length| length.parse().ok())
            .unwrap_or(usize::MAX);
        if length > self.one {
            Err(self.too_large())
        } else {
            Ok(Some(length))
        }
    }

    fn too_large(&self) -> Refusal {
        let limit = self.one;
        Refusal::bare(format!(
            "Format error in JSON body: larger than allowed (limit: {limit} bytes)"
        ))
    }
}

fn kibibytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

fn is_json(value: &HeaderValue) -> bool {
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    let essence = essence.to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn stalled() -> Refusal {
    Refusal {
        code: StatusCode::REQUEST_TIMEOUT,
        text: "Timeout: the request body did not arrive in time".into(),
    }
}

/// The next piece of the body; `None` at its end.
async fn next_data(body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
        match frame
            .transpose()
            .map_err(|error| Refusal::bare(format!("Format error in JSON body: {error}")))?
        {
            None => return Ok(None),
            Some(frame) => {
                // Trailers carry no data.
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Reads the rest of a refused body without keeping it: closing a connection with unread data makes the client's
/// system throw the answer away. A client that waits for `100 Continue` has not sent anything yet.
pub(crate) fn discard(headers: &HeaderMap, mut body: Body) {
    if body.is_end_stream() || headers.contains_key(EXPECT) {
        return;
    }
    tokio::spawn(timeout(Duration::from_secs(BODY_DRAIN_S), async move {
        let mut left = BODY_DRAIN_BYTES_MAX;
        while let Ok(Some(data)) = next_data(&mut body).await {
            match left.checked_sub(data.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }));
}

/// Decodes and checks a JSON body, which is an object for every endpoint: a list would be taken for the fields in
/// their order.
pub(crate) fn decode<T: DeserializeOwned + Validate>(bytes: &[u8]) -> Result<T, Refusal> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body: T = object(&mut json, "an object")
        .and_then(|body| json.end().map(|()| body))
        .map_err(|error| Refusal::bare(format!("Format error in JSON body: {error}")))?;
    Check::all("", &body).map_err(|invalid| Refusal::invalid(Part::Body, &invalid))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    async fn check(
        limit: usize,
        headers: &[(&'static str, &'static str)],
        body: &str,
        want: Result<&str, &str>,
    ) {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        let read = BodyLimits::new(limit)
            .read(&headers, Body::from(body.to_owned()))
            .await;
        match (&read, want) {
            (Ok(read), Ok(want)) => assert_eq!(read.bytes(), want.as_bytes()),
            (Err(refusal), Err(want)) => {
                assert_eq!(refusal.code, StatusCode::BAD_REQUEST);
                assert_eq!(refusal.text, format!("Format error in JSON body: {want}"));
            }
            (read, want) => panic!("{headers:?}: {read:?} instead of {want:?}"),
        }
    }

    #[tokio::test]
    async fn bodies_are_json_and_bounded() {
        let no_json = Err("content type must be application/json");
        let too_large = Err("larger than allowed (limit: 4 bytes)");
        check(4, &[("content-type", "application/json")], "[12]", Ok("[12]")).await;
        check(
            4,
            &[("content-type", "application/json; charset=utf-8")],
            "",
            Ok(""),
        )
        .await;
        check(4, &[("content-type", "APPLICATION/vnd.x+JSON")], "{}", Ok("{}")).await;
        check(4, &[("content-type", "application/json")], "[123]", too_large).await;
        check(
            4,
            &[("content-type", "application/json"), ("content-length", "5")],
            "[]",
            too_large,
        )
        .await;
        let huge = "99999999999999999999999999";
        check(
            4,
            &[("content-type", "application/json"), ("content-length", huge)],
            "[]",
            too_large,
        )
        .await;
        for other in ["text/plain", "application/x-www-form-urlencoded", "text/json", ""] {
            check(4, &[("content-type", other)], "{}", no_json).await;
        }
        check(4, &[], "{}", no_json).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stalls_is_given_up() {
        struct Never;
        impl HttpBody for Never {
            type Data = Bytes;
            type Error = axum::Error;
            fn poll_frame(
                self: Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, axum::Error>>> {
                std::task::Poll::Pending
            }
        }
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let refusal = BodyLimits::new(4)
            .read(&headers, Body::new(Never))
            .await
            .unwrap_err();
        assert_eq!(refusal.code, StatusCode::REQUEST_TIMEOUT);
    }

    #[derive(Debug, Deserialize)]
    struct Thing {
        size: u64,
    }

    impl Validate for Thing {
        fn validate(&self, check: &mut Check) {
            check.at_least("size", self.size, 1);
        }
    }

    #[test]
    fn undecodable_is_400_and_invalid_is_422() {
        let check = |json: &str, want: Result<u64, (u16, &str)>| {
            let got = decode::<Thing>(json.as_bytes()).map(|thing| thing.size);
            let want = want.map_err(|(code, text)| (code, text.to_owned()));
            assert_eq!(
                got.map_err(|refusal| (refusal.code.as_u16(), refusal.text)),
                want,
                "{json}"
            );
        };
        check("{\"size\": 1, \"other\": 2}", Ok(1));
        check(
            "{\"size\": 0}",
            Err((
                422,
                "Validation error in JSON body: [size: value 0 invalid, must be 1 or larger]",
            )),
        );
        check(
            "{}",
            Err((
                400,
                "Format error in JSON body: missing field `size` at line 1 column 2",
            )),
        );
        check(
            "{\"size\": 1",
            Err((
                400,
                "Format error in JSON body: EOF while parsing an object at line 1 column 10",
            )),
        );
        check(
            "",
            Err((
                400,
                "Format error in JSON body: EOF while parsing a value at line 1 column 0",
            )),
        );
        check(
            "[1]",
            Err((
                400,
                "Format error in JSON body: invalid type: sequence, expected an object at line 1 column 0",
            )),
        );
        check(
            "1",
            Err((
                400,
                "Format error in JSON body: invalid type: integer `1`, expected an object at line 1 column 1",
            )),
        );
        check(
            "{\"size\": 1} {}",
            Err((
                400,
                "Format error in JSON body: trailing characters at line 1 column 13",
            )),
        );
    }

    #[test]
    fn nesting_without_end_is_refused() {
        #[derive(Debug, Deserialize)]
        #[serde(transparent)]
        struct Any(#[expect(dead_code, reason = "only decoded")] serde_json::Value);
        impl Validate for Any {
            fn validate(&self, _: &mut Check) {}
        }
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let json = format!("{{\"a\":{}1{}}}", open.repeat(10_000), close.repeat(10_000));
            let refusal = decode::<Any>(json.as_bytes()).unwrap_err();
            assert_eq!(refusal.code, StatusCode::BAD_REQUEST);
            assert!(
                refusal.text.contains("recursion limit exceeded"),
                "{}",
                refusal.text
            );
        }
    }
}
