//! What a long walk asks now and then: whether anyone still waits for it.

/// The caller gave up, or its time is over; what was found so far is thrown away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

/// Asked between batches of work.
pub trait Work {
    /// Returns `Err` when the work should stop.
    ///
    /// # Errors
    /// [`Cancelled`] when nobody waits any more.
    fn go_on(&self) -> Result<(), Cancelled>;
}

/// Work that nobody interrupts.
impl Work for () {
    fn go_on(&self) -> Result<(), Cancelled> {
        Ok(())
    }
}
