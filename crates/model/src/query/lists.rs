//! Requests that read points without scoring them (retrieve, scroll, count, facet) and the distance matrix.

use serde_json::Value;
use uuid::Uuid;

use schemars::JsonSchema;
use serde::Serialize;

use super::kinds::order_by::OrderBy;
use super::request::{PayloadSelector, VectorSelector};
use crate::config::{FieldSchema, FieldType};
use crate::filter::Filter;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::point::Record;

mod json;

pub use json::{MatrixOffsets, MatrixPair, MatrixPairs};

/// Points by id, in the order asked, duplicates once.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "PointRequest")]
pub struct RetrieveRequest {
    /// The ids; unknown ones are left out of the answer.
    pub ids: Vec<PointId>,
    /// Which part of the payload to answer.
    #[schemars(with = "Option<PayloadSelector>")]
    pub with_payload: PayloadSelector,
    /// Which vectors to answer.
    #[schemars(with = "Option<VectorSelector>")]
    pub with_vector: VectorSelector,
}

/// Points in the order of their ids, or of a payload field.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScrollRequest {
    /// The first id of the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<PointId>,
    /// Size of the page, at least one.
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub limit: u64,
    /// Which points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Which part of the payload to answer.
    #[schemars(with = "Option<PayloadSelector>")]
    pub with_payload: PayloadSelector,
    /// Which vectors to answer.
    #[schemars(with = "Option<VectorSelector>")]
    pub with_vector: VectorSelector,
    /// Order by a field instead of the id; `offset` must then be absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_by: Option<OrderBy>,
}

/// A page of records.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "ScrollResult")]
pub struct ScrollPage {
    /// The records.
    pub points: Vec<Record>,
    /// The id that the next page starts with.
    pub next_page_offset: Option<PointId>,
}

/// How many points pass a filter.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CountRequest {
    /// Which points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Accepts an estimate when false; answered exactly either way.
    #[schemars(with = "Option<bool>")]
    pub exact: bool,
}

/// The most frequent values of a field.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FacetRequest {
    /// The field; it needs an index on keywords, whole numbers, UUIDs or booleans.
    pub key: JsonPath,
    /// Most values, at least one.
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub limit: u64,
    /// Which points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// Accepts an estimate when false; answered exactly either way.
    #[schemars(with = "Option<bool>")]
    pub exact: bool,
}

/// A value and the number of points that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "FacetValueHit")]
pub struct FacetHit {
    /// The value.
    pub value: FacetValue,
    /// Points that have it, each once.
    pub count: u64,
}

/// A value that can be counted; values sort by type, then by value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FacetValue {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Keyword(String),
}

impl FacetValue {
    /// The value as an index of this schema counts it; `None` for values of other types.
    pub fn of_value(schema: &FieldSchema, value: &Value) -> Option<Self> {
        if !schema.is_indexable(value) {
            return None;
        }
        match value {
            Value::Bool(value) => Some(Self::Bool(*value)),
            Value::Number(number) => number.as_i64().map(Self::Int),
            Value::String(text) if schema.data_type() == FieldType::Uuid => Uuid::parse_str(text)
                .ok()
                .map(|uuid| Self::Keyword(uuid.to_string())),
            Value::String(text) => Some(Self::Keyword(text.clone())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Closest neighbours within a random sample.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SearchMatrixRequest")]
pub struct MatrixRequest {
    /// Points in the sample, at least two.
    #[schemars(with = "Option<u64>", range(min = 2))]
    pub sample: u64,
    /// Neighbours of each, at least one.
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub limit: u64,
    /// Which points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The vector to measure; `None` is the default vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
}

/// For each sampled point its neighbours, best first, both in the order of the ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    /// The sample, ascending.
    pub ids: Vec<PointId>,
    /// For each id: indices into `ids` and reported scores.
    pub neighbours: Vec<Vec<(usize, f32)>>,
}
