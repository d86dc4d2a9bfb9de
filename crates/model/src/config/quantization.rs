//! Settings of quantization. They are stored and answered; exact search needs no codes.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::error::{Check, Validate};

/// How the vectors of a field are compressed.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum QuantizationConfig {
    /// One byte a component.
    Scalar(ScalarQuantization),
    /// One byte for several components.
    Product(ProductQuantization),
    /// One or two bits a component.
    Binary(BinaryQuantization),
    /// A rotation, then few bits a component.
    Turbo(TurboQuantization),
}

/// Settings of scalar quantization.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct ScalarQuantization {
    /// The code's type.
    #[serde(rename = "type")]
    pub kind: ScalarType,
    /// Which part of the values the codes span, from 0.5 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantile: Option<f32>,
    /// Keep the codes in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_ram: Option<bool>,
}

/// The type of a scalar code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScalarType {
    /// One byte.
    Int8,
}

/// Settings of product quantization.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct ProductQuantization {
    /// How much smaller the codes are.
    pub compression: CompressionRatio,
    /// Keep the codes in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_ram: Option<bool>,
}

/// How much smaller the codes of product quantization are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CompressionRatio {
    /// Four times.
    X4,
    /// Eight times.
    X8,
    /// Sixteen times.
    X16,
    /// Thirty-two times.
    X32,
    /// Sixty-four times.
    X64,
}

/// Settings of binary quantization.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct BinaryQuantization {
    /// Keep the codes in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_ram: Option<bool>,
    /// The bits of a stored component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<BinaryEncoding>,
    /// The bits of an anchor's component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_encoding: Option<BinaryQueryEncoding>,
}

/// The bits of a stored component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BinaryEncoding {
    /// The sign.
    OneBit,
    /// Four values.
    TwoBits,
    /// Three values.
    OneAndHalfBits,
}

/// The bits of an anchor's component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BinaryQueryEncoding {
    /// The server's choice.
    Default,
    /// As stored.
    Binary,
    /// Sixteen values.
    Scalar4bits,
    /// 256 values.
    Scalar8bits,
}

/// Settings of turbo quantization.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct TurboQuantization {
    /// Keep the codes in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub always_ram: Option<bool>,
    /// Bits a component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bits: Option<TurboBits>,
}

/// Bits a component of turbo quantization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub enum TurboBits {
    /// One.
    #[serde(rename = "bits1")]
    Bits1,
    /// One and a half.
    #[serde(rename = "bits1_5")]
    Bits1_5,
    /// Two.
    #[serde(rename = "bits2")]
    Bits2,
    /// Four.
    #[serde(rename = "bits4")]
    Bits4,
}

/// What a patch says about quantization.
#[derive(Debug, Clone, PartialEq)]
pub enum QuantizationConfigDiff {
    /// These settings instead.
    Set(QuantizationConfig),
    /// None any more; written as the text `Disabled`.
    Disabled,
}

impl QuantizationConfigDiff {
    /// The settings after the patch.
    pub(super) fn into_config(self) -> Option<QuantizationConfig> {
        match self {
            Self::Set(config) => Some(config),
            Self::Disabled => None,
        }
    }
}

impl Validate for QuantizationConfig {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Scalar(scalar) => check.within("scalar", |check| {
                if let Some(quantile) = scalar.quantile {
                    check.between("quantile", quantile, 0.5, 1.0);
                }
            }),
            Self::Product(_) | Self::Binary(_) | Self::Turbo(_) => {}
        }
    }
}

impl Validate for QuantizationConfigDiff {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Set(config) => config.validate(check),
            Self::Disabled => {}
        }
    }
}

const DISABLED: &str = "Disabled";

impl Serialize for QuantizationConfigDiff {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Set(config) => config.serialize(serializer),
            Self::Disabled => serializer.serialize_str(DISABLED),
        }
    }
}

impl<'de> Deserialize<'de> for QuantizationConfigDiff {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DiffVisitor)
    }
}

struct DiffVisitor;

impl<'de> Visitor<'de> for DiffVisitor {
    type Value = QuantizationConfigDiff;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("quantization settings or the text \"Disabled\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == DISABLED {
            Ok(Self::Value::Disabled)
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        QuantizationConfig::deserialize(MapAccessDeserializer::new(map)).map(Self::Value::Set)
    }
}

impl JsonSchema for QuantizationConfigDiff {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "QuantizationConfigDiff".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let settings = generator.subschema_for::<QuantizationConfig>();
        json_schema!({ "anyOf": [settings, { "type": "string", "const": DISABLED }] })
    }
}
