//! The route table against the router and the document, and the tidying of paths.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::pending;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use kindred::Database;
use kindred_model::config::CreateCollection;
use kindred_model::update::{Selector, UpdateOp};
use serde_json::{Value, json};
use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::*;
use crate::auth::Keys;
use crate::metrics::Metrics;
use changes::UpdateAnswer;
use params::{NoParams, ReadParams};
use route::Call;

fn check_tidy(raw: &str, want: &str) {
    let request = Request::builder().uri(raw).body(Body::empty()).unwrap();
    assert_eq!(tidy(request).uri().to_string(), want, "{raw}");
}

#[test]
fn slashes_are_tidied_but_encoded_ones_are_not() {
    check_tidy("/", "/");
    check_tidy("//", "/");
    check_tidy("/collections", "/collections");
    check_tidy("/collections/", "/collections");
    check_tidy("//collections///c//?timeout=1", "/collections/c?timeout=1");
    check_tidy("/collections/a%2Fb/", "/collections/a%2Fb");
    check_tidy("/collections/%2f%2f", "/collections/%2f%2f");
    check_tidy("/dashboard%2f..%2fcollections", "/dashboard%2f..%2fcollections");
}

/// Method and path of everything that the document describes.
fn described() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_slice(&document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

#[test]
fn the_document_has_every_row_of_the_table_once() {
    let table = routes::table();
    let rows: BTreeSet<(String, String)> = table
        .iter()
        .map(|route| {
            (
                route.operation.method.to_string(),
                route.operation.path.to_owned(),
            )
        })
        .collect();
    assert_eq!(rows.len(), table.len(), "a method and path occur twice");
    assert_eq!(rows, described());
    let ids: BTreeSet<&str> = table.iter().map(|route| route.operation.id).collect();
    assert_eq!(ids.len(), table.len(), "an operation id occurs twice");
    assert!(table.iter().all(|route| !route.operation.tag.is_empty()));
}

#[test]
fn references_in_the_document_lead_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document: Value = serde_json::from_slice(&document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn only_the_health_of_the_server_is_public() {
    let public: Vec<&str> = routes::table()
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| route.operation.path)
        .collect();
    assert_eq!(public, ["/", "/healthz", "/livez", "/readyz"]);
}

#[test]
fn what_changes_something_is_not_for_readers() {
    for route in routes::table() {
        let operation = &route.operation;
        let reads = match operation.method {
            Method::GET => true,
            Method::POST => {
                ["get_points", "scroll_points", "count_points", "facet"].contains(&operation.id)
                    || operation.tag == "Search"
            }
            _ => false,
        };
        if !reads {
            assert!(
                matches!(route.access, Access::Write | Access::Manage),
                "{}",
                operation.id
            );
        }
    }
}

fn app() -> (TempDir, Arc<App>) {
    let folder = tempfile::tempdir().unwrap();
    let app = App {
        db: Arc::new(Database::open(folder.path()).unwrap()),
        keys: Keys::default(),
        bodies: body::BodyLimits::new(1000),
        metrics: Metrics::default(),
        openapi: Vec::new().into(),
    };
    (folder, Arc::new(app))
}

async fn answer_of(route: Route, app: &Arc<App>) -> (StatusCode, Value) {
    let router = Router::new()
        .route("/x", axum::routing::get(handler(route)))
        .with_state(Arc::clone(app));
    let response = logged(router)
        .oneshot(Request::builder().uri("/x").body(Body::empty()).unwrap())
        .await
        .unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 10_000).await.unwrap();
    (parts.status, serde_json::from_slice(&bytes).unwrap())
}

fn fail(_: Call<'_, NoParams, ()>) -> Result<bool, Refusal> {
    panic!("a defect")
}

#[tokio::test]
async fn a_panic_is_answered_and_the_next_request_too() {
    let (_folder, app) = app();
    let route = route::on(Method::GET, "/x", "x", Access::Read).to(fail);
    for _ in 0..2 {
        let (status, body) = answer_of(route.clone(), &app).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let text = body["status"]["error"].as_str().unwrap();
        assert!(
            text.starts_with("Service internal error: ") && !text.contains("a defect"),
            "{text}"
        );
    }
    let fine = route::on(Method::GET, "/x", "x", Access::Read).to(service::clear_issues);
    assert_eq!(answer_of(fine, &app).await.0, StatusCode::OK);
}

/// Keeps the warnings that are logged on this thread.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Fields(String);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                self.0 += &format!("{field}={value:?};");
            }
        }
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn wrong(_: Call<'_, NoParams, ()>) -> Result<bool, Refusal> {
    Err(Refusal::bare("the client's fault"))
}

fn broken_store(_: Call<'_, NoParams, ()>) -> Result<bool, Refusal> {
    Err(Refusal::new(ErrorKind::Full, "no space"))
}

#[tokio::test]
async fn every_failure_is_logged_once() {
    let (_folder, app) = app();
    let warnings = Warnings::default();
    let _guard = tracing::subscriber::set_default(warnings.clone());
    for handle in [wrong, broken_store] {
        let route = route::on(Method::GET, "/x", "x", Access::Read).to(handle);
        answer_of(route, &app).await;
    }
    // A panic before the handler has its own thread is caught further out.
    let router = Router::new().route(
        "/y",
        axum::routing::get(async || -> Response { panic!("a defect") }),
    );
    let request = Request::builder().uri("/y").body(Body::empty()).unwrap();
    let response = logged(router).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let want = [
        r#"message=a request failed;method=GET;route="/x";status=507;text="Storage full: no space";"#,
        r#"message=a request failed;method=GET;route="/y";status=500;text="Service internal error: the request failed unexpectedly, see the log of the server";"#,
    ];
    assert_eq!(*warnings.0.lock().unwrap(), want);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_takes_too_long_is_answered_without_its_end() {
    let late = |changes: usize| {
        let work = tokio::spawn(pending::<Result<Vec<u8>, Refusal>>());
        let answer: Vec<UpdateAnswer> = route::Late::late(changes);
        route::wait(work, Duration::from_secs(3), answer, Instant::now())
    };
    let body: Value = serde_json::from_slice(&late(2).await.unwrap()).unwrap();
    assert_eq!(
        body["result"],
        json!([{"status": "wait_timeout"}, {"status": "wait_timeout"}])
    );
    assert_eq!(body["status"], "ok");
}

#[test]
fn work_stops_when_nobody_waits_for_it() {
    let (_folder, app) = app();
    app.db
        .create_collection("c", CreateCollection::default().into_config().unwrap())
        .unwrap();
    let params: ReadParams = params::read_query(&"/x".parse().unwrap()).unwrap();
    let ctx = Arc::new(params::Params::ctx(&params));
    let work = || {
        app.db
            .update(&ctx, "c", UpdateOp::Delete(Selector::Ids(Vec::new())))
    };
    assert!(work().is_ok());
    drop(route::CancelOnDrop(Some(Arc::clone(&ctx))));
    assert_eq!(work().unwrap_err().kind(), ErrorKind::Cancelled);
}
