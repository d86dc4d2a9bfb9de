//! Points, and how they are answered: records without a score, scored points with one.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use crate::datetime::DateTime;
use crate::id::PointId;
use crate::payload::Payload;
use crate::vector::NamedVectors;

/// An id, its vectors and its payload: what a user brings.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Its identity in the collection.
    pub id: PointId,
    /// Its vectors by name, well formed.
    pub vectors: NamedVectors,
    /// Its JSON object; empty when none was given.
    pub payload: Payload,
}

/// The value that an ordered answer was sorted by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OrderValue {
    /// A whole number, also for datetimes: microseconds since 1970.
    Int(i64),
    /// Any other number.
    Float(f64),
}

impl From<DateTime> for OrderValue {
    fn from(time: DateTime) -> Self {
        Self::Int(time.micros())
    }
}

impl Serialize for OrderValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
        }
    }
}

impl JsonSchema for OrderValue {
    fn schema_name() -> Cow<'static, str> {
        "OrderValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A point as it is retrieved; parts that were not asked for are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Record {
    /// Its identity.
    pub id: PointId,
    /// The selected part of the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// The selected vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<NamedVectors>,
    /// What the list was sorted by, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_value: Option<OrderValue>,
}

/// A point as it is found by a query; parts that were not asked for are `None`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ScoredPoint {
    /// Its identity.
    pub id: PointId,
    /// The number of the operation that last changed the point; 0 in answers that do not read it.
    pub version: u64,
    /// As reported: a distance for nearest queries on Euclid and Manhattan.
    pub score: f32,
    /// The selected part of the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Payload>,
    /// The selected vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<NamedVectors>,
    /// What the list was sorted by, when it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_value: Option<OrderValue>,
}
