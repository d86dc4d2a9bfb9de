//! How the older bodies write vectors: fewer forms than the query endpoints, checked while they are decoded.

use std::borrow::Cow;
use std::fmt;

use kindred_model::id::PointId;
use kindred_model::query::example::Example;
use kindred_model::vector::input::VectorInput;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A point id, a dense vector or a sparse vector.
#[derive(Debug)]
pub(crate) struct OldExample(pub(super) Example);

impl<'de> Deserialize<'de> for OldExample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let example = Example::deserialize(deserializer)?;
        if let Example::Vector(vector) = &example {
            is_plain(vector).map_err(D::Error::custom)?;
        }
        Ok(Self(example))
    }
}

fn is_plain(vector: &VectorInput) -> Result<(), &'static str> {
    match vector {
        VectorInput::Dense(_) | VectorInput::Sparse { .. } => Ok(()),
        VectorInput::Multi(_) | VectorInput::Inference(_) => {
            Err("expected a point id, a dense or a sparse vector; use the query endpoint for other forms")
        }
    }
}

impl JsonSchema for OldExample {
    fn schema_name() -> Cow<'static, str> {
        "RecommendExample".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let id = generator.subschema_for::<PointId>();
        let dense = generator.subschema_for::<Vec<f32>>();
        let sparse = generator.subschema_for::<SparseShape>();
        json_schema!({"anyOf": [id, dense, sparse]})
    }
}

/// A list of numbers for the default vector, or an object that names the vector it is for.
#[derive(Debug)]
pub(crate) struct OldVector {
    pub(super) name: Option<String>,
    pub(super) vector: VectorInput,
}

impl<'de> Deserialize<'de> for OldVector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OldVectorVisitor)
    }
}

struct OldVectorVisitor;

impl<'de> Visitor<'de> for OldVectorVisitor {
    type Value = OldVector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers, or an object with a name and a vector")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<OldVector, A::Error> {
        let data = Vec::deserialize(SeqAccessDeserializer::new(list))?;
        Ok(OldVector {
            name: None,
            vector: VectorInput::Dense(data),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OldVector, A::Error> {
        let NamedShape { name, vector } = NamedShape::deserialize(MapAccessDeserializer::new(map))?;
        is_plain(&vector).map_err(A::Error::custom)?;
        Ok(OldVector {
            name: Some(name),
            vector,
        })
    }
}

#[derive(serde::Deserialize)]
struct NamedShape {
    name: String,
    vector: VectorInput,
}

impl JsonSchema for OldVector {
    fn schema_name() -> Cow<'static, str> {
        "NamedVectorStruct".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let dense = generator.subschema_for::<Vec<f32>>();
        let sparse = generator.subschema_for::<SparseShape>();
        json_schema!({"anyOf": [
            dense,
            {
                "type": "object",
                "required": ["name", "vector"],
                "properties": {"name": {"type": "string"}, "vector": {"anyOf": [dense, sparse]}},
            },
        ]})
    }
}

/// Only the shape of a sparse vector, for the document.
#[derive(JsonSchema)]
#[schemars(rename = "SparseVector")]
#[expect(dead_code, reason = "only its schema is used")]
struct SparseShape {
    indices: Vec<u32>,
    values: Vec<f32>,
}
