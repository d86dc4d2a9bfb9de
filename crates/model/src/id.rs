//! The identity of a point: a number or a UUID. Numbers sort before UUIDs.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

use crate::error::Invalid;

/// Names a point within its collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PointId {
    /// Any unsigned 64-bit number.
    Num(u64),
    /// A UUID, printed in lower case with hyphens.
    Uuid(Uuid),
}

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Num(number) => number.fmt(f),
            Self::Uuid(uuid) => uuid.hyphenated().fmt(f),
        }
    }
}

impl From<u64> for PointId {
    fn from(number: u64) -> Self {
        Self::Num(number)
    }
}

impl From<Uuid> for PointId {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl FromStr for PointId {
    type Err = Invalid;

    /// Reads the form used in a URL: decimal digits, or a UUID in any of its textual forms.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        if let Ok(number) = text.parse::<u64>() {
            return Ok(Self::Num(number));
        }
        Uuid::parse_str(text)
            .map(Self::Uuid)
            .map_err(|_| Invalid::input(format!("Can not recognize \"{text}\" as point id")))
    }
}

impl Serialize for PointId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Num(number) => serializer.serialize_u64(*number),
            Self::Uuid(uuid) => serializer.collect_str(&uuid.hyphenated()),
        }
    }
}

impl<'de> Deserialize<'de> for PointId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PointIdVisitor)
    }
}

impl schemars::JsonSchema for PointId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ExtendedPointId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "anyOf": [
            { "type": "integer", "format": "uint64", "minimum": 0 },
            { "type": "string", "format": "uuid" },
        ]})
    }
}

struct PointIdVisitor;

/// The text that clients look for when an id cannot be read.
pub fn not_an_id(value: impl fmt::Display) -> String {
    format!("value {value} is not a valid point ID, valid values are either an unsigned integer or a UUID")
}

impl Visitor<'_> for PointIdVisitor {
    type Value = PointId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a point ID: an unsigned integer or a UUID")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<PointId, E> {
        Ok(PointId::Num(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<PointId, E> {
        u64::try_from(number)
            .map(PointId::Num)
            .map_err(|_| E::custom(not_an_id(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<PointId, E> {
        Err(E::custom(not_an_id(number)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PointId, E> {
        Uuid::parse_str(text)
            .map(PointId::Uuid)
            .map_err(|_| E::custom(not_an_id(text)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<PointId, E> {
        Err(E::invalid_type(Unexpected::Bool(value), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, want: Option<&str>) {
        let read: Result<PointId, _> = serde_json::from_str(json);
        assert_eq!(read.ok().map(|id| id.to_string()).as_deref(), want, "{json}");
    }

    #[test]
    fn reads_numbers_and_every_form_of_uuid() {
        let uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8";
        check("0", Some("0"));
        check("18446744073709551615", Some("18446744073709551615"));
        for form in [
            "936da01f-9abd-4d9d-80c7-02af85c822a8",
            "936DA01F9ABD4D9D80C702AF85C822A8",
            "{936da01f-9abd-4d9d-80c7-02af85c822a8}",
            "urn:uuid:936da01f-9abd-4d9d-80c7-02af85c822a8",
        ] {
            check(&format!("\"{form}\""), Some(uuid));
        }
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "-1",
            "1.5",
            "1e30",
            "true",
            "null",
            "\"1\"",
            "\"abc\"",
            "[]",
            "{}",
            "18446744073709551616",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn numbers_sort_before_uuids() {
        assert!(PointId::Num(u64::MAX) < PointId::Uuid(Uuid::nil()));
        assert!(PointId::Num(9) < PointId::Num(10));
    }
}
