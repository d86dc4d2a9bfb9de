//! What is read, how it is written back, and what is refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::filter::{MatchSet, MatchValue, strategies};

/// Checks that `written` is read and written back as `canonical`, from text and from a parsed value.
fn check(written: Value, canonical: Value) {
    let filter: Filter =
        serde_json::from_value(written.clone()).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(serde_json::to_value(&filter).unwrap(), canonical, "{written}");
    assert_eq!(
        serde_json::from_str::<Filter>(&written.to_string()).unwrap(),
        filter,
        "{written}"
    );
    assert_eq!(
        serde_json::from_value::<Filter>(canonical).unwrap(),
        filter,
        "{written}"
    );
}

#[test]
fn reads_filters() {
    let id = json!({"has_id": [1]});
    for (written, canonical) in [
        (json!({}), json!({})),
        (json!({"must": null, "min_should": null}), json!({})),
        (json!({"must": [], "should": [], "must_not": []}), json!({})),
        (json!({"must": id}), json!({"must": [id]})),
        (
            json!({"should": id, "must_not": [id, id]}),
            json!({"should": [id], "must_not": [id, id]}),
        ),
        (
            json!({"min_should": {"conditions": [id], "min_count": 1, "note": "ignored"}}),
            json!({"min_should": {"conditions": [id], "min_count": 1}}),
        ),
        (json!({"must": [{"must": id}]}), json!({"must": [{"must": [id]}]})),
        (json!({"must": [{}]}), json!({"must": [{}]})),
        (json!({"must": {"should": null}}), json!({"must": [{}]})),
    ] {
        check(written, canonical);
    }
}

#[test]
fn reads_conditions() {
    for condition in [
        json!({"is_empty": {"key": "a.b"}}),
        json!({"is_null": {"key": "\"a b\"[]"}}),
        json!({"has_id": [1, 2, "936da01f-9abd-4d9d-80c7-02af85c822a8"]}),
        json!({"has_id": []}),
        json!({"has_vector": ""}),
        json!({"nested": {"key": "a", "filter": {"must": [{"has_vector": "x"}]}}}),
        json!({"nested": {"key": "a", "filter": {}}}),
        json!({"slice": {"total": 4, "index": 3}}),
        json!({"key": "a"}),
        json!({"key": "a", "match": {"value": "x"}}),
        json!({"key": "a", "match": {"value": -5}}),
        json!({"key": "a", "match": {"value": false}}),
        json!({"key": "a", "match": {"any": ["x", "y"]}}),
        json!({"key": "a", "match": {"any": []}}),
        json!({"key": "a", "match": {"except": [1, 2]}}),
        json!({"key": "a", "match": {"text": "x y"}}),
        json!({"key": "a", "match": {"text_any": "x y"}}),
        json!({"key": "a", "match": {"phrase": "x y"}}),
        json!({"key": "a", "match": {"prefix": "x"}}),
        json!({"key": "a", "range": {"lt": 2.5, "gte": -1.0}}),
        json!({"key": "a", "range": {}}),
        json!({"key": "a", "range": {"gt": "2024-05-01T00:00:00Z", "lte": "2024-05-01T10:00:00.5Z"}}),
        json!({"key": "a", "values_count": {"lt": 3, "gt": 0, "gte": 1, "lte": 2}}),
        json!({"key": "a", "is_empty": true}),
        json!({"key": "a", "is_null": false}),
        json!({"key": "a", "geo_radius": {"center": {"lon": 1.0, "lat": 2.0}, "radius": 3.5}}),
        json!({"key": "a", "match": {"value": 1}, "range": {"lt": 1.0}, "is_empty": true}),
    ] {
        check(json!({"must": [condition]}), json!({"must": [condition]}));
    }
}

#[test]
fn tolerates_nulls_and_unknown_keys() {
    let canonical = json!({"must": [{"key": "a", "match": {"value": 1}}]});
    for condition in [
        json!({"key": "a", "match": {"value": 1}, "comment": {"deep": [1]}}),
        json!({"key": "a", "match": {"value": 1, "any": null, "boost": 2}}),
        json!({"key": "a", "match": {"value": 1}, "range": null, "is_empty": null, "has_id": null, "must": null}),
    ] {
        check(json!({"must": condition}), canonical.clone());
    }
    check(
        json!({"must": {"key": "a", "range": {"lt": 1, "gt": null, "step": 2}}}),
        json!({"must": [{"key": "a", "range": {"lt": 1.0}}]}),
    );
    check(
        json!({"must": {"key": "a", "range": {"lt": "2024-05-01 10:00"}}}),
        json!({"must": [{"key": "a", "range": {"lt": "2024-05-01T10:00:00Z"}}]}),
    );
    check(
        json!({"must": {"is_null": {"key": "a", "x": 1}}}),
        json!({"must": [{"is_null": {"key": "a"}}]}),
    );
    check(
        json!({"must": {"has_id": [2, 1, 2], "x": 1}}),
        json!({"must": [{"has_id": [1, 2]}]}),
    );
}

/// Filters that cannot be read, and what the error says among other things.
const REFUSED: &[(&str, &str)] = &[
    ("[]", "expected a filter: an object with `must`"),
    ("null", "expected a filter"),
    (
        r#"{"musst": []}"#,
        "unknown field `musst`, expected one of `should`, `min_should`, `must`",
    ),
    (r#"{"key": "a", "match": {"value": 1}}"#, "unknown field `key`"),
    (r#"{"must": [], "must": []}"#, "duplicate field `must`"),
    (
        r#"{"must": 5}"#,
        "must: invalid type: integer `5`, expected a condition or a list of conditions",
    ),
    (
        r#"{"must": [{"has_id": [1]}, 5]}"#,
        "must[1]: invalid type: integer `5`, expected a condition",
    ),
    (r#"{"must": [null]}"#, "must[0]: invalid type: null"),
    (r#"{"must": [[]]}"#, "must[0]: invalid type: sequence"),
    (
        r#"{"must": [{"foo": 1}]}"#,
        "must[0]: `foo` makes no condition here, expected one of `key`",
    ),
    (
        r#"{"must": [{"must": [], "foo": 1}]}"#,
        "must[0]: unknown field `foo`",
    ),
    (
        r#"{"must": [{"must": [], "match": null}]}"#,
        "must[0]: unknown field `match`",
    ),
    // What is null by mistake must not select every point.
    (
        r#"{"must": [{"has_id": null}]}"#,
        "must[0]: `has_id` makes no condition here",
    ),
    (
        r#"{"must": [{"key": null}]}"#,
        "must[0]: `key` makes no condition here",
    ),
    (
        r#"{"must": [{"is_empty": null}]}"#,
        "must[0]: `is_empty` makes no condition here",
    ),
    (
        r#"{"must": [{"match": {"value": 1}}]}"#,
        "must[0]: missing field `key`",
    ),
    (
        r#"{"must": [{"is_empty": true}]}"#,
        "must[0]: missing field `key`",
    ),
    (
        r#"{"must": [{"has_id": [1], "has_vector": "x"}]}"#,
        "must[0]: a condition is of one kind, this one has `has_id` and `has_vector`",
    ),
    (
        r#"{"must": [{"key": "a", "is_null": {"key": "b"}}]}"#,
        "this one has `key` and `is_null`",
    ),
    (
        r#"{"must": [{"has_id": [1], "must": []}]}"#,
        "this one has `has_id` and `clauses of a filter`",
    ),
    (
        r#"{"min_should": {"conditions": []}}"#,
        "min_should: missing field `min_count`",
    ),
    (
        r#"{"min_should": {"min_count": 1}}"#,
        "min_should: missing field `conditions`",
    ),
    (
        r#"{"min_should": {"conditions": [], "min_count": -1}}"#,
        "min_should: invalid value",
    ),
    (r#"{"min_should": []}"#, "min_should: invalid type: sequence"),
    (
        r#"{"must": [{"has_id": [-1]}]}"#,
        "must[0]: has_id: value -1 is not a valid point ID",
    ),
    (r#"{"must": [{"has_id": 1}]}"#, "must[0]: has_id: invalid type"),
    (
        r#"{"must": [{"has_vector": 1}]}"#,
        "must[0]: has_vector: invalid type",
    ),
    (
        r#"{"must": [{"nested": {"key": "a"}}]}"#,
        "must[0]: nested: missing field `filter`",
    ),
    (
        r#"{"must": [{"nested": ["a", {}]}]}"#,
        "must[0]: nested: invalid type: sequence",
    ),
    (
        r#"{"must": [{"slice": {"total": 1}}]}"#,
        "must[0]: slice: missing field `index`",
    ),
    (
        r#"{"must": [{"is_empty": {}}]}"#,
        "must[0]: is_empty: missing field `key`",
    ),
    (
        r#"{"must": [{"key": "a..b"}]}"#,
        "must[0]: key: Invalid json path: 'a..b'",
    ),
];

/// The same for the operators of a field condition.
const REFUSED_OPERATORS: &[(&str, &str)] = &[
    (
        r#""match": {}"#,
        "must[0]: match: expected an object with one of `value`, `any`",
    ),
    (
        r#""match": {"substring": "x"}"#,
        "must[0]: match: expected an object with one of",
    ),
    (r#""match": {"value": 1, "text": "x"}"#, "`prefix`, not more"),
    (
        r#""match": {"value": 1.5}"#,
        "must[0]: match: value: invalid type: floating point `1.5`",
    ),
    (
        r#""match": {"value": 9223372036854775808}"#,
        "larger than the largest 64-bit integer",
    ),
    (
        r#""match": {"value": []}"#,
        "must[0]: match: value: invalid type: sequence",
    ),
    (
        r#""match": {"any": [1, "x"]}"#,
        "must[0]: match: any: expected either strings or integers",
    ),
    (
        r#""match": {"any": [true]}"#,
        "must[0]: match: any: expected strings or integers, not booleans",
    ),
    (
        r#""match": {"except": "x"}"#,
        "must[0]: match: except: invalid type",
    ),
    (r#""match": "x""#, "must[0]: match: invalid type"),
    (
        r#""range": {"lt": true}"#,
        "must[0]: range: lt: invalid type: boolean `true`",
    ),
    (
        r#""range": {"gte": "soon"}"#,
        "must[0]: range: gte: 'soon' does not match accepted datetime format",
    ),
    (
        r#""range": {"lt": 1, "gt": "2024-01-01"}"#,
        "range: bounds must be either all numbers or all",
    ),
    (r#""range": [1]"#, "must[0]: range: invalid type: sequence"),
    (
        r#""values_count": {"lt": -1}"#,
        "must[0]: values_count: lt: invalid value",
    ),
    (
        r#""values_count": {"lt": 1.5}"#,
        "must[0]: values_count: lt: invalid type",
    ),
    (r#""is_empty": "yes""#, "must[0]: is_empty: invalid type"),
    (
        r#""geo_radius": {"center": {"lon": 0, "lat": 91}, "radius": 1}"#,
        "must[0]: geo_radius: Wrong format",
    ),
    (
        r#""geo_radius": {"center": {"lon": 0, "lat": 9}}"#,
        "must[0]: geo_radius: missing field `radius`",
    ),
    (
        r#""geo_bounding_box": {"top_left": {"lon": 0, "lat": 9}}"#,
        "missing field `bottom_right`",
    ),
    (
        r#""geo_polygon": {}"#,
        "must[0]: geo_polygon: missing field `exterior`",
    ),
];

#[test]
fn refuses_and_says_where() {
    let operators = REFUSED_OPERATORS
        .iter()
        .map(|(operator, want)| (format!(r#"{{"must": [{{"key": "a", {operator}}}]}}"#), *want));
    let filters = REFUSED.iter().map(|(filter, want)| ((*filter).to_owned(), *want));
    for (text, want) in filters.chain(operators) {
        let error = serde_json::from_str::<Filter>(&text)
            .expect_err(&text)
            .to_string();
        assert!(error.contains(want), "{text}: {error}");
        // Errors that are wrapped on the way up say the position once.
        assert_eq!(error.matches(" at line ").count(), 1, "{error}");
    }
}

#[test]
fn deep_filters_end_in_an_error() {
    let deep = |levels: usize| format!("{}{}", r#"{"must":"#.repeat(levels) + "{}", "}".repeat(levels));
    assert!(serde_json::from_str::<Filter>(&deep(100)).is_ok());
    let error = serde_json::from_str::<Filter>(&deep(100_000))
        .unwrap_err()
        .to_string();
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn types_of_values_are_kept() {
    let read = |json: Value| serde_json::from_value::<Match>(json).unwrap();
    assert_eq!(
        read(json!({"value": "1"})),
        Match::Value(MatchValue::Keyword("1".into()))
    );
    assert_eq!(read(json!({"value": 1})), Match::Value(MatchValue::Integer(1)));
    assert_eq!(
        read(json!({"any": []})),
        Match::Any(MatchSet::Keywords([].into()))
    );
    assert_eq!(
        read(json!({"any": [3, 1]})),
        Match::Any(MatchSet::Integers([1, 3].into()))
    );
}

proptest! {
    #[test]
    fn filters_survive_the_round_trip(filter in strategies::filter()) {
        let text = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(serde_json::from_str::<Filter>(&text).unwrap(), filter.clone(), "{}", text);
        let value = serde_json::to_value(&filter).unwrap();
        prop_assert_eq!(serde_json::from_value::<Filter>(value).unwrap(), filter);
    }

    #[test]
    fn conditions_survive_the_round_trip(condition in strategies::condition()) {
        let text = serde_json::to_string(&condition).unwrap();
        prop_assert_eq!(serde_json::from_str::<Condition>(&text).unwrap(), condition, "{}", text);
    }
}
