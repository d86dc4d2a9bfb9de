//! What happens in a crash test, and its text: a JSON list in the words of the wire, so that a random run that failed
//! can be pasted as a test.

use kindred_model::config::{AliasAction, CreateCollection, FieldSchema, NewVector};
use kindred_model::error::Invalid;
use kindred_model::path::JsonPath;
use kindred_model::update::json::UpdateOperation;
use kindred_storage::Fault;
use serde::Deserialize;

use crate::subject::Change;

/// One thing that happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A change is made.
    Change(Change),
    /// The process ends without a word, and the next one opens the store.
    Reopen,
    /// The store call number `after` from here on goes wrong.
    Fault {
        /// 1 for the next call.
        after: u64,
        /// How.
        fault: Fault,
        /// Decides what the fault leaves to chance.
        seed: u64,
    },
    /// Changes are made while the object number `after` from here on is being built.
    During {
        /// 1 for the next object.
        after: u64,
        /// When exactly.
        moment: Moment,
        /// Those that would wait for what is going on are left out.
        changes: Vec<Change>,
    },
}

/// A moment in the building of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Nothing was read or written yet.
    Before,
    /// Every byte is written, and nobody can see the object yet.
    After,
}

/// One event, under the name of its kind. Whatever it is about comes first.
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
    Seal(String),
    Compact(String),
    Reopen,
    Crash(u64, u64),
    Error(u64),
    LostAnswer(u64),
    Full(u64),
    During(u64, Moment, Vec<Step>),
}

/// Reads a list of events.
///
/// # Errors
/// The place in the text, or the limit that a change does not keep.
pub fn parse(text: &str) -> Result<Vec<Event>, String> {
    let steps: Vec<Step> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    steps.into_iter().map(event).collect()
}

fn event(step: Step) -> Result<Event, String> {
    let strike = |after, fault, seed| Ok(Event::Fault { after, fault, seed });
    match step {
        Step::Reopen => Ok(Event::Reopen),
        Step::Crash(after, seed) => strike(after, Fault::Crash, seed),
        Step::Error(after) => strike(after, Fault::Error, 0),
        Step::LostAnswer(after) => strike(after, Fault::LostAnswer, 0),
        Step::Full(after) => strike(after, Fault::Full, 0),
        Step::During(after, moment, steps) => {
            let changes = steps.into_iter().map(|step| match change(step) {
                Ok(Some(change)) => Ok(change),
                Ok(None) => Err("only changes are made while an object is built".to_owned()),
                Err(invalid) => Err(invalid.to_string()),
            });
            Ok(Event::During {
                after,
                moment,
                changes: changes.collect::<Result<_, _>>()?,
            })
        }
        step @ (Step::Create(..)
        | Step::Drop(_)
        | Step::Aliases(_)
        | Step::Index(..)
        | Step::DropIndex(..)
        | Step::Vector(..)
        | Step::DropVector(..)
        | Step::Update(..)
        | Step::Seal(_)
        | Step::Compact(_)) => match change(step) {
            Ok(Some(change)) => Ok(Event::Change(change)),
            Ok(None) => Err("neither a change nor an event".to_owned()),
            Err(invalid) => Err(invalid.to_string()),
        },
    }
}

/// `None` for what is no change.
fn change(step: Step) -> Result<Option<Change>, Invalid> {
    Ok(Some(match step {
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
        Step::Seal(collection) => Change::Seal { collection },
        Step::Compact(collection) => Change::Compact { collection },
        Step::Reopen
        | Step::Crash(..)
        | Step::Error(..)
        | Step::LostAnswer(..)
        | Step::Full(..)
        | Step::During(..) => return Ok(None),
    }))
}
