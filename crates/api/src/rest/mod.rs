//! REST: the route table, its handlers, and the service that is made of them. The order of the layers matters:
//! paths are tidied before they are matched, keys are checked on the matched route, and only then is a body read.

use std::any::Any;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::uri::{PathAndQuery, Uri};
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter};
use kindred::ErrorKind;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::cors::{Any as Anything, CorsLayer};

use crate::auth::Access;
use crate::openapi;
use crate::status::Refusal;

pub(crate) mod body;
pub(crate) mod app;
mod envelope;
mod params;
mod route;
mod shapes;
mod changes;
mod stream;
mod snapshots;
mod service;
mod collections;
mod cluster;
mod points;
mod query;
mod legacy;
mod routes;

use app::App;
use route::Route;

/// The published document of the whole table, serialised.
pub(crate) fn document() -> Vec<u8> {
    let table = routes::table();
    let operations = table.iter().map(|route| &route.operation);
    openapi::document(service::TITLE, service::VERSION, operations)
        .to_string()
        .into_bytes()
}

/// What answers every request.
pub(crate) fn service(
    app: Arc<App>,
    cors: bool,
) -> impl Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static {
    let mut router = logged(router(app)).layer(
        CompressionLayer::new()
            .gzip(true)
            .quality(CompressionLevel::Fastest)
            // Files are compressed inside, and their length is told.
            .compress_when(DefaultPredicate::new().and(NotForContentType::const_new(stream::FILE_TYPE))),
    );
    if cors {
        let open = CorsLayer::new()
            .allow_origin(Anything)
            .allow_methods(Anything)
            .allow_headers(Anything);
        router = router.layer(open);
    }
    // A layer of the router would run after matching, so this one is put around it.
    tower::util::MapRequestLayer::new(tidy)
        .layer(router)
        .map_response(IntoResponse::into_response)
}

fn router(app: Arc<App>) -> Router {
    let mut by_path: BTreeMap<&'static str, MethodRouter<Arc<App>>> = BTreeMap::new();
    for route in routes::table() {
        // The table holds standard methods only.
        let Ok(filter) = MethodFilter::try_from(route.operation.method.clone()) else {
            continue;
        };
        let path = route.operation.path;
        let methods = by_path.remove(path).unwrap_or_default();
        by_path.insert(path, methods.on(filter, handler(route)));
    }
    by_path
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            router.route(path, methods)
        })
        .fallback(|state: State<Arc<App>>, request: Request| unmatched(state, request, StatusCode::NOT_FOUND))
        .method_not_allowed_fallback(|state: State<Arc<App>>, request: Request| {
            unmatched(state, request, StatusCode::METHOD_NOT_ALLOWED)
        })
        .with_state(app)
}

fn handler(route: Route) -> impl Fn(State<Arc<App>>, Request) -> Answering + Clone + Send + Sync + 'static {
    let route = Arc::new(route);
    move |State(app), request| {
        let route = Arc::clone(&route);
        Box::pin(async move { route.answer(app, request).await })
    }
}

type Answering = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

/// Whoever has no key learns nothing about which routes exist; everyone else gets a bare code.
async fn unmatched(State(app): State<Arc<App>>, request: Request, code: StatusCode) -> Response {
    match app.keys.admit(request.headers(), Access::Read) {
        Ok(()) => code.into_response(),
        Err(denied) => route::turn_away(denied, request, Instant::now()),
    }
}

/// Catches panics and logs every answer that is a failure of the server, once.
fn logged(router: Router) -> Router {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(log_failure))
}

async fn log_failure(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    if response.status().is_server_error() {
        let route = route.as_ref().map_or("none", MatchedPath::as_str);
        let text = response.extensions().get::<envelope::Failure>();
        let text = text.map_or("", |failure| failure.0.as_str());
        let status = response.status().as_u16();
        tracing::warn!(%method, route, status, text, "a request failed");
    }
    response
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    let refusal = Refusal::new(
        ErrorKind::Internal,
        "the request failed unexpectedly, see the log of the server",
    );
    envelope::refused(&refusal, Instant::now())
}

/// Merges repeated slashes and takes a trailing one away. Only real slashes count: an encoded one stays part of
/// its segment, is decoded after matching, and is refused in names.
fn tidy(mut request: Request) -> Request {
    let path = request.uri().path();
    if request.method() != Method::CONNECT && (path.contains("//") || (path.len() > 1 && path.ends_with('/')))
    {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        let tidied = segments.fold(String::new(), |path, segment| path + "/" + segment);
        let mut tidied = if tidied.is_empty() { "/".to_owned() } else { tidied };
        if let Some(query) = request.uri().query() {
            tidied.push('?');
            tidied.push_str(query);
        }
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = tidied.parse::<PathAndQuery>().ok();
        // Leaving characters out of a valid path keeps it valid; if not, the request goes on as it came.
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    request
}

#[cfg(test)]
mod tests;
