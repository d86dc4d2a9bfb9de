//! The published shape of filters, for the OpenAPI document. Written by hand where the dialect says more than
//! a derive could: kinds decided by their keys, one condition without a list, `null` for absent.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{Bounds, Condition, FieldCondition, Filter, Match, MatchSet, MatchValue, MinShould, Nested};
use crate::datetime::DateTime;
use crate::geo::{BoundingBox, Circle, Polygon};
use crate::path::JsonPath;

/// Implements `JsonSchema` for a named type; the body uses the generator under the name given to it.
macro_rules! schema {
    ($type:ty, $name:literal, |$generator:ident| $body:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $body
            }
        }
    };
}

/// `T`, or null for absent.
fn maybe<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<Option<T>>()
}

schema!(Filter, "Filter", |generator| {
    let condition = generator.subschema_for::<Condition>();
    let list = json_schema!({
        "anyOf": [condition, { "type": "array", "items": condition }, { "type": "null" }]
    });
    json_schema!({
        "type": "object",
        "properties": {
            "should": list,
            "min_should": maybe::<MinShould>(generator),
            "must": list,
            "must_not": list,
        },
        "additionalProperties": false,
    })
});

schema!(MinShould, "MinShould", |generator| {
    json_schema!({
        "type": "object",
        "required": ["conditions", "min_count"],
        "properties": {
            "conditions": { "type": "array", "items": generator.subschema_for::<Condition>() },
            "min_count": { "type": "integer", "format": "uint", "minimum": 0 },
        },
    })
});

schema!(Condition, "Condition", |generator| {
    let key = json_schema!({
        "type": "object", "required": ["key"], "properties": { "key": JsonPath::json_schema(generator) }
    });
    let id = json_schema!({
        "anyOf": [
            { "type": "integer", "format": "uint64", "minimum": 0 },
            { "type": "string", "format": "uuid" },
        ]
    });
    let slice = json_schema!({
        "type": "object",
        "required": ["total", "index"],
        "properties": {
            "total": { "type": "integer", "format": "uint64", "minimum": 1 },
            "index": { "type": "integer", "format": "uint64", "minimum": 0 },
        },
    });
    json_schema!({
        "anyOf": [
            generator.subschema_for::<FieldCondition>(),
            single("is_empty", &key),
            single("is_null", &key),
            single("has_id", &json_schema!({ "type": "array", "items": id })),
            single("has_vector", &json_schema!({ "type": "string" })),
            single("nested", &generator.subschema_for::<Nested>()),
            single("slice", &slice),
            generator.subschema_for::<Filter>(),
        ]
    })
});

/// An object that is known by one required key.
fn single(key: &str, value: &Schema) -> Schema {
    json_schema!({ "type": "object", "required": [key], "properties": { key: value } })
}

schema!(Nested, "Nested", |generator| {
    json_schema!({
        "type": "object",
        "required": ["key", "filter"],
        "properties": {
            "key": generator.subschema_for::<JsonPath>(),
            "filter": generator.subschema_for::<Filter>(),
        },
    })
});

schema!(FieldCondition, "FieldCondition", |generator| {
    let range = json_schema!({
        "anyOf": [
            generator.subschema_for::<Bounds<f64>>(),
            generator.subschema_for::<Bounds<DateTime>>(),
            { "type": "null" },
        ]
    });
    json_schema!({
        "type": "object",
        "required": ["key"],
        "properties": {
            "key": generator.subschema_for::<JsonPath>(),
            "match": maybe::<Match>(generator),
            "range": range,
            "geo_bounding_box": maybe::<BoundingBox>(generator),
            "geo_radius": maybe::<Circle>(generator),
            "geo_polygon": maybe::<Polygon>(generator),
            "values_count": maybe::<Bounds<u64>>(generator),
            "is_empty": { "type": ["boolean", "null"] },
            "is_null": { "type": ["boolean", "null"] },
        },
    })
});

schema!(Match, "Match", |generator| {
    let text = json_schema!({ "type": "string" });
    let set = generator.subschema_for::<MatchSet>();
    json_schema!({
        "anyOf": [
            single("value", &generator.subschema_for::<MatchValue>()),
            single("text", &text),
            single("text_any", &text),
            single("phrase", &text),
            single("prefix", &text),
            single("any", &set),
            single("except", &set),
        ]
    })
});

schema!(MatchValue, "ValueVariants", |_generator| {
    json_schema!({
        "anyOf": [
            { "type": "string" },
            { "type": "integer", "format": "int64" },
            { "type": "boolean" },
        ]
    })
});

schema!(MatchSet, "AnyVariants", |_generator| {
    json_schema!({
        "anyOf": [
            { "type": "array", "items": { "type": "string" } },
            { "type": "array", "items": { "type": "integer", "format": "int64" } },
        ]
    })
});

/// Four optional bounds of one type.
fn bounds(bound: &Schema) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "lt": bound, "gt": bound, "gte": bound, "lte": bound },
    })
}

schema!(Bounds<f64>, "Range", |generator| bounds(&maybe::<f64>(generator)));
schema!(Bounds<u64>, "ValuesCount", |generator| bounds(&maybe::<u64>(
    generator
)));
schema!(Bounds<DateTime>, "DatetimeRange", |generator| bounds(&maybe::<
    DateTime,
>(
    generator
)));

#[cfg(test)]
mod tests;
