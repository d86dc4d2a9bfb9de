//! The crash tests: one workload with a fault at the n-th store call for every n, the same with changes that come
//! while a segment is being built, and random workloads with random faults. After each, everything acknowledged is
//! there, the change in flight whole or absent, nothing else, and no object is left behind.

use std::sync::Arc;

use kindred_storage::{Fault, Store};

use crate::subject::{Change, Failure, Subject};

mod event;
mod store;
mod workload;
mod leaks;
mod run;
mod soak;

pub use event::{Event, Moment, parse};
pub use leaks::left_behind;
pub use run::Run;
pub use soak::{Scenario, scenario, soak};
pub use store::ScriptedStore;
pub use workload::{intruders, workload};

/// Makes changes on an open subject while it is making another one.
pub type Handle = Box<dyn Fn(&Change) -> Result<(), Failure> + Send>;

/// A subject that other threads may change, too.
pub trait Shared: Subject {
    /// Makes changes for as long as the subject is open. `None`: it takes one change at a time.
    fn handle(&self) -> Option<Handle>;

    /// The objects of its store that nothing needs, after it was opened and left alone.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn left_behind(store: &dyn Store) -> Result<Vec<String>, String> {
        left_behind(store)
    }
}

/// Opens what a store holds; the number differs for every opening.
pub type Open<'a, S> = &'a dyn Fn(Arc<dyn Store>, u64) -> Result<S, Failure>;

/// What a sweep has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// The points at which it has struck: store calls, or objects being built, of the workload without faults.
    pub points: u64,
    /// Workloads that were run.
    pub runs: u64,
}

/// Runs the workload once per store call and seed, with the fault at that call, and checks what is left.
///
/// # Errors
/// The first run that leaves something else than the acknowledged changes, with its call and seed.
pub fn sweep<S: Shared>(
    open: Open<'_, S>,
    changes: &[Change],
    fault: Fault,
    seeds: u64,
) -> Result<Swept, String> {
    let changes: Vec<Event> = changes.iter().cloned().map(Event::Change).collect();
    let mut whole = Run::new(open, 0);
    whole.all(&changes)?;
    let points = whole.calls();
    whole.end()?;
    let mut swept = Swept { points, runs: 0 };
    for after in 1..=points {
        for seed in 0..seeds {
            let strike = Event::Fault { after, fault, seed };
            let mut run = Run::new(open, seed);
            run.event(&strike)
                .and_then(|()| run.all(&changes))
                .and_then(|()| run.end())
                .map_err(|error| format!("{fault:?} at call {after}, seed {seed}: {error}"))?;
            swept.runs += 1;
        }
    }
    Ok(swept)
}

/// Runs the workload once per object that it builds, with each list of changes made from within, before its first
/// byte and after its last, and checks what is left. The subject must leave sealing to the workload: changes that
/// come while it waits for an object must not wait for another.
///
/// # Errors
/// The first run that leaves something else, with the number of the object.
pub fn interleave<S: Shared>(
    open: Open<'_, S>,
    changes: &[Change],
    intruders: &[Vec<Change>],
) -> Result<Swept, String> {
    let changes: Vec<Event> = changes.iter().cloned().map(Event::Change).collect();
    let mut whole = Run::new(open, 0);
    whole.all(&changes)?;
    let points = whole.builds();
    whole.end()?;
    let mut swept = Swept { points, runs: 0 };
    for after in 1..=points {
        for (number, list) in intruders.iter().enumerate() {
            for moment in [Moment::Before, Moment::After] {
                let during = Event::During {
                    after,
                    moment,
                    changes: list.clone(),
                };
                let mut run = Run::new(open, after);
                run.event(&during)
                    .and_then(|()| run.all(&changes))
                    .and_then(|()| run.end())
                    .map_err(|error| format!("list {number} {moment:?} object {after}: {error}"))?;
                if run.interruptions() != 1 {
                    return Err(format!("object {after} was not built any more"));
                }
                swept.runs += 1;
            }
        }
    }
    Ok(swept)
}
