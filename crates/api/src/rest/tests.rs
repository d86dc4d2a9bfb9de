//! The route table against the router and the document, and the tidying of paths.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::Value;

use super::*;

fn check_tidy(raw: &str, want: &str) {
    let request = Request::builder().uri(raw).body(Body::empty()).unwrap();
    assert_eq!(tidy(request).uri().to_string(), want, "{raw}");
}

#[test]
fn slashes_are_tidied_but_encoded_ones_are_not() {
    check_tidy("/", "/");
    check_tidy("//", "/");
    check_tidy("/collections", "/collections");
    check_tidy("/collections/", "/collections");
    check_tidy("//collections///c//?timeout=1", "/collections/c?timeout=1");
    check_tidy("/collections/a%2Fb/", "/collections/a%2Fb");
    check_tidy("/collections/%2f%2f", "/collections/%2f%2f");
    check_tidy("/dashboard%2f..%2fcollections", "/dashboard%2f..%2fcollections");
}

/// Method and path of everything that the document describes.
fn described() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_slice(&document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

#[test]
fn the_document_has_every_row_of_the_table_once() {
    let table = routes::table();
    let rows: BTreeSet<(String, String)> = table
        .iter()
        .map(|route| {
            (
                route.operation.method.to_string(),
                route.operation.path.to_owned(),
            )
        })
        .collect();
    assert_eq!(rows.len(), table.len(), "a method and path occur twice");
    assert_eq!(rows, described());
    let ids: BTreeSet<&str> = table.iter().map(|route| route.operation.id).collect();
    assert_eq!(ids.len(), table.len(), "an operation id occurs twice");
    assert!(table.iter().all(|route| !route.operation.tag.is_empty()));
}

#[test]
fn references_in_the_document_lead_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(object) => {
                found.extend(object.get("$ref").and_then(Value::as_str));
                object.values().for_each(|value| references(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let document: Value = serde_json::from_slice(&document()).unwrap();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 50, "{}", found.len());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn only_the_health_of_the_server_is_public() {
    let public: Vec<&str> = routes::table()
        .iter()
        .filter(|route| route.access == Access::Public)
        .map(|route| route.operation.path)
        .collect();
    assert_eq!(public, ["/", "/healthz", "/livez", "/readyz"]);
}

#[test]
fn what_changes_something_is_not_for_readers() {
    for route in routes::table() {
        let operation = &route.operation;
        let reads = match operation.method {
            Method::GET => true,
            Method::POST => {
                ["get_points", "scroll_points", "count_points", "facet"].contains(&operation.id)
                    || operation.tag == "Search"
            }
            _ => false,
        };
        if !reads {
            assert!(
                matches!(route.access, Access::Write | Access::Manage),
                "{}",
                operation.id
            );
        }
    }
}
