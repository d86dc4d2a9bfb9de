//! The route table: every operation of the REST door, once. The router and the published document are both made
//! from it. Adding an endpoint is a handler in its file and a row here.

use axum::http::Method;
use kindred_model::update::json::{
    ClearPayloadBody, DeleteBody, DeletePayloadBody, DeleteVectorsBody, UpdateVectorsBody, UpsertBody,
};
use serde_json::Value;

use super::route::{Draft, Route, on};
use super::{changes, cluster, collections, legacy, points, query, service, snapshots};
use crate::auth::Access::{self, Manage, Public, Read, Write};
use crate::openapi::{Answer, schema_of};
use crate::status::Refusal;

/// The path of a collection, or below it.
macro_rules! of {
    ($rest:literal) => {
        concat!("/collections/{collection_name}", $rest)
    };
}

/// All rows.
pub(crate) fn table() -> Vec<Route> {
    let tagged =
        |tag: &'static str, routes: Vec<Route>| routes.into_iter().map(move |route| route.tagged(tag));
    let legacy = legacy_rows().into_iter().map(Route::deprecated).collect();
    tagged("Service", service_rows())
        .chain(tagged("Collections", collection_rows()))
        .chain(tagged("Aliases", alias_rows()))
        .chain(tagged("Indexes", index_rows()))
        .chain(tagged("Points", point_rows()))
        .chain(tagged("Search", query_rows()))
        .chain(tagged("Search", legacy))
        .chain(tagged("Snapshots", snapshot_rows()))
        .chain(tagged("Distributed", cluster_rows()))
        .collect()
}

fn get(path: &'static str, id: &'static str, access: Access) -> Draft {
    on(Method::GET, path, id, access)
}

fn post(path: &'static str, id: &'static str, access: Access) -> Draft {
    on(Method::POST, path, id, access)
}

fn put(path: &'static str, id: &'static str, access: Access) -> Draft {
    on(Method::PUT, path, id, access)
}

fn patch(path: &'static str, id: &'static str, access: Access) -> Draft {
    on(Method::PATCH, path, id, access)
}

fn delete(path: &'static str, id: &'static str, access: Access) -> Draft {
    on(Method::DELETE, path, id, access)
}

fn service_rows() -> Vec<Route> {
    vec![
        get("/", "root", Public).bare(Answer::Bare(schema_of::<service::VersionInfo>), service::root),
        get("/healthz", "healthz", Public).bare(Answer::Text, service::health),
        get("/livez", "livez", Public).bare(Answer::Text, service::health),
        get("/readyz", "readyz", Public).bare(Answer::Text, service::ready),
        get("/openapi.json", "openapi", Read).bare(Answer::Bare(schema_of::<Value>), service::openapi),
        get("/metrics", "metrics", Read).bare(Answer::Text, service::metrics),
        get("/telemetry", "telemetry", Read).to(service::telemetry),
        get("/issues", "get_issues", Read).to(service::issues),
        delete("/issues", "clear_issues", Manage).to(service::clear_issues),
    ]
}

fn collection_rows() -> Vec<Route> {
    vec![
        get("/collections", "get_collections", Read).to(collections::list),
        get(of!(""), "get_collection", Read).to(collections::info),
        put(of!(""), "create_collection", Manage).json(collections::create),
        patch(of!(""), "update_collection", Manage).json(collections::update),
        delete(of!(""), "delete_collection", Manage).to(collections::remove),
        get(of!("/exists"), "collection_exists", Read).to(collections::exists),
        put(of!("/vectors/{vector_name}"), "create_vector_name", Manage).change(collections::create_vector),
        delete(of!("/vectors/{vector_name}"), "delete_vector_name", Manage)
            .change_without_body(collections::drop_vector),
        get(of!("/optimizations"), "get_optimizations", Read)
            .refused(Refusal::not_built("optimization reports are")),
        get(of!("/memory"), "get_collection_memory", Read).refused(Refusal::not_built("memory reports are")),
    ]
}

fn alias_rows() -> Vec<Route> {
    vec![
        post("/collections/aliases", "update_aliases", Manage).json(collections::update_aliases),
        get("/aliases", "get_collections_aliases", Read).to(collections::all_aliases),
        get(of!("/aliases"), "get_collection_aliases", Read).to(collections::collection_aliases),
    ]
}

fn index_rows() -> Vec<Route> {
    vec![
        put(of!("/index"), "create_field_index", Write).change(changes::create_index),
        delete(of!("/index/{field_name}"), "delete_field_index", Write)
            .change_without_body(changes::drop_index),
    ]
}

fn point_rows() -> Vec<Route> {
    vec![
        get(of!("/points/{id}"), "get_point", Read).to(points::one),
        post(of!("/points"), "get_points", Read).json(points::retrieve),
        put(of!("/points"), "upsert_points", Write)
            .bulk()
            .change(changes::change::<UpsertBody>),
        post(of!("/points/delete"), "delete_points", Write).change(changes::change::<DeleteBody>),
        put(of!("/points/vectors"), "update_vectors", Write)
            .bulk()
            .change(changes::change::<UpdateVectorsBody>),
        post(of!("/points/vectors/delete"), "delete_vectors", Write)
            .change(changes::change::<DeleteVectorsBody>),
        post(of!("/points/payload"), "set_payload", Write)
            .bulk()
            .change(changes::set_payload),
        put(of!("/points/payload"), "overwrite_payload", Write)
            .bulk()
            .change(changes::overwrite_payload),
        post(of!("/points/payload/delete"), "delete_payload", Write)
            .change(changes::change::<DeletePayloadBody>),
        post(of!("/points/payload/clear"), "clear_payload", Write)
            .change(changes::change::<ClearPayloadBody>),
        post(of!("/points/batch"), "batch_update", Write)
            .bulk()
            .change(changes::batch),
        post(of!("/points/scroll"), "scroll_points", Read).json(points::scroll),
        post(of!("/points/count"), "count_points", Read).json(points::count),
        post(of!("/facet"), "facet", Read).json(points::facet),
    ]
}

fn query_rows() -> Vec<Route> {
    vec![
        post(of!("/points/query"), "query_points", Read).json(query::query),
        post(of!("/points/query/batch"), "query_batch_points", Read).json(query::batch),
        post(of!("/points/query/groups"), "query_points_groups", Read).json(query::groups),
        post(of!("/points/search/matrix/pairs"), "search_matrix_pairs", Read).json(query::matrix_pairs),
        post(
            of!("/points/search/matrix/offsets"),
            "search_matrix_offsets",
            Read,
        )
        .json(query::matrix_offsets),
    ]
}

fn legacy_rows() -> Vec<Route> {
    vec![
        post(of!("/points/search"), "search_points", Read).json(legacy::one::<legacy::SearchBody>),
        post(of!("/points/search/batch"), "search_batch_points", Read)
            .json(legacy::batch::<legacy::SearchBody>),
        post(of!("/points/search/groups"), "search_point_groups", Read)
            .json(legacy::groups::<legacy::SearchGroupsBody>),
        post(of!("/points/recommend"), "recommend_points", Read).json(legacy::one::<legacy::RecommendBody>),
        post(of!("/points/recommend/batch"), "recommend_batch_points", Read)
            .json(legacy::batch::<legacy::RecommendBody>),
        post(of!("/points/recommend/groups"), "recommend_point_groups", Read)
            .json(legacy::groups::<legacy::RecommendGroupsBody>),
        post(of!("/points/discover"), "discover_points", Read).json(legacy::one::<legacy::DiscoverBody>),
        post(of!("/points/discover/batch"), "discover_batch_points", Read)
            .json(legacy::batch::<legacy::DiscoverBody>),
    ]
}

fn snapshot_rows() -> Vec<Route> {
    const ALL: &str = "/snapshots";
    const ONE: &str = "/snapshots/{snapshot_name}";
    const OF_COLLECTION: &str = of!("/snapshots");
    const ONE_OF_COLLECTION: &str = of!("/snapshots/{snapshot_name}");
    let upload = post(of!("/snapshots/upload"), "recover_from_uploaded_snapshot", Manage);
    let recover = put(of!("/snapshots/recover"), "recover_from_snapshot", Manage);
    let mut rows = vec![
        get(ALL, "list_full_snapshots", Read).to(snapshots::list_full),
        post(ALL, "create_full_snapshot", Manage).accepted(snapshots::create_full),
        get(ONE, "get_full_snapshot", Manage).file(snapshots::read_full),
        delete(ONE, "delete_full_snapshot", Manage).accepted(snapshots::delete_full),
        get(OF_COLLECTION, "list_snapshots", Read).to(snapshots::list),
        post(OF_COLLECTION, "create_snapshot", Manage).accepted(snapshots::create),
        get(ONE_OF_COLLECTION, "get_snapshot", Manage).file(snapshots::read),
        delete(ONE_OF_COLLECTION, "delete_snapshot", Manage).accepted(snapshots::delete),
        upload.uploaded("snapshot", snapshots::upload),
        recover.accepted_json(snapshots::recover),
    ];
    let of_shards = shard_snapshot_rows().into_iter();
    rows.extend(of_shards.map(|draft| draft.refused(Refusal::not_built("snapshots of single shards are"))));
    rows
}

fn shard_snapshot_rows() -> [Draft; 6] {
    const ALL: &str = of!("/shards/{shard_id}/snapshots");
    const ONE: &str = of!("/shards/{shard_id}/snapshots/{snapshot_name}");
    let upload = of!("/shards/{shard_id}/snapshots/upload");
    let recover = of!("/shards/{shard_id}/snapshots/recover");
    [
        get(ALL, "list_shard_snapshots", Read),
        post(ALL, "create_shard_snapshot", Manage),
        get(ONE, "get_shard_snapshot", Manage),
        delete(ONE, "delete_shard_snapshot", Manage),
        post(upload, "recover_shard_from_uploaded_snapshot", Manage),
        put(recover, "recover_shard_from_snapshot", Manage),
    ]
}

fn cluster_rows() -> Vec<Route> {
    let alone = [
        post("/cluster/recover", "recover_current_peer", Manage),
        delete("/cluster/peer/{peer_id}", "remove_peer", Manage),
        get("/cluster/telemetry", "cluster_telemetry", Read),
        post(of!("/cluster"), "update_collection_cluster", Manage),
        get(of!("/shards"), "list_shard_keys", Read),
        put(of!("/shards"), "create_shard_key", Manage),
        post(of!("/shards/delete"), "delete_shard_key", Manage),
    ];
    let mut rows = vec![
        get("/cluster", "cluster_status", Read).to(cluster::status),
        get(of!("/cluster"), "collection_cluster_info", Read).to(cluster::collection),
        get("/quotas", "get_quotas", Read).refused(Refusal::not_built("quotas are")),
        put("/quotas", "update_quotas", Manage).refused(Refusal::not_built("quotas are")),
    ];
    rows.extend(alone.into_iter().map(|draft| draft.refused(cluster::disabled())));
    rows
}
