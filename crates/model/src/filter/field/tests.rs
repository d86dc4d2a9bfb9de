//! Every operator on every kind of value, worked out by hand.

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::filter::Condition;

fn field(written: &Value) -> FieldCondition {
    let Condition::Field(field) = Condition::deserialize(written).unwrap() else {
        panic!("{written} is not about a field")
    };
    field
}

/// Checks `operator`, a field condition on `f` without its key, against fields that pass and fields that do not.
/// The field is missing where `None` stands.
fn check(operator: Value, passing: &[Option<Value>], failing: &[Option<Value>]) {
    let mut written = operator.clone();
    written["key"] = json!("f");
    let condition = field(&written);
    for (fields, want) in [(passing, true), (failing, false)] {
        for field in fields {
            let object = match field {
                Some(value) => json!({"f": value, "other": "a"}),
                None => json!({"other": "a"}),
            };
            assert_eq!(
                condition.matches(object.as_object().unwrap()),
                want,
                "{operator} on {object}"
            );
        }
    }
}

fn some<const N: usize>(values: [Value; N]) -> Vec<Option<Value>> {
    values.into_iter().map(Some).collect()
}

fn some_or_missing<const N: usize>(values: [Value; N]) -> Vec<Option<Value>> {
    values.into_iter().map(Some).chain([None]).collect()
}

#[test]
fn match_value() {
    check(
        json!({"match": {"value": "red"}}),
        &some([json!("red"), json!(["blue", "red"])]),
        &some_or_missing([
            json!("Red"),
            json!("redder"),
            json!([]),
            json!([["red"]]),
            json!(null),
            json!({"red": 1}),
        ]),
    );
    check(
        json!({"match": {"value": 1}}),
        &some([json!(1), json!([0, 1])]),
        &some_or_missing([
            json!(1.0),
            json!("1"),
            json!(true),
            json!([1.0]),
            json!(-1),
            json!(u64::MAX),
        ]),
    );
    check(
        json!({"match": {"value": i64::MIN}}),
        &some([json!(i64::MIN)]),
        &some([json!(i64::MAX), json!(9_223_372_036_854_775_808_u64)]),
    );
    check(
        json!({"match": {"value": true}}),
        &some([json!(true), json!([false, true])]),
        &some_or_missing([json!(false), json!(1), json!("true"), json!(null)]),
    );
    check(
        json!({"match": {"value": false}}),
        &some([json!(false)]),
        &some_or_missing([json!(true), json!(0), json!(null)]),
    );
    check(
        json!({"match": {"value": ""}}),
        &some([json!("")]),
        &some_or_missing([json!("x"), json!(null)]),
    );
}

#[test]
fn match_any() {
    check(
        json!({"match": {"any": ["red", "blue"]}}),
        &some([json!("red"), json!(["green", "blue"])]),
        &some_or_missing([json!("green"), json!([]), json!(1), json!(null)]),
    );
    check(
        json!({"match": {"any": [1, -2]}}),
        &some([json!(1), json!([7, -2])]),
        &some_or_missing([json!(2), json!(1.0), json!("1"), json!(true)]),
    );
    check(
        json!({"match": {"any": []}}),
        &[],
        &some_or_missing([json!("red"), json!(1), json!([]), json!(null), json!("")]),
    );
}

#[test]
fn match_except() {
    check(
        json!({"match": {"except": ["red", "blue"]}}),
        // One value outside the list suffices; values of another type are outside.
        &some([
            json!("green"),
            json!(["red", "green"]),
            json!(1),
            json!(false),
            json!({"red": 1}),
            json!(["red", [null]]),
        ]),
        &some_or_missing([
            json!("red"),
            json!(["red", "blue"]),
            json!([]),
            json!(null),
            json!([null, "red"]),
        ]),
    );
    check(
        json!({"match": {"except": [1, 2]}}),
        &some([json!(3), json!([1, 3]), json!(1.0), json!("1"), json!(true)]),
        &some_or_missing([json!(1), json!([1, 2]), json!(null)]),
    );
    check(
        json!({"match": {"except": []}}),
        &some([json!("red"), json!(0), json!([1]), json!({})]),
        &some_or_missing([json!(null), json!([]), json!([null])]),
    );
}

#[test]
fn match_texts() {
    check(
        json!({"match": {"text": "ick br"}}),
        &some([json!("a quick brown fox"), json!(["slow", "quick brown"])]),
        &some_or_missing([
            json!("Quick Brown"),
            json!("brown quick"),
            json!(5),
            json!(null),
            json!({"a": "ick br"}),
        ]),
    );
    check(
        json!({"match": {"phrase": "quick brown"}}),
        &some([json!("a quick brown fox")]),
        &some_or_missing([json!("quick, brown"), json!("brown quick"), json!([])]),
    );
    check(
        json!({"match": {"text_any": "  cat dog\t"}}),
        &some([json!("hotdogs"), json!("a cat"), json!(["fish", "cat"])]),
        &some_or_missing([json!("DOG"), json!("ca t"), json!(" "), json!(1)]),
    );
    check(
        json!({"match": {"text_any": " "}}),
        &[],
        &some_or_missing([json!("x"), json!(""), json!(" ")]),
    );
    check(
        json!({"match": {"prefix": "qui"}}),
        &some([json!("quick"), json!("qui"), json!(["a", "quit"])]),
        &some_or_missing([json!("Quick"), json!("aqui"), json!("qu"), json!(1), json!(null)]),
    );
    check(
        json!({"match": {"prefix": ""}}),
        &some([json!(""), json!("x")]),
        &some_or_missing([json!(1), json!(null)]),
    );
}

#[test]
fn ranges_of_numbers() {
    check(
        json!({"range": {"gte": 1, "lt": 2.5}}),
        &some([json!(1), json!(1.0), json!(2), json!(2.49), json!([0, 2])]),
        &some_or_missing([
            json!(0.99),
            json!(2.5),
            json!([0, 3]),
            json!("2"),
            json!(true),
            json!(null),
            json!([]),
        ]),
    );
    check(
        json!({"range": {"gt": -1, "lte": 0}}),
        &some([json!(0), json!(-0.5)]),
        &some_or_missing([json!(-1), json!(1), json!(-1.0), json!(1e-9)]),
    );
    // Without bounds a range asks for a number.
    check(
        json!({"range": {}}),
        &some([json!(1), json!(-2.5)]),
        &some_or_missing([json!("1"), json!(null)]),
    );
    check(
        json!({"range": {"gt": 5, "lt": 3}}),
        &[],
        &some_or_missing([json!(4), json!([6, 2])]),
    );
}

#[test]
fn ranges_of_datetimes() {
    check(
        json!({"range": {"gte": "2024-05-01", "lt": "2024-06-01T00:00:00+02:00"}}),
        &some([
            json!("2024-05-01"),
            json!("2024-05-01T00:00:00Z"),
            json!("2024-05-31 21:59:59.999999"),
            json!("2024-05-01T02:00:00+0200"),
            json!(["never", "2024-05-15 12:00"]),
        ]),
        &some_or_missing([
            json!("2024-05-31T22:00:00Z"),
            json!("2024-05-01T00:00:00+00:01"),
            json!("2024-04-30"),
            json!("15 May 2024"),
            json!(1_715_000_000),
            json!(null),
        ]),
    );
    check(
        json!({"range": {"gt": "2024-01-01T00:00:00", "lte": "2024-01-02"}}),
        &some([
            json!("2024-01-01T00:00:00.000001Z"),
            json!("2024-01-02T00:00:00Z"),
        ]),
        &some([json!("2024-01-01"), json!("2024-01-02T00:00:00.000001Z")]),
    );
}

#[test]
fn places() {
    let berlin = json!({"lon": 13.405, "lat": 52.52});
    let paris = json!({"lon": 2.3522, "lat": 48.8566, "name": "Paris"});
    let nowhere = || {
        some_or_missing([
            json!(null),
            json!("Berlin"),
            json!([13.405, 52.52]),
            json!({"lon": 13.405}),
        ])
    };
    let failing = || [nowhere(), some([paris.clone(), json!([paris])])].concat();
    let passing = some([berlin.clone(), json!([paris, berlin]), json!([null, berlin])]);
    let around = json!({"top_left": {"lon": 13, "lat": 53}, "bottom_right": {"lon": 14, "lat": 52}});
    check(json!({"geo_bounding_box": around}), &passing, &failing());
    let near = json!({"center": {"lon": 13.4, "lat": 52.5}, "radius": 5000});
    check(json!({"geo_radius": near}), &passing, &failing());
    let corner = |lon: f64, lat: f64| json!({"lon": lon, "lat": lat});
    let ring =
        json!({"points": [corner(13.0, 52.0), corner(14.0, 52.0), corner(13.5, 53.0), corner(13.0, 52.0)]});
    let hole =
        json!({"points": [corner(13.4, 52.5), corner(13.5, 52.5), corner(13.4, 52.6), corner(13.4, 52.5)]});
    check(json!({"geo_polygon": {"exterior": ring}}), &passing, &failing());
    check(
        json!({"geo_polygon": {"exterior": ring, "interiors": [hole]}}),
        &some([corner(13.3, 52.2)]),
        &passing,
    );
    // Paris lies between 600 and 900 km away.
    check(
        json!({"geo_radius": {"center": berlin, "radius": 900_000}}),
        &some([paris.clone()]),
        &nowhere(),
    );
    check(
        json!({"geo_radius": {"center": berlin, "radius": 600_000}}),
        &[],
        &some([paris]),
    );
}

#[test]
fn values_count() {
    check(
        json!({"values_count": {"gte": 1, "lt": 3}}),
        &some([
            json!(1),
            json!("x"),
            json!({}),
            json!({"a": 1, "b": 2, "c": 3}),
            json!([1]),
            json!([1, null]),
        ]),
        &some_or_missing([json!([1, 2, 3]), json!([]), json!(null)]),
    );
    check(
        json!({"values_count": {"lte": 0}}),
        &some_or_missing([json!([]), json!(null)]),
        &some([json!(0), json!([null]), json!(false)]),
    );
    check(
        json!({"values_count": {"gt": 2}}),
        &some([json!([1, 2, 3])]),
        &some_or_missing([json!([1, 2]), json!(7), json!("abc")]),
    );
}

#[test]
fn presence() {
    let nothing = || some_or_missing([json!(null), json!([])]);
    let something = || {
        some([
            json!(0),
            json!(""),
            json!(false),
            json!({}),
            json!([null]),
            json!([[]]),
        ])
    };
    check(json!({"is_empty": true}), &nothing(), &something());
    check(json!({"is_empty": false}), &something(), &nothing());
    let null = || some([json!(null), json!([null]), json!([1, null])]);
    let not_null = || {
        some_or_missing([
            json!([]),
            json!(0),
            json!([[null]]),
            json!({"a": null}),
            json!("null"),
        ])
    };
    check(json!({"is_null": true}), &null(), &not_null());
    check(json!({"is_null": false}), &not_null(), &null());
}

#[test]
fn any_test_suffices() {
    check(
        json!({"match": {"value": "red"}, "range": {"gt": 5}, "is_null": true}),
        &some([json!("red"), json!(6), json!(null)]),
        &some_or_missing([json!("blue"), json!(5), json!([])]),
    );
}

#[test]
fn paths_that_branch() {
    let object = json!({
        "cities": [
            {"name": "Berlin", "sights": ["gate", "tower"], "mayor": null},
            {"name": "Rome", "sights": [], "age": 2777},
            {"sights": null},
        ],
        "odd.key": {"a b": [3]},
    });
    for (condition, want) in [
        (json!({"key": "cities[].name", "match": {"value": "Rome"}}), true),
        (json!({"key": "cities.name", "match": {"value": "Rome"}}), false),
        (
            json!({"key": "cities[0].name", "match": {"value": "Rome"}}),
            false,
        ),
        (json!({"key": "cities[1].name", "match": {"value": "Rome"}}), true),
        (
            json!({"key": "cities[].sights", "match": {"value": "tower"}}),
            true,
        ),
        (
            json!({"key": "cities[].sights[]", "match": {"value": "tower"}}),
            true,
        ),
        (
            json!({"key": "cities[].sights[0]", "match": {"value": "tower"}}),
            false,
        ),
        (json!({"key": "cities[].age", "range": {"gt": 2000}}), true),
        (json!({"key": r#""odd.key"."a b""#, "match": {"value": 3}}), true),
        (json!({"key": "odd.key", "match": {"value": 3}}), false),
        // Each selected value is counted on its own.
        (
            json!({"key": "cities[].sights", "values_count": {"gte": 2}}),
            true,
        ),
        (
            json!({"key": "cities[].sights", "values_count": {"gte": 3}}),
            false,
        ),
        (json!({"key": "cities[].sights", "values_count": {"lt": 1}}), true),
        (
            json!({"key": "cities[].mayor", "values_count": {"gte": 1}}),
            false,
        ),
        (
            json!({"key": "cities", "values_count": {"gte": 3, "lte": 3}}),
            true,
        ),
        // Empty: nothing that is selected is a value. Null: something that is selected is null.
        (json!({"key": "cities[].sights", "is_empty": true}), false),
        (json!({"key": "cities[1].sights", "is_empty": true}), true),
        (json!({"key": "cities[].mayor", "is_empty": true}), true),
        (json!({"key": "cities[].sights", "is_null": true}), true),
        (json!({"key": "cities[1].sights", "is_null": true}), false),
        (json!({"key": "cities[].nowhere", "is_null": true}), false),
        (json!({"key": "cities[].nowhere", "is_empty": true}), true),
    ] {
        assert_eq!(
            field(&condition).matches(object.as_object().unwrap()),
            want,
            "{condition}"
        );
    }
}
