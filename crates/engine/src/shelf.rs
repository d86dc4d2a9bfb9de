//! Where a database keeps its snapshots, and how many are worked on at once.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kindred_model::limits::SNAPSHOT_WORKS_MAX;
use kindred_storage::Snapshots;

use crate::error::{Error, ErrorKind};

/// The folder of snapshots.
pub(crate) struct Shelf {
    pub(crate) files: Arc<Snapshots>,
    working: Arc<AtomicUsize>,
}

/// The right to work on one snapshot; ends when dropped.
pub(crate) struct Turn(Arc<AtomicUsize>);

impl Shelf {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            files: Arc::new(Snapshots::open(folder)),
            working: Arc::default(),
        }
    }

    /// # Errors
    /// `Busy` when as many as may be are worked on.
    pub(crate) fn begin(&self) -> Result<Turn, Error> {
        let turn = Turn(Arc::clone(&self.working));
        if self.working.fetch_add(1, Ordering::Relaxed) < SNAPSHOT_WORKS_MAX {
            return Ok(turn);
        }
        let text = format!("{SNAPSHOT_WORKS_MAX} snapshots are being made or restored, please retry");
        Err(Error::new(ErrorKind::Busy, text))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
