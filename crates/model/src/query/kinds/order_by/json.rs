//! The JSON dialect of orderings: a bare path, or an object.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::{Direction, OrderBy, StartFrom};
use crate::datetime::DateTime;
use crate::path::JsonPath;

impl<'de> Deserialize<'de> for OrderBy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OrderByVisitor)
    }
}

struct OrderByVisitor;

#[derive(serde::Deserialize)]
struct OrderByKeys {
    key: JsonPath,
    direction: Option<Direction>,
    start_from: Option<StartFrom>,
}

impl<'de> Visitor<'de> for OrderByVisitor {
    type Value = OrderBy;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a payload path, or an object with `key`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<OrderBy, E> {
        let key = text.parse().map_err(E::custom)?;
        Ok(OrderBy {
            key,
            direction: Direction::default(),
            start_from: None,
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OrderBy, A::Error> {
        let keys = OrderByKeys::deserialize(MapAccessDeserializer::new(map))?;
        let direction = keys.direction.unwrap_or_default();
        Ok(OrderBy {
            key: keys.key,
            direction,
            start_from: keys.start_from,
        })
    }
}

impl Serialize for OrderBy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.key)?;
        map.serialize_entry("direction", &self.direction)?;
        if let Some(start) = &self.start_from {
            map.serialize_entry("start_from", start)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for StartFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StartFromVisitor)
    }
}

struct StartFromVisitor;

impl Visitor<'_> for StartFromVisitor {
    type Value = StartFrom;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a datetime")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<StartFrom, E> {
        Ok(StartFrom::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<StartFrom, E> {
        Ok(i64::try_from(number).map_or(StartFrom::Float(number as f64), StartFrom::Integer))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<StartFrom, E> {
        Ok(StartFrom::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<StartFrom, E> {
        let unknown = || E::custom(format_args!("`{text}` is not a datetime"));
        DateTime::parse(text).map(StartFrom::Datetime).ok_or_else(unknown)
    }
}

impl Serialize for StartFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::Datetime(time) => time.serialize(serializer),
        }
    }
}
