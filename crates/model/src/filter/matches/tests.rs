//! Whole filters on one point, worked out by hand.

use serde_json::{Value, json};

use super::*;

const UUID: &str = "936da01f-9abd-4d9d-80c7-02af85c822a8";

fn passes(filter: &Value, id: PointId, payload: &Value, vectors: &[&str]) -> bool {
    let filter: Filter = serde_json::from_value(filter.clone()).unwrap();
    let payload: Payload = serde_json::from_value(payload.clone()).unwrap();
    filter.matches(&PointView {
        id,
        payload: &payload,
        has_vector: &|name| vectors.contains(&name),
    })
}

/// Checks one filter on point 7, which is red, 5 and has the default vector and `image`.
fn check(filter: Value, want: bool) {
    let payload = json!({"color": "red", "size": 5, "tags": ["a", "b"]});
    assert_eq!(
        passes(&filter, PointId::Num(7), &payload, &["", "image"]),
        want,
        "{filter}"
    );
}

#[test]
fn clauses() {
    let yes = json!({"key": "color", "match": {"value": "red"}});
    let no = json!({"key": "size", "range": {"gt": 5}});
    for (filter, want) in [
        (json!({}), true),
        (
            json!({"must": null, "should": null, "must_not": null, "min_should": null}),
            true,
        ),
        (json!({"must": [], "should": [], "must_not": []}), true),
        (json!({"must": [yes]}), true),
        (json!({"must": yes}), true),
        (json!({"must": [yes, no]}), false),
        (json!({"should": [no, yes]}), true),
        (json!({"should": [no]}), false),
        (json!({"should": no}), false),
        (json!({"must_not": [no]}), true),
        (json!({"must_not": [no, yes]}), false),
        (json!({"must": [yes], "should": [no]}), false),
        (
            json!({"must": [yes], "should": [yes, no], "must_not": [no]}),
            true,
        ),
        (
            json!({"must_not": {"key": "missing", "match": {"value": 1}}}),
            true,
        ),
        // A filter is a condition.
        (json!({"must": [{"should": [no, {"must_not": [no]}]}]}), true),
        (json!({"must": [{"must": [yes]}, {"must_not": [yes]}]}), false),
        (json!({"must": [{}]}), true),
        (json!({"must_not": [{}]}), false),
    ] {
        check(filter, want);
    }
}

#[test]
fn min_should() {
    let yes = json!({"key": "color", "match": {"value": "red"}});
    let no = json!({"key": "size", "range": {"gt": 5}});
    for (conditions, min_count, want) in [
        (json!([yes, no]), 0, true),
        (json!([yes, no]), 1, true),
        (json!([yes, no]), 2, false),
        (json!([yes, no, yes]), 2, true),
        (json!([no]), 0, true),
        (json!([no]), 1, false),
        (json!([yes]), 2, false),
        (json!([yes]), u64::MAX, false),
        (json!([]), 0, true),
        (json!([]), 3, true),
    ] {
        check(
            json!({"min_should": {"conditions": conditions, "min_count": min_count}}),
            want,
        );
    }
}

#[test]
fn presence_in_object_form() {
    for (condition, want) in [
        (json!({"is_empty": {"key": "missing"}}), true),
        (json!({"is_empty": {"key": "tags"}}), false),
        (json!({"is_null": {"key": "missing"}}), false),
        (json!({"is_null": {"key": "tags"}}), false),
    ] {
        check(json!({"must": [condition]}), want);
    }
}

#[test]
fn ids_and_vectors() {
    for (condition, want) in [
        (json!({"has_id": [1, 7]}), true),
        (json!({"has_id": [1, UUID]}), false),
        (json!({"has_id": []}), false),
        (json!({"has_vector": ""}), true),
        (json!({"has_vector": "image"}), true),
        (json!({"has_vector": "text"}), false),
    ] {
        check(json!({"must": [condition]}), want);
    }
    let uuid: PointId = UUID.parse().unwrap();
    let upper = json!({"must": [{"has_id": [UUID.to_uppercase()]}]});
    assert!(passes(&upper, uuid, &json!({}), &[]));
    assert!(!passes(&upper, PointId::Num(7), &json!({}), &[]));
}

#[test]
fn slices_share_out_all_ids() {
    for id in (0..50).map(PointId::Num).chain([UUID.parse().unwrap()]) {
        let part = |index: u64| json!({"must": [{"slice": {"total": 3, "index": index}}]});
        let found: Vec<u64> = (0..3)
            .filter(|index| passes(&part(*index), id, &json!({}), &[]))
            .collect();
        assert_eq!(found, [slice_of(id, 3).unwrap()], "{id}");
    }
}

/// Checks a nested condition on point 7.
fn check_nested(key: &str, filter: &Value, want: bool) {
    let payload = json!({
        "diet": [{"food": "leaves", "likes": false}, {"food": "meat", "likes": true}, "water", null],
        "house": {"rooms": [{"doors": [{"open": true}]}, {"doors": []}]},
        "single": {"food": "fish", "likes": true},
        "grid": [[{"x": 1}], [{"x": 2}]],
        "none": [],
    });
    let filter = json!({"must": [{"nested": {"key": key, "filter": filter}}]});
    assert_eq!(
        passes(&filter, PointId::Num(7), &payload, &[""]),
        want,
        "{filter}"
    );
}

fn food(name: &str) -> Value {
    json!({"key": "food", "match": {"value": name}})
}

#[test]
fn nested_needs_one_element() {
    let likes = json!({"key": "likes", "match": {"value": true}});
    for (key, filter, want) in [
        ("diet", json!({"must": [food("meat"), likes]}), true),
        ("diet[]", json!({"must": [food("meat"), likes]}), true),
        ("diet", json!({"must": [food("leaves"), likes]}), false),
        ("diet[0]", json!({"must": [food("leaves")]}), true),
        ("diet[1]", json!({"must": [food("leaves")]}), false),
        // There is an element that does not, which is not the same as that none does.
        ("diet", json!({"must_not": [food("meat")]}), true),
        ("diet", json!({"must_not": [{"is_empty": {"key": "food"}}]}), true),
        ("diet", json!({"must": [{"is_empty": {"key": "food"}}]}), false),
        ("diet", json!({}), true),
        ("diet", json!({"should": []}), true),
        ("single", json!({"must": [food("fish"), likes]}), true),
        ("single[]", json!({"must": [food("fish"), likes]}), true),
        ("single", json!({"must": [food("meat")]}), false),
        ("single.food", json!({}), false),
        ("missing", json!({"must_not": [likes]}), false),
        ("none", json!({}), false),
        (
            "grid[]",
            json!({"must": [{"key": "x", "range": {"gt": 1}}]}),
            false,
        ),
        (
            "grid[][]",
            json!({"must": [{"key": "x", "range": {"gt": 1}}]}),
            true,
        ),
        (
            "house.rooms",
            json!({"must": [{"nested": {"key": "doors", "filter": {"must": [{"key": "open", "match": {"value": true}}]}}}]}),
            true,
        ),
        (
            "house.rooms[].doors",
            json!({"must": [{"key": "open", "match": {"value": false}}]}),
            false,
        ),
    ] {
        check_nested(key, &filter, want);
    }
}

#[test]
fn elements_are_no_points() {
    let likes = json!({"key": "likes", "match": {"value": true}});
    for (key, filter, want) in [
        // An element has neither an id nor vectors.
        ("diet", json!({"must": [{"has_id": [7]}]}), false),
        ("diet", json!({"must": [{"has_vector": ""}]}), false),
        (
            "diet",
            json!({"must": [{"slice": {"total": 1, "index": 0}}]}),
            false,
        ),
        (
            "diet",
            json!({"must": [{"should": [{"has_id": [7]}, food("meat")]}]}),
            true,
        ),
        (
            "diet",
            json!({"min_should": {"conditions": [food("meat"), likes], "min_count": 2}}),
            true,
        ),
        (
            "diet",
            json!({"min_should": {"conditions": [food("leaves"), likes], "min_count": 2}}),
            false,
        ),
    ] {
        check_nested(key, &filter, want);
    }
}

#[test]
fn conditions_match_alone() {
    let payload = Payload::default();
    let point = PointView {
        id: PointId::Num(7),
        payload: &payload,
        has_vector: &|_| false,
    };
    assert!(Condition::HasId([PointId::Num(7)].into()).matches(&point));
    assert!(!Condition::HasVector(String::new()).matches(&point));
}
