//! Filters written in the dialect that `json` reads: reading what was written gives an equal filter. The one
//! exception is a set or range without a type, which reads back as one of strings or of numbers.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::filter::{
    Bounds, Condition, FieldCondition, FieldTest, Filter, Match, MatchSet, MatchValue, MinShould, Nested,
};
use crate::path::JsonPath;

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, list) in [
            ("must", &self.must),
            ("should", &self.should),
            ("must_not", &self.must_not),
        ] {
            if !list.is_empty() {
                map.serialize_entry(name, list)?;
            }
        }
        if let Some(clause) = &self.min_should {
            map.serialize_entry("min_should", clause)?;
        }
        map.end()
    }
}

impl Serialize for MinShould {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("conditions", &self.conditions)?;
        map.serialize_entry("min_count", &self.min_count)?;
        map.end()
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Field(field) => field.serialize(serializer),
            Self::IsEmpty(key) => one(serializer, "is_empty", &Key { key }),
            Self::IsNull(key) => one(serializer, "is_null", &Key { key }),
            Self::HasId(ids) => one(serializer, "has_id", ids),
            Self::HasVector(name) => one(serializer, "has_vector", name),
            Self::Nested(nested) => one(serializer, "nested", nested),
            Self::Filter(filter) => filter.serialize(serializer),
            Self::Slice { total, index } => one(
                serializer,
                "slice",
                &Slice {
                    total: *total,
                    index: *index,
                },
            ),
        }
    }
}

fn one<S: Serializer>(serializer: S, name: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(name, value)?;
    map.end()
}

#[derive(serde::Serialize)]
struct Key<'a> {
    key: &'a JsonPath,
}

#[derive(serde::Serialize)]
struct Slice {
    total: u64,
    index: u64,
}

impl Serialize for Nested {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("key", &self.key)?;
        map.serialize_entry("filter", &self.filter)?;
        map.end()
    }
}

impl Serialize for FieldCondition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &self.key)?;
        for test in &self.tests {
            match test {
                FieldTest::Match(wanted) => map.serialize_entry("match", wanted)?,
                FieldTest::Range(bounds) => map.serialize_entry("range", bounds)?,
                FieldTest::DatetimeRange(bounds) => map.serialize_entry("range", bounds)?,
                FieldTest::GeoBoundingBox(shape) => map.serialize_entry("geo_bounding_box", shape)?,
                FieldTest::GeoRadius(shape) => map.serialize_entry("geo_radius", shape)?,
                FieldTest::GeoPolygon(shape) => map.serialize_entry("geo_polygon", shape)?,
                FieldTest::ValuesCount(bounds) => map.serialize_entry("values_count", bounds)?,
                FieldTest::IsEmpty(wanted) => map.serialize_entry("is_empty", wanted)?,
                FieldTest::IsNull(wanted) => map.serialize_entry("is_null", wanted)?,
            }
        }
        map.end()
    }
}

impl Serialize for Match {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => one(serializer, "value", value),
            Self::Any(set) => one(serializer, "any", set),
            Self::Except(set) => one(serializer, "except", set),
            Self::Text(text) => one(serializer, "text", text),
            Self::TextAny(text) => one(serializer, "text_any", text),
            Self::Phrase(text) => one(serializer, "phrase", text),
            Self::Prefix(text) => one(serializer, "prefix", text),
        }
    }
}

impl Serialize for MatchValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keyword(text) => text.serialize(serializer),
            Self::Integer(number) => number.serialize(serializer),
            Self::Bool(value) => value.serialize(serializer),
        }
    }
}

impl Serialize for MatchSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keywords(texts) => texts.serialize(serializer),
            Self::Integers(numbers) => numbers.serialize(serializer),
        }
    }
}

impl<T: Serialize> Serialize for Bounds<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, bound) in [
            ("lt", &self.lt),
            ("gt", &self.gt),
            ("gte", &self.gte),
            ("lte", &self.lte),
        ] {
            if let Some(bound) = bound {
                map.serialize_entry(name, bound)?;
            }
        }
        map.end()
    }
}
