//! The crash sweep: one workload, a fault at the n-th store call for every n, and the check that everything
//! acknowledged is there, the change in flight whole or absent, and nothing else.

use std::sync::Arc;

use kindred_model::filter::Filter;
use kindred_model::update::{Selector, UpdateOp};
use kindred_storage::{Fault, FaultyStore, MemoryStore, Store};

use crate::reference::Reference;
use crate::subject::{Change, Contents, Failure, FailureKind, Subject};

mod workload;

pub use workload::workload;

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

/// Runs the workload once per store call and seed, with the fault at that call, and checks what is left.
///
/// # Errors
/// The first run that leaves something else than the acknowledged changes, with its call and seed.
pub fn sweep<S: Reopen>(changes: &[Change], fault: Fault, seeds: u64) -> Result<Swept, String> {
    let whole = Arc::new(FaultyStore::new(Arc::default()));
    Run::<S>::new(Arc::clone(&whole)).all(changes)?;
    let mut swept = Swept {
        calls: whole.calls(),
        runs: 0,
    };
    for at in 1..=swept.calls {
        for seed in 0..seeds {
            let image = Arc::new(MemoryStore::new());
            let store = Arc::new(FaultyStore::with_fault(image, at, fault, seed));
            let mut run = Run::<S>::new(store);
            run.retries_first = seed % 2 == 1;
            run.all(changes)
                .map_err(|error| format!("{fault:?} at call {at}, seed {seed}: {error}"))?;
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
        Self {
            store,
            subject: None,
            states: vec![Reference::new()],
            openings: 0,
            retries_first: false,
        }
    }

    fn all(&mut self, changes: &[Change]) -> Result<(), String> {
        for (step, change) in changes.iter().enumerate() {
            self.step(change)
                .map_err(|error| format!("step {step}, {change:?}: {error}"))?;
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
            self.states
                .retain_mut(|state| state.change(change).is_err_and(|own| own.kind == failure.kind));
            return self.narrow(&format!("after the refusal {failure}"));
        }
        Err(format!("{ATTEMPTS_MAX} attempts have failed"))
    }

    /// The change may have been made or not, until the subject is opened again. Readers go on: as long as they do not
    /// see the change, the store may hold it or not; what they have seen must stay.
    fn in_flight(&mut self, change: &Change) -> Result<(), String> {
        let mut made = self.states.clone();
        // What is refused may have done something on the way, too.
        made.iter_mut().for_each(|state| drop(state.change(change)));
        self.states.extend(half_made(change, &self.states));
        let unseen = self.states.clone();
        self.states.extend(made);
        self.store.free_space();
        let Some(subject) = self.subject.as_ref().filter(|_| !self.store.has_crashed()) else {
            return Ok(());
        };
        let contents = subject.contents().map_err(|failure| failure.to_string())?;
        if unseen
            .iter()
            .any(|state| state.contents().as_ref() == Ok(&contents))
        {
            return Ok(());
        }
        self.narrow("after a failed change")
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
        self.subject
            .as_mut()
            .ok_or_else(|| "cannot be opened, again and again".to_owned())
    }

    /// Keeps the states that the subject shows.
    fn narrow(&mut self, when: &str) -> Result<(), String> {
        let Some(subject) = &self.subject else {
            return Ok(());
        };
        let contents = subject
            .contents()
            .map_err(|failure| format!("{when}: {failure}"))?;
        let before = self.states.clone();
        self.states
            .retain(|state| state.contents().as_ref() == Ok(&contents));
        if self.states.is_empty() {
            return Err(format!(
                "{when} there is something else{}",
                differences(&contents, &before)
            ));
        }
        Ok(())
    }
}

/// A vector field leaves in two steps, its vectors first: the one exception from whole or absent. Dropping it again
/// completes it.
fn half_made(change: &Change, states: &[Reference]) -> Vec<Reference> {
    let Change::DropVector { collection, name } = change else {
        return Vec::new();
    };
    let op = UpdateOp::DeleteVectors {
        selector: Selector::Filter(Filter::default()),
        names: vec![name.clone()],
    };
    let first = Change::Update {
        collection: collection.clone(),
        op,
    };
    let mut half: Vec<Reference> = states.to_vec();
    half.retain_mut(|state| state.change(&first).is_ok());
    half
}

fn differences(found: &Contents, states: &[Reference]) -> String {
    let wanted = states.iter().filter_map(|state| state.contents().ok());
    wanted
        .map(|wanted| format!("\n{}", found.difference(&wanted)))
        .collect()
}
