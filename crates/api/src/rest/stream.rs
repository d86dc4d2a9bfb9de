//! Rows whose work takes long or whose bytes do not fit into memory: answers that are not waited for, files that are
//! sent as they are read, and files that are taken in as they come. Used by the snapshots.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use kindred::{SnapshotReader, SnapshotUpload};
use kindred_model::error::{Check, Validate};
use kindred_model::limits::{BODY_DRAIN_BYTES_MAX, BODY_DRAIN_S, SNAPSHOT_BYTES_MAX};
use multer::{Constraints, Field, Multipart, SizeLimit};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};

use super::app::App;
use super::body::{self, BodyClass, Pace, discard, is_identity, too_slow};
use super::envelope;
use super::params::{NoParams, Params};
use super::route::{Call, Draft, Head, Route, broken, decoded};
use crate::openapi::{Answer, schema_of};
use crate::status::Refusal;

/// The type of files.
pub(super) const FILE_TYPE: &str = "application/octet-stream";

/// Bytes of a file that are in memory at once, on its way in or out.
const STEP_BYTES: usize = 256 * 1024;

/// Fields of a multipart body that are looked at before the file must have come.
const FIELDS_MAX: usize = 16;

/// Bytes of a multipart body around its file.
const FRAME_BYTES_MAX: u64 = 64 * 1024;

/// Parameters whose caller may not want to wait.
pub(super) trait Waiting: Params {
    /// Whether the answer comes when the work is done.
    fn is_waiting(&self) -> bool;
}

/// The one parameter of routes that take long.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct WaitParams {
    /// Answer when the work is done; otherwise at once, with 202.
    #[serde(default = "yes")]
    wait: bool,
}

pub(super) fn yes() -> bool {
    true
}

impl Validate for WaitParams {
    fn validate(&self, _: &mut Check) {}
}

impl Params for WaitParams {}

impl Waiting for WaitParams {
    fn is_waiting(&self) -> bool {
        self.wait
    }
}

impl Draft {
    /// Handled without a body, in the background if the caller does not wait.
    pub(super) fn accepted<P, T, F>(self, handle: F) -> Route
    where
        P: Waiting,
        T: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call<'_, P, ()>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(None, Answer::Accepted(schema_of::<T>));
        self.route(operation, move |app, request, started| async move {
            let head = Head::<P>::read(&app, request, false).await?;
            run(app, head, (), started, handle).await
        })
    }

    /// The same with a JSON body.
    pub(super) fn accepted_json<P, B, T, F>(self, handle: F) -> Route
    where
        P: Waiting,
        B: DeserializeOwned + Validate + JsonSchema + Send + 'static,
        T: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call<'_, P, B>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(Some(schema_of::<B>), Answer::Accepted(schema_of::<T>));
        self.route(operation, move |app, request, started| async move {
            let mut head = Head::<P>::read(&app, request, true).await?;
            let decode = |bytes: &[u8]| body::decode::<B>(bytes, BodyClass::Query);
            let body = decoded(head.body.take(), decode).await?;
            run(app, head, body, started, handle).await
        })
    }

    /// Takes the file of a multipart body in as it comes, then handles it.
    pub(super) fn uploaded<P, T, F>(self, field: &'static str, handle: F) -> Route
    where
        P: Waiting,
        T: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call<'_, P, SnapshotUpload>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let mut operation = self.operation::<P>(None, Answer::Accepted(schema_of::<T>));
        operation.file = Some(field);
        self.route(operation, move |app, request, started| async move {
            let (head, parts, rest) = Head::<P>::split(request).await?;
            let upload = receive(&app, &parts, rest, field).await?;
            run(app, head, upload, started, handle).await
        })
    }

    /// Answers with a file.
    pub(super) fn file(self, open: fn(Call<'_, NoParams, ()>) -> Result<SnapshotReader, Refusal>) -> Route {
        let operation = self.operation::<NoParams>(None, Answer::File);
        self.route(operation, move |app, request, _| async move {
            let head = Head::<NoParams>::read(&app, request, false).await?;
            let reader = spawn_blocking(move || open(call(&app, &head.ctx, &head.path, head.params, ())));
            Ok(download(reader.await.map_err(broken)??))
        })
    }
}

fn call<'a, P, B>(
    app: &'a App,
    ctx: &'a kindred::Ctx,
    path: &'a super::params::PathParams,
    params: P,
    body: B,
) -> Call<'a, P, B> {
    Call {
        app,
        ctx,
        path,
        params,
        body,
    }
}

/// The work goes on when its caller leaves: it is whole or not at all either way.
async fn run<P, B, T, F>(
    app: Arc<App>,
    head: Head<P>,
    body: B,
    started: Instant,
    handle: F,
) -> Result<Response, Refusal>
where
    P: Waiting,
    B: Send + 'static,
    T: Serialize + Send + 'static,
    F: Fn(Call<'_, P, B>) -> Result<T, Refusal> + Send + 'static,
{
    let is_waiting = head.params.is_waiting();
    let work = spawn_blocking(move || {
        let result = handle(call(&app, &head.ctx, &head.path, head.params, body))?;
        envelope::success(&result, started)
    });
    if is_waiting {
        let bytes = work.await.map_err(broken)??;
        return Ok(envelope::json(StatusCode::OK, bytes));
    }
    tokio::spawn(async move {
        if let Err(refusal) = work.await.map_err(broken).flatten() {
            tracing::warn!(text = refusal.text, "work that nobody waited for has failed");
        }
    });
    Ok(envelope::accepted(started))
}

/// The first file of the field, written as it comes.
async fn receive(
    app: &Arc<App>,
    parts: &Parts,
    rest: Body,
    field: &'static str,
) -> Result<SnapshotUpload, Refusal> {
    let boundary = match boundary(&parts.headers) {
        Ok(boundary) => boundary,
        Err(refusal) => {
            discard(&parts.headers, rest);
            return Err(refusal);
        }
    };
    let limits = SizeLimit::new().whole_stream(SNAPSHOT_BYTES_MAX.saturating_add(FRAME_BYTES_MAX));
    let constraints = Constraints::new().size_limit(limits);
    let mut body = Multipart::with_constraints(rest.into_data_stream(), boundary, constraints);
    let mut pace = Pace::new();
    for _ in 0..FIELDS_MAX {
        let next = timeout_at(pace.end(), body.next_field()).await;
        let Some(mut part) = next.map_err(|_| too_slow())?.map_err(unreadable)? else {
            break;
        };
        // The name of the file is its sender's affair. Fields that nobody asked for are skipped.
        if part.name() == Some(field) {
            let taken = take(app, &mut part, &mut pace).await;
            if taken.is_err() {
                drain(part);
            }
            return taken;
        }
    }
    Err(Refusal::bare(format!(
        "Format error in multipart body: there is no field `{field}`"
    )))
}

async fn take(app: &Arc<App>, part: &mut Field<'static>, pace: &mut Pace) -> Result<SnapshotUpload, Refusal> {
    let mut upload = begin(app).await?;
    let mut step = Vec::new();
    loop {
        let chunk = timeout_at(pace.end(), part.chunk()).await;
        let chunk = chunk.map_err(|_| too_slow())?.map_err(unreadable)?;
        let Some(chunk) = chunk else {
            return write(upload, step).await;
        };
        pace.arrived(chunk.len());
        step.extend_from_slice(&chunk);
        if step.len() >= STEP_BYTES {
            let asked = Instant::now();
            upload = write(upload, std::mem::take(&mut step)).await?;
            pace.waited(asked.elapsed());
        }
    }
}

/// Takes in what is left of a refused file for a moment, so that the refusal reaches its sender.
fn drain(mut part: Field<'static>) {
    tokio::spawn(timeout(Duration::from_secs(BODY_DRAIN_S), async move {
        let mut left = BODY_DRAIN_BYTES_MAX;
        while let Ok(Some(chunk)) = part.chunk().await {
            match left.checked_sub(chunk.len()) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    }));
}

async fn begin(app: &Arc<App>) -> Result<SnapshotUpload, Refusal> {
    let app = Arc::clone(app);
    let begun = spawn_blocking(move || app.db.receive_snapshot());
    Ok(begun.await.map_err(broken)??)
}

async fn write(mut file: SnapshotUpload, bytes: Vec<u8>) -> Result<SnapshotUpload, Refusal> {
    let written = spawn_blocking(move || file.write(&bytes).map(|()| file));
    Ok(written.await.map_err(broken)??)
}

fn boundary(headers: &HeaderMap) -> Result<String, Refusal> {
    if !headers.get_all(CONTENT_ENCODING).iter().all(is_identity) {
        return Err(Refusal {
            code: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            text: "Unsupported content encoding: the request body must not be compressed".into(),
        });
    }
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    multer::parse_boundary(given.unwrap_or_default()).map_err(unreadable)
}

fn unreadable(error: multer::Error) -> Refusal {
    Refusal::bare(format!("Format error in multipart body: {error}"))
}

fn download(reader: SnapshotReader) -> Response {
    // The grammar of file names has no quotes.
    let disposition = format!("attachment; filename=\"{}\"", reader.name());
    let headers = [
        (CONTENT_TYPE, FILE_TYPE.to_owned()),
        (CONTENT_LENGTH, reader.size_bytes().to_string()),
        (CONTENT_DISPOSITION, disposition),
    ];
    let left = reader.size_bytes();
    let body = FileBody {
        state: State::Idle(reader),
        left,
    };
    (headers, Body::new(body)).into_response()
}

/// A file as a body: the next part is read when the one before was taken.
struct FileBody {
    state: State,
    left: u64,
}

enum State {
    Idle(SnapshotReader),
    Reading(JoinHandle<Result<(SnapshotReader, Vec<u8>), kindred::Error>>),
    Done,
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = kindred::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let mut reading = match std::mem::replace(&mut self.state, State::Done) {
            State::Idle(mut reader) => spawn_blocking(move || {
                let bytes = reader.next(STEP_BYTES)?;
                Ok((reader, bytes))
            }),
            State::Reading(reading) => reading,
            State::Done => return Poll::Ready(None),
        };
        let Poll::Ready(read) = Pin::new(&mut reading).poll(context) else {
            self.state = State::Reading(reading);
            return Poll::Pending;
        };
        // A reader that ended otherwise leaves the body short, which the client sees by its length.
        let Ok(read) = read else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(read.map(|(reader, bytes)| {
            self.left = self.left.saturating_sub(bytes.len() as u64);
            self.state = State::Idle(reader);
            Frame::data(bytes.into())
        })))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
