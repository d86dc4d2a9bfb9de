//! What a user may write for a vector in a query: a vector, or the id of a point to borrow it from.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::error::{Check, Validate};
use crate::id::PointId;
use crate::vector::input::VectorInput;

/// A vector as written in a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Example {
    /// The vector of this point; the point itself is then left out of the results.
    Id(PointId),
    /// The vector itself.
    Vector(VectorInput),
}

impl Example {
    /// The id, when the vector is borrowed.
    pub fn id(&self) -> Option<PointId> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Vector(_) => None,
        }
    }
}

impl From<PointId> for Example {
    fn from(id: PointId) -> Self {
        Self::Id(id)
    }
}

impl From<VectorInput> for Example {
    fn from(vector: VectorInput) -> Self {
        Self::Vector(vector)
    }
}

impl Validate for Example {
    fn validate(&self, check: &mut Check) {
        if let Self::Vector(vector) = self {
            vector.validate(check);
        }
    }
}

impl Serialize for Example {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Id(id) => id.serialize(serializer),
            Self::Vector(vector) => vector.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Example {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExampleVisitor)
    }
}

/// Looks at the first token only: numbers and texts are ids, lists and objects are vectors.
struct ExampleVisitor;

impl<'de> Visitor<'de> for ExampleVisitor {
    type Value = Example;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a vector or a point ID")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Example, E> {
        PointId::deserialize(number.into_deserializer()).map(Example::Id)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Example, E> {
        PointId::deserialize(number.into_deserializer()).map(Example::Id)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Example, E> {
        PointId::deserialize(number.into_deserializer()).map(Example::Id)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Example, E> {
        PointId::deserialize(text.into_deserializer()).map(Example::Id)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Example, A::Error> {
        VectorInput::deserialize(SeqAccessDeserializer::new(list)).map(Example::Vector)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Example, A::Error> {
        VectorInput::deserialize(MapAccessDeserializer::new(map)).map(Example::Vector)
    }
}
