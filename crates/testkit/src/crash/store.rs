//! A store of one process of a crash test: faults can be set from any moment on, and changes can be made from within
//! the writing of an object.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kindred_storage::{Error, Fault, FaultyStore, MemoryStore, Object, Store};

use super::event::Moment;

/// What is done from within the writing of an object.
pub(super) type Act = Box<dyn FnOnce() + Send>;

/// A memory image with faults and interruptions. After a crash every call fails for ever: what survives is the image.
pub struct ScriptedStore {
    image: Arc<MemoryStore>,
    state: Mutex<State>,
}

struct State {
    faulty: Arc<FaultyStore>,
    /// Calls before the present fault was set.
    calls_before: u64,
    builds: u64,
    interruption: Option<Interruption>,
}

struct Interruption {
    /// Objects until it comes, 1 for the next.
    left: u64,
    moment: Moment,
    act: Act,
}

impl ScriptedStore {
    /// A store without faults over what is durable.
    pub fn new(image: Arc<MemoryStore>) -> Self {
        let state = State {
            faulty: Arc::new(FaultyStore::new(Arc::clone(&image))),
            calls_before: 0,
            builds: 0,
            interruption: None,
        };
        Self {
            image,
            state: Mutex::new(state),
        }
    }

    /// The call number `after` from now on, 1 for the next, goes wrong. Takes the place of a fault that was set before;
    /// nothing happens after a crash.
    pub fn set_fault(&self, after: u64, fault: Fault, seed: u64) {
        let mut state = self.state();
        if !state.faulty.has_crashed() {
            state.calls_before += state.faulty.calls();
            let image = Arc::clone(&self.image);
            state.faulty = Arc::new(FaultyStore::with_fault(image, after, fault, seed));
        }
    }

    /// Does `act` while the object number `after` from now on is being written.
    pub(super) fn interrupt(&self, after: u64, moment: Moment, act: Act) {
        self.state().interruption = Some(Interruption {
            left: after,
            moment,
            act,
        });
    }

    /// Takes an interruption back that has not come: the objects that were left until it would have.
    pub fn take_interruption(&self) -> Option<u64> {
        Some(self.state().interruption.take()?.left)
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        let state = self.state();
        state.calls_before + state.faulty.calls()
    }

    /// Objects so far that were written piece by piece.
    pub fn builds(&self) -> u64 {
        self.state().builds
    }

    /// Whether the process has ended.
    pub fn has_crashed(&self) -> bool {
        self.faulty().has_crashed()
    }

    /// Ends a shortage of space.
    pub fn free_space(&self) {
        self.faulty().free_space();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never called with the state locked for longer: an interruption makes calls of its own.
    fn faulty(&self) -> Arc<FaultyStore> {
        Arc::clone(&self.state().faulty)
    }

    fn next_interruption(&self) -> Option<Interruption> {
        let mut state = self.state();
        state.builds += 1;
        let waiting = state.interruption.as_mut()?;
        waiting.left -= 1;
        if waiting.left == 0 {
            state.interruption.take()
        } else {
            None
        }
    }
}

impl Store for ScriptedStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.faulty().create(name, bytes)
    }

    fn create_urgent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.faulty().create_urgent(name, bytes)
    }

    fn create_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn io::Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut interruption = self.next_interruption();
        let mut act = |now: Moment| {
            if let Some(due) = interruption.take_if(|due| due.moment == now) {
                (due.act)();
            }
        };
        self.faulty().create_with(name, &mut |out| {
            act(Moment::Before);
            write(out)?;
            act(Moment::After);
            Ok(())
        })
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.faulty().get(name, range)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.faulty().list(prefix)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.faulty().delete(name)
    }
}
