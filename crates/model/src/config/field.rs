//! Payload indexes as they are asked for: a type, perhaps with settings, and which values such an index holds.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::text::TextParams;
use crate::datetime::DateTime;
use crate::error::{Check, Invalid, Validate};
use crate::geo::GeoPoint;
use crate::path::JsonPath;

/// The type of the values that an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "PayloadSchemaType")]
pub enum FieldType {
    /// Texts, matched whole.
    Keyword,
    /// Whole numbers.
    Integer,
    /// Numbers.
    Float,
    /// Places.
    Geo,
    /// Texts, matched by their words.
    Text,
    /// True and false.
    Bool,
    /// Points in time.
    Datetime,
    /// UUIDs, in any textual form.
    Uuid,
}

/// An index as written: `"keyword"`, or `{"type": "keyword", ..}`. Answered the way it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldSchema {
    /// The type with its default settings.
    Type(FieldType),
    /// The type with settings.
    Params(FieldParams),
}

/// The settings of an index, by the type of its values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(rename = "PayloadSchemaParams")]
pub enum FieldParams {
    /// See [`FieldType::Keyword`].
    Keyword(KeywordParams),
    /// See [`FieldType::Integer`].
    Integer(IntegerParams),
    /// See [`FieldType::Float`].
    Float(NumberParams),
    /// See [`FieldType::Geo`].
    Geo(PlainParams),
    /// See [`FieldType::Text`].
    Text(TextParams),
    /// See [`FieldType::Bool`].
    Bool(PlainParams),
    /// See [`FieldType::Datetime`].
    Datetime(NumberParams),
    /// See [`FieldType::Uuid`].
    Uuid(KeywordParams),
}

/// Settings of an index on keywords or UUIDs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct KeywordParams {
    /// Points of one value are searched together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_tenant: Option<bool>,
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Build additional graph links for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_hnsw: Option<bool>,
}

/// Settings of an index on whole numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct IntegerParams {
    /// Serve equality; true when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup: Option<bool>,
    /// Serve ranges and orders; true when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<bool>,
    /// Store points in the order of this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_principal: Option<bool>,
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Build additional graph links for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_hnsw: Option<bool>,
}

/// Settings of an index on numbers or points in time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct NumberParams {
    /// Store points in the order of this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_principal: Option<bool>,
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Build additional graph links for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_hnsw: Option<bool>,
}

/// Settings of an index on places or on true and false.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PlainParams {
    /// Keep the index on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Build additional graph links for this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_hnsw: Option<bool>,
}

/// The body of a request that makes an index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CreateFieldIndex")]
pub struct CreateIndexBody {
    /// Where the values are.
    pub field_name: JsonPath,
    /// What they are; required, in spite of its type, by `into_index`.
    #[serde(default, alias = "field_type", skip_serializing_if = "Option::is_none")]
    pub field_schema: Option<FieldSchema>,
}

/// An index as it is answered in `payload_schema`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PayloadIndexInfo {
    /// The type of the values.
    pub data_type: FieldType,
    /// The settings, if any were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<FieldParams>,
    /// How many points have a value that the index holds.
    pub points: u64,
}

impl FieldSchema {
    /// How the index is answered when it holds values of so many points.
    pub fn info(&self, points: u64) -> PayloadIndexInfo {
        PayloadIndexInfo {
            data_type: self.data_type(),
            params: self.params().cloned(),
            points,
        }
    }

    /// The type of the values.
    pub fn data_type(&self) -> FieldType {
        match self {
            Self::Type(data_type) => *data_type,
            Self::Params(params) => params.data_type(),
        }
    }

    /// The settings, if any were written.
    pub fn params(&self) -> Option<&FieldParams> {
        match self {
            Self::Type(_) => None,
            Self::Params(params) => Some(params),
        }
    }

    /// Whether the index serves ranges and orders.
    pub fn can_range(&self) -> bool {
        match self.data_type() {
            FieldType::Integer => self
                .integer_params()
                .is_none_or(|params| params.range != Some(false)),
            FieldType::Float | FieldType::Datetime | FieldType::Uuid => true,
            FieldType::Keyword | FieldType::Geo | FieldType::Text | FieldType::Bool => false,
        }
    }

    /// Whether the index can count points by value.
    pub fn can_facet(&self) -> bool {
        match self.data_type() {
            FieldType::Integer => self
                .integer_params()
                .is_none_or(|params| params.lookup != Some(false)),
            FieldType::Keyword | FieldType::Uuid | FieldType::Bool => true,
            FieldType::Float | FieldType::Datetime | FieldType::Geo | FieldType::Text => false,
        }
    }

    /// Whether the index holds anything for a point whose field has this value; of an array, some element
    /// suffices.
    pub fn is_indexable(&self, value: &Value) -> bool {
        match value {
            Value::Array(elements) => elements.iter().any(|element| self.data_type().holds(element)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                self.data_type().holds(value)
            }
        }
    }

    fn integer_params(&self) -> Option<&IntegerParams> {
        match self {
            Self::Params(FieldParams::Integer(params)) => Some(params),
            Self::Type(_) | Self::Params(_) => None,
        }
    }
}

impl FieldType {
    fn holds(self, value: &Value) -> bool {
        match self {
            Self::Keyword | Self::Text => value.is_string(),
            Self::Integer => value.is_i64(),
            Self::Float => value.is_number(),
            Self::Geo => GeoPoint::from_value(value).is_some(),
            Self::Bool => value.is_boolean(),
            Self::Datetime => value.as_str().is_some_and(|text| DateTime::parse(text).is_some()),
            Self::Uuid => value.as_str().is_some_and(|text| Uuid::parse_str(text).is_ok()),
        }
    }
}

impl FieldParams {
    /// The type of the values.
    pub fn data_type(&self) -> FieldType {
        match self {
            Self::Keyword(_) => FieldType::Keyword,
            Self::Integer(_) => FieldType::Integer,
            Self::Float(_) => FieldType::Float,
            Self::Geo(_) => FieldType::Geo,
            Self::Text(_) => FieldType::Text,
            Self::Bool(_) => FieldType::Bool,
            Self::Datetime(_) => FieldType::Datetime,
            Self::Uuid(_) => FieldType::Uuid,
        }
    }
}

impl Validate for FieldSchema {
    fn validate(&self, check: &mut Check) {
        let is_useless = |params: &IntegerParams| params.lookup == Some(false) && params.range == Some(false);
        if self.integer_params().is_some_and(is_useless) {
            check.fail(
                "",
                "Validation error: the 'lookup' and 'range' capabilities can't be both disabled [{}]",
            );
        }
    }
}

impl Validate for CreateIndexBody {
    fn validate(&self, check: &mut Check) {
        if let Some(schema) = &self.field_schema {
            check.within("field_schema", |check| schema.validate(check));
        }
    }
}

impl CreateIndexBody {
    /// The field and its index, checked. Fails when no type is written.
    pub fn into_index(self) -> Result<(JsonPath, FieldSchema), Invalid> {
        Check::all("", &self)?;
        let schema = self.field_schema.ok_or_else(|| {
            Invalid::request("Can't auto-detect field type, please specify `field_schema` in the request")
        })?;
        Ok((self.field_name, schema))
    }
}

impl Serialize for FieldSchema {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Type(data_type) => data_type.serialize(serializer),
            Self::Params(params) => params.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for FieldSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SchemaVisitor)
    }
}

struct SchemaVisitor;

impl<'de> Visitor<'de> for SchemaVisitor {
    type Value = FieldSchema;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the type of a payload field, or an object with a `type` and settings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        FieldType::deserialize(StrDeserializer::new(text)).map(FieldSchema::Type)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        FieldParams::deserialize(MapAccessDeserializer::new(map)).map(FieldSchema::Params)
    }
}

impl JsonSchema for FieldSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PayloadFieldSchema".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let data_type = generator.subschema_for::<FieldType>();
        let params = generator.subschema_for::<FieldParams>();
        json_schema!({ "anyOf": [data_type, params] })
    }
}
