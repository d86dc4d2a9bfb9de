//! The only writer of a collection: makes a batch durable, applies it, publishes the next view, in that order; and
//! exchanges segments between two batches. A failed write or a panic on the way stops it: reads go on, writes are
//! refused until the collection is opened again, because what the store holds is in doubt.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use kindred_model::update::UpdateOp;
use kindred_segment::Segment;
use kindred_storage::{Error as StorageError, Garbage, Journal, Lsn, MAX_BATCH_BYTES};
use parking_lot::Mutex;

use super::apply::{Applier, narrowed};
use super::backlog::{Backlog, Mark};
use super::body::{self, Kept};
use super::capture::Capture;
use super::check;
use super::condition;
use super::record;
use super::view::{Settings, View};
use crate::error::{Error, ErrorKind};

/// Encoded bytes after which a batch is committed; one larger change makes a batch of its own.
const BATCH_BYTES: usize = MAX_BATCH_BYTES / 4;

/// A queued change and, later, what became of it.
pub(super) struct Ticket {
    /// Those that the change was checked against.
    settings: Arc<Settings>,
    op: Mutex<Option<UpdateOp>>,
    outcome: Mutex<Option<Result<u64, Error>>>,
}

impl Ticket {
    pub(super) fn new(op: UpdateOp, settings: Arc<Settings>) -> Self {
        Self {
            settings,
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
        outcome.unwrap_or_else(|| Err(Stop::Failed.error()))
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

/// Why nothing is written any more.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// A write or a panic left the store in doubt.
    Failed,
    /// Another process has taken the collection over.
    Fenced,
    /// The collection was dropped, or opened anew.
    Closed,
    /// A segment cannot be read; what is written on top of the rest would hide what it held.
    Damaged(Arc<[String]>),
}

impl Stop {
    pub(super) fn error(&self) -> Error {
        let (kind, text) = match self {
            Self::Failed => (
                ErrorKind::Busy,
                "writes to this collection have stopped after a failure: open it again".to_owned(),
            ),
            Self::Fenced => (
                ErrorKind::Busy,
                "another process has taken this collection over: writes go there".to_owned(),
            ),
            Self::Closed => (
                ErrorKind::Busy,
                "the collection was closed: it was dropped, or opened anew".to_owned(),
            ),
            Self::Damaged(what) => (
                ErrorKind::Corrupt,
                format!(
                    "writes to this collection are refused until it is repaired (`kindred verify --repair`): {}",
                    what.join("; ")
                ),
            ),
        };
        Error::new(kind, text)
    }
}

/// The start of a job on the segments.
pub(super) struct Start {
    pub(super) view: Arc<View>,
    /// The manifest's position: everything up to here is in sealed segments.
    pub(super) position: u64,
    /// The name of the object that the job may write.
    pub(super) name: String,
    pub(super) mark: Mark,
}

/// The end of a job: what takes the place of what.
pub(super) struct Swap {
    pub(super) inputs: Vec<Arc<Segment>>,
    /// Rows of the inputs as of `position`; `None` when there were none.
    pub(super) output: Option<Segment>,
    /// The position at which the output was built.
    pub(super) position: u64,
    /// Set when the output covers the log up to its position: a sealing.
    pub(super) sealed: Option<Mark>,
}

pub(super) struct Writer {
    journal: Journal,
    applier: Applier,
    view: Arc<ArcSwap<View>>,
    backlog: Arc<Backlog>,
    /// By segment: the columns of vector fields that were dropped.
    hidden: BTreeMap<String, BTreeSet<String>>,
    stop: Option<Stop>,
}

impl Writer {
    pub(super) fn new(
        journal: Journal,
        applier: Applier,
        view: Arc<ArcSwap<View>>,
        backlog: Arc<Backlog>,
        hidden: BTreeMap<String, BTreeSet<String>>,
    ) -> Self {
        backlog.reach(journal.replay_from().0.saturating_sub(1));
        Self {
            journal,
            applier,
            view,
            backlog,
            hidden,
            stop: None,
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

    /// Refuses every write from now on; the first reason stays.
    pub(super) fn stop(&mut self, why: Stop) {
        self.stop.get_or_insert(why);
    }

    /// Why nothing is written any more, if so.
    pub(super) fn stopped(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// Whether it was the store that failed, or another process that took over, rather than the program itself.
    pub(super) fn may_recover(&self) -> bool {
        let may_end = matches!(self.stop, Some(Stop::Failed | Stop::Fenced));
        may_end && self.doubt().is_some()
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

    /// Begins a job. The present fresh segments stay as they are when it is about to seal them.
    pub(super) fn start(&mut self, is_sealing: bool) -> Result<Start, Error> {
        self.check()?;
        if is_sealing {
            self.applier.freeze();
        }
        Ok(Start {
            view: self.view.load_full(),
            position: self.position(),
            name: self.journal.segment_name(),
            mark: self.backlog.mark(),
        })
    }

    /// A job has ended without a result.
    pub(super) fn thaw(&mut self, is_sealing: bool) {
        if is_sealing {
            self.applier.thaw();
        }
    }

    /// Ends a job: first the manifest, then the view. Rows that left the inputs meanwhile leave the output, too.
    ///
    /// # Errors
    /// `Full`: nothing has changed. Others stop the writer.
    pub(super) fn swap(&mut self, swap: Swap) -> Result<Garbage, Error> {
        self.check()?;
        let settings = Arc::clone(&self.view.load().settings);
        let output = swap.output.map(|output| {
            self.carry_over(&swap.inputs, &output, swap.position);
            Arc::new(narrowed(&output, &settings.schema()).unwrap_or(output))
        });
        let position = swap.sealed.map_or(self.position(), |_| swap.position);
        let is_input = |segment: &Arc<Segment>| swap.inputs.iter().any(|input| input.has_rows_of(segment));
        let sealed = self
            .applier
            .sealed()
            .filter(|segment| !is_input(segment))
            .cloned();
        let mut sealed: Vec<Arc<Segment>> = sealed.chain(output).collect();
        sealed.retain(|segment| segment.visible(position).count() > 0);
        // Unless the end is reached the writer stays stopped.
        self.stop = Some(Stop::Failed);
        let outcome = self.checkpoint(position, &sealed);
        if outcome.is_ok() {
            self.applier.replace(&swap.inputs, sealed);
            if let Some(mark) = swap.sealed {
                self.backlog.settle(mark);
            }
            self.publish(settings);
        }
        self.stop = self.doubt();
        outcome
    }

    /// Makes sure that no sealed segment shows the column `name` again, whatever is made under that name.
    pub(super) fn hide(&mut self, name: &str) -> Result<Garbage, Error> {
        self.check()?;
        let sealed: Vec<Arc<Segment>> = self.applier.sealed().cloned().collect();
        for object in sealed.iter().filter_map(|segment| segment.name()) {
            self.hidden
                .entry(object.to_owned())
                .or_default()
                .insert(name.to_owned());
        }
        self.checkpoint(self.position(), &sealed)
    }

    /// What the newest manifest describes: the sealed segments, and what had left them at its position.
    pub(super) fn capture(&self) -> Result<Capture, Error> {
        self.check()?;
        let position = self.position();
        let sealed = self.applier.sealed();
        Ok(Capture {
            settings: Arc::clone(&self.view.load().settings),
            position,
            segments: sealed
                .map(|segment| (Arc::clone(segment), self.kept(segment, position)))
                .collect(),
        })
    }

    /// Writes the manifest of the state at `position`.
    fn checkpoint(&mut self, position: u64, sealed: &[Arc<Segment>]) -> Result<Garbage, Error> {
        let names: Vec<String> = sealed
            .iter()
            .filter_map(|segment| segment.name().map(str::to_owned))
            .collect();
        let kept: Vec<Kept> = sealed
            .iter()
            .map(|segment| self.kept(segment, position))
            .collect();
        let outcome = self
            .journal
            .checkpoint(Lsn(position + 1), names, body::encode(&kept));
        self.stop = self.stop.take().or_else(|| self.doubt());
        let garbage = outcome?;
        // Not before: without room for the manifest everything stays as it was.
        let named = self.journal.segments();
        self.hidden.retain(|name, _| named.contains(name));
        self.backlog.reach(position);
        Ok(garbage)
    }

    /// Rows that left the inputs after `position` leave the output at the same positions.
    fn carry_over(&self, inputs: &[Arc<Segment>], output: &Segment, position: u64) {
        for input in inputs {
            for (offset, left_at) in input.departed(position, self.applier.lsn()) {
                let id = input.id(offset);
                if let Some(there) = id.and_then(|id| output.find(id, position)) {
                    output.bury(there, left_at);
                }
            }
        }
    }

    fn kept(&self, segment: &Segment, position: u64) -> Kept {
        let hidden = segment.name().and_then(|name| self.hidden.get(name));
        let gone = segment.departed(0, position).into_iter();
        Kept {
            rows: u32::try_from(segment.rows()).unwrap_or(u32::MAX),
            gone: gone.map(|(offset, _)| offset.0).collect(),
            hidden: hidden.cloned().unwrap_or_default(),
        }
    }

    /// Why the journal takes nothing any more, if so.
    fn doubt(&self) -> Option<Stop> {
        let is_fenced = |error: &StorageError| matches!(error, StorageError::Fenced { .. });
        let poison = self.journal.poison()?;
        Some(if is_fenced(poison) {
            Stop::Fenced
        } else {
            Stop::Failed
        })
    }

    fn position(&self) -> u64 {
        self.journal.replay_from().0.saturating_sub(1)
    }

    fn check(&self) -> Result<(), Error> {
        self.stop.as_ref().map_or(Ok(()), |stop| Err(stop.error()))
    }

    fn prepare<'a>(&self, ticket: &'a Ticket, op: UpdateOp) -> Result<Ready<'a>, Error> {
        check::check_fields(&ticket.settings, &self.view.load().settings, &op)?;
        let op = if condition::is_conditional(&op) {
            condition::settle(&self.view.load(), op)?
        } else {
            op
        };
        condition::check_readable(&self.view.load(), &op)?;
        let record = record::encode(&op)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a change still depends on a condition"))?;
        Ok(Ready { ticket, op, record })
    }

    /// Log, then apply, then publish. Readers see all of the batch at once.
    fn flush(&mut self, batch: Vec<Ready<'_>>) {
        if batch.is_empty() {
            return;
        }
        if let Some(stop) = &self.stop {
            return batch
                .iter()
                .for_each(|ready| ready.ticket.settle(Err(stop.error())));
        }
        // Unless the end is reached, by error or by panic, the writer stays stopped.
        self.stop = Some(Stop::Failed);
        let records: Vec<&[u8]> = batch.iter().map(|ready| ready.record.as_slice()).collect();
        let is_urgent = batch.iter().all(|ready| makes_room(&ready.op));
        let first = match self.journal.append(&records, is_urgent) {
            Ok(first) => first,
            Err(error) => {
                self.stop = self.doubt();
                return batch
                    .iter()
                    .for_each(|ready| ready.ticket.settle(Err(Error::from(error.clone()))));
            }
        };
        self.backlog.add(records.iter().map(|record| record.len()).sum());
        let mut done = Vec::with_capacity(batch.len());
        for (lsn, ready) in (first.0..).zip(batch) {
            if let Err(error) = self.applier.apply(lsn, ready.op) {
                // The others of the batch find no outcome, which says the same.
                return ready.ticket.settle(Err(error.into()));
            }
            done.push((ready.ticket, lsn));
        }
        self.publish(Arc::clone(&self.view.load().settings));
        self.stop = None;
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

/// Whether the change only takes away, so that it may use the reserve of a full device.
fn makes_room(op: &UpdateOp) -> bool {
    match op {
        UpdateOp::Delete(_)
        | UpdateOp::DeleteVectors { .. }
        | UpdateOp::DeletePayload { .. }
        | UpdateOp::ClearPayload(_) => true,
        UpdateOp::Upsert { .. }
        | UpdateOp::UpdateVectors { .. }
        | UpdateOp::SetPayload { .. }
        | UpdateOp::OverwritePayload { .. } => false,
    }
}
