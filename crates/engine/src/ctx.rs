//! How long a caller waits. Handed down to every walk, asked between batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kindred_segment::{Cancelled, Stop, Work};

use crate::env::{Clock, SystemClock};
use crate::error::{Error, ErrorKind};

/// A deadline and a switch to give up early. Clones share the switch.
#[derive(Clone)]
pub struct Ctx {
    clock: Arc<dyn Clock>,
    deadline: Option<Duration>,
    timeout: Duration,
    is_cancelled: Arc<AtomicBool>,
}

impl Ctx {
    /// No deadline.
    pub fn unlimited() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()), None)
    }

    /// A deadline `timeout` from now.
    pub fn with_timeout(timeout: Duration) -> Self {
        Self::with_clock(Arc::new(SystemClock::new()), Some(timeout))
    }

    /// A deadline measured by `clock`.
    pub fn with_clock(clock: Arc<dyn Clock>, timeout: Option<Duration>) -> Self {
        let deadline = timeout.map(|timeout| clock.now().saturating_add(timeout));
        Self {
            clock,
            deadline,
            timeout: timeout.unwrap_or_default(),
            is_cancelled: Arc::default(),
        }
    }

    /// Asks whoever works with this context to stop soon.
    pub fn cancel(&self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }

    /// Fails when the caller no longer waits.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.go_on().map_err(|cancelled| self.given_up(cancelled))
    }

    /// Why the work on a segment stopped.
    pub(crate) fn stopped(&self, stop: Stop) -> Error {
        match stop {
            Stop::Cancelled(cancelled) => self.given_up(cancelled),
            Stop::Storage(error) => error.into(),
        }
    }

    fn given_up(&self, Cancelled: Cancelled) -> Error {
        if self.is_cancelled.load(Ordering::Relaxed) {
            return Error::new(ErrorKind::Cancelled, "the request was cancelled");
        }
        let seconds = self.timeout.as_secs();
        Error::new(
            ErrorKind::Timeout,
            format!("Timeout error: Operation 'Search' timed out after {seconds} seconds"),
        )
    }
}

impl Work for Ctx {
    fn go_on(&self) -> Result<(), Cancelled> {
        let is_late = self.deadline.is_some_and(|deadline| self.clock.now() >= deadline);
        if is_late || self.is_cancelled.load(Ordering::Relaxed) {
            Err(Cancelled)
        } else {
            Ok(())
        }
    }
}
