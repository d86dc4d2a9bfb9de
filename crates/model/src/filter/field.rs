//! What the tests of a payload field mean. Texts are compared as they are, case included: tokens exist only in a
//! text index. Types are never converted into each other.

use serde_json::{Map, Value};

use super::{FieldCondition, FieldTest, Match, MatchSet, MatchValue};
use crate::datetime::DateTime;
use crate::geo::GeoPoint;
use crate::path::JsonPath;

impl FieldCondition {
    /// Whether any of the tests passes on the values at the key of this object.
    pub fn matches(&self, object: &Map<String, Value>) -> bool {
        self.tests.iter().any(|test| test.matches(&self.key, object))
    }
}

impl FieldTest {
    /// Whether the values at `key` pass. Tests of values pass when any value does, with arrays unrolled one level.
    pub fn matches(&self, key: &JsonPath, object: &Map<String, Value>) -> bool {
        let any = |test: &dyn Fn(&Value) -> bool| key.any_flattened(object, &mut |value| test(value));
        let any_place =
            |test: &dyn Fn(GeoPoint) -> bool| any(&|value| GeoPoint::from_value(value).is_some_and(test));
        match self {
            Self::Match(wanted) => any(&|value| wanted.accepts(value)),
            Self::Range(bounds) => any(&|value| value.as_f64().is_some_and(|number| bounds.contains(number))),
            Self::DatetimeRange(bounds) => any(&|value| {
                value
                    .as_str()
                    .and_then(DateTime::parse)
                    .is_some_and(|time| bounds.contains(time))
            }),
            Self::GeoBoundingBox(shape) => any_place(&|place| shape.contains(place)),
            Self::GeoRadius(shape) => any_place(&|place| shape.contains(place)),
            Self::GeoPolygon(shape) => any_place(&|place| shape.contains(place)),
            Self::ValuesCount(bounds) => {
                let mut is_missing = true;
                let is_found = key.any(object, &mut |value| {
                    is_missing = false;
                    bounds.contains(count(value))
                });
                // A field that is not there has no values.
                is_found || (is_missing && bounds.contains(0))
            }
            Self::IsEmpty(wanted) => is_empty(key, object) == *wanted,
            Self::IsNull(wanted) => is_null(key, object) == *wanted,
        }
    }
}

/// How many values one stored value stands for.
fn count(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        Value::Array(items) => items.len() as u64,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => 1,
    }
}

/// Whether nothing at `key` is a value: all is missing, null or an empty array.
pub(super) fn is_empty(key: &JsonPath, object: &Map<String, Value>) -> bool {
    !key.any(object, &mut |value| count(value) > 0)
}

/// Whether something at `key` is null or an array that holds null.
pub(super) fn is_null(key: &JsonPath, object: &Map<String, Value>) -> bool {
    key.any(object, &mut |value| match value.as_array() {
        Some(items) => items.contains(&Value::Null),
        None => value.is_null(),
    })
}

impl Match {
    /// Whether one value, not an array of values, is what is wanted.
    pub fn accepts(&self, value: &Value) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| value.as_str().is_some_and(test);
        match self {
            Self::Value(MatchValue::Keyword(wanted)) => text(&|text| text == wanted),
            Self::Value(MatchValue::Integer(wanted)) => value.as_i64() == Some(*wanted),
            Self::Value(MatchValue::Bool(wanted)) => value.as_bool() == Some(*wanted),
            Self::Any(set) => set.contains(value),
            // Null is the absence of a value, not one that differs.
            Self::Except(set) => !value.is_null() && !set.contains(value),
            Self::Text(part) | Self::Phrase(part) => text(&|text| text.contains(part.as_str())),
            Self::TextAny(words) => text(&|text| words.split_whitespace().any(|word| text.contains(word))),
            Self::Prefix(start) => text(&|text| text.starts_with(start.as_str())),
        }
    }
}

impl MatchSet {
    /// Whether `value` is of the type of this set and in it.
    pub fn contains(&self, value: &Value) -> bool {
        match self {
            Self::Keywords(texts) => value.as_str().is_some_and(|text| texts.contains(text)),
            Self::Integers(numbers) => value.as_i64().is_some_and(|number| numbers.contains(&number)),
        }
    }
}

#[cfg(test)]
mod tests;
