//! Why a walk over a segment ends before its end.

use kindred_index::Cancelled;

/// The walk gave nothing: nobody waits for it, or what it had to read cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Stop {
    /// The caller gave up, or its time is over.
    #[error("cancelled")]
    Cancelled(Cancelled),
    /// A stored object failed or is damaged.
    #[error(transparent)]
    Storage(#[from] kindred_storage::Error),
}

impl From<Cancelled> for Stop {
    fn from(cancelled: Cancelled) -> Self {
        Self::Cancelled(cancelled)
    }
}
