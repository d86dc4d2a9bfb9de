//! The filter language: which points may be answered. `matches` defines what each condition means; an index
//! that answers a condition must agree with it exactly (I9).

use std::collections::BTreeSet;

use crate::datetime::DateTime;
use crate::geo::{BoundingBox, Circle, Polygon};
use crate::id::PointId;
use crate::path::JsonPath;

#[cfg(test)]
pub(crate) mod strategies;

mod field;
mod keys;
mod slice;
mod json;
mod matches;
mod schema;
mod validate;

pub use matches::PointView;

/// A point passes when every clause that has conditions passes. Without conditions everything passes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter {
    /// All of these hold.
    pub must: Vec<Condition>,
    /// At least one of these holds, unless the list is empty.
    pub should: Vec<Condition>,
    /// None of these holds.
    pub must_not: Vec<Condition>,
    /// At least so many of these hold.
    pub min_should: Option<MinShould>,
}

/// At least `min_count` of `conditions` hold; without conditions it asks nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct MinShould {
    /// The choices.
    pub conditions: Vec<Condition>,
    /// How many of them must hold.
    pub min_count: u64,
}

/// One statement about a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// About the values of a payload field.
    Field(FieldCondition),
    /// The field is missing, null or an empty array.
    IsEmpty(JsonPath),
    /// The field is null or an array that contains null.
    IsNull(JsonPath),
    /// The point's id is one of these.
    HasId(BTreeSet<PointId>),
    /// The point holds the vector of this name.
    HasVector(String),
    /// One and the same element of an array of objects passes the filter.
    Nested(Box<Nested>),
    /// The point passes another filter.
    Filter(Box<Filter>),
    /// The id falls into part `index` of `total` parts: SipHash-2-4 of the id modulo `total`.
    Slice {
        /// Number of parts, at least one.
        total: u64,
        /// The part, below `total`.
        index: u64,
    },
}

/// Some element at `key` passes `filter`.
#[derive(Debug, Clone, PartialEq)]
pub struct Nested {
    /// Names an array of objects, or an object.
    pub key: JsonPath,
    /// Applied to each element on its own.
    pub filter: Filter,
}

/// The field passes when any of the tests does. An empty list of tests is refused by `validate`.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldCondition {
    /// Where the values are.
    pub key: JsonPath,
    /// What is asked of them.
    pub tests: Vec<FieldTest>,
}

/// One test of the values of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// Equality, sets and texts.
    Match(Match),
    /// Numbers between bounds.
    Range(Bounds<f64>),
    /// Points in time between bounds.
    DatetimeRange(Bounds<DateTime>),
    /// Strictly inside a rectangle.
    GeoBoundingBox(BoundingBox),
    /// Nearer to a centre than a radius.
    GeoRadius(Circle),
    /// Inside a ring and outside its holes.
    GeoPolygon(Polygon),
    /// How many values the field has.
    ValuesCount(Bounds<u64>),
    /// Missing, null or an empty array; `false` asks for the opposite.
    IsEmpty(bool),
    /// Null or containing null; `false` asks for the opposite.
    IsNull(bool),
}

/// A value between optional bounds; all that are given must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds<T> {
    /// Less than.
    pub lt: Option<T>,
    /// Greater than.
    pub gt: Option<T>,
    /// Greater or equal.
    pub gte: Option<T>,
    /// Less or equal.
    pub lte: Option<T>,
}

impl<T: PartialOrd + Copy> Bounds<T> {
    /// Whether `value` satisfies every bound that is given.
    pub fn contains(&self, value: T) -> bool {
        self.lt.is_none_or(|bound| value < bound)
            && self.gt.is_none_or(|bound| value > bound)
            && self.gte.is_none_or(|bound| value >= bound)
            && self.lte.is_none_or(|bound| value <= bound)
    }
}

/// What a value must be equal to.
#[derive(Debug, Clone, PartialEq)]
pub enum Match {
    /// Exactly this value, types included.
    Value(MatchValue),
    /// One of these; an empty list matches nothing.
    Any(MatchSet),
    /// Some value that is none of these.
    Except(MatchSet),
    /// Without a text index: contains this text, case included.
    Text(String),
    /// Without a text index: contains one of the words of this text.
    TextAny(String),
    /// Without a text index: contains this text.
    Phrase(String),
    /// Starts with this text.
    Prefix(String),
}

/// A value that can be matched exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchValue {
    /// Case-sensitive.
    Keyword(String),
    /// A stored 1.0 is not 1.
    Integer(i64),
    /// True or false.
    Bool(bool),
}

/// Values of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MatchSet {
    /// Case-sensitive texts.
    Keywords(BTreeSet<String>),
    /// Whole numbers.
    Integers(BTreeSet<i64>),
}

impl Filter {
    /// A filter that asks for all of `conditions`.
    pub fn all(conditions: impl IntoIterator<Item = Condition>) -> Self {
        Self {
            must: conditions.into_iter().collect(),
            ..Self::default()
        }
    }

    /// A filter that refuses these ids.
    pub fn without_ids(ids: impl IntoIterator<Item = PointId>) -> Self {
        Self {
            must_not: vec![Condition::HasId(ids.into_iter().collect())],
            ..Self::default()
        }
    }

    /// Whether no clause has a condition.
    pub fn is_empty(&self) -> bool {
        self.must.is_empty()
            && self.should.is_empty()
            && self.must_not.is_empty()
            && self
                .min_should
                .as_ref()
                .is_none_or(|clause| clause.conditions.is_empty())
    }

    /// Joins two filters the way the wire joins the filter of a request with that of its prefetches: the lists
    /// are concatenated, also `should` (two lists become one choice), and `min_should` keeps the larger count.
    pub fn merge(mut self, other: Self) -> Self {
        self.must.extend(other.must);
        self.should.extend(other.should);
        self.must_not.extend(other.must_not);
        self.min_should = match (self.min_should, other.min_should) {
            (Some(mut ours), Some(theirs)) => {
                ours.conditions.extend(theirs.conditions);
                ours.min_count = ours.min_count.max(theirs.min_count);
                Some(ours)
            }
            (ours, theirs) => ours.or(theirs),
        };
        self
    }
}
