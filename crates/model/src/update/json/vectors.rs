//! The vectors of one point as written: one without a name, or a map by name.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Check, Invalid, Validate};
use crate::vector::input::VectorInput;
use crate::vector::json::{Part, embedding};
use crate::vector::{DEFAULT_VECTOR, NamedVectors};

/// The vectors of one point.
#[derive(Debug, Clone, PartialEq)]
pub enum VectorsInput {
    /// The default vector.
    One(VectorInput),
    /// Vectors by name; no entry makes a point without vectors. Of one name, the last counts.
    Named(Vec<(String, VectorInput)>),
}

impl VectorsInput {
    /// The well-formed vectors; fails for what `validate` would report and for what must be embedded.
    pub fn into_named(self) -> Result<NamedVectors, Invalid> {
        match self {
            Self::One(vector) => Ok([(DEFAULT_VECTOR.to_owned(), vector.parse()?)]
                .into_iter()
                .collect()),
            Self::Named(vectors) => vectors
                .into_iter()
                .map(|(name, vector)| Ok((name, vector.parse()?)))
                .collect(),
        }
    }

    /// Whether there is no vector.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Named(vectors) => vectors.is_empty(),
        }
    }
}

impl Validate for VectorsInput {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::One(vector) => vector.validate(check),
            Self::Named(vectors) => {
                for (_, vector) in vectors {
                    check.within("?", |check| vector.validate(check));
                }
            }
        }
    }
}

impl<'de> Deserialize<'de> for VectorsInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VectorsVisitor)
    }
}

struct VectorsVisitor;

impl<'de> Visitor<'de> for VectorsVisitor {
    type Value = VectorsInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the vectors of a point: a list of numbers, a list of lists of numbers, or a map by name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<VectorsInput, A::Error> {
        VectorInput::deserialize(SeqAccessDeserializer::new(seq)).map(VectorsInput::One)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VectorsInput, A::Error> {
        let mut parts = Vec::new();
        while let Some((name, part)) = map.next_entry::<String, Part>()? {
            parts.push((name, part));
        }
        // WIRE: a vector may be called `text` or `model`; a map of vectors has no scalars.
        let is_embedding = parts
            .iter()
            .any(|(name, part)| name == "model" && part.is_scalar());
        if is_embedding {
            return embedding(parts).map(VectorsInput::One);
        }
        let named = parts.into_iter().map(|(name, part)| {
            let vector = part.into_input(&name)?;
            Ok((name, vector))
        });
        named.collect::<Result<_, _>>().map(VectorsInput::Named)
    }
}

impl JsonSchema for VectorsInput {
    fn schema_name() -> Cow<'static, str> {
        "VectorStruct".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let vector = generator.subschema_for::<VectorInput>();
        json_schema!({ "anyOf": [vector, { "type": "object", "additionalProperties": vector }] })
    }
}
