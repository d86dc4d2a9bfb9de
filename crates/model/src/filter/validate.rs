//! Which filters are refused after they were read (422), whatever face they came through.

use super::{Condition, FieldCondition, FieldTest, Filter};
use crate::error::{Check, Validate};
use crate::geo::GeoPoint;
use crate::limits::NESTING_DEPTH_MAX;

/// Fewest points of a ring: a triangle, closed.
const RING_POINTS_MIN: usize = 4;

impl Validate for Filter {
    fn validate(&self, check: &mut Check) {
        filter(self, check, 0);
    }
}

impl Validate for Condition {
    fn validate(&self, check: &mut Check) {
        condition(self, check, 0);
    }
}

fn filter(filter: &Filter, check: &mut Check, depth: usize) {
    // Nothing below is looked at, so that a hostile tree cannot exhaust the stack here either.
    if depth > NESTING_DEPTH_MAX {
        check.fail(
            "",
            format!("filters are nested deeper than {NESTING_DEPTH_MAX} levels"),
        );
        return;
    }
    conditions("must", &filter.must, check, depth);
    conditions("should", &filter.should, check, depth);
    conditions("must_not", &filter.must_not, check, depth);
    if let Some(clause) = &filter.min_should {
        check.within("min_should", |check| {
            conditions("conditions", &clause.conditions, check, depth)
        });
    }
}

fn conditions(name: &str, list: &[Condition], check: &mut Check, depth: usize) {
    check.within(name, |check| {
        for (index, item) in list.iter().enumerate() {
            check.item(index, |check| condition(item, check, depth));
        }
    });
}

fn condition(condition: &Condition, check: &mut Check, depth: usize) {
    match condition {
        Condition::Field(field) => field.validate(check),
        Condition::Nested(nested) => check.within("nested", |check| {
            check.within("filter", |check| filter(&nested.filter, check, depth + 1));
        }),
        Condition::Filter(inner) => filter(inner, check, depth + 1),
        Condition::Slice { total, index } => check.within("slice", |check| {
            check.at_least("total", *total, 1);
            if total <= index {
                check.fail(
                    "index",
                    format!("value {index} invalid, must be smaller than total {total}"),
                );
            }
        }),
        Condition::IsEmpty(_) | Condition::IsNull(_) | Condition::HasId(_) | Condition::HasVector(_) => {}
    }
}

impl Validate for FieldCondition {
    fn validate(&self, check: &mut Check) {
        if self.tests.is_empty() {
            check.fail("", "At least one field condition must be specified");
        }
        for test in &self.tests {
            if let FieldTest::GeoPolygon(polygon) = test {
                check.within("geo_polygon", |check| {
                    check.within("exterior", |check| ring(&polygon.exterior, check));
                    check.within("interiors", |check| {
                        for (index, hole) in polygon.interiors.iter().enumerate() {
                            check.item(index, |check| ring(hole, check));
                        }
                    });
                });
            }
        }
    }
}

fn ring(points: &[GeoPoint], check: &mut Check) {
    if points.len() < RING_POINTS_MIN {
        let count = points.len();
        check.fail(
            "",
            format!("polygon invalid, the size must be at least {RING_POINTS_MIN}, got {count}"),
        );
    } else if points.first() != points.last() {
        check.fail(
            "",
            "polygon invalid, the first and the last points should be the same to form a closed line",
        );
    }
}

#[cfg(test)]
mod tests;
