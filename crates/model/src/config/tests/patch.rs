//! Changing the settings of a collection.

use serde_json::{Value, json};

use super::super::{CollectionConfig, UpdateCollection};
use super::{assert_refused, config, outcome};

const BODY: &str = r#"{
    "vectors": {"a": {"size": 4, "distance": "Dot", "hnsw_config": {"m": 8},
                      "quantization_config": {"scalar": {"type": "int8"}}}},
    "sparse_vectors": {"s": {"index": {"on_disk": true}}},
    "quantization_config": {"binary": {}},
    "strict_mode_config": {"enabled": true, "max_query_limit": 9},
    "optimizers_config": {"max_optimization_threads": 4},
    "metadata": {"keep": 1, "drop": 2}
}"#;

/// Applies `patch` to the settings above and compares what is answered at each path.
fn check(patch: Value, want: &[(&str, Value)]) {
    let mut changed = config(BODY);
    changed
        .apply(serde_json::from_value(patch.clone()).unwrap())
        .unwrap();
    let answered = serde_json::to_value(changed).unwrap();
    for (path, value) in want {
        assert_eq!(
            answered.pointer(path).unwrap_or(&Value::Null),
            value,
            "{patch} at {path}"
        );
    }
}

#[test]
fn merges_what_is_given() {
    check(json!({}), &[("", serde_json::to_value(config(BODY)).unwrap())]);
    check(
        json!({"vectors": {"a": {"hnsw_config": {"ef_construct": 64}, "quantization_config": "Disabled", "on_disk": true}}}),
        &[(
            "/params/vectors/a",
            json!({"size": 4, "distance": "Dot", "hnsw_config": {"m": 8, "ef_construct": 64}, "on_disk": true}),
        )],
    );
    check(
        json!({"vectors": {"a": {"quantization_config": {"product": {"compression": "x4"}}}}}),
        &[(
            "/params/vectors/a/quantization_config",
            json!({"product": {"compression": "x4"}}),
        )],
    );
    check(
        json!({"quantization_config": "Disabled"}),
        &[("/quantization_config", Value::Null)],
    );
    check(
        json!({"quantization_config": null}),
        &[("/quantization_config", json!({"binary": {}}))],
    );
    check(
        json!({"sparse_vectors": {"s": {"index": {"full_scan_threshold": 7}, "modifier": "idf"}}}),
        &[(
            "/params/sparse_vectors/s",
            json!({"index": {"on_disk": true, "full_scan_threshold": 7}, "modifier": "idf"}),
        )],
    );
    check(
        json!({"params": {"replication_factor": 2, "read_fan_out_factor": 1, "on_disk_payload": false, "write_consistency_factor": 2}}),
        &[
            ("/params/replication_factor", json!(2)),
            ("/params/read_fan_out_factor", json!(1)),
            ("/params/write_consistency_factor", json!(2)),
            ("/params/on_disk_payload", json!(false)),
        ],
    );
    check(
        json!({"hnsw_config": {"m": 24}, "optimizers_config": {"max_optimization_threads": "auto", "indexing_threshold": 1}}),
        &[
            ("/hnsw_config/m", json!(24)),
            ("/hnsw_config/ef_construct", json!(100)),
            ("/optimizer_config/max_optimization_threads", Value::Null),
            ("/optimizer_config/indexing_threshold", json!(1)),
        ],
    );
    check(
        json!({"optimizer_config": {}}),
        &[("/optimizer_config/max_optimization_threads", json!(4))],
    );
    check(
        json!({"strict_mode_config": {"max_query_limit": 10, "max_timeout": 5}}),
        &[(
            "/strict_mode_config",
            json!({"enabled": true, "max_query_limit": 10, "max_timeout": 5}),
        )],
    );
    check(
        json!({"metadata": {"drop": null, "new": [1]}}),
        &[("/metadata", json!({"keep": 1, "new": [1]}))],
    );
}

#[test]
fn refuses_and_then_changes_nothing() {
    for (patch, want) in [
        (
            r#"{"hnsw_config":{"m":3},"vectors":{"b":{}}}"#,
            "400 input: Not existing vector name error: b",
        ),
        (
            r#"{"vectors":{"":{}}}"#,
            "400 input: Not existing vector name error: ",
        ),
        (
            r#"{"sparse_vectors":{"a":{}}}"#,
            "400 input: Not existing vector name error: a",
        ),
        (
            r#"{"hnsw_config":{"ef_construct":3}}"#,
            "422 hnsw_config.ef_construct: value 3 invalid, must be 4 or larger",
        ),
        (
            r#"{"vectors":{"a":{"hnsw_config":{"ef_construct":3}}}}"#,
            "422 vectors.?.hnsw_config.ef_construct: value 3",
        ),
        (
            r#"{"params":{"replication_factor":0}}"#,
            "422 params.replication_factor: value 0 invalid, must be 1 or larger",
        ),
        (
            r#"{"quantization_config":{"scalar":{"type":"int8","quantile":2}}}"#,
            "422 quantization_config.scalar.quantile: value 2.0 invalid, must be from 0.5 to 1.0",
        ),
        (
            r#"{"quantization_config":"disabled"}"#,
            "400 invalid value: string \"disabled\", expected quantization settings",
        ),
        (
            r#"{"quantization_config":5}"#,
            "400 invalid type: integer `5`, expected quantization settings",
        ),
        (
            r#"{"sparse_vectors":{"s":{"index":{"datatype":"turbo4"}}}}"#,
            "422 sparse_vectors.?.index.datatype: sparse vectors do not support the `turbo4` datatype",
        ),
    ] {
        let mut changed: CollectionConfig = config(BODY);
        assert_refused(
            outcome(patch, |patch: UpdateCollection| changed.apply(patch)),
            want,
            patch,
        );
        assert_eq!(changed, config(BODY), "{patch}");
    }
}
