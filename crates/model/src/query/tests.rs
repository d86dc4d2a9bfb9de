//! The JSON dialect of whole requests: forms, defaults, refusals, and that writing and reading are inverse.

use serde_json::{Value, json};

use super::dialect::OneOrMany;
use super::groups::{GroupId, GroupsRequest};
use super::kinds::Query;
use super::kinds::nearest::Nearest;
use super::lists::{
    CountRequest, FacetRequest, FacetValue, Matrix, MatrixRequest, RetrieveRequest, ScrollRequest,
};
use super::request::{PayloadSelector, QueryNode, QueryRequest, VectorSelector};
use crate::error::Check;
use crate::id::PointId;
use crate::vector::input::VectorInput;

mod round_trip;

fn request(body: Value) -> QueryRequest {
    // Through a text, as it comes over the wire.
    serde_json::from_str(&body.to_string()).unwrap()
}

fn error<T: serde::de::DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
    serde_json::from_str::<T>(body).unwrap_err().to_string()
}

#[test]
fn defaults() {
    let empty = request(json!({}));
    let nulls = json!({
        "prefetch": null, "query": null, "using": null, "filter": null, "params": null, "score_threshold": null,
        "limit": null, "offset": null, "with_vector": null, "with_payload": null, "lookup_from": null,
        "shard_key": null, "unknown": {"is": "ignored"},
    });
    assert_eq!(request(nulls), empty);
    assert_eq!((empty.node.limit, empty.offset), (10, 0));
    assert!(empty.with_vector.is_none() && empty.with_payload.is_none());
    let params =
        json!({"exact": null, "quantization": null, "acorn": {"enable": null}, "indexed_only": null});
    assert!(!request(json!({"params": params})).node.params.exact);
}

#[track_caller]
fn same(forms: &[Value]) {
    let mut queries = forms
        .iter()
        .map(|form| request(json!({"query": form})).node.query);
    let first = queries.next().unwrap();
    assert!(first.is_some());
    for (query, form) in queries.zip(&forms[1..]) {
        assert_eq!(query, first, "{form}");
    }
}

#[test]
fn forms_of_one_query() {
    let uuid = "936da01f-9abd-4d9d-80c7-02af85c822a8";
    same(&[
        json!(7),
        json!({"nearest": 7}),
        json!({"nearest": 7, "mmr": null}),
    ]);
    same(&[json!(uuid), json!({"nearest": uuid.to_uppercase()})]);
    same(&[json!([1, 2.5]), json!({"nearest": [1.0, 2.5]})]);
    same(&[json!([[1, 2], [3, 4]]), json!({"nearest": [[1, 2], [3, 4]]})]);
    let sparse = json!({"values": [1, 2], "indices": [9, 3]});
    same(&[sparse.clone(), json!({"nearest": sparse})]);
    let document = json!({"text": "t", "model": "m", "options": {"a": 1}});
    same(&[document.clone(), json!({"nearest": document})]);
    let pair = json!({"positive": 1, "negative": [2.0]});
    same(&[json!({"context": pair}), json!({"context": [pair]})]);
    same(&[json!({"context": null}), json!({"context": []})]);
    same(&[
        json!({"discover": {"target": 1, "context": null}}),
        json!({"discover": {"target": 1, "context": []}}),
    ]);
    same(&[
        json!({"order_by": "a.b"}),
        json!({"order_by": {"key": "a.b", "direction": "asc"}}),
    ]);
    same(&[
        json!({"fusion": "rrf"}),
        json!({"rrf": {}}),
        json!({"rrf": {"k": 2, "weights": null}}),
    ]);
    same(&[json!({"formula": "a"}), json!({"formula": "a", "defaults": {}})]);
    let strategy =
        |strategy: Value| json!({"recommend": {"positive": [1], "negative": [], "strategy": strategy}});
    same(&[
        strategy(json!("average_vector")),
        strategy(json!(null)),
        json!({"recommend": {"positive": [1]}}),
    ]);
}

#[test]
fn prefetch_is_one_or_many() {
    let leaf = json!({"query": 1});
    let one = request(json!({"prefetch": leaf, "query": 2}));
    assert_eq!(one, request(json!({"prefetch": [leaf], "query": 2})));
    assert_eq!(one.node.prefetch[0].limit, 10);
    assert_eq!(request(json!({"prefetch": [leaf, leaf]})).node.prefetch.len(), 2);
}

#[test]
fn selectors() {
    let with =
        |payload: Value, vector: Value| request(json!({"with_payload": payload, "with_vectors": vector}));
    assert_eq!(
        with(json!(true), json!(true)).with_vector,
        VectorSelector::All(true)
    );
    assert_eq!(
        with(json!(true), json!(["a", ""])).with_vector,
        VectorSelector::Names(vec!["a".into(), "".into()])
    );
    let paths = vec!["a.b".parse().unwrap()];
    assert_eq!(
        with(json!(["a.b"]), json!(null)).with_payload,
        PayloadSelector::Include(paths.clone())
    );
    assert_eq!(
        with(json!({"include": ["a.b"]}), json!(null)).with_payload,
        PayloadSelector::Include(paths.clone())
    );
    assert_eq!(
        with(json!({"exclude": ["a.b"]}), json!(null)).with_payload,
        PayloadSelector::Exclude(paths)
    );
}

#[test]
fn queries_that_are_none() {
    let text = "Expected some form of vector, id, or a type of query";
    for query in [
        r#""not-a-uuid""#,
        r#"["a"]"#,
        r#"[1.0, "a"]"#,
        "[1e39]",
        "[[1.0], 2.0]",
        "-1",
        "1.5",
        "true",
        "{}",
        r#"{"something": "else"}"#,
        r#"{"indices": [1]}"#,
        r#"{"values": [1.0]}"#,
        r#"{"indices": [1], "values": [-1e39]}"#,
        r#"{"text": "t"}"#,
        r#"{"nearest": "not-a-uuid"}"#,
        r#"{"nearest": {"nearest": 1}}"#,
        r#"{"recommend": {"positive": 1}}"#,
        r#"{"recommend": [[1], [2]]}"#,
        r#"{"recommend": {"positive": [1], "strategy": "best"}}"#,
        r#"{"discover": {"target": 1}}"#,
        r#"{"discover": {"context": null}}"#,
        r#"{"context": {"positive": 1}}"#,
        r#"{"context": [[1, 2]]}"#,
        r#"{"order_by": {"direction": "asc"}}"#,
        r#"{"order_by": {"key": "a", "start_from": "soon"}}"#,
        r#"{"fusion": "both"}"#,
        r#"{"rrf": {"weights": [1e39]}}"#,
        r#"{"formula": null, "defaults": {}}"#,
        r#"{"formula": "$other"}"#,
        r#"{"sample": "first"}"#,
        r#"{"relevance_feedback": {"target": 1, "feedback": []}}"#,
        r#"{"relevance_feedback": {"target": 1, "feedback": [], "strategy": {"naive": {"a": 1, "b": 1}}}}"#,
        r#"{"relevance_feedback": {"target": 1, "feedback": [{"example": 1}], "strategy": {"naive": {"a": 1, "b": 1, "c": 1}}}}"#,
    ] {
        let error = error::<QueryRequest>(&format!(r#"{{"query": {query}}}"#));
        assert!(error.contains(text), "{query}: {error}");
    }
}

#[test]
fn bodies_that_are_none() {
    for (body, want) in [
        ("[]", "an object"),
        (r#"{"limit": -1}"#, "u64"),
        (r#"{"limit": 1.5}"#, "u64"),
        (r#"{"score_threshold": 1e39}"#, "number out of range"),
        (r#"{"prefetch": 1}"#, "an object, a list of objects, or null"),
        (r#"{"prefetch": [[1]]}"#, "an object"),
        (
            r#"{"with_vector": "a"}"#,
            "true, false, or a list of vector names",
        ),
        (
            r#"{"with_payload": {"include": ["a"], "exclude": ["b"]}}"#,
            "either `include` or `exclude`",
        ),
        (r#"{"with_payload": {"only": ["a"]}}"#, "unknown field `only`"),
        (r#"{"filter": {"only": []}}"#, "unknown"),
        (
            r#"{"lookup_from": {"vector": "a"}}"#,
            "missing field `collection`",
        ),
        (r#"{"shard_key": "a"}"#, "custom sharding is not built yet"),
    ] {
        let error = error::<QueryRequest>(body);
        assert!(error.contains(want), "{body}: {error}");
    }
    assert!(error::<GroupsRequest>("{}").contains("missing field `group_by`"));
    assert!(error::<ScrollRequest>(r#"{"offset": "a"}"#).contains("not a valid point ID"));
}

/// A hostile body ends in an error, not in an exhausted stack.
#[test]
fn bottomless_bodies() {
    for (open, close) in [
        (r#"{"prefetch":"#, "}"),
        (r#"{"prefetch":["#, "]}"),
        (r#"{"query":{"formula":{"sum":["#, "]}}}"),
        (r#"{"query":[["#, "]]}"),
        (r#"{"filter":{"must":"#, "}}"),
    ] {
        let (head, inner) = open.split_at(open.rfind('{').unwrap_or(0));
        let inner = if inner.is_empty() { open } else { inner };
        let body = format!("{head}{}1{}", inner.repeat(10_000), close.repeat(10_000));
        assert!(serde_json::from_str::<QueryRequest>(&body).is_err(), "{open}");
    }
}

#[track_caller]
fn refuse(body: Value, want: &str) {
    let error = Check::all("internal", &request(body)).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn limits() {
    refuse(
        json!({"limit": 0}),
        "internal.limit: value 0 invalid, must be 1 or larger",
    );
    refuse(
        json!({"query": 1, "prefetch": [{}, {"limit": 0}]}),
        "internal.prefetch[1].limit: value 0 invalid, must be 1 or larger",
    );
    refuse(
        json!({"params": {"quantization": {"oversampling": 0.5}, "acorn": {"max_selectivity": 2}}}),
        "internal.params.quantization.oversampling: value 0.5 invalid, must be 1.0 or larger; \
         internal.params.acorn.max_selectivity: value 2.0 invalid, must be from 0.0 to 1.0",
    );
    refuse(
        json!({"query": []}),
        "internal.query.nearest.data: dense vector must not be empty",
    );
    let bare: Value = json!({"filter": {"must": {"key": "a"}}});
    let error = Check::all("internal", &request(bare)).unwrap_err().to_string();
    assert!(
        error.contains("At least one field condition must be specified"),
        "{error}"
    );
    assert_eq!(
        Check::all(
            "internal",
            &request(json!({"limit": u64::MAX, "offset": u64::MAX}))
        ),
        Ok(())
    );
}

#[test]
fn groups() {
    let read = |body: Value| serde_json::from_value::<GroupsRequest>(body).unwrap();
    let plain = read(json!({"group_by": "a.b", "query": 1, "offset": 7, "with_lookup": "other"}));
    assert_eq!(
        (plain.group_size, plain.query.node.limit, plain.query.offset),
        (3, 10, 0)
    );
    let lookup = json!({"collection": "other", "with_payload": true, "with_vector": false});
    assert_eq!(
        plain,
        read(json!({"group_by": "a.b", "query": {"nearest": 1}, "with_lookup": lookup}))
    );
    let error = Check::all(
        "internal",
        &read(json!({"group_by": "a", "group_size": 0, "limit": 0})),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "internal.limit: value 0 invalid, must be 1 or larger; \
         internal.group_size: value 0 invalid, must be 1 or larger"
    );
    let error = Check::all("internal", &read(json!({"group_by": ""}))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "internal.group_by: value \"\" invalid, must be from 1 to 4096 characters"
    );
    let ids = [
        GroupId::Unsigned(u64::MAX),
        GroupId::Signed(-1),
        GroupId::Text("a".into()),
    ];
    assert_eq!(serde_json::to_value(ids).unwrap(), json!([u64::MAX, -1, "a"]));
}

#[test]
fn lists() {
    let scroll: ScrollRequest = serde_json::from_value(json!({})).unwrap();
    assert_eq!(
        (scroll.limit, &scroll.with_payload),
        (10, &PayloadSelector::All(true))
    );
    let retrieve: RetrieveRequest = serde_json::from_value(json!({"ids": [2, 1, 2]})).unwrap();
    assert_eq!(
        (retrieve.ids.len(), &retrieve.with_payload),
        (3, &PayloadSelector::All(false))
    );
    let count: CountRequest = serde_json::from_value(json!({"exact": null})).unwrap();
    assert!(count.exact);
    let facet: FacetRequest = serde_json::from_value(json!({"key": "a"})).unwrap();
    assert_eq!((facet.limit, facet.exact), (10, false));
    let values = [
        FacetValue::Bool(true),
        FacetValue::Int(-1),
        FacetValue::Keyword("a".into()),
    ];
    assert_eq!(serde_json::to_value(values).unwrap(), json!([true, -1, "a"]));
}

#[test]
fn limits_of_lists() {
    fn check<T: serde::de::DeserializeOwned + crate::error::Validate>(body: Value, want: &str) {
        let value: T = serde_json::from_value(body).unwrap();
        assert_eq!(
            Check::all("", &value).map_err(|error| error.to_string()),
            Err(want.to_owned())
        );
    }
    check::<ScrollRequest>(json!({"limit": 0}), "limit: value 0 invalid, must be 1 or larger");
    check::<FacetRequest>(
        json!({"key": "a", "limit": 0}),
        "limit: value 0 invalid, must be 1 or larger",
    );
    check::<MatrixRequest>(
        json!({"sample": 1}),
        "sample: value 1 invalid, must be 2 or larger",
    );
    check::<MatrixRequest>(json!({"limit": 0}), "limit: value 0 invalid, must be 1 or larger");
    check::<MatrixRequest>(
        json!({"sample": 16384, "limit": u64::MAX}),
        "limit: sample times limit is 268435456, more than 4194304",
    );
}

#[test]
fn matrices() {
    let request: MatrixRequest = serde_json::from_value(json!({})).unwrap();
    assert_eq!((request.sample, request.limit), (10, 3));
    let matrix = Matrix {
        ids: [3, 5, 9].map(PointId::Num).into(),
        neighbours: vec![vec![(2, 0.5), (1, 0.25)], vec![], vec![(0, 0.5)]],
    };
    let pairs = json!({"pairs": [
        {"a": 3, "b": 9, "score": 0.5}, {"a": 3, "b": 5, "score": 0.25}, {"a": 9, "b": 3, "score": 0.5},
    ]});
    assert_eq!(serde_json::to_value(matrix.clone().into_pairs()).unwrap(), pairs);
    let offsets = json!({
        "offsets_row": [0, 0, 2], "offsets_col": [2, 1, 0], "scores": [0.5, 0.25, 0.5], "ids": [3, 5, 9],
    });
    assert_eq!(serde_json::to_value(matrix.into_offsets()).unwrap(), offsets);
}

/// A request that holds a thousand floats is read into exactly those floats.
#[test]
fn vectors_are_decoded_as_floats() {
    let data: Vec<f32> = (0..1000_u16)
        .map(|index| 1.0 / (1.0 + f32::from(index)))
        .collect();
    let query = request(json!({"query": data})).node.query;
    let nearest = Nearest {
        example: VectorInput::Dense(data).into(),
        mmr: None,
    };
    assert_eq!(query, Some(Query::Nearest(nearest)));
}

/// Every reference of the published schema leads somewhere, and trees refer to themselves.
#[test]
fn schemas() {
    let mut generator = schemars::SchemaGenerator::default();
    generator.subschema_for::<QueryRequest>();
    generator.subschema_for::<GroupsRequest>();
    generator.subschema_for::<RetrieveRequest>();
    generator.subschema_for::<ScrollRequest>();
    generator.subschema_for::<CountRequest>();
    generator.subschema_for::<FacetRequest>();
    generator.subschema_for::<MatrixRequest>();
    generator.subschema_for::<OneOrMany<QueryNode>>();
    let definitions = generator.take_definitions(true);
    let text = serde_json::to_string(&definitions).unwrap();
    for reference in text.split("\"#/$defs/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(definitions.contains_key(name), "{name}");
    }
    for name in [
        "QueryRequest",
        "Prefetch",
        "QueryInterface",
        "Expression",
        "RelevanceFeedbackInput",
        "Filter",
    ] {
        assert!(definitions.contains_key(name), "{name}");
    }
    let prefetch = &definitions["Prefetch"]["properties"];
    assert!(prefetch["prefetch"].to_string().contains("#/$defs/Prefetch"));
    let keys: Vec<&String> = definitions["QueryRequest"]["properties"]
        .as_object()
        .unwrap()
        .keys()
        .collect();
    assert_eq!(keys.len(), 11, "{keys:?}");
    assert!(definitions["QueryRequest"].get("required").is_none());
}
