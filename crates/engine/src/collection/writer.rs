//! The only writer of a collection: makes a batch durable, applies it, publishes the next view, in that order.
//! A failed write or a panic on the way poisons it: reads go on, writes are refused until the collection is
//! opened again, because what the store holds is in doubt.

use std::sync::Arc;

use arc_swap::ArcSwap;
use kindred_model::update::UpdateOp;
use kindred_storage::{Journal, MAX_BATCH_BYTES};
use parking_lot::Mutex;

use super::apply::Applier;
use super::condition;
use super::record;
use super::view::{Settings, View};
use crate::error::{Error, ErrorKind};

/// Encoded bytes after which a batch is committed; one larger change makes a batch of its own.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 4;

/// A queued change and, later, what became of it.
pub(super) struct Ticket {
    op: Mutex<Option<UpdateOp>>,
    outcome: Mutex<Option<Result<u64, Error>>>,
}

impl Ticket {
    pub(super) fn new(op: UpdateOp) -> Self {
        Self {
            op: Mutex::new(Some(op)),
            outcome: Mutex::default(),
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.op.lock().is_none()
    }

    /// The position of the change. Only after [`Ticket::is_done`].
    pub(super) fn outcome(&self) -> Result<u64, Error> {
        let outcome = self.outcome.lock().take();
        outcome.unwrap_or_else(|| Err(stopped()))
    }

    fn settle(&self, outcome: Result<u64, Error>) {
        *self.outcome.lock() = Some(outcome);
    }
}

/// A change that is ready to be logged.
struct Ready<'a> {
    ticket: &'a Ticket,
    op: UpdateOp,
    record: Vec<u8>,
}

pub(super) struct Writer {
    journal: Journal,
    applier: Applier,
    view: Arc<ArcSwap<View>>,
    is_poisoned: bool,
}

impl Writer {
    pub(super) fn new(journal: Journal, applier: Applier, view: Arc<ArcSwap<View>>) -> Self {
        Self {
            journal,
            applier,
            view,
            is_poisoned: false,
        }
    }

    /// Commits queued changes in order, in as few batches as their dependencies allow.
    pub(super) fn commit(&mut self, queue: &[Arc<Ticket>]) {
        let mut batch: Vec<Ready<'_>> = Vec::new();
        let mut bytes = 0;
        for ticket in queue {
            let Some(op) = ticket.op.lock().take() else {
                continue;
            };
            // What depends on the points must see every change before it.
            if condition::is_conditional(&op) || bytes > BATCH_BYTES {
                self.flush(std::mem::take(&mut batch));
                bytes = 0;
            }
            match self.prepare(ticket, op) {
                Ok(ready) => {
                    bytes += ready.record.len();
                    batch.push(ready);
                }
                Err(error) => ticket.settle(Err(error)),
            }
        }
        self.flush(batch);
    }

    /// Refuses every write from now on.
    pub(super) fn close(&mut self) {
        self.is_poisoned = true;
    }

    /// New settings from now on.
    pub(super) fn reconfigure(&mut self, settings: Settings) {
        let before = self.view.load_full();
        let schema = settings.schema();
        if schema != before.settings.schema() {
            self.applier.set_schema(schema);
        }
        self.publish(Arc::new(settings));
    }

    fn prepare<'a>(&self, ticket: &'a Ticket, op: UpdateOp) -> Result<Ready<'a>, Error> {
        let op = if condition::is_conditional(&op) {
            condition::settle(&self.view.load(), op)?
        } else {
            op
        };
        let record = record::encode(&op)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a change still depends on a condition"))?;
        Ok(Ready { ticket, op, record })
    }

    /// Log, then apply, then publish. Readers see all of the batch at once.
    fn flush(&mut self, batch: Vec<Ready<'_>>) {
        if batch.is_empty() {
            return;
        }
        if self.is_poisoned {
            return batch.iter().for_each(|ready| ready.ticket.settle(Err(stopped())));
        }
        // Unless the end is reached, by error or by panic, the writer stays poisoned.
        self.is_poisoned = true;
        let records: Vec<&[u8]> = batch.iter().map(|ready| ready.record.as_slice()).collect();
        let first = match self.journal.append(&records) {
            Ok(first) => first,
            Err(error) => {
                self.is_poisoned = self.journal.poison().is_some();
                return batch
                    .iter()
                    .for_each(|ready| ready.ticket.settle(Err(Error::from(error.clone()))));
            }
        };
        let mut done = Vec::with_capacity(batch.len());
        for (lsn, ready) in (first.0..).zip(batch) {
            self.applier.apply(lsn, ready.op);
            done.push((ready.ticket, lsn));
        }
        self.publish(Arc::clone(&self.view.load().settings));
        self.is_poisoned = false;
        done.into_iter().for_each(|(ticket, lsn)| ticket.settle(Ok(lsn)));
    }

    fn publish(&mut self, settings: Arc<Settings>) {
        let segments = self.applier.publish();
        self.view.store(Arc::new(View {
            lsn: self.applier.lsn(),
            settings,
            segments,
        }));
    }
}

fn stopped() -> Error {
    Error::new(
        ErrorKind::Busy,
        "writes to this collection have stopped after a failure: open it again",
    )
}
