//! Schemas of answers whose types live where schemas are not known: the engine's description of a collection.

use std::borrow::Cow;

use kindred::CollectionInfo;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

/// The description of a collection.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct InfoAnswer(pub(crate) CollectionInfo);

impl JsonSchema for InfoAnswer {
    fn schema_name() -> Cow<'static, str> {
        "CollectionInfo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let count = || json_schema!({"type": "integer", "format": "uint", "minimum": 0});
        json_schema!({
            "type": "object",
            "required": ["status", "optimizer_status", "segments_count", "config", "payload_schema"],
            "properties": {
                "status": {"type": "string", "enum": ["green", "yellow", "grey", "red"]},
                "optimizer_status": {"oneOf": [
                    {"type": "string", "enum": ["ok"]},
                    {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
                ]},
                "indexed_vectors_count": count(),
                "points_count": count(),
                "segments_count": count(),
                "config": {
                    "type": "object",
                    "required": ["params", "hnsw_config", "optimizer_config"],
                    "additionalProperties": true,
                },
                "payload_schema": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "required": ["data_type", "points"],
                        "properties": {
                            "data_type": {"type": "string"},
                            "params": {"type": "object"},
                            "points": count(),
                        },
                    },
                },
                "update_queue": {"type": "object", "properties": {"length": count()}},
            },
        })
    }
}
