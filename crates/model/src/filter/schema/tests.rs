//! The schema is closed over its definitions and names what the dialect reads.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(target) = map.get("$ref").and_then(Value::as_str) {
                found.insert(target.to_owned());
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let schema = SchemaGenerator::default()
        .into_root_schema_for::<Filter>()
        .to_value();
    let mut found = BTreeSet::new();
    references(&schema, &mut found);
    let defined = |target: &str| target == "#" || schema.pointer(target.trim_start_matches('#')).is_some();
    let lost: Vec<_> = found.iter().filter(|target| !defined(target)).collect();
    assert!(lost.is_empty(), "{lost:?}");
    let names: Vec<&str> = schema["$defs"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let want = [
        "AnyVariants",
        "Condition",
        "DatetimeRange",
        "FieldCondition",
        "GeoBoundingBox",
        "GeoLineString",
        "GeoPoint",
        "GeoPolygon",
        "GeoRadius",
        "Match",
        "MinShould",
        "Nested",
        "Range",
        "ValueVariants",
        "ValuesCount",
    ];
    assert_eq!(names, want);
}

#[test]
fn says_what_is_closed_and_required() {
    let schema = SchemaGenerator::default()
        .into_root_schema_for::<Filter>()
        .to_value();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["$defs"]["MinShould"]["required"],
        json!(["conditions", "min_count"])
    );
    let operators: Vec<&str> = schema["$defs"]["FieldCondition"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let want = [
        "geo_bounding_box",
        "geo_polygon",
        "geo_radius",
        "is_empty",
        "is_null",
        "key",
        "match",
        "range",
        "values_count",
    ];
    assert_eq!(operators, want);
}
