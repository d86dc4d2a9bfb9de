//! Queries whose results are grouped by a payload field.

use serde_json::Value;

use schemars::JsonSchema;
use serde::Serialize;

use super::request::{PayloadSelector, QueryRequest, VectorSelector};
use crate::path::JsonPath;
use crate::payload::Payload;
use crate::point::{Record, ScoredPoint};

mod json;

/// The best points of each of the best groups.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "QueryGroupsRequest")]
pub struct GroupsRequest {
    /// The query; its limit is the number of groups, its offset is 0.
    #[serde(flatten)]
    pub query: QueryRequest,
    /// The field whose strings and whole numbers name the groups.
    pub group_by: JsonPath,
    /// Most hits in a group, at least one.
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub group_size: u64,
    /// Records to attach to the groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_lookup: Option<WithLookup>,
}

/// A collection whose points have the ids of the groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WithLookup {
    /// A collection or alias.
    pub collection: String,
    /// Which part of the payload to attach.
    pub with_payload: PayloadSelector,
    /// Which vectors to attach.
    pub with_vectors: VectorSelector,
}

/// The name of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupId {
    /// A whole number that is not negative.
    Unsigned(u64),
    /// A negative whole number.
    Signed(i64),
    /// A text.
    Text(String),
}

impl GroupId {
    /// The groups that a payload belongs to, each once. A field that holds anything but strings and whole numbers
    /// belongs to none.
    pub fn of_point(path: &JsonPath, payload: &Payload) -> Vec<Self> {
        let mut groups = Vec::new();
        for value in path.flattened(payload) {
            let Some(group) = Self::of_value(value) else {
                return Vec::new();
            };
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => number
                .as_u64()
                .map(Self::Unsigned)
                .or_else(|| number.as_i64().map(Self::Signed)),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// A group and its best points.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PointGroup {
    /// Its name.
    pub id: GroupId,
    /// Best first.
    pub hits: Vec<ScoredPoint>,
    /// The record of the same id in the lookup collection, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<Record>,
}
