//! One run of events on a subject, with everything that its contents may be after each. A store that has crashed is
//! followed by the next process on what survived.

use std::sync::{Arc, Mutex, PoisonError};

use kindred_model::update::{Selector, UpdateOp};
use kindred_storage::{Fault, MemoryStore, Store};

use super::event::{Event, Moment};
use super::store::ScriptedStore;
use super::{Open, Shared};
use crate::reference::Reference;
use crate::subject::{Change, Contents, Failure, FailureKind, Subject};

/// Failures of one step before the run is given up: one fault causes few.
const ATTEMPTS_MAX: usize = 8;

/// Changes that were made from within another one, with what became of each.
type Meanwhile = Arc<Mutex<Vec<(Change, Result<(), Failure>)>>>;

/// A subject under events.
pub struct Run<'a, S> {
    open: Open<'a, S>,
    image: Arc<MemoryStore>,
    store: Arc<ScriptedStore>,
    subject: Option<S>,
    /// What may be there: more than one state while a change is in flight.
    states: Vec<Reference>,
    openings: u64,
    manner: Manner,
    /// Whether something else than a shortage of space may have gone wrong.
    has_faults: bool,
    during: Option<(u64, Moment, Vec<Change>)>,
    interruptions: u64,
}

/// What the user does after a failure.
#[derive(Clone, Copy)]
struct Manner {
    /// Tries again before opening again.
    retries_first: bool,
    /// Goes on with a full store for a while.
    bears_shortage: bool,
}

impl<'a, S: Shared> Run<'a, S> {
    /// An empty store, not opened yet. `seed` decides what is done after a failure.
    pub fn new(open: Open<'a, S>, seed: u64) -> Self {
        let image = Arc::new(MemoryStore::new());
        Self {
            open,
            store: Arc::new(ScriptedStore::new(Arc::clone(&image))),
            image,
            subject: None,
            states: vec![Reference::new()],
            openings: 0,
            manner: Manner {
                retries_first: seed % 2 == 1,
                bears_shortage: seed / 2 % 2 == 1,
            },
            has_faults: false,
            during: None,
            interruptions: 0,
        }
    }

    /// Store calls so far; only without crashes.
    pub fn calls(&self) -> u64 {
        self.store.calls()
    }

    /// Objects so far that were written piece by piece; only without crashes.
    pub fn builds(&self) -> u64 {
        self.store.builds()
    }

    /// How often changes were made from within another one.
    pub fn interruptions(&self) -> u64 {
        self.interruptions
    }

    /// Lets everything happen, in order.
    ///
    /// # Errors
    /// What is there that must not be, with the step.
    pub fn all(&mut self, events: &[Event]) -> Result<(), String> {
        for (step, event) in events.iter().enumerate() {
            self.event(event)
                .map_err(|error| format!("step {step}, {event:?}: {error}"))?;
        }
        Ok(())
    }

    /// Lets one thing happen.
    ///
    /// # Errors
    /// What is there that must not be.
    pub fn event(&mut self, event: &Event) -> Result<(), String> {
        match event {
            Event::Change(change) => self.step(change),
            Event::Reopen => {
                self.subject = None;
                self.opened().map(drop)
            }
            Event::Fault { after, fault, seed } => {
                self.has_faults |= *fault != Fault::Full;
                self.store.set_fault(*after, *fault, *seed);
                Ok(())
            }
            Event::During {
                after,
                moment,
                changes,
            } => {
                self.during = Some((*after, *moment, changes.clone()));
                Ok(())
            }
        }
    }

    /// Opens as the next process does, twice, and looks for what is left behind.
    ///
    /// # Errors
    /// What is there that must not be.
    pub fn end(&mut self) -> Result<(), String> {
        let at_the_end = |error| format!("at the end: {error}");
        self.subject = None;
        self.opened().map_err(at_the_end)?;
        self.subject = None;
        self.store = Arc::new(ScriptedStore::new(Arc::clone(&self.image)));
        self.opened().map_err(at_the_end)?;
        self.subject = None;
        let left = S::left_behind(&*self.image).map_err(at_the_end)?;
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("at the end of all there is still {left:#?}"))
        }
    }

    fn step(&mut self, change: &Change) -> Result<(), String> {
        let mut had_no_room = false;
        for attempt in 0..ATTEMPTS_MAX {
            let outcome = self.change(change)?;
            let Err(failure) = outcome else {
                self.states.retain_mut(|state| state.change(change).is_ok());
                return self.narrow("after an accepted change");
            };
            match failure.kind {
                FailureKind::Full => {
                    if change.makes_room() {
                        return Err(format!(
                            "refused for want of room, though it makes room: {failure}"
                        ));
                    }
                    if had_no_room {
                        return Err(format!(
                            "refused for want of room, though there is room: {failure}"
                        ));
                    }
                    self.narrow(&format!("after {failure}"))?;
                    self.bear_shortage()?;
                    had_no_room = true;
                }
                FailureKind::Broken => {
                    if !self.has_faults {
                        return Err(format!("nothing but room was missing: {failure}"));
                    }
                    self.in_flight(change)?;
                    let may_retry = self.manner.retries_first && attempt == 0 && !self.store.has_crashed();
                    if !may_retry {
                        self.subject = None;
                    }
                }
                FailureKind::InvalidValues
                | FailureKind::InvalidInput
                | FailureKind::InvalidRequest
                | FailureKind::NotFound
                | FailureKind::AlreadyExists => {
                    self.states
                        .retain_mut(|state| state.change(change).is_err_and(|own| own.kind == failure.kind));
                    return self.narrow(&format!("after the refusal {failure}"));
                }
            }
        }
        Err(format!("{ATTEMPTS_MAX} attempts have failed"))
    }

    /// Makes the change, and those that come meanwhile.
    fn change(&mut self, change: &Change) -> Result<Result<(), Failure>, String> {
        self.opened()?;
        let meanwhile = Meanwhile::default();
        self.arrange(change, &meanwhile);
        let Some(subject) = &mut self.subject else {
            return Err("it was opened".to_owned());
        };
        let outcome = subject.change(change);
        if let Some((after, ..)) = &mut self.during {
            match self.store.take_interruption() {
                Some(left) => *after = left,
                None => {
                    self.during = None;
                    self.interruptions += 1;
                }
            }
        }
        let made = std::mem::take(&mut *meanwhile.lock().unwrap_or_else(PoisonError::into_inner));
        for (change, outcome) in made {
            self.follow(&change, &outcome)
                .map_err(|error| format!("meanwhile {change:?}: {error}"))?;
        }
        Ok(outcome)
    }

    /// Tells the store what to do while it writes an object.
    fn arrange(&self, outer: &Change, meanwhile: &Meanwhile) {
        let Some((after, moment, changes)) = &self.during else {
            return;
        };
        let Some(handle) = self.subject.as_ref().and_then(Shared::handle) else {
            return;
        };
        let changes: Vec<Change> = changes
            .iter()
            .filter(|change| goes_beside(change, outer))
            .cloned()
            .collect();
        let meanwhile = Arc::clone(meanwhile);
        let act = move || {
            for change in changes {
                let outcome = handle(&change);
                let mut made = meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
                made.push((change, outcome));
            }
        };
        self.store.interrupt(*after, *moment, Box::new(act));
    }

    /// Takes over what became of a change that nobody tries again.
    fn follow(&mut self, change: &Change, outcome: &Result<(), Failure>) -> Result<(), String> {
        match outcome {
            Ok(()) => self.states.retain_mut(|state| state.change(change).is_ok()),
            Err(failure) if failure.kind == FailureKind::Full => {}
            Err(failure) if failure.kind == FailureKind::Broken => {
                if !self.has_faults {
                    return Err(format!("nothing but room was missing: {failure}"));
                }
                let mut made = self.states.clone();
                made.iter_mut().for_each(|state| drop(state.change(change)));
                self.states.extend(made);
            }
            Err(failure) => self
                .states
                .retain_mut(|state| state.change(change).is_err_and(|own| own.kind == failure.kind)),
        }
        if self.states.is_empty() {
            return Err(format!("the outcome {outcome:?} is not possible"));
        }
        Ok(())
    }

    /// The store is full. What makes room is taken nevertheless, and the store can be opened; then there is room again.
    fn bear_shortage(&mut self) -> Result<(), String> {
        if self.manner.bears_shortage {
            if !self.manner.retries_first {
                self.subject = None;
            }
            for change in self.relief() {
                let outcome = self.change(&change)?;
                if let Err(failure) = &outcome {
                    return Err(format!("{change:?} on a full store: {failure}"));
                }
                self.follow(&change, &outcome)?;
                self.narrow("after making room")?;
            }
        }
        self.store.free_space();
        if self.manner.bears_shortage && !self.manner.retries_first {
            self.subject = None;
        }
        Ok(())
    }

    /// Changes that make room: a point goes, and the last of several collections.
    fn relief(&self) -> Vec<Change> {
        let contents = self.states.first().and_then(|state| state.contents().ok());
        let collections = contents.unwrap_or_default().collections;
        let points = collections
            .iter()
            .filter_map(|(name, own)| Some((name, own.points.first()?.id)));
        let mut relief: Vec<Change> = points
            .map(|(name, id)| Change::Update {
                collection: name.clone(),
                op: UpdateOp::Delete(Selector::Ids(vec![id])),
            })
            .collect();
        if let Some((name, _)) = collections.last_key_value().filter(|_| collections.len() > 1) {
            relief.push(Change::DropCollection { name: name.clone() });
        }
        relief
    }

    /// The change may have been made or not, until the subject is opened again. Readers go on: as long as they do not
    /// see the change, the store may hold it or not; what they have seen must stay.
    fn in_flight(&mut self, change: &Change) -> Result<(), String> {
        let mut made = self.states.clone();
        // What is refused may have done something on the way, too.
        made.iter_mut().for_each(|state| drop(state.change(change)));
        let unseen = self.states.clone();
        self.states.extend(made);
        self.store.free_space();
        let Some(subject) = self.subject.as_ref().filter(|_| !self.store.has_crashed()) else {
            return Ok(());
        };
        // What cannot be read now is seen by the next opening.
        let Ok(contents) = subject.contents() else {
            return Ok(());
        };
        if unseen
            .iter()
            .any(|state| state.contents().as_ref() == Ok(&contents))
        {
            return Ok(());
        }
        self.narrow("after a failed change")
    }

    /// Opens the subject, on what survived if the store has crashed, and compares; unless it is open.
    fn opened(&mut self) -> Result<(), String> {
        for _ in 0..ATTEMPTS_MAX {
            if self.subject.is_some() {
                return Ok(());
            }
            if self.store.has_crashed() {
                self.store = Arc::new(ScriptedStore::new(Arc::clone(&self.image)));
            }
            self.openings += 1;
            match (self.open)(Arc::clone(&self.store) as Arc<dyn Store>, self.openings) {
                Ok(subject) => {
                    self.subject = Some(subject);
                    self.narrow("after opening")?;
                }
                // An empty store needs room to become one; every other can be opened without.
                Err(failure) if failure.kind == FailureKind::Full && self.is_new() => self.store.free_space(),
                Err(failure) if failure.kind == FailureKind::Broken && self.has_faults => {
                    self.store.free_space();
                }
                Err(failure) => return Err(format!("cannot be opened: {failure}")),
            }
        }
        Err("cannot be opened, again and again".to_owned())
    }

    fn is_new(&self) -> bool {
        self.states == [Reference::new()]
    }

    /// Keeps the states that the subject shows.
    fn narrow(&mut self, when: &str) -> Result<(), String> {
        let Some(subject) = self.subject.as_ref().filter(|_| !self.store.has_crashed()) else {
            return Ok(());
        };
        let contents = match subject.contents() {
            Ok(contents) => contents,
            // Reading may be what goes wrong: the next look tells.
            Err(failure) if failure.kind == FailureKind::Broken && self.has_faults => return Ok(()),
            Err(failure) => return Err(format!("{when}: {failure}")),
        };
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

/// Whether `inner` can be made while `outer` waits for an object: it must not wait for what `outer` holds.
fn goes_beside(inner: &Change, outer: &Change) -> bool {
    let is_job = matches!(outer, Change::Seal { .. } | Change::Compact { .. });
    match inner {
        Change::Update { .. } => true,
        Change::Seal { .. } => matches!(outer, Change::Compact { .. }),
        Change::Compact { .. } => matches!(outer, Change::Seal { .. }),
        Change::Aliases(_)
        | Change::CreateIndex { .. }
        | Change::DropIndex { .. }
        | Change::DropVector { .. } => is_job,
        Change::CreateCollection { .. } => is_job,
        // They wait for the end of the job.
        Change::DropCollection { .. } | Change::CreateVector { .. } => false,
    }
}

fn differences(found: &Contents, states: &[Reference]) -> String {
    let wanted = states.iter().filter_map(|state| state.contents().ok());
    wanted
        .map(|wanted| format!("\n{}", found.difference(&wanted)))
        .collect()
}
