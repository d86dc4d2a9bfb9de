//! Filters as JSON. The kind of a condition is decided by the keys that it has; `null` is the same as absent.
//! Filters are closed objects; in the other objects unknown keys are ignored. Nothing is buffered on the way.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use self::operators::Range;
use super::{Bounds, Condition, FieldCondition, FieldTest, Filter, Match, MinShould, Nested};
use crate::geo::{BoundingBox, Circle, Polygon};
use crate::id::PointId;
use crate::object::object;
use crate::path::JsonPath;

mod operators;
mod write;

const CLAUSES: &[&str] = &["should", "min_should", "must", "must_not"];
const CONDITIONS: &[&str] = &[
    "key",
    "is_empty",
    "is_null",
    "has_id",
    "has_vector",
    "nested",
    "slice",
    "should",
    "min_should",
    "must",
    "must_not",
];

/// Reads the value of key `name` into its slot; errors say the key.
fn fill<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    name: &'static str,
    slot: &mut Option<T>,
) -> Result<(), A::Error> {
    if slot.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *slot = map
        .next_value::<Option<T>>()
        .map_err(|error| within(name, &error))?;
    Ok(())
}

/// Puts the place in front of an error, so that it reads `must[0]: match: ...` in the end.
fn within<E: Error>(place: &str, error: &E) -> E {
    let text = error.to_string();
    let joint = if text.starts_with('[') { "" } else { ": " };
    E::custom(format_args!("{place}{joint}{text}"))
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FilterVisitor)
    }
}

struct FilterVisitor;

impl<'de> Visitor<'de> for FilterVisitor {
    type Value = Filter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a filter: an object with `must`, `should`, `must_not` or `min_should`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Filter, A::Error> {
        let mut clauses = Clauses::default();
        while let Some(key) = map.next_key::<String>()? {
            if !clauses.read(&key, &mut map)? {
                return Err(A::Error::unknown_field(&key, CLAUSES));
            }
        }
        Ok(clauses.filter())
    }
}

/// The keys of a filter.
#[derive(Default)]
struct Clauses {
    must: Option<List>,
    should: Option<List>,
    must_not: Option<List>,
    min_should: Option<MinShould>,
}

impl Clauses {
    /// Whether `key` belongs to a filter; if so, its value was read.
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "must" => fill(map, "must", &mut self.must)?,
            "should" => fill(map, "should", &mut self.should)?,
            "must_not" => fill(map, "must_not", &mut self.must_not)?,
            "min_should" => fill(map, "min_should", &mut self.min_should)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn filter(self) -> Filter {
        let list = |clause: Option<List>| clause.map(|list| list.0).unwrap_or_default();
        Filter {
            must: list(self.must),
            should: list(self.should),
            must_not: list(self.must_not),
            min_should: self.min_should,
        }
    }

    fn is_present(&self) -> bool {
        self.must.is_some() || self.should.is_some() || self.must_not.is_some() || self.min_should.is_some()
    }
}

/// Conditions in a list, or one that stands alone.
struct List(Vec<Condition>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor;

        impl<'de> Visitor<'de> for ListVisitor {
            type Value = List;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a condition or a list of conditions")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<List, A::Error> {
                Condition::deserialize(MapAccessDeserializer::new(map)).map(|condition| List(vec![condition]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List, A::Error> {
                let mut list = Vec::new();
                loop {
                    let next = seq.next_element();
                    match next.map_err(|error: A::Error| within(&format!("[{}]", list.len()), &error))? {
                        Some(condition) => list.push(condition),
                        None => return Ok(List(list)),
                    }
                }
            }
        }

        deserializer.deserialize_any(ListVisitor)
    }
}

impl<'de> Deserialize<'de> for MinShould {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            conditions: List,
            min_count: u64,
        }
        let what = "an object with `conditions` and `min_count`";
        let Keys {
            conditions,
            min_count,
        } = object(deserializer, what)?;
        Ok(Self {
            conditions: conditions.0,
            min_count,
        })
    }
}

impl<'de> Deserialize<'de> for Condition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConditionVisitor)
    }
}

struct ConditionVisitor;

impl<'de> Visitor<'de> for ConditionVisitor {
    type Value = Condition;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a condition: an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Condition, A::Error> {
        let mut keys = ConditionKeys::default();
        while let Some(key) = map.next_key::<String>()? {
            if keys.clauses.read(&key, &mut map)? {
                continue;
            }
            if !keys.read(&key, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
            keys.other.get_or_insert(key);
        }
        keys.condition()
    }
}

/// Every key that some kind of condition has.
#[derive(Default)]
struct ConditionKeys {
    key: Option<JsonPath>,
    matched: Option<Match>,
    range: Option<Range>,
    geo_bounding_box: Option<BoundingBox>,
    geo_radius: Option<Circle>,
    geo_polygon: Option<Polygon>,
    values_count: Option<Bounds<u64>>,
    is_empty: Option<Presence>,
    is_null: Option<Presence>,
    has_id: Option<BTreeSet<PointId>>,
    has_vector: Option<String>,
    nested: Option<Nested>,
    slice: Option<Slice>,
    clauses: Clauses,
    /// The first key that is no clause of a filter.
    other: Option<String>,
}

impl ConditionKeys {
    fn read<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "key" => fill(map, "key", &mut self.key)?,
            "match" => fill(map, "match", &mut self.matched)?,
            "range" => fill(map, "range", &mut self.range)?,
            "geo_bounding_box" => fill(map, "geo_bounding_box", &mut self.geo_bounding_box)?,
            "geo_radius" => fill(map, "geo_radius", &mut self.geo_radius)?,
            "geo_polygon" => fill(map, "geo_polygon", &mut self.geo_polygon)?,
            "values_count" => fill(map, "values_count", &mut self.values_count)?,
            "is_empty" => fill(map, "is_empty", &mut self.is_empty)?,
            "is_null" => fill(map, "is_null", &mut self.is_null)?,
            "has_id" => fill(map, "has_id", &mut self.has_id)?,
            "has_vector" => fill(map, "has_vector", &mut self.has_vector)?,
            "nested" => fill(map, "nested", &mut self.nested)?,
            "slice" => fill(map, "slice", &mut self.slice)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The one condition that these keys make.
    fn condition<E: Error>(self) -> Result<Condition, E> {
        let (is_empty, empty_at) = Presence::split(self.is_empty);
        let (is_null, null_at) = Presence::split(self.is_null);
        let tests = [
            self.matched.map(FieldTest::Match),
            self.range.map(|range| range.0),
            self.geo_bounding_box.map(FieldTest::GeoBoundingBox),
            self.geo_radius.map(FieldTest::GeoRadius),
            self.geo_polygon.map(FieldTest::GeoPolygon),
            self.values_count.map(FieldTest::ValuesCount),
            is_empty.map(FieldTest::IsEmpty),
            is_null.map(FieldTest::IsNull),
        ];
        let tests: Vec<FieldTest> = tests.into_iter().flatten().collect();
        if self.key.is_none() && !tests.is_empty() {
            return Err(E::missing_field("key"));
        }
        let has_clauses = self.clauses.is_present();
        let kinds = [
            (
                "key",
                self.key
                    .map(|key| Condition::Field(FieldCondition { key, tests })),
            ),
            ("is_empty", empty_at.map(Condition::IsEmpty)),
            ("is_null", null_at.map(Condition::IsNull)),
            ("has_id", self.has_id.map(Condition::HasId)),
            ("has_vector", self.has_vector.map(Condition::HasVector)),
            (
                "nested",
                self.nested.map(|nested| Condition::Nested(Box::new(nested))),
            ),
            ("slice", self.slice.map(|slice| slice.0)),
            (
                "clauses of a filter",
                has_clauses.then(|| Condition::Filter(Box::new(self.clauses.filter()))),
            ),
        ];
        let mut found = kinds
            .into_iter()
            .filter_map(|(name, condition)| Some((name, condition?)));
        match (found.next(), found.next(), self.other) {
            (Some((one, _)), Some((other, _)), _) => Err(E::custom(format_args!(
                "a condition is of one kind, this one has `{one}` and `{other}`"
            ))),
            // A filter is closed, also where it stands as a condition.
            (Some((_, Condition::Filter(_))), None, Some(other)) => Err(E::unknown_field(&other, CLAUSES)),
            (Some((_, condition)), None, _) => Ok(condition),
            // Only `{}` is an empty filter: an id list that is null by mistake must not select everything.
            (None, _, None) => Ok(Condition::Filter(Box::default())),
            (None, _, Some(other)) => {
                let kinds = CONDITIONS.join("`, `");
                Err(E::custom(format_args!(
                    "`{other}` makes no condition here, expected one of `{kinds}`"
                )))
            }
        }
    }
}

/// The value of `is_empty` and `is_null`: a flag in a field condition, otherwise where to look.
enum Presence {
    Is(bool),
    At(JsonPath),
}

impl Presence {
    fn split(presence: Option<Self>) -> (Option<bool>, Option<JsonPath>) {
        match presence {
            Some(Self::Is(wanted)) => (Some(wanted), None),
            Some(Self::At(key)) => (None, Some(key)),
            None => (None, None),
        }
    }
}

impl<'de> Deserialize<'de> for Presence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PresenceVisitor;

        impl<'de> Visitor<'de> for PresenceVisitor {
            type Value = Presence;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `key`, or a boolean beside a `key`")
            }

            fn visit_bool<E: Error>(self, wanted: bool) -> Result<Presence, E> {
                Ok(Presence::Is(wanted))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Presence, A::Error> {
                #[derive(serde::Deserialize)]
                struct Keys {
                    key: JsonPath,
                }
                Keys::deserialize(MapAccessDeserializer::new(map)).map(|keys| Presence::At(keys.key))
            }
        }

        deserializer.deserialize_any(PresenceVisitor)
    }
}

impl<'de> Deserialize<'de> for Nested {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            key: JsonPath,
            filter: Filter,
        }
        let Keys { key, filter } = object(deserializer, "an object with `key` and `filter`")?;
        Ok(Self { key, filter })
    }
}

/// A slice condition.
struct Slice(Condition);

impl<'de> Deserialize<'de> for Slice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Keys {
            total: u64,
            index: u64,
        }
        let Keys { total, index } = object(deserializer, "an object with `total` and `index`")?;
        Ok(Self(Condition::Slice { total, index }))
    }
}

#[cfg(test)]
mod tests;
