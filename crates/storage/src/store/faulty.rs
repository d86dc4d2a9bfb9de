//! A test double: a store over a memory image that crashes or fails at a chosen call. Crash sweeps run a workload once
//! per call number, reopen on the image that survived, and compare.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{MemoryStore, Object, Store};
use crate::error::Error;

/// What happens at the chosen call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The process dies during the call: this and every later call fails. The seed decides whether a create or delete
    /// was done, for the answer is lost either way. Objects are never half there, for no store writes under the final
    /// name before the bytes are durable.
    Crash,
    /// The call fails once, undone.
    Error,
    /// The call is done, but answers with an error, once.
    LostAnswer,
    /// From this call on every create answers [`Error::Full`], until [`FaultyStore::free_space`]; an urgent create goes
    /// on, as if from the reserve.
    Full,
}

/// A [`MemoryStore`] whose n-th call goes wrong.
#[derive(Debug)]
pub struct FaultyStore {
    image: Arc<MemoryStore>,
    plan: Option<Plan>,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct Plan {
    at: u64,
    fault: Fault,
    seed: u64,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    has_crashed: bool,
    is_full: bool,
}

/// What to do about one call.
enum Strike {
    Pass,
    Undone(Error),
    Done(Error),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Create,
    CreateUrgent,
    Delete,
    Read,
}

impl FaultyStore {
    /// A store without faults, which counts calls.
    pub fn new(image: Arc<MemoryStore>) -> FaultyStore {
        FaultyStore {
            image,
            plan: None,
            state: Mutex::default(),
        }
    }

    /// A store whose call number `at` (from 1; a create of any kind counts as one, a probe as the calls it makes) goes
    /// wrong as `fault` says, the same way for the same `seed`.
    pub fn with_fault(image: Arc<MemoryStore>, at: u64, fault: Fault, seed: u64) -> FaultyStore {
        FaultyStore {
            image,
            plan: Some(Plan { at, fault, seed }),
            state: Mutex::default(),
        }
    }

    /// How many calls were made so far, failed ones included.
    pub fn calls(&self) -> u64 {
        self.state.lock().calls
    }

    /// Whether the crash has happened.
    pub fn has_crashed(&self) -> bool {
        self.state.lock().has_crashed
    }

    /// A store without faults on what is durable now, as the next process finds it.
    pub fn reopen(&self) -> FaultyStore {
        FaultyStore::new(Arc::clone(&self.image))
    }

    /// Ends [`Fault::Full`]: creates work again.
    pub fn free_space(&self) {
        self.state.lock().is_full = false;
    }

    fn strike(&self, call: Call, name: &str) -> Strike {
        let mut state = self.state.lock();
        state.calls += 1;
        if state.has_crashed {
            return Strike::Undone(failure(name, "the process has crashed"));
        }
        if let Some(plan) = self.plan.filter(|plan| plan.at == state.calls) {
            match plan.fault {
                Fault::Crash => {
                    state.has_crashed = true;
                    let error = failure(name, "crash during the call");
                    let is_done = mix(plan.seed ^ mix(plan.at)) & 1 == 1;
                    return if is_done {
                        Strike::Done(error)
                    } else {
                        Strike::Undone(error)
                    };
                }
                Fault::Error => return Strike::Undone(failure(name, "injected error")),
                Fault::LostAnswer => return Strike::Done(failure(name, "injected loss of the answer")),
                Fault::Full => state.is_full = true,
            }
        }
        if state.is_full && call == Call::Create {
            return Strike::Undone(Error::io(name, io::ErrorKind::StorageFull.into()));
        }
        Strike::Pass
    }

    fn run<T>(&self, call: Call, name: &str, act: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
        match self.strike(call, name) {
            Strike::Pass => act(),
            Strike::Undone(error) => Err(error),
            Strike::Done(error) => {
                // A call that is refused anyway (a lost create) is refused, whatever happens to its answer.
                act().ok();
                Err(error)
            }
        }
    }
}

impl Store for FaultyStore {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.run(Call::Create, name, || self.image.create(name, bytes))
    }

    fn create_urgent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.run(Call::CreateUrgent, name, || self.image.create_urgent(name, bytes))
    }

    fn create_with(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn io::Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.run(Call::Create, name, || self.image.create_with(name, write))
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.run(Call::Read, name, || self.image.get(name, range))
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.run(Call::Read, prefix, || self.image.list(prefix))
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        self.run(Call::Delete, name, || self.image.delete(name))
    }
}

fn failure(name: &str, why: &'static str) -> Error {
    Error::io(name, io::Error::other(why))
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): spreads neighbouring seeds over all bits.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
