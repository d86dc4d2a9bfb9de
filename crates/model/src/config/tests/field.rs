//! Payload indexes.

use serde_json::{Value, json};

use super::super::{CreateIndexBody, FieldSchema, FieldType};
use super::{assert_refused, outcome};

/// Reads a schema; it is written back the same, and says what it serves: `r`ange, `f`acet.
fn check(schema: Value, data_type: FieldType, serves: &str) {
    let read: FieldSchema = serde_json::from_value(schema.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), schema);
    assert_eq!(read.data_type(), data_type, "{schema}");
    assert_eq!(read.params().is_some(), schema.is_object(), "{schema}");
    let got = format!(
        "{}{}",
        if read.can_range() { "r" } else { "" },
        if read.can_facet() { "f" } else { "" }
    );
    assert_eq!(got, serves, "{schema}");
}

#[test]
fn schemas_are_answered_as_written() {
    for (name, data_type, serves) in [
        ("keyword", FieldType::Keyword, "f"),
        ("integer", FieldType::Integer, "rf"),
        ("float", FieldType::Float, "r"),
        ("geo", FieldType::Geo, ""),
        ("text", FieldType::Text, ""),
        ("bool", FieldType::Bool, "f"),
        ("datetime", FieldType::Datetime, "r"),
        ("uuid", FieldType::Uuid, "rf"),
    ] {
        check(json!(name), data_type, serves);
        let tokenizer = json!({"type": name, "tokenizer": "word"});
        check(
            if name == "text" {
                tokenizer
            } else {
                json!({ "type": name })
            },
            data_type,
            serves,
        );
    }
    check(
        json!({"type": "keyword", "is_tenant": true, "on_disk": false, "enable_hnsw": true}),
        FieldType::Keyword,
        "f",
    );
    check(json!({"type": "uuid", "is_tenant": true}), FieldType::Uuid, "rf");
    check(
        json!({"type": "integer", "lookup": false, "range": true, "is_principal": true}),
        FieldType::Integer,
        "r",
    );
    check(
        json!({"type": "integer", "lookup": true, "range": false, "on_disk": true}),
        FieldType::Integer,
        "f",
    );
    check(
        json!({"type": "float", "is_principal": false, "on_disk": true}),
        FieldType::Float,
        "r",
    );
    check(
        json!({"type": "datetime", "is_principal": true}),
        FieldType::Datetime,
        "r",
    );
    check(
        json!({
            "type": "text", "tokenizer": "multilingual", "min_token_len": 2, "max_token_len": 9, "lowercase": false,
            "ascii_folding": true, "phrase_matching": true, "stopwords": "english", "on_disk": true,
            "stemmer": {"type": "snowball", "language": "german"}, "enable_hnsw": false
        }),
        FieldType::Text,
        "",
    );
    check(
        json!({"type": "text", "tokenizer": "prefix", "stopwords": {"languages": ["english", "german"], "custom": ["foo"]}}),
        FieldType::Text,
        "",
    );
}

#[test]
fn bodies_are_checked() {
    let check = |json: &str, want: &str| {
        assert_refused(outcome(json, CreateIndexBody::into_index), want, json);
    };
    check(r#"{"field_name":"a.b","field_schema":"keyword"}"#, "");
    check(r#"{"field_name":"a","field_type":"integer"}"#, "");
    check(
        r#"{"field_name":"a","field_schema":{"type":"integer","lookup":null}}"#,
        "",
    );
    let missing = "400 request: Can't auto-detect field type, please specify `field_schema` in the request";
    check(r#"{"field_name":"a"}"#, missing);
    check(r#"{"field_name":"a","field_schema":null}"#, missing);
    check(
        r#"{"field_name":"a","field_schema":{"type":"integer","lookup":false,"range":false}}"#,
        "422 field_schema: Validation error: the 'lookup' and 'range' capabilities can't be both disabled",
    );
    check(r#"{"field_schema":"keyword"}"#, "400 missing field `field_name`");
    check(
        r#"{"field_name":"a","field_schema":"words"}"#,
        "400 unknown variant `words`",
    );
    check(
        r#"{"field_name":"a","field_schema":{"type":"words"}}"#,
        "400 unknown variant `words`",
    );
    check(
        r#"{"field_name":"a","field_schema":{"is_tenant":true}}"#,
        "400 missing field `type`",
    );
    check(
        r#"{"field_name":"a","field_schema":{"type":"text","stopwords":"klingon"}}"#,
        "400 unknown variant `klingon`",
    );
    check(
        r#"{"field_name":"a","field_schema":5}"#,
        "400 invalid type: integer `5`, expected the type of a payload field",
    );
}

#[test]
fn an_index_holds_values_of_its_type() {
    let uuid = json!("550e8400-e29b-41d4-a716-446655440000");
    let place = json!({"lon": 13.4, "lat": 52.5});
    let values = [
        (json!("red"), "keyword text"),
        (json!(5), "integer float"),
        (json!(-5), "integer float"),
        (json!(5.0), "float"),
        (json!(u64::MAX), "float"),
        (json!(true), "bool"),
        (json!("2024-02-29T12:00:00Z"), "keyword text datetime"),
        (uuid.clone(), "keyword text uuid"),
        (place.clone(), "geo"),
        (json!({"lon": 13.4}), ""),
        (json!({"lon": 13.4, "lat": "52.5"}), ""),
        (Value::Null, ""),
        (json!([]), ""),
        (json!([null, {}]), ""),
        (json!([null, 5]), "integer float"),
        (json!([uuid, place]), "keyword text uuid geo"),
        (json!([[5]]), ""),
    ];
    for (value, want) in values {
        let got = [
            "keyword", "integer", "float", "geo", "text", "bool", "datetime", "uuid",
        ]
        .into_iter()
        .filter(|name| {
            let schema: FieldSchema = serde_json::from_value(json!(name)).unwrap();
            schema.is_indexable(&value)
        });
        let mut got: Vec<&str> = got.collect();
        let mut want: Vec<&str> = want.split_whitespace().collect();
        got.sort_unstable();
        want.sort_unstable();
        assert_eq!(got, want, "{value}");
    }
}

#[test]
fn settings_are_answered_only_when_they_were_written() {
    for (schema, want) in [
        (json!("keyword"), json!({"data_type": "keyword", "points": 7})),
        (
            json!({"type": "integer", "range": false}),
            json!({"data_type": "integer", "params": {"type": "integer", "range": false}, "points": 7}),
        ),
    ] {
        let read: FieldSchema = serde_json::from_value(schema).unwrap();
        assert_eq!(serde_json::to_value(read.info(7)).unwrap(), want);
    }
}
