//! What is refused, where and why.

use serde_json::{Value, json};

use super::*;
use crate::filter::Nested;

fn check(filter: Value, want: &[&str]) {
    let read: Filter = serde_json::from_value(filter.clone()).unwrap();
    let found = match Check::all("filter", &read) {
        Ok(()) => Vec::new(),
        Err(error) => error.to_string().split("; ").map(str::to_owned).collect(),
    };
    assert_eq!(found, want, "{filter}");
}

const CLOSED: &str =
    "polygon invalid, the first and the last points should be the same to form a closed line";

#[test]
fn fields_need_an_operator() {
    let why = "At least one field condition must be specified";
    check(
        json!({"must": [{"key": "a"}]}),
        &[&format!("filter.must[0]: {why}")],
    );
    check(
        json!({"must": {"key": "a", "match": null}}),
        &[&format!("filter.must[0]: {why}")],
    );
    check(
        json!({"should": [{"has_id": []}, {"must_not": [{"key": "a", "foo": 1}]}]}),
        &[&format!("filter.should[1].must_not[0]: {why}")],
    );
    check(
        json!({"must": [{"nested": {"key": "a", "filter": {"must": [{"key": "b"}]}}}]}),
        &[&format!("filter.must[0].nested.filter.must[0]: {why}")],
    );
    check(
        json!({"min_should": {"conditions": [{"key": "a"}], "min_count": 1}, "must": [{"key": "b"}]}),
        &[
            &format!("filter.must[0]: {why}"),
            &format!("filter.min_should.conditions[0]: {why}"),
        ],
    );
    check(json!({"must": [{"key": "a", "is_null": false}]}), &[]);
    check(json!({"must": [{"key": "a", "range": {}}]}), &[]);
}

#[test]
fn rings_are_closed() {
    let corner = |lon: f64, lat: f64| json!({"lon": lon, "lat": lat});
    let good = json!({"points": [corner(0.0, 0.0), corner(1.0, 0.0), corner(0.0, 1.0), corner(0.0, 0.0)]});
    let open = json!({"points": [corner(0.0, 0.0), corner(1.0, 0.0), corner(0.0, 1.0), corner(1.0, 1.0)]});
    let short = json!({"points": [corner(0.0, 0.0), corner(1.0, 0.0), corner(0.0, 0.0)]});
    let filter = |polygon: Value| json!({"must": [{"key": "a", "geo_polygon": polygon}]});
    check(filter(json!({"exterior": good, "interiors": [good]})), &[]);
    check(
        filter(json!({"exterior": short})),
        &["filter.must[0].geo_polygon.exterior: polygon invalid, the size must be at least 4, got 3"],
    );
    check(
        filter(json!({"exterior": open})),
        &[&format!("filter.must[0].geo_polygon.exterior: {CLOSED}")],
    );
    check(
        filter(json!({"exterior": good, "interiors": [good, open, {"points": []}]})),
        &[
            &format!("filter.must[0].geo_polygon.interiors[1]: {CLOSED}"),
            "filter.must[0].geo_polygon.interiors[2]: polygon invalid, the size must be at least 4, got 0",
        ],
    );
}

#[test]
fn slices_are_parts() {
    let filter = |total: u64, index: u64| json!({"must": [{"slice": {"total": total, "index": index}}]});
    check(filter(3, 2), &[]);
    check(
        filter(3, 3),
        &["filter.must[0].slice.index: value 3 invalid, must be smaller than total 3"],
    );
    check(
        filter(0, 0),
        &[
            "filter.must[0].slice.total: value 0 invalid, must be 1 or larger",
            "filter.must[0].slice.index: value 0 invalid, must be smaller than total 0",
        ],
    );
}

#[test]
fn depth_is_limited() {
    let wrap = |levels: usize, is_nested: bool| {
        (0..levels).fold(Filter::default(), |filter, _| {
            Filter::all([if is_nested {
                Condition::Nested(Box::new(Nested {
                    key: "a".parse().unwrap(),
                    filter,
                }))
            } else {
                Condition::Filter(Box::new(filter))
            }])
        })
    };
    for is_nested in [false, true] {
        assert_eq!(Check::all("", &wrap(NESTING_DEPTH_MAX, is_nested)), Ok(()));
        let error = Check::all("", &wrap(NESTING_DEPTH_MAX + 1, is_nested))
            .unwrap_err()
            .to_string();
        assert!(
            error.ends_with("filters are nested deeper than 128 levels"),
            "{error}"
        );
    }
}
