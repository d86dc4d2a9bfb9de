//! Reading a request's body: bounded in size, in time and in the memory of all bodies together, then decoded as
//! JSON and checked. A body that is refused before its end is drained for a moment, so that the refusal reaches
//! a client that is still sending.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use kindred::ErrorKind;
use kindred_model::bounded::{ELEMENTS_PER_NODE, has_more_nodes};
use kindred_model::error::{Check, Validate};
use kindred_model::limits::{
    BODIES_BYTES_MAX, BODY_DRAIN_BYTES_MAX, BODY_DRAIN_S, BODY_GRACE_S, BODY_RATE_MIN, BODY_SMALL_BYTES_MAX,
    BODY_STEP_BYTES, BODY_WAIT_S, POINTS_NODES_MAX, QUERY_NODES_MAX,
};
use kindred_model::object::object;
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::status::{Part, Refusal};

/// What a body is made of, which decides how many objects and arrays it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyClass {
    /// Queries, filters and settings: every object becomes much larger when it is decoded.
    Query,
    /// Points and payloads, which are many and small.
    Points,
}

impl BodyClass {
    fn nodes_max(self) -> usize {
        match self {
            Self::Query => QUERY_NODES_MAX,
            Self::Points => POINTS_NODES_MAX,
        }
    }
}

/// The memory that all bodies being read or decoded may take together, in steps, and the limit of one.
#[derive(Debug)]
pub(crate) struct BodyLimits {
    one: usize,
    all: Arc<Semaphore>,
}

/// A whole body, holding its share of the memory until it is dropped.
#[derive(Debug)]
pub(crate) struct Bounded {
    bytes: Vec<u8>,
    share: Option<OwnedSemaphorePermit>,
}

impl Bounded {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The steps that are still missing before `length` bytes may be kept.
    fn missing_steps(&self, length: usize) -> u32 {
        let held = self.share.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = if length <= BODY_SMALL_BYTES_MAX {
            0
        } else {
            length.div_ceil(BODY_STEP_BYTES)
        };
        u32::try_from(needed.saturating_sub(held)).unwrap_or(u32::MAX)
    }
}

/// How long a body may take: `BODY_RATE_MIN` on average after a grace. What came faster counts for no more than a
/// new grace, so that nobody sends much at once and then holds it for long.
pub(super) struct Pace {
    end: Instant,
}

const GRACE: Duration = Duration::from_secs(BODY_GRACE_S);

impl Pace {
    /// When the next bytes must have come.
    pub(super) fn end(&self) -> Instant {
        self.end
    }

    pub(super) fn new() -> Self {
        Self {
            end: Instant::now() + GRACE,
        }
    }

    pub(super) fn arrived(&mut self, bytes: usize) {
        let earned = Duration::from_secs_f64(bytes as f64 / BODY_RATE_MIN as f64);
        self.end = (self.end + earned).min(Instant::now() + GRACE);
    }

    /// Time that the sender had to wait for us is not its fault.
    pub(super) fn waited(&mut self, time: Duration) {
        self.end += time;
    }
}

impl BodyLimits {
    /// `one` is the largest body, in bytes; at least one of them always fits.
    pub(crate) fn new(one: usize) -> Self {
        Self::sharing(one, BODIES_BYTES_MAX)
    }

    fn sharing(one: usize, all: usize) -> Self {
        let steps = all.max(one).div_ceil(BODY_STEP_BYTES);
        Self {
            one,
            all: Arc::new(Semaphore::new(steps.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Reads a JSON body to its end. Memory is shared out for what has arrived, never for what is announced.
    pub(crate) async fn read(&self, headers: &HeaderMap, mut body: Body) -> Result<Bounded, Refusal> {
        if let Err(refusal) = self.check_headers(headers) {
            discard(headers, body);
            return Err(refusal);
        }
        let mut pace = Pace::new();
        let mut read = Bounded {
            bytes: Vec::new(),
            share: None,
        };
        loop {
            let frame = timeout_at(pace.end, next_data(&mut body))
                .await
                .map_err(|_| too_slow())?;
            let Some(data) = frame? else {
                return Ok(read);
            };
            pace.arrived(data.len());
            let refusal = if data.len() > self.one.saturating_sub(read.bytes.len()) {
                Some(self.too_large())
            } else {
                self.grow(&mut read, data.len(), &mut pace).await.err()
            };
            if let Some(refusal) = refusal {
                // The memory is free for others before the rest is drained.
                drop(read);
                discard(headers, body);
                return Err(refusal);
            }
            read.bytes.extend_from_slice(&data);
        }
    }

    /// Makes the share of `read` large enough for so many more bytes.
    async fn grow(&self, read: &mut Bounded, more: usize, pace: &mut Pace) -> Result<(), Refusal> {
        let steps = read.missing_steps(read.bytes.len().saturating_add(more));
        if steps == 0 {
            return Ok(());
        }
        let asked = Instant::now();
        let wait = Duration::from_secs(BODY_WAIT_S);
        // Bodies that wait for each other all end here: the first to give up lets the next go on.
        let Ok(Ok(steps)) = timeout(wait, Arc::clone(&self.all).acquire_many_owned(steps)).await else {
            return Err(Refusal::new(
                ErrorKind::Busy,
                "too many large requests at once, please retry",
            ));
        };
        pace.waited(asked.elapsed());
        match &mut read.share {
            Some(share) => share.merge(steps),
            None => read.share = Some(steps),
        }
        Ok(())
    }

    /// Whether the headers are those of a JSON body that is not too large.
    fn check_headers(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if !headers.get_all(CONTENT_ENCODING).iter().all(is_identity) {
            return Err(Refusal {
                code: StatusCode::UNSUPPORTED_MEDIA_TYPE,
                text: "Unsupported content encoding: the request body must not be compressed".into(),
            });
        }
        if !headers.get(CONTENT_TYPE).is_some_and(is_json) {
            return Err(Refusal::bare(
                "Format error in JSON body: content type must be application/json",
            ));
        }
        let Some(length) = headers.get(CONTENT_LENGTH) else {
            return Ok(());
        };
        // A length that is no number was refused before it came here; one that does not fit is too large.
        let length = length
            .to_str()
            .ok()
            .and_then(|length| length.parse().ok())
            .unwrap_or(usize::MAX);
        if length > self.one {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Refusal {
        let limit = self.one;
        Refusal::bare(format!(
            "Format error in JSON body: larger than allowed (limit: {limit} bytes)"
        ))
    }
}

pub(super) fn is_identity(value: &HeaderValue) -> bool {
    value.to_str().is_ok_and(|value| {
        value
            .split(',')
            .all(|coding| coding.trim().eq_ignore_ascii_case("identity"))
    })
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

pub(super) fn too_slow() -> Refusal {
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
/// their order. Its size in memory is bounded by its class before anything is decoded.
pub(crate) fn decode<T: DeserializeOwned + Validate>(bytes: &[u8], class: BodyClass) -> Result<T, Refusal> {
    let max = class.nodes_max();
    if has_more_nodes(bytes, max) {
        return Err(Refusal::bare(format!(
            "Format error in JSON body: more than {max} objects and arrays, or {ELEMENTS_PER_NODE} times as many elements"
        )));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let body: T = object(&mut json, "an object")
        .and_then(|body| json.end().map(|()| body))
        .map_err(|error| Refusal::bare(format!("Format error in JSON body: {error}")))?;
    Check::all("", &body).map_err(|invalid| Refusal::invalid(Part::Body, &invalid))?;
    Ok(body)
}

#[cfg(test)]
mod tests;
