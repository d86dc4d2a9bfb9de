//! The datatype of a vector's components as it may be written; not every one of them is built.

use schemars::JsonSchema;
use serde::de::{Deserialize, Deserializer, Error};

use crate::vector::Datatype;

/// A datatype by its name on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WrittenDatatype {
    /// 32-bit floats.
    Float32,
    /// Half precision.
    Float16,
    /// Whole numbers from 0 to 255.
    Uint8,
    /// Four bits; not built yet.
    Turbo4,
}

/// Reads the datatype of a dense vector and refuses what is not built.
pub(super) fn dense<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Datatype>, D::Error> {
    let Some(written) = Option::<WrittenDatatype>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match written {
        WrittenDatatype::Float32 => Ok(Some(Datatype::Float32)),
        WrittenDatatype::Float16 => Ok(Some(Datatype::Float16)),
        WrittenDatatype::Uint8 => Ok(Some(Datatype::Uint8)),
        WrittenDatatype::Turbo4 => Err(D::Error::custom(
            "the `turbo4` datatype is not built yet: use `float32`, `float16` or `uint8`",
        )),
    }
}
