//! Filters over the fields of `payload`: every condition, nested and combined.

use std::collections::BTreeSet;

use kindred_model::datetime::DateTime;
use kindred_model::filter::{
    Bounds, Condition, FieldCondition, FieldTest, Filter, Match, MatchSet, MatchValue, MinShould, Nested,
};
use kindred_model::geo::{BoundingBox, Circle, GeoPoint, Polygon};
use proptest::prelude::*;

use super::payload::{field, id, time, word};

/// A filter of up to three clauses, nested at most twice.
pub fn filter() -> BoxedStrategy<Filter> {
    filter_of(condition(2))
}

fn filter_of(condition: BoxedStrategy<Condition>) -> BoxedStrategy<Filter> {
    let list = |most: usize| prop::collection::vec(condition.clone(), 0..most);
    let min_should = (list(4), 0_u64..4).prop_map(|(conditions, min_count)| MinShould {
        conditions,
        min_count,
    });
    (list(2), list(3), list(2), prop::option::weighted(0.2, min_should))
        .prop_map(|(must, should, must_not, min_should)| Filter {
            must,
            should,
            must_not,
            min_should,
        })
        .boxed()
}

fn condition(depth: u32) -> BoxedStrategy<Condition> {
    let leaf = prop_oneof![
        8 => field_condition().prop_map(Condition::Field),
        1 => key().prop_map(|key| Condition::IsEmpty(field(key))),
        1 => key().prop_map(|key| Condition::IsNull(field(key))),
        2 => prop::collection::btree_set(id(), 0..8).prop_map(Condition::HasId),
        1 => prop::sample::select(vec!["", "second", "multi", "words", "unknown"])
            .prop_map(|name| Condition::HasVector(name.to_owned())),
        1 => (1_u64..4, 0_u64..3).prop_filter_map("index below total", |(total, index)| {
            (index < total).then_some(Condition::Slice { total, index })
        }),
    ]
    .boxed();
    if depth == 0 {
        return leaf;
    }
    let inner = filter_of(condition(depth - 1));
    let nested = (
        prop::sample::select(vec!["list", "list[]", "o", "n"]),
        inner.clone(),
    );
    prop_oneof![
        8 => leaf,
        2 => nested.prop_map(|(key, filter)| Condition::Nested(Box::new(Nested { key: field(key), filter }))),
        2 => inner.prop_map(|filter| Condition::Filter(Box::new(filter))),
    ]
    .boxed()
}

fn key() -> BoxedStrategy<&'static str> {
    let keys = [
        "n",
        "x",
        "t",
        "b",
        "at",
        "geo",
        "u",
        "o",
        "o.n",
        "list",
        "list[].n",
        "list[].t",
        "list[0].n",
        "t[]",
        "none",
    ];
    prop::sample::select(keys.to_vec()).boxed()
}

fn field_condition() -> BoxedStrategy<FieldCondition> {
    // A condition usually asks its field for the right type.
    let numbers = (
        prop::sample::select(vec!["n", "x", "o.n", "list[].n", "base"]),
        number_test(),
    );
    let words = (
        prop::sample::select(vec!["t", "o.t", "list[].t", "t[]", "u"]),
        word_test(),
    );
    let times = (Just("at"), bounds(time()).prop_map(times)).prop_map(|(key, test)| (key, test));
    let places = (Just("geo"), geo_test());
    let anything = (
        key(),
        prop_oneof![number_test(), word_test(), geo_test(), other_test()],
    );
    let one = prop_oneof![4 => numbers, 4 => words, 1 => times, 2 => places, 3 => anything];
    (one, prop::option::weighted(0.1, other_test()))
        .prop_map(|((key, test), second)| {
            // On the wire, a condition has one test of a kind at most, and no order.
            let mut tests = vec![test];
            tests.extend(second);
            tests.sort_by_key(wire_order);
            tests.dedup_by_key(|test| wire_order(test));
            FieldCondition {
                key: field(key),
                tests,
            }
        })
        .boxed()
}

fn wire_order(test: &FieldTest) -> u8 {
    match test {
        FieldTest::Match(_) => 0,
        FieldTest::Range(_) | FieldTest::DatetimeRange(_) => 1,
        FieldTest::GeoBoundingBox(_) => 2,
        FieldTest::GeoRadius(_) => 3,
        FieldTest::GeoPolygon(_) => 4,
        FieldTest::ValuesCount(_) => 5,
        FieldTest::IsEmpty(_) => 6,
        FieldTest::IsNull(_) => 7,
    }
}

fn bounds<T: std::fmt::Debug + Clone + 'static>(value: BoxedStrategy<T>) -> BoxedStrategy<Bounds<T>> {
    let bound = |share| prop::option::weighted(share, value.clone());
    (bound(0.2), bound(0.2), bound(0.6), bound(0.4), value.clone())
        .prop_map(|(lt, gt, gte, lte, some)| {
            // Without bounds, the wire does not tell numbers from times.
            let is_open = lt.is_none() && gt.is_none() && gte.is_none() && lte.is_none();
            Bounds {
                lt,
                gt,
                gte: gte.or(is_open.then_some(some)),
                lte,
            }
        })
        .boxed()
}

fn times(bounds: Bounds<String>) -> FieldTest {
    let read = |bound: Option<String>| bound.as_deref().and_then(DateTime::parse);
    FieldTest::DatetimeRange(Bounds {
        lt: read(bounds.lt),
        gt: read(bounds.gt),
        gte: read(bounds.gte),
        lte: read(bounds.lte),
    })
}

fn number_test() -> BoxedStrategy<FieldTest> {
    let integers = prop::collection::btree_set(-3_i64..4, 1..4).prop_map(MatchSet::Integers);
    prop_oneof![
        (-3_i64..4).prop_map(|number| FieldTest::Match(Match::Value(MatchValue::Integer(number)))),
        integers.clone().prop_map(|set| FieldTest::Match(Match::Any(set))),
        integers.prop_map(|set| FieldTest::Match(Match::Except(set))),
        bounds((-7_i32..8).prop_map(|halves| f64::from(halves) / 2.0).boxed()).prop_map(FieldTest::Range),
    ]
    .boxed()
}

fn word_test() -> BoxedStrategy<FieldTest> {
    let words = prop::collection::btree_set(word(), 0..3).prop_map(MatchSet::Keywords);
    prop_oneof![
        word().prop_map(|text| FieldTest::Match(Match::Value(MatchValue::Keyword(text)))),
        words.clone().prop_map(|set| FieldTest::Match(Match::Any(set))),
        words.prop_map(|set| FieldTest::Match(Match::Except(set))),
        word().prop_map(|text| FieldTest::Match(Match::Text(text))),
        word().prop_map(|text| FieldTest::Match(Match::TextAny(text))),
        word().prop_map(|text| FieldTest::Match(Match::Phrase(text))),
        word().prop_map(|text| FieldTest::Match(Match::Prefix(text))),
    ]
    .boxed()
}

fn geo_test() -> BoxedStrategy<FieldTest> {
    // Off the grid of places, so that no place lies on an edge.
    let corner = (-3_i32..4, -3_i32..4)
        .prop_map(|(lon, lat)| GeoPoint {
            lon: f64::from(lon) * 50.0 + 11.0,
            lat: f64::from(lat) * 20.0 + 7.0,
        })
        .boxed();
    let boxes = (corner.clone(), corner.clone())
        .prop_map(|(a, b)| BoundingBox {
            top_left: GeoPoint {
                lon: a.lon,
                lat: a.lat.max(b.lat),
            },
            bottom_right: GeoPoint {
                lon: b.lon,
                lat: a.lat.min(b.lat),
            },
        })
        .prop_map(FieldTest::GeoBoundingBox);
    let circles = (corner.clone(), 1_u32..9).prop_map(|(center, radius)| {
        FieldTest::GeoRadius(Circle {
            center,
            radius: f64::from(radius) * 1e6,
        })
    });
    let polygons = (corner.clone(), corner.clone(), corner).prop_map(|(a, b, c)| {
        FieldTest::GeoPolygon(Polygon {
            exterior: vec![a, b, c, a],
            interiors: Vec::new(),
        })
    });
    prop_oneof![boxes, circles, polygons].boxed()
}

fn other_test() -> BoxedStrategy<FieldTest> {
    prop_oneof![
        any::<bool>().prop_map(|value| FieldTest::Match(Match::Value(MatchValue::Bool(value)))),
        bounds((0_u64..4).boxed()).prop_map(FieldTest::ValuesCount),
        any::<bool>().prop_map(FieldTest::IsEmpty),
        any::<bool>().prop_map(FieldTest::IsNull),
        Just(FieldTest::Match(Match::Any(MatchSet::Keywords(BTreeSet::new())))),
    ]
    .boxed()
}
