//! The crash sweep: one workload, a fault at the n-th store call for every n, and the check that everything
//! acknowledged is there, the change in flight whole or absent, and nothing else.

use std::sync::Arc;

use kindred_model::config::{AliasAction, CreateCollection, FieldSchema, FieldType, NewVector};
use kindred_model::filter::Filter;
use kindred_model::update::json::UpdateOperation;
use kindred_model::update::{Selector, UpdateOp};
use kindred_storage::{Fault, FaultyStore, MemoryStore, Store};
use serde_json::{Value, json};

use crate::reference::Reference;
use crate::strategies::field;
use crate::subject::{Change, Contents, Failure, FailureKind, Subject};

/// A subject that lives in a store and can be opened there again.
pub trait Reopen: Subject + Sized {
    /// Opens what the store holds; `seed` differs for every opening.
    fn open(store: Arc<dyn Store>, seed: u64) -> Result<Self, Failure>;
}

/// What a sweep has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Store calls that the workload makes without a fault.
    pub calls: u64,
    /// Workloads that were run with a fault.
    pub runs: u64,
}

/// Changes of every kind, on two collections; some of them are refused.
pub fn workload() -> Vec<Change> {
    let paintings = json!({
        "vectors": { "": { "size": 2, "distance": "Cosine" }, "rows": {
            "size": 2, "distance": "Dot", "multivector_config": { "comparator": "max_sim" } } },
        "sparse_vectors": { "words": { "modifier": "idf" } }
    });
    let notes = json!({ "vectors": { "size": 1, "distance": "Euclid", "datatype": "uint8" } });
    vec![
        create("paintings", &paintings),
        create("paintings", &notes),
        alias(json!([{ "create_alias": { "collection_name": "paintings", "alias_name": "p" } }])),
        index("paintings", "year", FieldType::Integer),
        update("p", json!({ "upsert": { "points": [
            { "id": 1, "vector": { "": [1, 0], "rows": [[1, 2], [3, 4]] }, "payload": { "year": 1890, "t": ["a", "b"] } },
            { "id": 2, "vector": { "": [0, 1], "words": { "indices": [3, 1], "values": [0.5, 2] } } },
            { "id": 3, "vector": {}, "payload": { "o": { "deep": [1, 2, 3] } } }
        ] } })),
        create("notes", &notes),
        update("notes", json!({ "upsert": { "points": [{ "id": 1, "vector": [7] }, { "id": 2, "vector": [9.5] }] } })),
        // Only point 1 passes the filter, and point 4 is new.
        update("p", json!({ "upsert": { "points": [
            { "id": 1, "vector": { "": [3, 4] }, "payload": { "year": 1900 } },
            { "id": 2, "vector": {} },
            { "id": 4, "vector": { "": [-1, 0] }, "payload": { "year": 7 } }
        ], "update_filter": { "must": { "key": "year", "range": { "gt": 1800 } } } } })),
        update("paintings", json!({ "set_payload": { "payload": { "seen": true }, "filter": {} } })),
        update("paintings", json!({ "set_payload": { "payload": { "x": 1 }, "points": [99] } })),
        alias(json!([
            { "rename_alias": { "old_alias_name": "p", "new_alias_name": "q" } },
            { "create_alias": { "collection_name": "notes", "alias_name": "n" } }
        ])),
        update("q", json!({ "update_vectors": { "points": [{ "id": 3, "vector": { "rows": [[5, 6]] } }] } })),
        update("q", json!({ "delete_vectors": { "points": [1, 2], "vector": ["", "words"] } })),
        update("q", json!({ "overwrite_payload": { "payload": { "k": [1] }, "key": "o.deep", "points": [3] } })),
        update("q", json!({ "delete_payload": { "keys": ["seen"], "points": [1, 4] } })),
        // The first action stays although the second is refused.
        alias(json!([
            { "create_alias": { "collection_name": "paintings", "alias_name": "n" } },
            { "create_alias": { "collection_name": "nowhere", "alias_name": "m" } }
        ])),
        index("paintings", "t", FieldType::Keyword),
        Change::DropIndex { collection: "n".to_owned(), field: field("year") },
        Change::CreateVector {
            collection: "paintings".to_owned(),
            name: "more".to_owned(),
            vector: vector(json!({ "dense": { "size": 3, "distance": "Manhattan" } })),
        },
        update("paintings", json!({ "update_vectors": { "points": [{ "id": 4, "vector": { "more": [1, 2, 3] } }] } })),
        update("paintings", json!({ "delete": { "points": [2, 77] } })),
        update("paintings", json!({ "delete": { "filter": { "must": { "key": "year", "match": { "value": 7 } } } } })),
        Change::DropVector { collection: "paintings".to_owned(), name: "rows".to_owned() },
        update("paintings", json!({ "clear_payload": { "points": [1] } })),
        Change::DropCollection { name: "notes".to_owned() },
        create("notes", &paintings),
        update("notes", json!({ "upsert": { "points": [{ "id": 5, "vector": { "": [1, 1] } }] } })),
        update("notes", json!({ "upsert": { "points": [{ "id": 6, "vector": { "": [1, 2] } }], "update_mode": "insert_only" } })),
    ]
}

fn create(name: &str, config: &Value) -> Change {
    let create: CreateCollection = read(config.clone());
    let config = Box::new(create.into_config().expect("the workload's collections are valid"));
    Change::CreateCollection { name: name.to_owned(), config }
}

fn update(collection: &str, operation: Value) -> Change {
    let op = read::<UpdateOperation>(operation).into_op().expect("the workload's changes are well formed");
    Change::Update { collection: collection.to_owned(), op }
}

fn alias(actions: Value) -> Change {
    Change::Aliases(read::<Vec<AliasAction>>(actions))
}

fn index(collection: &str, path: &str, data_type: FieldType) -> Change {
    Change::CreateIndex {
        collection: collection.to_owned(),
        field: field(path),
        schema: FieldSchema::Type(data_type),
    }
}

fn vector(vector: Value) -> NewVector {
    read(vector)
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the workload is written in the wire's words")
}

/// Runs the workload once per store call and seed, with the fault at that call, and checks what is left.
///
/// # Errors
/// The first run that leaves something else than the acknowledged changes, with its call and seed.
pub fn sweep<S: Reopen>(changes: &[Change], fault: Fault, seeds: u64) -> Result<Swept, String> {
    let whole = Arc::new(FaultyStore::new(Arc::default()));
    Run::<S>::new(Arc::clone(&whole)).all(changes)?;
    let mut swept = Swept { calls: whole.calls(), runs: 0 };
    for at in 1..=swept.calls {
        for seed in 0..seeds {
            let image = Arc::new(MemoryStore::new());
            let store = Arc::new(FaultyStore::with_fault(image, at, fault, seed));
            let mut run = Run::<S>::new(store);
            run.retries_first = seed % 2 == 1;
            run.all(changes).map_err(|error| format!("{fault:?} at call {at}, seed {seed}: {error}"))?;
            swept.runs += 1;
        }
    }
    Ok(swept)
}

/// One run of the workload. A store that has crashed is followed by the next process on what survived.
struct Run<S> {
    store: Arc<FaultyStore>,
    subject: Option<S>,
    /// What may be there: more than one state while a change is in flight.
    states: Vec<Reference>,
    openings: u64,
    /// After a failure, tries again before opening again.
    retries_first: bool,
}

/// Failures of one step before the run is given up: one fault causes few.
const ATTEMPTS_MAX: usize = 8;

impl<S: Reopen> Run<S> {
    fn new(store: Arc<FaultyStore>) -> Self {
        Self { store, subject: None, states: vec![Reference::new()], openings: 0, retries_first: false }
    }

    fn all(&mut self, changes: &[Change]) -> Result<(), String> {
        for (step, change) in changes.iter().enumerate() {
            self.step(change).map_err(|error| format!("step {step}, {change:?}: {error}"))?;
        }
        // As the next process finds it.
        self.subject = None;
        self.opened().map_err(|error| format!("at the end: {error}"))?;
        Ok(())
    }

    fn step(&mut self, change: &Change) -> Result<(), String> {
        for attempt in 0..ATTEMPTS_MAX {
            let outcome = self.opened()?.change(change);
            let Err(failure) = outcome else {
                self.states.retain_mut(|state| state.change(change).is_ok());
                return self.narrow("after an accepted change");
            };
            if failure.kind == FailureKind::Broken {
                self.in_flight(change)?;
                let may_retry = self.retries_first && attempt == 0 && !self.store.has_crashed();
                if !may_retry {
                    self.subject = None;
                }
                continue;
            }
            self.states.retain_mut(|state| state.change(change).is_err_and(|own| own.kind == failure.kind));
            return self.narrow(&format!("after the refusal {failure}"));
        }
        Err(format!("{ATTEMPTS_MAX} attempts have failed"))
    }

    /// The change may have been made or not, until the subject is opened again.
    fn in_flight(&mut self, change: &Change) -> Result<(), String> {
        let mut made = self.states.clone();
        // What is refused may have done something on the way, too.
        made.iter_mut().for_each(|state| drop(state.change(change)));
        self.states.extend(made);
        self.states.extend(half_made(change, &self.states));
        self.store.free_space();
        if self.store.has_crashed() {
            return Ok(());
        }
        // Readers go on: they see one of the states, whichever the store holds.
        let contents = match &self.subject {
            Some(subject) => subject.contents().map_err(|failure| failure.to_string())?,
            None => return Ok(()),
        };
        if self.states.iter().any(|state| state.contents().as_ref() == Ok(&contents)) {
            Ok(())
        } else {
            Err(format!("after a failed change readers see something else{}", differences(&contents, &self.states)))
        }
    }

    /// The open subject; opens it, on what survived if the store has crashed, and compares.
    fn opened(&mut self) -> Result<&mut S, String> {
        for _ in 0..ATTEMPTS_MAX {
            if self.subject.is_some() {
                break;
            }
            if self.store.has_crashed() {
                self.store = Arc::new(self.store.reopen());
            }
            self.openings += 1;
            match S::open(Arc::clone(&self.store) as Arc<dyn Store>, self.openings) {
                Ok(subject) => {
                    self.subject = Some(subject);
                    self.narrow("after opening")?;
                }
                Err(failure) if failure.kind == FailureKind::Broken => self.store.free_space(),
                Err(failure) => return Err(format!("cannot be opened: {failure}")),
            }
        }
        self.subject.as_mut().ok_or_else(|| "cannot be opened, again and again".to_owned())
    }

    /// Keeps the states that the subject shows.
    fn narrow(&mut self, when: &str) -> Result<(), String> {
        let Some(subject) = &self.subject else { return Ok(()) };
        let contents = subject.contents().map_err(|failure| format!("{when}: {failure}"))?;
        let before = self.states.clone();
        self.states.retain(|state| state.contents().as_ref() == Ok(&contents));
        if self.states.is_empty() {
            return Err(format!("{when} there is something else{}", differences(&contents, &before)));
        }
        Ok(())
    }
}

/// A vector field leaves in two steps, its vectors first: the one exception from whole or absent. Dropping it again
/// completes it.
fn half_made(change: &Change, states: &[Reference]) -> Vec<Reference> {
    let Change::DropVector { collection, name } = change else { return Vec::new() };
    let op = UpdateOp::DeleteVectors {
        selector: Selector::Filter(Filter::default()),
        names: vec![name.clone()],
    };
    let first = Change::Update { collection: collection.clone(), op };
    let mut half: Vec<Reference> = states.to_vec();
    half.retain_mut(|state| state.change(&first).is_ok());
    half
}

fn differences(found: &Contents, states: &[Reference]) -> String {
    let wanted = states.iter().filter_map(|state| state.contents().ok());
    wanted.map(|wanted| format!("\n{}", found.difference(&wanted))).collect()
}
