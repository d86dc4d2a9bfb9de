//! Settings of the vectors of a collection, as they are written, stored and answered.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::datatype::{self, WrittenDatatype};
use super::hnsw::HnswConfigDiff;
use super::quantization::QuantizationConfig;
use crate::distance::Distance;
use crate::error::{Check, Validate};
use crate::limits::{VECTOR_DIM_MAX, VECTOR_NAME_BYTES_MAX};
use crate::vector::{DEFAULT_VECTOR, Datatype};

/// Settings of one dense vector, or of the rows of a multi vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VectorParams {
    /// Components, from 1 to 65536.
    pub size: u64,
    /// What closeness means.
    pub distance: Distance,
    /// Graph settings that differ from the collection's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hnsw_config: Option<HnswConfigDiff>,
    /// Quantization that differs from the collection's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfig>,
    /// Keep the vectors on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// How components are stored; 32-bit floats when not set.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "datatype::dense"
    )]
    #[schemars(with = "Option<WrittenDatatype>")]
    pub datatype: Option<Datatype>,
    /// Makes it a multi vector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multivector_config: Option<MultiVectorConfig>,
}

/// How two multi vectors are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MultiVectorConfig {
    /// The comparison.
    pub comparator: MultiVectorComparator,
}

/// A comparison of multi vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MultiVectorComparator {
    /// For each row of the anchor the closest stored row, summed.
    MaxSim,
}

/// Settings of one sparse vector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SparseVectorParams {
    /// How it is indexed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<SparseIndexParams>,
    /// How the weights of an anchor are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub modifier: Option<Modifier>,
}

/// How a sparse vector is indexed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SparseIndexParams {
    /// Points below which a scan is preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_scan_threshold: Option<u64>,
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// How weights are stored in the index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datatype: Option<WrittenDatatype>,
}

/// How the weights of a sparse anchor are changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Modifier {
    /// Not at all.
    #[default]
    None,
    /// Multiplied by how rare each index is in the collection.
    Idf,
}

/// The dense vectors of a collection. The settings of the default vector may be written without a name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VectorsConfig(pub BTreeMap<String, VectorParams>);

impl VectorsConfig {
    /// Whether it is written without a name: the default vector alone.
    fn bare(&self) -> Option<&VectorParams> {
        self.0.get(DEFAULT_VECTOR).filter(|_| self.0.len() == 1)
    }
}

impl SparseIndexParams {
    pub(super) fn apply(&mut self, patch: &Self) {
        self.full_scan_threshold = patch.full_scan_threshold.or(self.full_scan_threshold);
        self.on_disk = patch.on_disk.or(self.on_disk);
        self.datatype = patch.datatype.or(self.datatype);
    }
}

impl SparseVectorParams {
    pub(super) fn apply(&mut self, patch: &Self) {
        if let Some(index) = &patch.index {
            self.index.get_or_insert_default().apply(index);
        }
        self.modifier = patch.modifier.or(self.modifier);
    }
}

/// Reports a name that is too long under the key of its map.
pub(super) fn check_vector_name(check: &mut Check, name: &str) {
    if let Some(why) = bad_vector_name(name) {
        check.fail("?", why);
    }
}

/// Why a vector cannot have this name.
pub(super) fn bad_vector_name(name: &str) -> Option<String> {
    if name.len() > VECTOR_NAME_BYTES_MAX {
        let bytes = name.len();
        return Some(format!(
            "vector name of {bytes} bytes invalid, must be at most {VECTOR_NAME_BYTES_MAX}"
        ));
    }
    name.contains(char::is_control)
        .then(|| "vector name with control characters invalid".to_owned())
}

impl Validate for VectorParams {
    fn validate(&self, check: &mut Check) {
        check.between("size", self.size, 1, VECTOR_DIM_MAX);
        if let Some(hnsw) = &self.hnsw_config {
            check.within("hnsw_config", |check| hnsw.validate(check));
        }
        if let Some(quantization) = &self.quantization_config {
            check.within("quantization_config", |check| quantization.validate(check));
        }
    }
}

impl Validate for SparseVectorParams {
    fn validate(&self, check: &mut Check) {
        let datatype = self.index.as_ref().and_then(|index| index.datatype);
        if datatype == Some(WrittenDatatype::Turbo4) {
            check.within("index", |check| {
                check.fail("datatype", "sparse vectors do not support the `turbo4` datatype");
            });
        }
    }
}

impl Validate for VectorsConfig {
    fn validate(&self, check: &mut Check) {
        if let Some(params) = self.bare() {
            return params.validate(check);
        }
        for (name, params) in &self.0 {
            check_vector_name(check, name);
            check.within("?", |check| params.validate(check));
        }
    }
}

impl Serialize for VectorsConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.bare() {
            Some(params) => params.serialize(serializer),
            None => self.0.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for VectorsConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(VectorsVisitor)
    }
}

struct VectorsVisitor;

impl<'de> Visitor<'de> for VectorsVisitor {
    type Value = VectorsConfig;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings of one vector, or a map of them by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = serde_json::Map::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            entries.insert(key, value);
        }
        // A vector may be called `size`: then the value is an object.
        let is_bare = ["size", "distance"]
            .iter()
            .any(|key| entries.get(*key).is_some_and(|value| !value.is_object()));
        if is_bare {
            let params = VectorParams::deserialize(Value::Object(entries)).map_err(A::Error::custom)?;
            return Ok(VectorsConfig([(DEFAULT_VECTOR.to_owned(), params)].into()));
        }
        let named = entries
            .into_iter()
            .map(|(name, value)| match VectorParams::deserialize(value) {
                Ok(params) => Ok((name, params)),
                Err(error) => Err(A::Error::custom(format!("vector `{name}`: {error}"))),
            });
        named.collect::<Result<_, _>>().map(VectorsConfig)
    }
}

impl JsonSchema for VectorsConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VectorsConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<VectorParams>();
        json_schema!({ "anyOf": [one, { "type": "object", "additionalProperties": one }] })
    }
}
