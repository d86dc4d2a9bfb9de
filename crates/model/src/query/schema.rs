//! The published shapes of queries that a derive cannot say: kinds decided by their keys or by their first token.
//! For the OpenAPI document; shapes that a derive can say are derived beside their type.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::dialect::OneOrMany;
use super::example::Example;
use super::groups::{GroupId, WithLookup};
use super::kinds::context::Pair;
use super::kinds::discover::Discover;
use super::kinds::feedback::Feedback;
use super::kinds::order_by::{Direction, OrderBy, StartFrom};
use super::kinds::recommend::Recommend;
use super::kinds::{Query, SampleName};
use super::lists::FacetValue;
use super::request::{PayloadSelector, VectorSelector};
use super::rerank::formula::{Decay, Defaults, Expression, Formula};
use super::rerank::fusion::{FusionName, Rrf};
use super::rerank::mmr::Mmr;
use crate::datetime::DateTime;
use crate::filter::Condition;
use crate::geo::GeoPoint;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::vector::input::VectorInput;

/// Implements `JsonSchema` under a name; the body uses the generator.
macro_rules! published {
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

/// A required key.
fn one<T: JsonSchema>(generator: &mut SchemaGenerator, key: &str) -> Schema {
    required(key, &generator.subschema_for::<T>())
}

fn required(key: &str, value: &Schema) -> Schema {
    json_schema!({ "type": "object", "required": [key], "properties": { key: value } })
}

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let item = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [item, { "type": "array", "items": item }, { "type": "null" }] })
    }
}

published!(Example, "VectorInputOrId", |generator| {
    json_schema!({
        "anyOf": [generator.subschema_for::<VectorInput>(), generator.subschema_for::<PointId>()]
    })
});

published!(Query, "QueryInterface", |generator| {
    let nearest = json_schema!({
        "type": "object",
        "required": ["nearest"],
        "properties": {
            "nearest": generator.subschema_for::<Example>(),
            "mmr": generator.subschema_for::<Option<Mmr>>(),
        },
    });
    json_schema!({
        "anyOf": [
            generator.subschema_for::<Example>(),
            nearest,
            one::<Recommend>(generator, "recommend"),
            one::<Discover>(generator, "discover"),
            one::<OneOrMany<Pair>>(generator, "context"),
            one::<OrderBy>(generator, "order_by"),
            one::<FusionName>(generator, "fusion"),
            one::<Rrf>(generator, "rrf"),
            generator.subschema_for::<Formula>(),
            one::<SampleName>(generator, "sample"),
            one::<Feedback>(generator, "relevance_feedback"),
        ]
    })
});

published!(OrderBy, "OrderByInterface", |generator| {
    json_schema!({
        "anyOf": [
            generator.subschema_for::<JsonPath>(),
            {
                "type": "object",
                "required": ["key"],
                "properties": {
                    "key": generator.subschema_for::<JsonPath>(),
                    "direction": generator.subschema_for::<Option<Direction>>(),
                    "start_from": generator.subschema_for::<Option<StartFrom>>(),
                },
            },
        ]
    })
});

published!(StartFrom, "StartFrom", |generator| {
    json_schema!({
        "anyOf": [
            { "type": "integer", "format": "int64" },
            { "type": "number", "format": "double" },
            generator.subschema_for::<DateTime>(),
        ]
    })
});

published!(Formula, "FormulaQuery", |generator| {
    json_schema!({
        "type": "object",
        "required": ["formula"],
        "properties": {
            "formula": generator.subschema_for::<Expression>(),
            "defaults": generator.subschema_for::<Option<Defaults>>(),
        },
    })
});

published!(Defaults, "FormulaDefaults", |_generator| {
    json_schema!({ "type": "object", "additionalProperties": true })
});

published!(Expression, "Expression", |generator| {
    let expression = generator.subschema_for::<Self>();
    let list = json_schema!({ "type": "array", "items": expression });
    let geo_distance = json_schema!({
        "type": "object",
        "required": ["origin", "to"],
        "properties": {
            "origin": generator.subschema_for::<GeoPoint>(),
            "to": generator.subschema_for::<JsonPath>(),
        },
    });
    let div = json_schema!({
        "type": "object",
        "required": ["left", "right"],
        "properties": {
            "left": expression,
            "right": expression,
            "by_zero_default": { "type": ["number", "null"], "format": "float" },
        },
    });
    let pow = json_schema!({
        "type": "object",
        "required": ["base", "exponent"],
        "properties": { "base": expression, "exponent": expression },
    });
    let mut forms = vec![
        json_schema!({ "type": "number", "format": "float" }),
        json_schema!({ "type": "string" }),
        generator.subschema_for::<Condition>(),
        required("geo_distance", &geo_distance),
        one::<DateTime>(generator, "datetime"),
        one::<JsonPath>(generator, "datetime_key"),
        required("mult", &list),
        required("sum", &list),
        required("div", &div),
        required("pow", &pow),
    ];
    forms.extend(["neg", "abs", "sqrt", "exp", "log10", "ln"].map(|key| required(key, &expression)));
    let decay = generator.subschema_for::<Decay>();
    forms.extend(["lin_decay", "exp_decay", "gauss_decay"].map(|key| required(key, &decay)));
    json_schema!({ "anyOf": forms })
});

published!(VectorSelector, "WithVector", |_generator| {
    json_schema!({
        "anyOf": [{ "type": "boolean" }, { "type": "array", "items": { "type": "string" } }]
    })
});

published!(PayloadSelector, "WithPayloadInterface", |generator| {
    let paths = json_schema!({ "type": "array", "items": generator.subschema_for::<JsonPath>() });
    let closed = |key: &str| {
        json_schema!({
            "type": "object", "required": [key], "properties": { key: paths }, "additionalProperties": false
        })
    };
    json_schema!({
        "anyOf": [{ "type": "boolean" }, paths, closed("include"), closed("exclude")]
    })
});

published!(WithLookup, "WithLookupInterface", |generator| {
    let object = json_schema!({
        "type": "object",
        "required": ["collection"],
        "properties": {
            "collection": { "type": "string" },
            "with_payload": generator.subschema_for::<Option<PayloadSelector>>(),
            "with_vectors": generator.subschema_for::<Option<VectorSelector>>(),
        },
    });
    json_schema!({ "anyOf": [{ "type": "string" }, object] })
});

published!(GroupId, "GroupId", |_generator| {
    json_schema!({
        "anyOf": [
            { "type": "string" },
            { "type": "integer", "format": "uint64", "minimum": 0 },
            { "type": "integer", "format": "int64" },
        ]
    })
});

published!(FacetValue, "FacetValue", |_generator| {
    json_schema!({
        "anyOf": [{ "type": "string" }, { "type": "integer", "format": "int64" }, { "type": "boolean" }]
    })
});
