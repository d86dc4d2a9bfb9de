//! Making a collection: what is refused, what is stored, what is answered.

use serde_json::{Value, json};

use super::super::{CollectionConfig, CreateCollection, NewVector};
use super::{assert_refused, config, outcome};

fn check(json: &str, want: &str) {
    assert_refused(outcome(json, CreateCollection::into_config), want, json);
}

#[test]
fn accepts_everything_that_may_be_left_out() {
    for accepted in [
        "{}",
        r#"{"vectors":{}}"#,
        r#"{"vectors":null,"sparse_vectors":null,"hnsw_config":null,"metadata":null,"strict_mode_config":null}"#,
        r#"{"init_from":{"collection":"x"},"unknown":1}"#,
        r#"{"vectors":{"size":1,"distance":"Dot"}}"#,
        r#"{"vectors":{"size":65536,"distance":"Manhattan","hnsw_config":null,"datatype":null}}"#,
        r#"{"vectors":{"size":{"size":4,"distance":"Dot"},"distance":{"size":4,"distance":"Dot"}}}"#,
        r#"{"sparse_vectors":{"s":{}}}"#,
        r#"{"sharding_method":"auto","shard_number":1}"#,
        r#"{"optimizer_config":{"max_optimization_threads":"auto","deleted_threshold":1.0}}"#,
    ] {
        check(accepted, "");
    }
}

const LIMITS: &[(&str, &str)] = &[
    (
        r#"{"vectors":{"size":65537,"distance":"Dot"}}"#,
        "422 vectors.size: value 65537 invalid, must be from 1 to 65536",
    ),
    (
        r#"{"vectors":{"size":0,"distance":"Dot"}}"#,
        "422 vectors.size: value 0 invalid, must be from 1 to 65536",
    ),
    (
        r#"{"vectors":{"a":{"size":0,"distance":"Dot"}}}"#,
        "422 vectors.?.size: value 0 invalid, must be from 1 to 65536",
    ),
    (
        r#"{"vectors":{"size":18446744073709551615,"distance":"Dot"}}"#,
        "422 vectors.size: value 18446744073709551615 invalid",
    ),
    (
        r#"{"hnsw_config":{"ef_construct":0}}"#,
        "422 hnsw_config.ef_construct: value 0 invalid, must be 4 or larger",
    ),
    (
        r#"{"hnsw_config":{"ef_construct":65537}}"#,
        "422 hnsw_config.ef_construct: value 65537 invalid, must be 65536 or smaller",
    ),
    (
        r#"{"hnsw_config":{"m":513}}"#,
        "422 hnsw_config.m: value 513 invalid, must be 512 or smaller",
    ),
    (
        r#"{"hnsw_config":{"payload_m":513}}"#,
        "422 hnsw_config.payload_m: value 513 invalid",
    ),
    (
        r#"{"hnsw_config":{"full_scan_threshold":9}}"#,
        "422 hnsw_config.full_scan_threshold: value 9 invalid, must be 10 or larger",
    ),
    (
        r#"{"vectors":{"size":4,"distance":"Dot","hnsw_config":{"ef_construct":3}}}"#,
        "422 vectors.hnsw_config.ef_construct: value 3 invalid",
    ),
    (
        r#"{"wal_config":{"wal_capacity_mb":0}}"#,
        "422 wal_config.wal_capacity_mb: value 0 invalid, must be 1 or larger",
    ),
    (
        r#"{"optimizers_config":{"deleted_threshold":1.5}}"#,
        "422 optimizers_config.deleted_threshold: value 1.5 invalid, must be from 0.0 to 1.0",
    ),
    (
        r#"{"optimizers_config":{"vacuum_min_vector_number":99}}"#,
        "422 optimizers_config.vacuum_min_vector_number: value 99 invalid",
    ),
    (
        r#"{"optimizers_config":{"max_segment_size":0}}"#,
        "422 optimizers_config.max_segment_size: value 0 invalid",
    ),
    (
        r#"{"shard_number":0}"#,
        "422 shard_number: value 0 invalid, must be 1 or larger",
    ),
    (
        r#"{"replication_factor":0}"#,
        "422 replication_factor: value 0 invalid",
    ),
    (
        r#"{"write_consistency_factor":0}"#,
        "422 write_consistency_factor: value 0 invalid",
    ),
    (
        r#"{"quantization_config":{"scalar":{"type":"int8","quantile":0.4}}}"#,
        "422 quantization_config.scalar.quantile: value 0.4 invalid, must be from 0.5 to 1.0",
    ),
    (
        r#"{"strict_mode_config":{"max_query_limit":0}}"#,
        "422 strict_mode_config.max_query_limit: value 0 invalid, must be 1 or larger",
    ),
    (
        r#"{"strict_mode_config":{"max_disk_usage_percent":101}}"#,
        "422 strict_mode_config.max_disk_usage_percent: value 101 invalid, must be from 1 to 100",
    ),
    (
        r#"{"strict_mode_config":{"sparse_config":{"a":{"max_length":0}}}}"#,
        "422 strict_mode_config.sparse_config.?.max_length: value 0 invalid",
    ),
    (
        r#"{"strict_mode_config":{"multivector_config":{"a":{"max_vectors":0}}}}"#,
        "422 strict_mode_config.multivector_config.?.max_vectors: value 0 invalid",
    ),
    (
        r#"{"sparse_vectors":{"s":{"index":{"datatype":"turbo4"}}}}"#,
        "422 sparse_vectors.?.index.datatype: sparse vectors do not support the `turbo4` datatype",
    ),
];

#[test]
fn refuses_values_outside_their_limits() {
    for (body, want) in LIMITS {
        check(body, want);
    }
    let long = "n".repeat(201);
    check(
        &format!(r#"{{"vectors":{{"{long}":{{"size":4,"distance":"Dot"}}}}}}"#),
        "422 vectors.?: vector name of 201 bytes",
    );
    check(
        &format!(r#"{{"sparse_vectors":{{"{long}":{{}}}}}}"#),
        "422 sparse_vectors.?: vector name of 201 bytes",
    );
}

#[test]
fn refuses_what_contradicts_itself_or_is_not_built() {
    for (body, want) in [
        (
            r#"{"vectors":{"x":{"size":4,"distance":"Dot"}},"sparse_vectors":{"x":{}}}"#,
            "400 input: Dense and sparse vector names must be unique - duplicate found with 'x'",
        ),
        (
            r#"{"sparse_vectors":{"":{}}}"#,
            "400 input: Sparse vector name cannot be empty",
        ),
        (
            r#"{"vectors":{"size":4,"distance":"Dot","datatype":"turbo4"}}"#,
            "400 the `turbo4` datatype is not built yet",
        ),
        (
            r#"{"vectors":{"a":{"size":4,"distance":"Dot","datatype":"turbo4"}}}"#,
            "400 vector `a`: the `turbo4` datatype is not built yet",
        ),
        (
            r#"{"sharding_method":"custom"}"#,
            "400 request: Custom sharding is not built yet",
        ),
        (r#"{"vectors":{"distance":"Dot"}}"#, "400 missing field `size`"),
        (r#"{"vectors":{"size":4}}"#, "400 missing field `distance`"),
        (
            r#"{"vectors":{"size":-4,"distance":"Dot"}}"#,
            "400 invalid value: integer `-4`",
        ),
        (
            r#"{"vectors":{"size":4,"distance":"Far"}}"#,
            "400 unknown variant `Far`",
        ),
        (
            r#"{"vectors":{"a":{"size":4}}}"#,
            "400 vector `a`: missing field `distance`",
        ),
        (r#"{"vectors":{"a":4}}"#, "400 vector `a`: invalid type"),
        (
            r#"{"vectors":[1]}"#,
            "400 invalid type: sequence, expected settings of one vector",
        ),
        (r#"{"quantization_config":"Disabled"}"#, "400 "),
        (
            r#"{"quantization_config":{"scalar":{"type":"int4"}}}"#,
            "400 unknown variant `int4`",
        ),
        (
            r#"{"optimizers_config":{"max_optimization_threads":"few"}}"#,
            "400 invalid value: string \"few\"",
        ),
    ] {
        check(body, want);
    }
    let many: serde_json::Map<String, Value> = (0..1025).map(|i| (i.to_string(), json!({}))).collect();
    check(
        &json!({ "sparse_vectors": many }).to_string(),
        "400 input: A collection can have 1024 vectors at most, got 1025",
    );
}

/// The settings, answered and stored, are `want`, and are read back the same.
fn check_answer(body: &str, want: &Value) {
    let made = config(body);
    let answered = serde_json::to_value(&made).unwrap();
    assert_eq!(&answered, want, "{body}");
    assert_eq!(
        serde_json::from_value::<CollectionConfig>(answered).unwrap(),
        made,
        "{body}"
    );
}

#[test]
fn answers_defaults_and_omits_what_was_never_set() {
    check_answer(
        "{}",
        &json!({
            "params": {
                "vectors": {},
                "shard_number": 1,
                "replication_factor": 1,
                "write_consistency_factor": 1,
                "on_disk_payload": true
            },
            "hnsw_config": {
                "m": 16,
                "ef_construct": 100,
                "full_scan_threshold": 10000,
                "max_indexing_threads": 0,
                "on_disk": false
            },
            "optimizer_config": {
                "deleted_threshold": 0.2,
                "vacuum_min_vector_number": 1000,
                "default_segment_number": 0,
                "max_segment_size": null,
                "memmap_threshold": null,
                "indexing_threshold": 10000,
                "flush_interval_sec": 5,
                "max_optimization_threads": null,
                "prevent_unoptimized": null
            },
            "wal_config": { "wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1 },
            "quantization_config": null
        }),
    );
}

#[test]
fn answers_everything_that_was_set() {
    let body = r#"{
        "vectors": {
            "image": {"size": 4, "distance": "Cosine", "hnsw_config": {"m": 0}, "on_disk": true, "datatype": "float16",
                      "quantization_config": {"scalar": {"type": "int8"}}},
            "words": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
        },
        "sparse_vectors": {"text": {"modifier": "idf", "index": {"on_disk": false, "datatype": "float16"}}},
        "shard_number": 2, "sharding_method": "auto", "replication_factor": 3, "write_consistency_factor": 2,
        "on_disk_payload": false,
        "hnsw_config": {"m": 32, "payload_m": 8, "inline_storage": true},
        "wal_config": {"wal_capacity_mb": 1, "wal_retain_closed": 4},
        "optimizer_config": {"indexing_threshold": 0, "max_optimization_threads": 3, "prevent_unoptimized": true},
        "quantization_config": {"binary": {"encoding": "one_and_half_bits", "query_encoding": "scalar4bits"}},
        "strict_mode_config": {"enabled": true, "max_query_limit": 30},
        "metadata": {"owner": "museum"}
    }"#;
    check_answer(
        body,
        &json!({
            "params": {
                "vectors": {
                    "image": {
                        "size": 4, "distance": "Cosine", "hnsw_config": {"m": 0}, "on_disk": true,
                        "datatype": "float16", "quantization_config": {"scalar": {"type": "int8"}}
                    },
                    "words": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
                },
                "shard_number": 2,
                "sharding_method": "auto",
                "replication_factor": 3,
                "write_consistency_factor": 2,
                "on_disk_payload": false,
                "sparse_vectors": {"text": {"modifier": "idf", "index": {"on_disk": false, "datatype": "float16"}}}
            },
            "hnsw_config": {
                "m": 32, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0,
                "on_disk": false, "payload_m": 8, "inline_storage": true
            },
            "optimizer_config": {
                "deleted_threshold": 0.2, "vacuum_min_vector_number": 1000, "default_segment_number": 0,
                "max_segment_size": null, "memmap_threshold": null, "indexing_threshold": 0,
                "flush_interval_sec": 5, "max_optimization_threads": 3, "prevent_unoptimized": true
            },
            "wal_config": {"wal_capacity_mb": 1, "wal_segments_ahead": 0, "wal_retain_closed": 4},
            "quantization_config": {"binary": {"encoding": "one_and_half_bits", "query_encoding": "scalar4bits"}},
            "strict_mode_config": {"enabled": true, "max_query_limit": 30},
            "metadata": {"owner": "museum"}
        }),
    );
}

#[test]
fn bodies_survive_a_round_trip() {
    for part in [
        json!({"vectors": {"size": 4, "distance": "Dot", "quantization_config": {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": true}}}}),
        json!({"quantization_config": {"product": {"compression": "x64"}}}),
        json!({"quantization_config": {"turbo": {"bits": "bits1_5", "always_ram": false}}}),
        json!({"quantization_config": {"binary": {}}, "sparse_vectors": {"s": {"index": {"full_scan_threshold": 5}}}}),
        json!({"optimizers_config": {"max_optimization_threads": "auto"}, "wal_config": {"wal_segments_ahead": 1}}),
    ] {
        let body: CreateCollection = serde_json::from_value(part.clone()).unwrap();
        let written = serde_json::to_string(&body).unwrap();
        assert_eq!(
            serde_json::from_str::<CreateCollection>(&written).unwrap(),
            body,
            "{part}"
        );
        let quantile = written.contains("\"quantile\":0.99,");
        assert_eq!(
            quantile,
            part.to_string().contains("quantile\":0.99"),
            "{written}"
        );
    }
}

#[test]
fn the_default_vector_alone_is_answered_without_a_name() {
    let params = json!({"size": 4, "distance": "Dot"});
    for body in [json!({"vectors": params}), json!({"vectors": {"": params}})] {
        let answered = serde_json::to_value(config(&body.to_string())).unwrap();
        assert_eq!(answered["params"]["vectors"], params);
    }
    let both = json!({"": params, "a": params});
    let answered = serde_json::to_value(config(&json!({"vectors": both}).to_string())).unwrap();
    assert_eq!(answered["params"]["vectors"], both);
}

#[test]
fn vectors_are_added_and_dropped() {
    let mut made = config(r#"{"vectors":{"a":{"size":4,"distance":"Dot"}}}"#);
    let mut check = |name: &str, json: &str, want: &str| {
        assert_refused(
            outcome(json, |vector: NewVector| made.add_vector(name, vector)),
            want,
            json,
        );
    };
    check(
        "b",
        r#"{"dense":{"size":2,"distance":"Euclid","datatype":"uint8","multivector_config":{"comparator":"max_sim"}}}"#,
        "",
    );
    check("s", r#"{"sparse":{"modifier":"idf","datatype":"float16"}}"#, "");
    check("", r#"{"dense":{"size":2,"distance":"Euclid"}}"#, "");
    check(
        "b",
        r#"{"sparse":{}}"#,
        "400 input: Vector with name `b` already exists",
    );
    check(
        "c",
        r#"{"dense":{"size":0,"distance":"Dot"}}"#,
        "422 dense.size: value 0 invalid, must be from 1 to 65536",
    );
    check(
        "c",
        r#"{"sparse":{"datatype":"turbo4"}}"#,
        "422 sparse.datatype: sparse vectors do not support the `turbo4` datatype",
    );
    check(
        "c",
        r#"{"dense":{"size":4,"distance":"Dot","datatype":"turbo4"}}"#,
        "400 the `turbo4` datatype is not built yet",
    );
    check("c", r#"{"other":{}}"#, "400 unknown variant `other`");
    check(
        &"n".repeat(201),
        r#"{"sparse":{}}"#,
        "400 input: vector name of 201 bytes invalid, must be at most 200",
    );

    let params = &serde_json::to_value(&made).unwrap()["params"];
    assert_eq!(
        params["sparse_vectors"],
        json!({"s": {"modifier": "idf", "index": {"datatype": "float16"}}})
    );
    assert_eq!(params["vectors"]["b"]["datatype"], "uint8");
    for name in ["a", "b", "s", ""] {
        made.drop_vector(name).unwrap();
    }
    assert_eq!(made.columns().count(), 0);
    assert_eq!(
        made.drop_vector("a").unwrap_err().to_string(),
        "Not existing vector name error: a"
    );

    let mut bare = config("{}");
    let sparse = serde_json::from_str(r#"{"sparse":{}}"#).unwrap();
    assert_eq!(
        bare.add_vector("", sparse).unwrap_err().to_string(),
        "Sparse vector name cannot be empty"
    );
}
