//! Order by: points in the order of a payload field. A point appears once per value.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::config::{FieldSchema, FieldType};
use crate::datetime::DateTime;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::payload::Payload;
use crate::point::OrderValue;

/// Points in the order of a field; those without a value are left out.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderBy {
    /// The field; it needs an index on numbers, datetimes or UUIDs.
    pub key: JsonPath,
    /// Which end comes first.
    pub direction: Direction,
    /// Where to begin, inclusive; values before it in the direction are left out.
    pub start_from: Option<StartFrom>,
}

/// Which end of an ordered list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Smallest first.
    #[default]
    Asc,
    /// Largest first.
    Desc,
}

/// Where an ordered list begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum StartFrom {
    /// A whole number; for datetimes, microseconds since 1970.
    Integer(i64),
    /// Any number.
    Float(f64),
    /// A point in time.
    Datetime(DateTime),
}

/// What the values of an ordered field are, as its index declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderType {
    /// Whole numbers.
    Integer,
    /// Any numbers.
    Float,
    /// Points in time, ordered and shown as microseconds since 1970.
    Datetime,
    /// UUIDs, ordered and shown by their first eight bytes, moved to the signed range.
    Uuid,
}

impl OrderBy {
    /// The values by which a point is listed, each once, in the direction; empty when the point is left out.
    pub fn values(&self, payload: &Payload, order: OrderType) -> Vec<OrderValue> {
        let mut values: Vec<OrderValue> = self
            .key
            .flattened(payload)
            .into_iter()
            .filter_map(|value| order.read(value))
            .filter(|value| self.is_started(*value))
            .collect();
        values.sort_by(|a, b| self.direction.apply(compare(*a, *b)));
        values.dedup();
        values
    }

    /// Compares two places in the list; of equal values the smaller id comes first when ascending, the larger when
    /// descending.
    pub fn compare(&self, a: (OrderValue, PointId), b: (OrderValue, PointId)) -> Ordering {
        self.direction
            .apply(compare(a.0, b.0).then_with(|| a.1.cmp(&b.1)))
    }

    fn is_started(&self, value: OrderValue) -> bool {
        let start = match self.start_from {
            None => return true,
            Some(StartFrom::Integer(number)) => OrderValue::Int(number),
            Some(StartFrom::Float(number)) => OrderValue::Float(number),
            Some(StartFrom::Datetime(time)) => time.into(),
        };
        self.direction.apply(compare(value, start)).is_ge()
    }
}

impl Direction {
    fn apply(self, ascending: Ordering) -> Ordering {
        match self {
            Self::Asc => ascending,
            Self::Desc => ascending.reverse(),
        }
    }
}

impl OrderType {
    /// What an index of this schema orders by; `None` when it knows no order.
    pub fn of(schema: &FieldSchema) -> Option<Self> {
        if !schema.can_range() {
            return None;
        }
        match schema.data_type() {
            FieldType::Integer => Some(Self::Integer),
            FieldType::Float => Some(Self::Float),
            FieldType::Datetime => Some(Self::Datetime),
            FieldType::Uuid => Some(Self::Uuid),
            FieldType::Keyword | FieldType::Geo | FieldType::Text | FieldType::Bool => None,
        }
    }

    fn read(self, value: &Value) -> Option<OrderValue> {
        match self {
            Self::Integer => value.as_i64().map(OrderValue::Int),
            Self::Float => value.as_f64().map(OrderValue::Float),
            Self::Datetime => value.as_str().and_then(DateTime::parse).map(OrderValue::from),
            Self::Uuid => value
                .as_str()
                .and_then(|text| Uuid::parse_str(text).ok())
                .map(uuid_order),
        }
    }
}

fn uuid_order(uuid: Uuid) -> OrderValue {
    let (first, _) = uuid.as_u64_pair();
    OrderValue::Int((first ^ (1 << 63)).cast_signed())
}

/// Numeric order across both kinds of number.
fn compare(a: OrderValue, b: OrderValue) -> Ordering {
    match (a, b) {
        (OrderValue::Int(a), OrderValue::Int(b)) => a.cmp(&b),
        (OrderValue::Float(a), OrderValue::Float(b)) => a.partial_cmp(&b).unwrap_or_else(|| a.total_cmp(&b)),
        (OrderValue::Int(a), OrderValue::Float(b)) => compare_mixed(a, b),
        (OrderValue::Float(a), OrderValue::Int(b)) => compare_mixed(b, a).reverse(),
    }
}

/// Exact also where a whole number has no equal among the floats.
fn compare_mixed(whole: i64, float: f64) -> Ordering {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float >= LIMIT {
        return Ordering::Less;
    }
    if float < -LIMIT {
        return Ordering::Greater;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the floor was just found to be in range"
    )]
    let floor = float.floor() as i64;
    whole.cmp(&floor).then(if float > float.floor() {
        Ordering::Less
    } else {
        Ordering::Equal
    })
}

mod json;

#[cfg(test)]
mod tests;
