//! Folders as released versions wrote them open, are sound, and answer as the reference did when they were written.
//! See testdata/formats/README.md for how a new one is made; those of released versions are never written again.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindred::{Ctx, Database, verify_folder};
use kindred_model::config::{AliasAction, CreateCollection, FieldSchema, NewVector};
use kindred_model::query::request::QueryRequest;
use kindred_model::update::json::UpdateOperation;
use kindred_storage::{MemoryStore, Store};
use kindred_testkit::Reference;
use kindred_testkit::subject::{Change, Contents, Subject};
use serde_json::{Value, json};

use crate::engine::Engine;

/// Set, the folder is written anew before it is read.
const WRITE: &str = "KINDRED_WRITE_FORMATS";

/// The format that this version writes.
const NEWEST: &str = "v1";

/// Scores are sums in an order that may differ between machines.
const TOLERANCE: f64 = 1e-5;

const COLLECTION: &str = r#"{
    "vectors": {
        "": {"size": 3, "distance": "Cosine"},
        "half": {"size": 4, "distance": "Dot", "datatype": "float16"},
        "bytes": {"size": 2, "distance": "Euclid", "datatype": "uint8"},
        "codes": {"size": 2, "distance": "Cosine", "datatype": "uint8", "on_disk": true},
        "rows": {"size": 2, "distance": "Manhattan", "multivector_config": {"comparator": "max_sim"}},
        "old": {"size": 2, "distance": "Dot"}
    },
    "sparse_vectors": {"words": {"modifier": "idf"}, "plain": {}}
}"#;

const QUESTIONS: &str = r#"[
    {"query": [1, 2, 3], "limit": 5},
    {"query": [1, 0, -1, 0.5], "using": "half", "limit": 5},
    {"query": [9, 9], "using": "bytes", "limit": 5},
    {"query": [3, 1], "using": "codes", "limit": 5},
    {"query": [[1, 2], [7, 0]], "using": "rows", "limit": 5},
    {"query": {"indices": [1, 4], "values": [1, 2]}, "using": "words", "limit": 5},
    {"query": {"indices": [2, 3], "values": [1, 0.5]}, "using": "plain", "limit": 5},
    {"query": [1, 1, 1, 1], "using": "old", "limit": 5},
    {"query": {"recommend": {"positive": [7, 12], "negative": [20], "strategy": "best_score"}}, "limit": 5},
    {"query": {"context": [{"positive": 8, "negative": 13}]}, "limit": 5,
     "filter": {"must": [{"key": "year", "range": {"gte": 1905}}]}},
    {"query": [0, 1, 0], "limit": 5, "filter": {"must": [{"key": "tags", "match": {"value": "red"}}]}}
]"#;

/// What to do, in order; `Seal` moves everything so far into a segment.
enum Step {
    Change(Change),
    Seal,
}

fn update(op: &str) -> Step {
    let op: UpdateOperation = serde_json::from_str(op).unwrap();
    Step::Change(Change::Update {
        collection: "art".to_owned(),
        op: op.into_op().unwrap(),
    })
}

/// A point of every kind of vector, some of which are left out by its number.
fn point(id: u64) -> Value {
    let mut vector = json!({
        "": [id % 5, id % 7, 1],
        "half": [id % 3, 0.5, -1.25, id],
        "bytes": [id, 255 - id],
        "codes": [id % 4, id % 9],
        "rows": vec![[id, 1]; 1 + usize::try_from(id % 3).unwrap()],
        "old": [id, 1],
        "words": {"indices": [id % 6, 10 + id], "values": [1.5, id]},
    });
    if id.is_multiple_of(4) {
        for name in ["half", "codes", "rows", "words"] {
            vector.as_object_mut().unwrap().remove(name);
        }
        vector["plain"] = json!({"indices": [id % 5, 7], "values": [0.25, -1]});
    }
    let id = if id % 10 == 9 {
        json!(format!("00000000-0000-4000-8000-{id:012}"))
    } else {
        json!(id)
    };
    let number = id.as_u64().unwrap_or(0);
    let payload = match number % 6 {
        5 => json!({}),
        _ => {
            json!({"year": 1890 + number, "tags": if number % 2 == 0 { vec!["red"] } else { vec!["red", "green"] },
                    "title": format!("No. {id}"), "where": {"lat": 1.5, "lon": number}})
        }
    };
    json!({"id": id, "vector": vector, "payload": payload})
}

fn upsert(ids: std::ops::Range<u64>) -> Step {
    let points: Vec<Value> = ids.map(point).collect();
    update(&json!({"upsert": {"points": points}}).to_string())
}

/// Two sealed segments with deletions and a hidden column, and a log with a record of every kind behind them.
fn steps() -> Vec<Step> {
    let create = |name: &str, config: &str| {
        let config: CreateCollection = serde_json::from_str(config).unwrap();
        Step::Change(Change::CreateCollection {
            name: name.to_owned(),
            config: Box::new(config.into_config().unwrap()),
        })
    };
    let index = |field: &str, schema: &str| {
        let schema: FieldSchema = serde_json::from_str(schema).unwrap();
        Step::Change(Change::CreateIndex {
            collection: "art".to_owned(),
            field: field.parse().unwrap(),
            schema,
        })
    };
    let aliases = |actions: &str| {
        let actions: Vec<AliasAction> = serde_json::from_str(actions).unwrap();
        Step::Change(Change::Aliases(actions))
    };
    let vector: NewVector = serde_json::from_str(r#"{"dense": {"size": 4, "distance": "Dot"}}"#).unwrap();
    let (collection, name) = ("art".to_owned(), "old".to_owned());
    vec![
        create("art", COLLECTION),
        create("notes, with / and ü", r#"{"vectors": {}}"#),
        aliases(r#"[{"create_alias": {"collection_name": "art", "alias_name": "a"}}]"#),
        index("year", r#""integer""#),
        index("tags[]", r#"{"type": "keyword", "is_tenant": true}"#),
        index("where", r#""geo""#),
        upsert(1..30),
        Step::Seal,
        update(r#"{"delete": {"points": [3, 4, "00000000-0000-4000-8000-000000000019"]}}"#),
        upsert(25..45),
        Step::Seal,
        Step::Change(Change::DropVector {
            collection: collection.clone(),
            name: name.clone(),
        }),
        Step::Change(Change::CreateVector {
            collection,
            name,
            vector,
        }),
        update(
            r#"{"upsert": {"points": [
                {"id": 45, "vector": {"": [2, 1, 2], "old": [4, 3, 2, 1]}, "payload": {"year": 1999}}]}}"#,
        ),
        update(r#"{"delete": {"points": [5, 44]}}"#),
        update(
            r#"{"update_vectors": {"points": [
                {"id": 7, "vector": {"old": [1, 2, 3, 4], "plain": {"indices": [], "values": []}}},
                {"id": 8, "vector": {"rows": [[1, 1], [2, 2]]}}]}}"#,
        ),
        update(r#"{"delete_vectors": {"points": [10, 11], "vector": ["half", "words"]}}"#),
        update(r#"{"set_payload": {"payload": {"year": 2000, "é": "\u0000\n"}, "points": [12]}}"#),
        update(r#"{"set_payload": {"payload": {"lat": -7.25}, "points": [13], "key": "where"}}"#),
        update(r#"{"overwrite_payload": {"payload": {"only": [1, null, 1e300]}, "points": [14]}}"#),
        update(r#"{"delete_payload": {"keys": ["title", "where.lon"], "points": [15, 16]}}"#),
        update(r#"{"clear_payload": {"points": [17]}}"#),
    ]
}

fn root(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/formats")
        .join(version)
}

/// What the folder has to answer.
fn golden(subject: &dyn Subject) -> Value {
    let Contents { collections, aliases } = subject.contents().unwrap();
    let collections: serde_json::Map<String, Value> = collections
        .into_iter()
        .map(|(name, part)| {
            let part = json!({"config": part.config, "indexes": part.indexes, "points": part.points});
            (name, part)
        })
        .collect();
    let questions: Vec<Value> = serde_json::from_str(QUESTIONS).unwrap();
    let answers: Vec<Value> = questions
        .into_iter()
        .map(|question| {
            let request: QueryRequest = serde_json::from_value(question.clone()).unwrap();
            let found = subject.query("a", &request).unwrap();
            let found: Vec<Value> = found
                .iter()
                .map(|hit| json!([hit.id, f64::from(hit.score)]))
                .collect();
            json!({"question": question, "answer": found})
        })
        .collect();
    json!({"collections": collections, "aliases": aliases, "answers": answers})
}

fn write() {
    let store = Arc::new(MemoryStore::new());
    let mut engine = Engine::patient(store.clone(), 1).unwrap();
    let mut reference = Reference::new();
    for step in steps() {
        match step {
            Step::Change(change) => {
                engine.change(&change).unwrap();
                reference.change(&change).unwrap();
            }
            Step::Seal => assert!(engine.database.seal(&Ctx::unlimited(), "art").unwrap()),
        }
    }
    drop(engine);
    let folder = root(NEWEST);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    for name in store.list("").unwrap() {
        let path = folder.join("store").join(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &*store.get(&name, None).unwrap()).unwrap();
    }
    let golden = serde_json::to_string_pretty(&golden(&reference)).unwrap();
    fs::write(folder.join("golden.json"), golden + "\n").unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Numbers may differ a little, all else not at all.
#[track_caller]
fn check_same(path: &str, found: &Value, want: &Value) {
    match (found, want) {
        (Value::Array(found), Value::Array(want)) => {
            assert_eq!(found.len(), want.len(), "{path}");
            for (at, (found, want)) in found.iter().zip(want).enumerate() {
                check_same(&format!("{path}[{at}]"), found, want);
            }
        }
        (Value::Object(found), Value::Object(want)) => {
            assert_eq!(
                found.keys().collect::<Vec<_>>(),
                want.keys().collect::<Vec<_>>(),
                "{path}"
            );
            for (key, found) in found {
                check_same(&format!("{path}.{key}"), found, &want[key]);
            }
        }
        (Value::Number(found), Value::Number(want)) => {
            let (found, want) = (found.as_f64().unwrap(), want.as_f64().unwrap());
            let is_close = (found - want).abs() <= TOLERANCE * want.abs().max(1.0);
            assert!(is_close, "{path}: {found}, want {want}");
        }
        _ => assert_eq!(found, want, "{path}"),
    }
}

#[track_caller]
fn check(version: &str) {
    let folder = tempfile::tempdir().unwrap();
    copy(&root(version).join("store"), folder.path());
    let want: Value = serde_json::from_slice(&fs::read(root(version).join("golden.json")).unwrap()).unwrap();
    let report = verify_folder(folder.path(), false).unwrap();
    assert!(report.is_clean(), "{report}");
    // As found, as written anew by a sealing, and as merged into one.
    for jobs in 0..3 {
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.notices(), [""; 0]);
        let ctx = Ctx::unlimited();
        if jobs > 0 {
            database.seal(&ctx, "art").unwrap();
            while jobs > 1 && database.compact(&ctx, "art").unwrap() {}
        }
        let engine = Engine::of(database);
        check_same(version, &golden(&engine), &want);
    }
    assert!(verify_folder(folder.path(), false).unwrap().is_clean());
}

#[test]
fn released_formats_open_and_answer() {
    if std::env::var_os(WRITE).is_some() {
        write();
    }
    check("v1");
}
