//! How much of the log is not sealed yet. The writer counts, whoever decides about sealing looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::choose::Unsealed;
use crate::env::Clock;

/// Nothing is unsealed.
const NEVER: u64 = u64::MAX;

/// Counters of the log behind the last checkpoint.
pub(crate) struct Backlog {
    clock: Arc<dyn Clock>,
    bytes: AtomicU64,
    /// When the oldest change came, in microseconds of the clock.
    since: AtomicU64,
    /// The manifest's position.
    position: AtomicU64,
}

/// A moment of the log.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    bytes: u64,
    at: u64,
}

impl Backlog {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            bytes: AtomicU64::new(0),
            since: AtomicU64::new(NEVER),
            position: AtomicU64::new(0),
        }
    }

    /// Everything up to here is in sealed segments, and what had left there by then would not be written anew.
    pub(crate) fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// There is a manifest of this position.
    pub(crate) fn reach(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    /// A batch of so many bytes was written.
    pub(crate) fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.since.load(Ordering::Relaxed) == NEVER {
            self.since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// The present moment.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.load(Ordering::Relaxed),
            at: self.now(),
        }
    }

    /// Everything before the mark is sealed.
    pub(crate) fn settle(&self, mark: Mark) {
        let before = self.bytes.fetch_sub(mark.bytes, Ordering::Relaxed);
        let is_empty = before == mark.bytes;
        self.since
            .store(if is_empty { NEVER } else { mark.at }, Ordering::Relaxed);
    }

    /// What is not sealed yet.
    pub(crate) fn unsealed(&self) -> Unsealed {
        let since = self.since.load(Ordering::Relaxed);
        let age = Duration::from_micros(self.now().saturating_sub(since));
        Unsealed {
            bytes: self.bytes.load(Ordering::Relaxed),
            age: (since != NEVER).then_some(age),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().as_micros()).unwrap_or(NEVER - 1)
    }
}
