//! Bodies that change points: what each becomes, and what is refused with which text.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::error::Invalid;
use crate::filter::{Condition, Filter};
use crate::id::PointId;
use crate::point::Point;
use crate::update::{Selector, UpdateMode, UpdateOp};

fn outcome<B: DeserializeOwned, T>(json: &str, accept: fn(B) -> Result<T, Invalid>) -> Result<T, String> {
    let body: B = serde_json::from_str(json).map_err(|error| format!("400 {error}"))?;
    accept(body).map_err(|invalid| match invalid {
        Invalid::Values(_) => format!("422 {invalid}"),
        Invalid::Input(_) => format!("400 input: {invalid}"),
        Invalid::Request(_) => format!("400 request: {invalid}"),
    })
}

/// The error of a body contains `want`.
fn refuse<B: DeserializeOwned>(json: &str, accept: fn(B) -> Result<UpdateOp, Invalid>, want: &str) {
    let error = outcome(json, accept).expect_err(json);
    assert!(error.contains(want), "{json}: expected {want:?}, got {error:?}");
}

fn accept<B: DeserializeOwned>(json: &str, into_op: fn(B) -> Result<UpdateOp, Invalid>) -> UpdateOp {
    outcome(json, into_op).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// The points of an upsert as JSON, one line each.
fn points(json: &str) -> Vec<Value> {
    let UpdateOp::Upsert { points, .. } = accept(json, UpsertBody::into_op) else {
        panic!("{json}")
    };
    let line = |point: Point| json!([point.id, point.vectors, point.payload]);
    points.into_iter().map(line).collect()
}

#[test]
fn every_form_of_point_is_read() {
    for (vector, want) in [
        (json!([1.0, 2.0]), json!([1.0, 2.0])),
        (json!([[1.0], [2.0]]), json!([[1.0], [2.0]])),
        (json!({}), json!({})),
        (json!({"": [1.0]}), json!([1.0])),
        (
            json!({"a": [1.0], "b": [[1.0]]}),
            json!({"a": [1.0], "b": [[1.0]]}),
        ),
        (
            json!({"s": {"indices": [3, 1], "values": [0.5, 2.0]}}),
            json!({"s": {"indices": [1, 3], "values": [2.0, 0.5]}}),
        ),
        (
            json!({"text": [1.0], "model": [2.0]}),
            json!({"text": [1.0], "model": [2.0]}),
        ),
        (
            json!({"object": {"indices": [1], "values": [2.0]}}),
            json!({"object": {"indices": [1], "values": [2.0]}}),
        ),
        (
            json!({"indices": [1.0], "values": [2.0]}),
            json!({"indices": [1.0], "values": [2.0]}),
        ),
    ] {
        for key in ["vector", "vectors"] {
            let body = json!({"points": [{"id": 7, key: vector, "payload": {"a": null}}]}).to_string();
            assert_eq!(points(&body), [json!([7, want, {"a": null}])], "{body}");
        }
    }
    let twice = r#"{"points":[{"id":1,"vector":[1]},{"id":1,"vector":[2],"payload":null}]}"#;
    assert_eq!(points(twice), [json!([1, [1.0], {}]), json!([1, [2.0], {}])]);
    assert_eq!(
        points(r#"{"points":[{"id":1,"vector":{"a":[1],"a":[2]}}]}"#),
        [json!([1, {"a": [2.0]}, {}])]
    );
    assert_eq!(
        points(r#"{"points":[],"shard_key":null,"batch":null}"#),
        [] as [Value; 0]
    );
}

#[test]
fn columns_become_points() {
    for (batch, want) in [
        (
            json!({"ids": [1, 2], "vectors": [[1.0], [2.0]]}),
            vec![json!([1, [1.0], {}]), json!([2, [2.0], {}])],
        ),
        (
            json!({"ids": [1], "vectors": [[[1.0], [2.0]]], "payloads": null}),
            vec![json!([1, [[1.0], [2.0]], {}])],
        ),
        (
            json!({"ids": [1, 2], "vectors": {"a": [[1.0], [2.0]], "b": [{"indices": [1], "values": [1.0]}, [[3.0]]]}, "payloads": [{"k": 1}, null]}),
            vec![
                json!([1, {"a": [1.0], "b": {"indices": [1], "values": [1.0]}}, {"k": 1}]),
                json!([2, {"a": [2.0], "b": [[3.0]]}, {}]),
            ],
        ),
        (
            json!({"ids": [1, 2], "vectors": {}}),
            vec![json!([1, {}, {}]), json!([2, {}, {}])],
        ),
        (json!({"ids": [], "vectors": []}), vec![]),
    ] {
        assert_eq!(points(&json!({ "batch": batch }).to_string()), want, "{batch}");
    }
}

#[test]
fn upserts_carry_their_condition() {
    let body = r#"{"points":[],"update_filter":{"must":{"has_id":[1]}},"update_mode":"insert_only"}"#;
    let UpdateOp::Upsert { filter, mode, .. } = accept(body, UpsertBody::into_op) else {
        panic!()
    };
    assert_eq!(
        filter,
        Some(Filter::all([Condition::HasId([PointId::Num(1)].into())]))
    );
    assert_eq!(mode, UpdateMode::InsertOnly);
}

const POINT_REFUSALS: &[(&str, &str)] = &[
    ("[]", "422 points[0].vector.data: dense vector must not be empty"),
    (
        r#"{"a":[]}"#,
        "422 points[0].vector.?.data: dense vector must not be empty",
    ),
    (
        r#"{"a":[[1],[]]}"#,
        "422 points[0].vector.?.data: all vectors must be non-empty",
    ),
    (
        r#"{"a":[[1,2],[1,2,3]]}"#,
        "422 points[0].vector.?.data: all vectors must have the same dimension, found vector with dimension 3",
    ),
    (
        r#"{"a":{"indices":[1,2],"values":[1]}}"#,
        "422 points[0].vector.?.values: Validation error: must be the same length as indices [{}]",
    ),
    (
        r#"{"a":{"indices":[1,1],"values":[1,2]}}"#,
        "422 points[0].vector.?.indices: Validation error: must be unique [{}]",
    ),
    (
        r#"{"a":{"indices":[1,1],"values":[1,2]},"b":{"indices":[1],"values":[]}}"#,
        "422 points[0].vector.?.indices: Validation error: must be unique [{}]; points[0].vector.?.values: \
         Validation error: must be the same length as indices [{}]",
    ),
    (r#"{"a":"x"}"#, "400 vector `a` is \"x\", expected a vector"),
    (r#"{"a":null}"#, "400 vector `a` is null, expected a vector"),
    (
        r#"{"a":{"indices":[1]}}"#,
        "400 vector `a`: missing field `values`",
    ),
    (
        r#"{"a":{"b":[1]}}"#,
        "400 vector `a`: found an object with keys [b]",
    ),
    (
        r#"{"a":["x"]}"#,
        "400 invalid type: string \"x\", expected a number or a list of numbers",
    ),
    ("[1e39]", "400 component 0 of a vector is 1e39"),
    (
        "5",
        "400 invalid type: integer `5`, expected the vectors of a point",
    ),
    ("null", "400 invalid type: null, expected the vectors of a point"),
    (
        r#"{"text":"x","model":"m"}"#,
        "400 input: Inference with model `m` is not built yet",
    ),
    (
        r#"{"a":{"text":"x","model":"m"}}"#,
        "400 input: Inference with model `m` is not built yet",
    ),
    (
        r#"{"model":"m","object":{"indices":[1],"values":[2]},"options":{}}"#,
        "400 input: Inference with model `m`",
    ),
    (
        r#"{"model":"m","a":[1]}"#,
        "400 found an object with keys [a, model], expected a vector",
    ),
];

const UPSERT_REFUSALS: &[(&str, &str)] = &[
    (r#"{"points":[{"id":1}]}"#, "400 missing field `vector`"),
    (
        r#"{"points":[{"id":-1,"vector":[1]}]}"#,
        "400 value -1 is not a valid point ID",
    ),
    ("{}", "400 request: Either `points` or `batch` must be provided"),
    (
        r#"{"points":[],"batch":{"ids":[],"vectors":[]}}"#,
        "must be provided, not both",
    ),
    (
        r#"{"points":[],"shard_key":"k"}"#,
        "400 request: Shard keys cannot be used: custom sharding is not built yet",
    ),
    (
        r#"{"points":[],"update_mode":"merge"}"#,
        "400 unknown variant `merge`",
    ),
    (
        r#"{"batch":{"ids":[1,2],"vectors":[[1]]}}"#,
        "422 batch: number of ids and vectors must be equal (2 != 1)",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":{"a":[]}}}"#,
        "422 batch: number of ids and vectors must be equal (1 != 0)",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":[[1]],"payloads":[]}}"#,
        "422 batch: number of ids and payloads must be equal (1 != 0)",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":[[]]}}"#,
        "422 batch.vectors[0].data: dense vector must not be empty",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":{"a":[[[]]]}}}"#,
        "422 batch.vectors.?[0].data: all vectors must be non-empty",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":[{"text":"x","model":"m"}]}}"#,
        "400 input: Inference with model `m`",
    ),
    (
        r#"{"batch":{"ids":[1],"vectors":5}}"#,
        "400 invalid type: integer `5`, expected a list of vectors",
    ),
];

#[test]
fn upserts_are_refused_with_the_place() {
    let point = |vector: &str| format!(r#"{{"points":[{{"id":1,"vector":{vector}}}]}}"#);
    for (vector, want) in POINT_REFUSALS {
        refuse(&point(vector), UpsertBody::into_op, want);
    }
    for (body, want) in UPSERT_REFUSALS {
        refuse(body, UpsertBody::into_op, want);
    }
}

#[test]
fn vectors_are_updated_and_deleted() {
    let body = r#"{"points":[{"id":1,"vector":{"a":[1]}},{"id":1,"vectors":[2]}],"update_filter":{}}"#;
    let UpdateOp::UpdateVectors { points, filter } = accept(body, UpdateVectorsBody::into_op) else {
        panic!()
    };
    assert_eq!(json!(points), json!([[1, {"a": [1.0]}], [1, [2.0]]]));
    assert_eq!(filter, Some(Filter::default()));
    for (body, want) in [
        (r#"{"points":[]}"#, "422 points: must specify points to update"),
        (
            r#"{"points":[{"id":1,"vector":{}}]}"#,
            "422 points[0].vector: must specify vectors to update for point",
        ),
        (
            r#"{"points":[{"id":1,"vector":{"a":[]}}]}"#,
            "422 points[0].vector.?.data: dense vector must not be empty",
        ),
        (
            r#"{"points":[{"id":1,"vector":[1]}],"shard_key":1}"#,
            "400 request: Shard keys cannot be used",
        ),
        (
            r#"{"points":[{"id":1,"vector":{"text":"x","model":"m"}}]}"#,
            "400 input: Inference with model `m`",
        ),
        ("{}", "400 missing field `points`"),
    ] {
        refuse(body, UpdateVectorsBody::into_op, want);
    }

    let delete = |json: &str| {
        let UpdateOp::DeleteVectors { selector, names } = accept(json, DeleteVectorsBody::into_op) else {
            panic!()
        };
        (selector, names)
    };
    let names = vec![String::new(), "a".to_owned()];
    assert_eq!(
        delete(r#"{"points":[1],"vector":["","a"]}"#),
        (Selector::Ids(vec![PointId::Num(1)]), names.clone())
    );
    assert_eq!(
        delete(r#"{"filter":{},"vector":["","a"]}"#),
        (Selector::Filter(Filter::default()), names.clone())
    );
    let either = Filter {
        should: vec![
            Condition::HasId([PointId::Num(1)].into()),
            Condition::Filter(Box::new(Filter::all([Condition::HasVector("x".to_owned())]))),
        ],
        ..Filter::default()
    };
    let both = r#"{"points":[1],"filter":{"must":[{"has_vector":"x"}]},"vector":["","a"]}"#;
    assert_eq!(delete(both), (Selector::Filter(either), names));
    for (body, want) in [
        (r#"{"vector":["a"]}"#, "400 request: No filter or points provided"),
        (
            r#"{"points":[1],"vector":[]}"#,
            "422 vector: must specify vector names to delete",
        ),
        (r#"{"points":[1]}"#, "400 missing field `vector`"),
    ] {
        refuse(body, DeleteVectorsBody::into_op, want);
    }
}

#[test]
fn points_and_payloads_are_selected_one_way() {
    let ids = || Selector::Ids(vec![PointId::Num(1), PointId::Num(2)]);
    let all = || Selector::Filter(Filter::default());
    for (selector, want) in [
        (r#""points":[1,2]"#, ids()),
        (r#""filter":{},"points":null"#, all()),
        (r#""filter":{},"points":[1,2]"#, ids()),
    ] {
        let bare = format!("{{{selector}}}");
        assert_eq!(accept(&bare, DeleteBody::into_op), UpdateOp::Delete(want.clone()));
        assert_eq!(
            accept(&bare, ClearPayloadBody::into_op),
            UpdateOp::ClearPayload(want.clone())
        );
        let set = format!(r#"{{{selector},"payload":{{"a":null}},"key":"b[0].c"}}"#);
        let payload = || serde_json::from_value(json!({"a": null})).unwrap();
        let key = || Some("b[0].c".parse().unwrap());
        let set_op = UpdateOp::SetPayload {
            selector: want.clone(),
            payload: payload(),
            key: key(),
        };
        assert_eq!(accept(&set, SetPayloadBody::into_op), set_op);
        let overwrite = UpdateOp::OverwritePayload {
            selector: want.clone(),
            payload: payload(),
            key: key(),
        };
        assert_eq!(accept(&set, SetPayloadBody::into_overwrite_op), overwrite);
        let delete = format!(r#"{{{selector},"keys":["a","b.c"]}}"#);
        let keys = vec!["a".parse().unwrap(), "b.c".parse().unwrap()];
        assert_eq!(
            accept(&delete, DeletePayloadBody::into_op),
            UpdateOp::DeletePayload { selector: want, keys }
        );
    }
    let neither = "400 request: Either list of point ids or filter must be provided";
    refuse("{}", DeleteBody::into_op, neither);
    refuse("{}", ClearPayloadBody::into_op, neither);
    refuse(r#"{"payload":{}}"#, SetPayloadBody::into_op, neither);
    refuse(r#"{"payload":{}}"#, SetPayloadBody::into_overwrite_op, neither);
    refuse(r#"{"keys":[]}"#, DeletePayloadBody::into_op, neither);
    refuse(
        r#"{"points":[1],"shard_key":["a"]}"#,
        DeleteBody::into_op,
        "400 request: Shard keys cannot be used",
    );
    refuse(
        "[[1,2]]",
        DeleteBody::into_op,
        "400 invalid type: sequence, expected an object with `points` or `filter`",
    );
    refuse(
        r#"{"points":[1]}"#,
        SetPayloadBody::into_op,
        "400 missing field `payload`",
    );
    refuse(
        r#"{"points":["x"]}"#,
        DeleteBody::into_op,
        "400 value x is not a valid point ID",
    );
}

#[test]
fn batches_keep_their_order() {
    let body = r#"{"operations":[
        {"upsert":{"points":[{"id":1,"vector":[1]}]}},
        {"delete":{"points":[1]}},
        {"set_payload":{"payload":{},"points":[1]}},
        {"overwrite_payload":{"payload":{},"points":[1]}},
        {"delete_payload":{"keys":["a"],"points":[1]}},
        {"clear_payload":{"filter":{}}},
        {"update_vectors":{"points":[{"id":1,"vector":[1]}]}},
        {"delete_vectors":{"points":[1],"vector":[""]}}
    ]}"#;
    let kinds: Vec<&str> = outcome(body, BatchBody::into_ops)
        .unwrap()
        .iter()
        .map(kind)
        .collect();
    let want = [
        "upsert",
        "delete",
        "set",
        "overwrite",
        "delete keys",
        "clear",
        "update vectors",
        "delete vectors",
    ];
    assert_eq!(kinds, want);
    assert_eq!(outcome(r#"{"operations":[]}"#, BatchBody::into_ops), Ok(vec![]));
    for (body, want) in [
        (
            r#"{"operations":[{"delete":{"points":[1]}},{"upsert":{"points":[{"id":1,"vector":{"a":[[]]}}]}}]}"#,
            "422 operations[1].upsert.points[0].vector.?.data: all vectors must be non-empty",
        ),
        (
            r#"{"operations":[{"update_vectors":{"points":[]}}]}"#,
            "422 operations[0].update_vectors.points: must specify",
        ),
        (
            r#"{"operations":[{"delete":{}}]}"#,
            "400 request: Either list of point ids or filter must be provided",
        ),
        (r#"{"operations":[{"drop":{}}]}"#, "400 unknown variant `drop`"),
        ("{}", "400 missing field `operations`"),
    ] {
        let error = outcome(body, BatchBody::into_ops).expect_err(body);
        assert!(error.contains(want), "{body}: expected {want:?}, got {error:?}");
    }
}

fn kind(op: &UpdateOp) -> &'static str {
    match op {
        UpdateOp::Upsert { .. } => "upsert",
        UpdateOp::Delete(_) => "delete",
        UpdateOp::UpdateVectors { .. } => "update vectors",
        UpdateOp::DeleteVectors { .. } => "delete vectors",
        UpdateOp::SetPayload { .. } => "set",
        UpdateOp::OverwritePayload { .. } => "overwrite",
        UpdateOp::DeletePayload { .. } => "delete keys",
        UpdateOp::ClearPayload(_) => "clear",
    }
}

#[test]
fn schemas_describe_every_body() {
    let schema = serde_json::to_value(schemars::schema_for!(BatchBody)).unwrap();
    let names: Vec<&str> = schema["$defs"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    for name in [
        "PointStruct",
        "VectorStruct",
        "Vector",
        "Batch",
        "Filter",
        "ExtendedPointId",
        "UpdateMode",
        "SetPayload",
    ] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
}
