//! What a user may say about shards. There is one node, so only the automatic method is served.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Invalid;

/// Who decides in which shard a point lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ShardingMethod {
    /// The server.
    Auto,
    /// The user; not built yet.
    Custom,
}

/// A shard key as written in a request: a name, a number, a list of these, or an object with a fallback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShardKeySelector(Value);

impl ShardKeySelector {
    /// Refuses a key that is present: every collection is sharded automatically.
    pub fn refuse(key: Option<&Self>) -> Result<(), Invalid> {
        match key {
            None => Ok(()),
            Some(_) => Err(Invalid::request(
                "Shard keys cannot be used: custom sharding is not built yet, leave `shard_key` out",
            )),
        }
    }
}

impl JsonSchema for ShardKeySelector {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ShardKeySelector".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "array", "object"] })
    }
}
