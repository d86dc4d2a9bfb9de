//! The workload of the crash sweep: changes of every kind on two collections, some of them refused, with seals and
//! merges in between. Written in the words of the wire.

use super::event::{Event, parse};
use crate::subject::Change;

/// Filters pass some points, aliases move while they are used, a collection comes back under the name of another.
/// The second action of the second list of aliases is refused; the first one stays. Sealed rows are edited, replaced and
/// deleted, columns of sealed segments are dropped and made anew, and segments are merged with some of their rows gone.
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
    {"seal": "paintings"},
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
    {"seal": "p"},
    {"seal": "p"},
    {"update": ["paintings", {"set_payload": {"payload": {"x": 1}, "points": [99]}}]},
    {"aliases": [
        {"rename_alias": {"old_alias_name": "p", "new_alias_name": "q"}},
        {"create_alias": {"collection_name": "notes", "alias_name": "n"}}
    ]},
    {"update": ["q", {"update_vectors": {"points": [{"id": 3, "vector": {"rows": [[5, 6]]}}]}}]},
    {"compact": "q"},
    {"update": ["q", {"delete_vectors": {"points": [1, 2], "vector": ["", "words"]}}]},
    {"update": ["q", {"overwrite_payload": {"payload": {"k": [1]}, "key": "o.deep", "points": [3]}}]},
    {"update": ["q", {"delete_payload": {"keys": ["seen"], "points": [1, 4]}}]},
    {"seal": "paintings"},
    {"update": ["paintings", {"upsert": {"points": [
        {"id": 2, "vector": {"rows": [[0, 1]]}, "payload": {"year": 1889}},
        {"id": "00000000-0000-0000-0000-000000000007", "vector": {"": [1, 1]}}
    ]}}]},
    {"aliases": [
        {"create_alias": {"collection_name": "paintings", "alias_name": "n"}},
        {"create_alias": {"collection_name": "nowhere", "alias_name": "m"}}
    ]},
    {"index": ["paintings", "t", "keyword"]},
    {"drop_index": ["n", "year"]},
    {"vector": ["paintings", "more", {"dense": {"size": 3, "distance": "Manhattan"}}]},
    {"update": ["paintings", {"update_vectors": {"points": [{"id": 4, "vector": {"more": [1, 2, 3]}}]}}]},
    {"update": ["paintings", {"delete": {"points": [2, 77]}}]},
    {"seal": "paintings"},
    {"compact": "paintings"},
    {"drop_vector": ["paintings", "rows"]},
    {"seal": "nowhere"},
    {"vector": ["paintings", "rows", {"sparse": {}}]},
    {"update": ["paintings", {"update_vectors": {"points": [
        {"id": 1, "vector": {"rows": {"indices": [2], "values": [1]}}}
    ]}}]},
    {"seal": "paintings"},
    {"drop_vector": ["paintings", "rows"]},
    {"vector": ["paintings", "rows", {"dense": {"size": 1, "distance": "Dot"}}]},
    {"update": ["paintings", {"delete": {"filter": {"must": {"key": "year", "match": {"value": 7}}}}}]},
    {"update": ["paintings", {"clear_payload": {"points": [1]}}]},
    {"compact": "paintings"},
    {"seal": "notes"},
    {"drop": "notes"},
    {"create": ["notes", {"vectors": {"size": 2, "distance": "Dot"}}]},
    {"update": ["notes", {"upsert": {"points": [{"id": 5, "vector": [1, 1]}]}}]},
    {"seal": "notes"},
    {"update": ["notes", {"delete": {"points": [5]}}]},
    {"seal": "notes"},
    {"update": ["notes", {"upsert": {"points": [{"id": 6, "vector": [1, 2]}], "update_mode": "insert_only"}}]}
]"#;

/// What comes while a segment of the workload is built: rows that are being sealed or merged leave, are replaced or are
/// edited; everything leaves; a column is dropped; the other kind of job runs.
const INTRUDERS: [&str; 5] = [
    r#"[{"update": ["paintings", {"delete": {"points": [1, 3]}}]}]"#,
    r#"[
        {"update": ["paintings", {"upsert": {"points": [
            {"id": 1, "vector": {"": [0, 5]}, "payload": {"year": 1901}},
            {"id": 9, "vector": {}}
        ]}}]},
        {"update": ["paintings", {"set_payload": {"payload": {"late": true}, "filter": {}}}]}
    ]"#,
    r#"[
        {"update": ["paintings", {"delete": {"filter": {}}}]},
        {"update": ["notes", {"delete": {"filter": {}}}]},
        {"update": ["paintings", {"upsert": {"points": [{"id": 3, "vector": {"": [2, 2]}}]}}]}
    ]"#,
    r#"[
        {"update": ["paintings", {"delete_vectors": {"points": [1, 4], "vector": [""]}}]},
        {"drop_vector": ["paintings", "rows"]},
        {"update": ["paintings", {"clear_payload": {"points": [1, 2, 3]}}]}
    ]"#,
    r#"[
        {"update": ["paintings", {"upsert": {"points": [{"id": 2, "vector": {}}, {"id": 8, "vector": {}}]}}]},
        {"seal": "paintings"},
        {"compact": "paintings"},
        {"update": ["paintings", {"delete": {"points": [2, 4]}}]}
    ]"#,
];

/// Changes of every kind, on two collections; some of them are refused.
pub fn workload() -> Vec<Change> {
    changes(STEPS)
}

/// Lists of changes that come while a segment of the workload is built.
pub fn intruders() -> Vec<Vec<Change>> {
    INTRUDERS.iter().map(|list| changes(list)).collect()
}

fn changes(text: &str) -> Vec<Change> {
    let events = parse(text).expect("the steps are in the words of the wire and within the limits");
    let changes = events.into_iter().filter_map(|event| match event {
        Event::Change(change) => Some(change),
        Event::Reopen | Event::Fault { .. } | Event::During { .. } => None,
    });
    changes.collect()
}
