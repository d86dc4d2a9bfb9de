//! What filters mean: whether a point passes. Everything that answers filters faster must agree with this file
//! and with `field` exactly (I9). Filters never change scores.

use serde_json::{Map, Value};

use super::slice::slice_of;
use super::{Condition, Filter, MinShould, Nested};
use crate::id::PointId;
use crate::payload::Payload;

/// What a filter may look at in a point.
#[derive(Clone, Copy)]
pub struct PointView<'a> {
    /// Its identity.
    pub id: PointId,
    /// Its payload; empty when it has none.
    pub payload: &'a Payload,
    /// Whether it holds the vector of this name; the empty name is the default vector.
    pub has_vector: &'a dyn Fn(&str) -> bool,
}

impl Filter {
    /// Whether the point passes. A clause without conditions asks nothing.
    pub fn matches(&self, point: &PointView<'_>) -> bool {
        self.holds(&Subject {
            object: point.payload,
            point: Some(point),
        })
    }

    fn holds(&self, subject: &Subject<'_>) -> bool {
        self.must.iter().all(|condition| condition.holds(subject))
            && !self.must_not.iter().any(|condition| condition.holds(subject))
            && (self.should.is_empty() || self.should.iter().any(|condition| condition.holds(subject)))
            && self
                .min_should
                .as_ref()
                .is_none_or(|clause| clause.holds(subject))
    }
}

impl MinShould {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let wanted = usize::try_from(self.min_count).unwrap_or(usize::MAX);
        let holding = self
            .conditions
            .iter()
            .filter(|condition| condition.holds(subject));
        self.conditions.is_empty() || holding.take(wanted).count() == wanted
    }
}

impl Condition {
    /// Whether the point satisfies this one condition.
    pub fn matches(&self, point: &PointView<'_>) -> bool {
        self.holds(&Subject {
            object: point.payload,
            point: Some(point),
        })
    }

    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Self::Field(field) => field.matches(subject.object),
            Self::IsEmpty(key) => super::field::is_empty(key, subject.object),
            Self::IsNull(key) => super::field::is_null(key, subject.object),
            Self::HasId(ids) => subject.point.is_some_and(|point| ids.contains(&point.id)),
            Self::HasVector(name) => subject.point.is_some_and(|point| (point.has_vector)(name)),
            Self::Nested(nested) => nested.holds(subject),
            Self::Filter(filter) => filter.holds(subject),
            Self::Slice { total, index } => subject
                .point
                .is_some_and(|point| slice_of(point.id, *total) == Some(*index)),
        }
    }
}

impl Nested {
    /// The key names an array, with or without a last `[]`, or one object; what is no object never passes. Below a nested condition there is no point any more: conditions
    /// about its id or its vectors do not hold.
    fn holds(&self, subject: &Subject<'_>) -> bool {
        self.key.any_element(subject.object, &mut |value| {
            value
                .as_object()
                .is_some_and(|object| self.filter.holds(&Subject { object, point: None }))
        })
    }
}

/// What a condition is about: a whole point, or an element inside its payload.
struct Subject<'a> {
    object: &'a Map<String, Value>,
    point: Option<&'a PointView<'a>>,
}

#[cfg(test)]
mod tests;
