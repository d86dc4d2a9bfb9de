//! What the server says about itself: root, health, telemetry, metrics, the published document.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use kindred::ErrorKind;
use kindred_model::error::{Check, Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::app::App;
use super::envelope;
use super::params::{NoParams, Params};
use super::route::Call;
use crate::metrics::Page;
use crate::status::Refusal;

/// Our own name; clients show it and do not compare it.
pub(crate) const TITLE: &str = "kindred - exploration-first vector search engine";
/// WIRE: the version whose behaviour this is. Clients warn when it is too far from their own.
pub(crate) const VERSION: &str = "1.19.2";

/// The answer of the root.
#[derive(Serialize, JsonSchema)]
pub(crate) struct VersionInfo {
    title: &'static str,
    version: &'static str,
    commit: &'static str,
}

/// The commit that this was built from; zeros when the build did not say.
fn commit() -> &'static str {
    const ZEROS: &str = "0000000000000000000000000000000000000000";
    let is_hash = |text: &&str| text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    option_env!("KINDRED_COMMIT").filter(is_hash).unwrap_or(ZEROS)
}

pub(crate) fn root(_: &App) -> Result<Response, Refusal> {
    let info = VersionInfo {
        title: TITLE,
        version: VERSION,
        commit: commit(),
    };
    let bytes = serde_json::to_vec(&info).map_err(|error| Refusal::new(ErrorKind::Internal, error))?;
    Ok(envelope::json(StatusCode::OK, bytes))
}

pub(crate) fn health(_: &App) -> Result<Response, Refusal> {
    Ok(text("healthz check passed"))
}

/// The port is bound only after recovery, so whoever gets an answer finds everything ready.
pub(crate) fn ready(_: &App) -> Result<Response, Refusal> {
    Ok(text("all shards are ready"))
}

pub(crate) fn openapi(app: &App) -> Result<Response, Refusal> {
    Ok(envelope::json(StatusCode::OK, app.openapi.clone()))
}

pub(crate) fn metrics(app: &App) -> Result<Response, Refusal> {
    let collections = app.db.collections();
    let mut page = Page::default();
    // WIRE: dashboards select on the name and the help of this family.
    page.family("app_info", "gauge", "information about qdrant server")
        .line("app_info", &[("name", "qdrant"), ("version", VERSION)], 1)
        .family("collections_total", "gauge", "number of collections")
        .line("collections_total", &[], collections.len())
        .family("collection_points", "gauge", "number of points by collection");
    for name in &collections {
        // A collection that was dropped in the meantime is left out.
        if let Ok(info) = app.db.info(name) {
            page.line("collection_points", &[("id", name)], info.points_count);
        }
    }
    page.rest(&app.metrics);
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((headers, page.into_text()).into_response())
}

fn text(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// Parameters of the telemetry route.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct TelemetryParams {
    /// How much to tell; from 1 on every collection is listed.
    #[serde(default)]
    details_level: u64,
    /// Replace names by numbers.
    #[serde(default)]
    anonymize: bool,
}

impl Validate for TelemetryParams {
    fn validate(&self, _: &mut Check) {}
}

impl Params for TelemetryParams {}

/// What the server knows about itself; nothing of it leaves the machine by itself.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Telemetry {
    /// The identity of the store.
    id: String,
    app: Value,
    collections: Value,
    cluster: Value,
    requests: Value,
}

pub(crate) fn telemetry(call: Call<'_, TelemetryParams, ()>) -> Result<Telemetry, Refusal> {
    let features = json!({
        "debug": cfg!(debug_assertions), "service_debug_feature": false, "recovery_mode": false,
        "gpu": false, "rocksdb": false, "staging": false,
    });
    let names = call.db().collections();
    let mut collections = json!({"number_of_collections": names.len()});
    if let Some(fields) = collections
        .as_object_mut()
        .filter(|_| call.params.details_level > 0)
    {
        fields.insert("collections".into(), described(&call, &names));
        fields.insert("snapshots".into(), json!([]));
    }
    Ok(Telemetry {
        id: call.db().id().to_string(),
        app: json!({"name": "kindred", "version": VERSION, "features": features}),
        collections,
        cluster: json!({"enabled": false}),
        requests: json!({"rest": {"responses": responses(call.app)}, "grpc": {"responses": {}}}),
    })
}

fn described(call: &Call<'_, TelemetryParams, ()>, names: &[String]) -> Value {
    let describe = |(number, name): (usize, &String)| {
        let info = call.db().info(name).ok()?;
        let info = serde_json::to_value(info).ok()?;
        let part = |pointer: &str| info.pointer(pointer).cloned().unwrap_or_default();
        let id = if call.params.anonymize {
            json!(number.to_string())
        } else {
            json!(name)
        };
        Some(match call.params.details_level {
            0 | 1 => json!({
                "vectors": part("/points_count"),
                "optimizers_status": part("/optimizer_status"),
                "params": part("/config/params"),
            }),
            2.. => json!({"id": id, "init_time_ms": 0, "config": part("/config")}),
        })
    };
    names.iter().enumerate().filter_map(describe).collect()
}

fn responses(app: &App) -> Value {
    let mut responses = json!({});
    for (endpoint, tally) in app.metrics.answers() {
        let statuses = responses.as_object_mut().map(|routes| {
            routes
                .entry(format!("{} {}", endpoint.method, endpoint.path))
                .or_insert_with(|| json!({}))
        });
        if let Some(statuses) = statuses.and_then(Value::as_object_mut) {
            let micros = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
            let tally = json!({
                "count": tally.count,
                "avg_duration_micros": micros(tally.mean()),
                "min_duration_micros": micros(tally.min),
                "max_duration_micros": micros(tally.max),
                "total_duration_micros": tally.total.as_micros(),
            });
            statuses.insert(endpoint.status.to_string(), tally);
        }
    }
    responses
}

/// Problems that the server has found with how it is used.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Issues {
    issues: [bool; 0],
}

/// No problem is looked for, so none is ever found.
pub(crate) fn issues(_: Call<'_, NoParams, ()>) -> Result<Issues, Refusal> {
    Ok(Issues { issues: [] })
}

pub(crate) fn clear_issues(_: Call<'_, NoParams, ()>) -> Result<bool, Refusal> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_commit_is_a_hash() {
        let commit = super::commit();
        assert!(
            commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
            "{commit}"
        );
    }
}
