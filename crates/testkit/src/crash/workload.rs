//! The workload of the crash sweep: changes of every kind on two collections, some of them refused. Written in the
//! words of the wire.

use kindred_model::config::{AliasAction, CreateCollection, FieldSchema, NewVector};
use kindred_model::error::Invalid;
use kindred_model::path::JsonPath;
use kindred_model::update::json::UpdateOperation;
use serde::Deserialize;

use crate::subject::Change;

/// One change, under the name of its kind. Whatever it is about comes first.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Create(String, Box<CreateCollection>),
    Drop(String),
    Aliases(Vec<AliasAction>),
    Index(String, JsonPath, FieldSchema),
    DropIndex(String, JsonPath),
    Vector(String, String, NewVector),
    DropVector(String, String),
    Update(String, Box<UpdateOperation>),
}

/// Filters pass some points, aliases move while they are used, a collection comes back under the name of another.
/// The second action of the second list of aliases is refused; the first one stays.
const STEPS: &str = r#"[
    {"create": ["paintings", {
        "vectors": {
            "": {"size": 2, "distance": "Cosine"},
            "rows": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}}
        },
        "sparse_vectors": {"words": {"modifier": "idf"}}
    }]},
    {"create": ["paintings", {"vectors": {"size": 1, "distance": "Dot"}}]},
    {"aliases": [{"create_alias": {"collection_name": "paintings", "alias_name": "p"}}]},
    {"index": ["paintings", "year", "integer"]},
    {"update": ["p", {"upsert": {"points": [
        {"id": 1, "vector": {"": [1, 0], "rows": [[1, 2], [3, 4]]}, "payload": {"year": 1890, "t": ["a", "b"]}},
        {"id": 2, "vector": {"": [0, 1], "words": {"indices": [3, 1], "values": [0.5, 2]}}},
        {"id": 3, "vector": {}, "payload": {"o": {"deep": [1, 2, 3]}}}
    ]}}]},
    {"create": ["notes", {"vectors": {"size": 1, "distance": "Euclid", "datatype": "uint8"}}]},
    {"update": ["notes", {"upsert": {"points": [{"id": 1, "vector": [7]}, {"id": 2, "vector": [9.5]}]}}]},
    {"update": ["p", {"upsert": {
        "points": [
            {"id": 1, "vector": {"": [3, 4]}, "payload": {"year": 1900}},
            {"id": 2, "vector": {}},
            {"id": 4, "vector": {"": [-1, 0]}, "payload": {"year": 7}}
        ],
        "update_filter": {"must": {"key": "year", "range": {"gt": 1800}}}
    }}]},
    {"update": ["paintings", {"set_payload": {"payload": {"seen": true}, "filter": {}}}]},
    {"update": ["paintings", {"set_payload": {"payload": {"x": 1}, "points": [99]}}]},
    {"aliases": [
        {"rename_alias": {"old_alias_name": "p", "new_alias_name": "q"}},
        {"create_alias": {"collection_name": "notes", "alias_name": "n"}}
    ]},
    {"update": ["q", {"update_vectors": {"points": [{"id": 3, "vector": {"rows": [[5, 6]]}}]}}]},
    {"update": ["q", {"delete_vectors": {"points": [1, 2], "vector": ["", "words"]}}]},
    {"update": ["q", {"overwrite_payload": {"payload": {"k": [1]}, "key": "o.deep", "points": [3]}}]},
    {"update": ["q", {"delete_payload": {"keys": ["seen"], "points": [1, 4]}}]},
    {"aliases": [
        {"create_alias": {"collection_name": "paintings", "alias_name": "n"}},
        {"create_alias": {"collection_name": "nowhere", "alias_name": "m"}}
    ]},
    {"index": ["paintings", "t", "keyword"]},
    {"drop_index": ["n", "year"]},
    {"vector": ["paintings", "more", {"dense": {"size": 3, "distance": "Manhattan"}}]},
    {"update": ["paintings", {"update_vectors": {"points": [{"id": 4, "vector": {"more": [1, 2, 3]}}]}}]},
    {"update": ["paintings", {"delete": {"points": [2, 77]}}]},
    {"drop_vector": ["paintings", "rows"]},
    {"vector": ["paintings", "rows", {"sparse": {}}]},
    {"update": ["paintings", {"delete": {"filter": {"must": {"key": "year", "match": {"value": 7}}}}}]},
    {"update": ["paintings", {"clear_payload": {"points": [1]}}]},
    {"drop": "notes"},
    {"create": ["notes", {"vectors": {"size": 2, "distance": "Dot"}}]},
    {"update": ["notes", {"upsert": {"points": [{"id": 5, "vector": [1, 1]}]}}]},
    {"update": ["notes", {"upsert": {"points": [{"id": 6, "vector": [1, 2]}], "update_mode": "insert_only"}}]}
]"#;

/// Changes of every kind, on two collections; some of them are refused.
pub fn workload() -> Vec<Change> {
    let steps: Vec<Step> = serde_json::from_str(STEPS).expect("the steps are in the words of the wire");
    let changes: Result<Vec<Change>, Invalid> = steps.into_iter().map(change).collect();
    changes.expect("the steps are within the limits")
}

fn change(step: Step) -> Result<Change, Invalid> {
    Ok(match step {
        Step::Create(name, create) => Change::CreateCollection {
            name,
            config: Box::new(create.into_config()?),
        },
        Step::Drop(name) => Change::DropCollection { name },
        Step::Aliases(actions) => Change::Aliases(actions),
        Step::Index(collection, field, schema) => Change::CreateIndex {
            collection,
            field,
            schema,
        },
        Step::DropIndex(collection, field) => Change::DropIndex { collection, field },
        Step::Vector(collection, name, vector) => Change::CreateVector {
            collection,
            name,
            vector,
        },
        Step::DropVector(collection, name) => Change::DropVector { collection, name },
        Step::Update(collection, operation) => Change::Update {
            collection,
            op: operation.into_op()?,
        },
    })
}
