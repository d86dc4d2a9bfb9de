//! One row of the route table, and the one road that every request of a row takes: key, path, query, body, then
//! the engine on a blocking thread, then the envelope. Handlers are plain functions from a [`Call`] to a result.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kindred::{Ctx, Database, ErrorKind};
use kindred_model::error::Validate;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::{JoinError, spawn_blocking};
use tokio::time::{Instant, timeout};

use super::app::App;
use super::body::{self, BodyClass, Bounded};
use super::envelope;
use super::params::{NoParams, Params, PathParams, read_query};
use crate::auth::{Access, Denied};
use crate::metrics::Endpoint;
use crate::openapi::{Answer, Operation, SchemaOf, inline_schema_of, schema_of};
use crate::status::Refusal;

/// What a handler works with.
pub(crate) struct Call<'a, P, B> {
    pub(crate) app: &'a App,
    pub(crate) ctx: &'a Ctx,
    pub(crate) path: &'a PathParams,
    pub(crate) params: P,
    pub(crate) body: B,
}

impl<P, B> Call<'_, P, B> {
    pub(crate) fn db(&self) -> &Database {
        &self.app.db
    }

    /// The collection or alias in the path.
    pub(crate) fn collection(&self) -> &str {
        self.path.named("collection_name")
    }
}

/// The answer to a change that outlasts the time its caller is willing to wait.
pub(crate) trait Late: Sized {
    /// `changes` is how many changes the request holds.
    fn late(changes: usize) -> Self;
}

/// How many changes a body holds.
pub(crate) trait Changes {
    /// One, unless the body is a batch.
    fn changes(&self) -> usize {
        1
    }
}

impl Changes for () {}

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;
type Handler = Arc<dyn Fn(Arc<App>, Request, Instant) -> Answering + Send + Sync>;

/// A row of the route table.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) operation: Operation,
    pub(crate) access: Access,
    handler: Handler,
}

/// A row that has no handler yet.
pub(crate) struct Draft {
    method: Method,
    path: &'static str,
    id: &'static str,
    access: Access,
    class: BodyClass,
}

/// Starts a row: method, path, operation id, and what the operation does.
pub(crate) fn on(method: Method, path: &'static str, id: &'static str, access: Access) -> Draft {
    Draft {
        method,
        path,
        id,
        access,
        class: BodyClass::Query,
    }
}

impl Draft {
    /// Takes a body of points, which may have far more objects and arrays than a query.
    pub(crate) fn bulk(mut self) -> Self {
        self.class = BodyClass::Points;
        self
    }

    /// Handled by a function that takes no body.
    pub(crate) fn to<P, T, F>(self, handle: F) -> Route
    where
        P: Params,
        T: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call<'_, P, ()>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(None, Answer::Enveloped(schema_of::<T>));
        self.route(operation, move |app, request, started| async move {
            let head = Head::<P>::read(&app, request, false).await?;
            head.run(app, started, None, |_| Ok(()), handle).await
        })
    }

    /// Handled by a function that takes a JSON body.
    pub(crate) fn json<P, B, T, F>(self, handle: F) -> Route
    where
        P: Params,
        B: DeserializeOwned + Validate + JsonSchema + Send + 'static,
        T: Serialize + JsonSchema + Send + 'static,
        F: Fn(Call<'_, P, B>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(Some(schema_of::<B>), Answer::Enveloped(schema_of::<T>));
        let class = self.class;
        let decode = move |bytes: &[u8]| body::decode::<B>(bytes, class);
        self.route(operation, move |app, request, started| async move {
            let head = Head::<P>::read(&app, request, true).await?;
            head.run(app, started, None, decode, handle).await
        })
    }

    /// As `json`, for changes of points, whose caller may wait for a limited time only.
    pub(crate) fn change<P, B, T, F>(self, handle: F) -> Route
    where
        P: Params,
        B: DeserializeOwned + Validate + JsonSchema + Changes + Send + 'static,
        T: Serialize + JsonSchema + Late + Send + 'static,
        F: Fn(Call<'_, P, B>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(Some(schema_of::<B>), Answer::Enveloped(schema_of::<T>));
        let class = self.class;
        let decode = move |bytes: &[u8]| body::decode::<B>(bytes, class);
        self.route(operation, move |app, request, started| async move {
            let head = Head::<P>::read(&app, request, true).await?;
            let late: fn(&B) -> T = |body| T::late(body.changes());
            head.run(app, started, Some(late), decode, handle).await
        })
    }

    /// As `change`, without a body.
    pub(crate) fn change_without_body<P, T, F>(self, handle: F) -> Route
    where
        P: Params,
        T: Serialize + JsonSchema + Late + Send + 'static,
        F: Fn(Call<'_, P, ()>) -> Result<T, Refusal> + Copy + Send + Sync + 'static,
    {
        let operation = self.operation::<P>(None, Answer::Enveloped(schema_of::<T>));
        self.route(operation, move |app, request, started| async move {
            let head = Head::<P>::read(&app, request, false).await?;
            let late: fn(&()) -> T = |body| T::late(body.changes());
            head.run(app, started, Some(late), |_| Ok(()), handle).await
        })
    }

    /// Answered without envelope.
    pub(crate) fn bare(self, answer: Answer, handle: fn(&App) -> Result<Response, Refusal>) -> Route {
        let operation = self.operation::<NoParams>(None, answer);
        self.route(operation, move |app, _, _| async move {
            spawn_blocking(move || handle(&app)).await.map_err(broken)?
        })
    }

    /// Refused, whatever is asked; the names in the path are still checked.
    pub(crate) fn refused(self, refusal: Refusal) -> Route {
        let operation = self.operation::<NoParams>(None, Answer::Refused);
        self.route(operation, move |app, request, _| {
            let refusal = refusal.clone();
            async move {
                Head::<NoParams>::read(&app, request, false).await?;
                Err(refusal)
            }
        })
    }

    pub(super) fn operation<P: Params>(&self, body: Option<SchemaOf>, answer: Answer) -> Operation {
        Operation {
            method: self.method.clone(),
            path: self.path,
            id: self.id,
            tag: "",
            is_deprecated: false,
            params: Some(inline_schema_of::<P>),
            body,
            file: None,
            answer,
        }
    }

    pub(super) fn route<F, R>(self, operation: Operation, handle: F) -> Route
    where
        F: Fn(Arc<App>, Request, Instant) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Response, Refusal>> + Send + 'static,
    {
        let handler: Handler = Arc::new(move |app, request, started| {
            let answering = handle(app, request, started);
            Box::pin(async move {
                answering
                    .await
                    .unwrap_or_else(|refusal| envelope::refused(&refusal, started))
            })
        });
        Route {
            operation,
            access: self.access,
            handler,
        }
    }
}

impl Route {
    /// Puts the row under a heading of the document.
    pub(crate) fn tagged(mut self, tag: &'static str) -> Self {
        self.operation.tag = tag;
        self
    }

    /// Marks a row that old clients use.
    pub(crate) fn deprecated(mut self) -> Self {
        self.operation.is_deprecated = true;
        self
    }

    /// Answers a request that the router matched with this row.
    pub(crate) async fn answer(&self, app: Arc<App>, request: Request) -> Response {
        let started = Instant::now();
        let method = request.method().to_string();
        let response = match app.keys.admit(request.headers(), self.access) {
            Ok(()) => (self.handler)(Arc::clone(&app), request, started).await,
            Err(denied) => turn_away(denied, request, started),
        };
        let status = response.status().as_u16();
        app.metrics.count(
            Endpoint {
                method,
                path: self.operation.path,
                status,
            },
            started.elapsed(),
        );
        response
    }
}

/// The answer to a caller without a sufficient key; nothing of the body is kept.
pub(crate) fn turn_away(denied: Denied, request: Request, started: Instant) -> Response {
    let (parts, rest) = request.into_parts();
    body::discard(&parts.headers, rest);
    let text = match denied {
        Denied::Missing => "Must provide an API key or an Authorization bearer token",
        Denied::Wrong => "Invalid API key or JWT",
        Denied::ReadOnly => {
            return envelope::refused(&Refusal::forbidden("Global manage access is required"), started);
        }
    };
    (
        StatusCode::UNAUTHORIZED,
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
        text,
    )
        .into_response()
}

/// What was read before the engine is called.
pub(super) struct Head<P> {
    pub(super) path: PathParams,
    pub(super) params: P,
    /// Made when the head was read: the time for the body and for decoding it counts.
    pub(super) ctx: Arc<Ctx>,
    pub(super) body: Option<Bounded>,
}

/// Bodies from this size on are decoded off the async threads.
const LARGE_BODY_BYTES: usize = 64 * 1024;

impl<P: Params> Head<P> {
    pub(super) async fn read(app: &App, request: Request, has_body: bool) -> Result<Self, Refusal> {
        let (mut head, parts, rest) = Self::split(request).await?;
        if has_body {
            head.body = Some(app.bodies.read(&parts.headers, rest).await?);
        }
        Ok(head)
    }

    /// The head, and the body as it comes.
    pub(super) async fn split(request: Request) -> Result<(Self, Parts, Body), Refusal> {
        let (mut parts, rest) = request.into_parts();
        let path = PathParams::read(&mut parts).await;
        let read = path.and_then(|path| Ok((path, read_query::<P>(&parts.uri)?)));
        match read {
            Ok((path, params)) => {
                let head = Self {
                    path,
                    ctx: Arc::new(params.ctx()),
                    params,
                    body: None,
                };
                Ok((head, parts, rest))
            }
            Err(refusal) => {
                body::discard(&parts.headers, rest);
                Err(refusal)
            }
        }
    }

    /// Decodes the body, runs `handle` on a blocking thread and wraps its result.
    async fn run<B, T, D, F>(
        self,
        app: Arc<App>,
        started: Instant,
        late: Option<fn(&B) -> T>,
        decode: D,
        handle: F,
    ) -> Result<Response, Refusal>
    where
        B: Send + 'static,
        T: Serialize + Send + 'static,
        D: FnOnce(&[u8]) -> Result<B, Refusal> + Send + 'static,
        F: Fn(Call<'_, P, B>) -> Result<T, Refusal> + Send + 'static,
    {
        let Self {
            path,
            params,
            ctx,
            body,
        } = self;
        let body = decoded(body, decode).await?;
        let spent = started.elapsed();
        if let Some(limit) = params.time_limit().filter(|limit| spent >= *limit) {
            return Err(timed_out(limit));
        }
        let late = late.and_then(|late| Some((params.wait_limit()?.saturating_sub(spent), late(&body))));
        let _guard = CancelOnDrop(P::IS_CANCELLABLE.then(|| Arc::clone(&ctx)));
        let work = spawn_blocking(move || {
            let result = handle(Call {
                app: &app,
                ctx: &ctx,
                path: &path,
                params,
                body,
            })?;
            envelope::success(&result, started)
        });
        let bytes = match late {
            None => work.await.map_err(broken)??,
            Some((limit, answer)) => wait(work, limit, answer, started).await?,
        };
        Ok(envelope::json(StatusCode::OK, bytes))
    }
}

pub(super) async fn decoded<B, D>(body: Option<Bounded>, decode: D) -> Result<B, Refusal>
where
    B: Send + 'static,
    D: FnOnce(&[u8]) -> Result<B, Refusal> + Send + 'static,
{
    match body {
        Some(body) if body.bytes().len() >= LARGE_BODY_BYTES => spawn_blocking(move || decode(body.bytes()))
            .await
            .map_err(broken)?,
        Some(body) => decode(body.bytes()),
        None => decode(&[]),
    }
}

/// WIRE: the text of the engine for a read that takes too long, whatever takes the time.
fn timed_out(limit: Duration) -> Refusal {
    let seconds = limit.as_secs();
    Refusal::new(
        ErrorKind::Timeout,
        format!("Timeout error: Operation 'Search' timed out after {seconds} seconds"),
    )
}

/// Waits for a change up to `limit`; after that the change goes on and the caller gets `answer`.
pub(super) async fn wait<T: Serialize>(
    work: tokio::task::JoinHandle<Result<Vec<u8>, Refusal>>,
    limit: Duration,
    answer: T,
    started: Instant,
) -> Result<Vec<u8>, Refusal> {
    match timeout(limit, work).await {
        Ok(done) => done.map_err(broken)?,
        Err(_) => envelope::success(&answer, started),
    }
}

/// Stops the engine's work when the client goes away: the server then drops the future that owns this.
pub(super) struct CancelOnDrop(pub(super) Option<Arc<Ctx>>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(ctx) = &self.0 {
            ctx.cancel();
        }
    }
}

/// A panic in a handler is an answer, not the end of the server.
pub(super) fn broken(error: JoinError) -> Refusal {
    if error.is_panic() {
        tracing::error!(%error, "a request panicked");
        return Refusal::new(
            ErrorKind::Internal,
            "the request failed unexpectedly, see the log of the server",
        );
    }
    Refusal::new(ErrorKind::Cancelled, "the server is shutting down")
}
