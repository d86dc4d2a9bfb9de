//! The body of an upsert: a list of points, or columns of ids, vectors and payloads.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::selector::validate_filter;
use super::vectors::VectorsInput;
use crate::config::ShardKeySelector;
use crate::error::{Check, Invalid, Validate};
use crate::filter::Filter;
use crate::id::PointId;
use crate::payload::Payload;
use crate::point::Point;
use crate::update::{UpdateMode, UpdateOp};
use crate::vector::input::VectorInput;
use crate::vector::{DEFAULT_VECTOR, NamedVectors};

/// Points to insert or replace: `points` or `batch`, exactly one of them.
#[derive(Debug, Clone, PartialEq, Default, serde::Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "PointInsertOperations")]
pub struct UpsertBody {
    /// One after the other.
    pub points: Option<Vec<PointInput>>,
    /// In columns.
    pub batch: Option<BatchColumns>,
    /// Refused when present: custom sharding is not built.
    pub shard_key: Option<ShardKeySelector>,
    /// Which existing points may be replaced.
    pub update_filter: Option<Filter>,
    /// Whether to insert, replace or both; both when not set.
    pub update_mode: Option<UpdateMode>,
}

/// One point as written.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, JsonSchema)]
#[schemars(rename = "PointStruct")]
pub struct PointInput {
    /// Its identity.
    pub id: PointId,
    /// Its vectors.
    #[serde(alias = "vectors")]
    pub vector: VectorsInput,
    /// Its JSON object.
    #[serde(default)]
    pub payload: Option<Payload>,
}

/// Points in columns of one length.
#[derive(Debug, Clone, PartialEq, serde::Deserialize, JsonSchema)]
#[schemars(rename = "Batch")]
pub struct BatchColumns {
    /// An id for each point.
    pub ids: Vec<PointId>,
    /// Vectors for each point.
    pub vectors: BatchVectors,
    /// A JSON object for each point, or null.
    #[serde(default)]
    pub payloads: Option<Vec<Option<Payload>>>,
}

/// The vectors of many points.
#[derive(Debug, Clone, PartialEq)]
pub enum BatchVectors {
    /// The default vector of each point.
    One(Vec<VectorInput>),
    /// By name, the vector of each point; no name makes points without vectors.
    Named(Vec<(String, Vec<VectorInput>)>),
}

impl UpsertBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let points = match (self.points, self.batch) {
            (Some(points), None) => points
                .into_iter()
                .map(PointInput::into_point)
                .collect::<Result<_, _>>()?,
            (None, Some(batch)) => batch.into_points()?,
            (None, None) => return Err(Invalid::request("Either `points` or `batch` must be provided")),
            (Some(_), Some(_)) => {
                return Err(Invalid::request(
                    "Either `points` or `batch` must be provided, not both",
                ));
            }
        };
        Ok(UpdateOp::Upsert {
            points,
            filter: self.update_filter,
            mode: self.update_mode.unwrap_or_default(),
        })
    }
}

impl PointInput {
    fn into_point(self) -> Result<Point, Invalid> {
        Ok(Point {
            id: self.id,
            vectors: self.vector.into_named()?,
            payload: self.payload.unwrap_or_default(),
        })
    }
}

impl BatchColumns {
    /// The points; all columns must have the length of the ids, as `validate` checks.
    fn into_points(self) -> Result<Vec<Point>, Invalid> {
        let mut vectors = vec![NamedVectors::default(); self.ids.len()];
        match self.vectors {
            BatchVectors::One(column) => insert_column(&mut vectors, DEFAULT_VECTOR, column)?,
            BatchVectors::Named(columns) => {
                for (name, column) in columns {
                    insert_column(&mut vectors, &name, column)?;
                }
            }
        }
        let payloads = self
            .payloads
            .unwrap_or_default()
            .into_iter()
            .chain(std::iter::repeat(None));
        let points = self
            .ids
            .into_iter()
            .zip(vectors)
            .zip(payloads)
            .map(|((id, vectors), payload)| Point {
                id,
                vectors,
                payload: payload.unwrap_or_default(),
            });
        Ok(points.collect())
    }

    fn check_length(&self, what: &str, length: usize, check: &mut Check) {
        let count = self.ids.len();
        if count != length {
            check.fail(
                "",
                format!("number of ids and {what} must be equal ({count} != {length})"),
            );
        }
    }
}

fn insert_column(points: &mut [NamedVectors], name: &str, column: Vec<VectorInput>) -> Result<(), Invalid> {
    for (vectors, vector) in points.iter_mut().zip(column) {
        vectors.insert(name, vector.parse()?);
    }
    Ok(())
}

impl Validate for UpsertBody {
    fn validate(&self, check: &mut Check) {
        if let Some(points) = &self.points {
            check.each("points", points);
        }
        if let Some(batch) = &self.batch {
            check.within("batch", |check| batch.validate(check));
        }
        validate_filter("update_filter", self.update_filter.as_ref(), check);
    }
}

impl Validate for PointInput {
    fn validate(&self, check: &mut Check) {
        check.within("vector", |check| self.vector.validate(check));
    }
}

impl Validate for BatchColumns {
    fn validate(&self, check: &mut Check) {
        match &self.vectors {
            BatchVectors::One(column) => {
                self.check_length("vectors", column.len(), check);
                check.each("vectors", column);
            }
            BatchVectors::Named(columns) => {
                for (_, column) in columns {
                    self.check_length("vectors", column.len(), check);
                    check.within("vectors", |check| check.each("?", column));
                }
            }
        }
        if let Some(payloads) = &self.payloads {
            self.check_length("payloads", payloads.len(), check);
        }
    }
}

impl<'de> Deserialize<'de> for BatchVectors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnsVisitor)
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = BatchVectors;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vectors, or a map of such lists by name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<BatchVectors, A::Error> {
        Deserialize::deserialize(SeqAccessDeserializer::new(seq)).map(BatchVectors::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BatchVectors, A::Error> {
        let mut columns = Vec::new();
        while let Some(column) = map.next_entry()? {
            columns.push(column);
        }
        Ok(BatchVectors::Named(columns))
    }
}

impl JsonSchema for BatchVectors {
    fn schema_name() -> Cow<'static, str> {
        "BatchVectorStruct".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let column = generator.subschema_for::<Vec<VectorInput>>();
        json_schema!({ "anyOf": [column, { "type": "object", "additionalProperties": column }] })
    }
}
