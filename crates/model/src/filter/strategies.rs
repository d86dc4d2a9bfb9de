//! Random filters for the round-trip properties of this crate: every kind of condition, in the form in which
//! reading gives them back (a set or a range without a type is one of strings or of numbers).

use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::*;
use crate::geo::GeoPoint;

fn path() -> impl Strategy<Value = JsonPath> {
    r#"([a-c_-]{1,4}|"[a-c .\[\]ü]{0,4}")(\[[0-9]{0,2}\])?(\.([0-9a-cé]{1,4}|"\.")(\[\])?){0,3}"#
        .prop_map(|text| text.parse().expect("a path"))
}

fn id() -> impl Strategy<Value = PointId> {
    prop_oneof![
        any::<u64>().prop_map(PointId::Num),
        any::<u128>().prop_map(|bits| PointId::Uuid(uuid::Uuid::from_u128(bits))),
    ]
}

fn bounds<T: std::fmt::Debug>(bound: impl Strategy<Value = T> + Clone) -> impl Strategy<Value = Bounds<T>> {
    (of(bound.clone()), of(bound.clone()), of(bound.clone()), of(bound))
        .prop_map(|(lt, gt, gte, lte)| Bounds { lt, gt, gte, lte })
}

fn finite() -> impl Strategy<Value = f64> + Clone {
    any::<f64>().prop_filter("finite", |number| number.is_finite())
}

fn place() -> impl Strategy<Value = GeoPoint> + Clone {
    (-180.0..=180.0, -90.0..=90.0).prop_map(|(lon, lat)| GeoPoint { lon, lat })
}

fn matched() -> impl Strategy<Value = Match> {
    let value = prop_oneof![
        ".{0,5}".prop_map(MatchValue::Keyword),
        any::<i64>().prop_map(MatchValue::Integer),
        any::<bool>().prop_map(MatchValue::Bool),
    ];
    let set = prop_oneof![
        btree_set(".{0,5}", 0..4).prop_map(MatchSet::Keywords),
        btree_set(any::<i64>(), 1..4).prop_map(MatchSet::Integers),
    ];
    prop_oneof![
        value.prop_map(Match::Value),
        set.clone().prop_map(Match::Any),
        set.prop_map(Match::Except),
        ".{0,5}".prop_map(Match::Text),
        ".{0,5}".prop_map(Match::TextAny),
        ".{0,5}".prop_map(Match::Phrase),
        ".{0,5}".prop_map(Match::Prefix),
    ]
}

fn test() -> impl Strategy<Value = FieldTest> {
    let ring = vec(place(), 0..5);
    let corners = (place(), place());
    prop_oneof![
        matched().prop_map(FieldTest::Match),
        bounds(finite()).prop_map(FieldTest::Range),
        bounds(any::<i64>().prop_map(DateTime::from_micros))
            .prop_filter("a bound", |bounds| *bounds
                != Bounds {
                    lt: None,
                    gt: None,
                    gte: None,
                    lte: None
                })
            .prop_map(FieldTest::DatetimeRange),
        corners.prop_map(|(top_left, bottom_right)| {
            FieldTest::GeoBoundingBox(BoundingBox {
                top_left,
                bottom_right,
            })
        }),
        (place(), finite()).prop_map(|(center, radius)| FieldTest::GeoRadius(Circle { center, radius })),
        (ring.clone(), vec(ring, 0..3))
            .prop_map(|(exterior, interiors)| FieldTest::GeoPolygon(Polygon { exterior, interiors })),
        bounds(any::<u64>()).prop_map(FieldTest::ValuesCount),
        any::<bool>().prop_map(FieldTest::IsEmpty),
        any::<bool>().prop_map(FieldTest::IsNull),
    ]
}

fn leaf() -> impl Strategy<Value = Condition> {
    let field = (path(), of(test())).prop_map(|(key, test)| FieldCondition {
        key,
        tests: test.into_iter().collect(),
    });
    prop_oneof![
        6 => field.prop_map(Condition::Field),
        1 => path().prop_map(Condition::IsEmpty),
        1 => path().prop_map(Condition::IsNull),
        1 => btree_set(id(), 0..4).prop_map(Condition::HasId),
        1 => ".{0,5}".prop_map(Condition::HasVector),
        1 => (any::<u64>(), any::<u64>()).prop_map(|(total, index)| Condition::Slice { total, index }),
    ]
}

fn filter_of(condition: impl Strategy<Value = Condition> + Clone) -> impl Strategy<Value = Filter> {
    let list = || vec(condition.clone(), 0..3);
    let clause = (list(), any::<u64>()).prop_map(|(conditions, min_count)| MinShould {
        conditions,
        min_count,
    });
    (list(), list(), list(), of(clause)).prop_map(|(must, should, must_not, min_should)| Filter {
        must,
        should,
        must_not,
        min_should,
    })
}

/// Any condition, some levels deep.
pub(crate) fn condition() -> impl Strategy<Value = Condition> + Clone {
    leaf().prop_recursive(3, 24, 4, |condition| {
        let filter = filter_of(condition).boxed();
        let nested = (path(), filter.clone()).prop_map(|(key, filter)| Nested { key, filter });
        prop_oneof![
            filter.prop_map(|filter| Condition::Filter(Box::new(filter))),
            nested.prop_map(|nested| Condition::Nested(Box::new(nested))),
        ]
    })
}

/// Any filter, some levels deep.
pub(crate) fn filter() -> impl Strategy<Value = Filter> {
    filter_of(condition())
}
