//! Running the jobs that `choose` has chosen: build a segment from a view while writes go on, then exchange it for
//! its inputs between two writes. One sealing and one merge of a collection at a time.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kindred_model::config::CollectionConfig;
use kindred_segment::{Cancelled, Residence, Schema, Segment, Work};
use kindred_storage::{Error as StorageError, Garbage};
use parking_lot::MutexGuard;

use super::Collection;
use super::capture::Capture;
use super::choose::{Job, Piece, Policy};
use super::view::View;
use super::writer::{Start, Stop, Swap};
use crate::ctx::Ctx;
use crate::env::Upkeep;
use crate::error::{Error, ErrorKind};

/// Time between a job that failed and the next attempt.
const REST: Duration = Duration::from_secs(5);

/// What a running job has to look out for: the end of the program, the end of the collection.
struct Watch<'a> {
    ctx: &'a Ctx,
    collection: &'a Collection,
}

impl Work for Watch<'_> {
    fn go_on(&self) -> Result<(), Cancelled> {
        if self.collection.is_closed.load(Ordering::Relaxed) {
            return Err(Cancelled);
        }
        self.ctx.go_on()
    }
}

/// A job with the segments that it is about.
pub(crate) enum Task {
    Seal,
    Merge(Vec<Arc<Segment>>),
}

/// The segments of a view as the choice sees them. Counting who left takes a while, so it is done once a view.
#[derive(Default)]
pub(super) struct Counted {
    /// The view, by its address and position, and the manifest's position.
    of: (usize, u64, u64),
    pieces: Vec<Piece>,
}

/// One more job is running, until this is dropped.
struct Running<'a>(&'a AtomicUsize);

impl<'a> Running<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Collection {
    /// The most useful thing to do to the segments, if anything is due.
    pub(crate) fn pending(&self) -> Option<Task> {
        if self.has_stopped() {
            return None;
        }
        let view = self.view();
        let job = {
            let mut counted = self.counted.lock();
            let position = self.backlog.position();
            let of = (Arc::as_ptr(&view).addr(), view.lsn, position);
            if counted.of != of {
                *counted = Counted {
                    of,
                    pieces: pieces(&view, position),
                };
            }
            self.policy(&view)
                .choose(&counted.pieces, self.backlog.unsealed())
        };
        Some(match job? {
            Job::Seal => Task::Seal,
            Job::Merge(members) => {
                let members = members.into_iter().filter_map(|index| view.segments.get(index));
                Task::Merge(members.cloned().collect())
            }
        })
    }

    /// Does one thing; false when it turned out that there is nothing to do.
    ///
    /// # Errors
    /// `Full` when there is no room, `Cancelled` when `ctx` says so; the segments are as before then.
    pub(crate) fn run(&self, task: &Task, ctx: &Ctx) -> Result<bool, Error> {
        self.track(|| match task {
            Task::Seal => self.seal(ctx),
            Task::Merge(members) => self.merge(members, ctx),
        })
    }

    /// Does a job under the eyes of the collection's info. One that panics has failed, and nothing else has; after a
    /// failure there is a rest.
    pub(super) fn track(&self, job: impl FnOnce() -> Result<bool, Error>) -> Result<bool, Error> {
        let running = Running::new(&self.running);
        let outcome = catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| {
            let text = "the work on the segments ended in a panic: the log tells more";
            Err(Error::new(ErrorKind::Internal, text))
        });
        drop(running);
        let is_trouble = |error: &&Error| error.kind() != ErrorKind::Cancelled;
        let trouble = outcome.as_ref().err().filter(is_trouble).map(Error::to_string);
        let rest = trouble
            .as_ref()
            .map(|_| self.env.clock.now().saturating_add(REST));
        *self.trouble.lock() = trouble;
        *self.rests_until.lock() = rest;
        outcome
    }

    /// Whether a job has failed so recently that it is not tried again yet.
    pub(crate) fn is_resting(&self) -> bool {
        let rests_until = *self.rests_until.lock();
        rests_until.is_some_and(|until| self.env.clock.now() < until)
    }

    /// Moves everything that is only in the log to a segment; what the log holds of it is garbage then. False when
    /// there is nothing in the log.
    pub(crate) fn seal(&self, ctx: &Ctx) -> Result<bool, Error> {
        self.seal_alone(&self.sealing.lock(), ctx)
    }

    pub(super) fn seal_alone(&self, _alone: &MutexGuard<'_, ()>, ctx: &Ctx) -> Result<bool, Error> {
        let start = self.writer.lock().start(true)?;
        if start.view.lsn <= start.position {
            return Ok(false);
        }
        let fresh = start.view.segments.iter().filter(|segment| !segment.is_sealed());
        let inputs: Vec<Arc<Segment>> = fresh.cloned().collect();
        let position = start.view.lsn;
        self.exchange(&start, inputs, position, true, ctx)?;
        Ok(true)
    }

    /// Writes these segments anew as one, as far as they are still there.
    fn merge(&self, members: &[Arc<Segment>], ctx: &Ctx) -> Result<bool, Error> {
        let _alone = self.merging.lock();
        let start = self.writer.lock().start(false)?;
        let is_member = |segment: &&Arc<Segment>| members.iter().any(|member| member.has_rows_of(segment));
        let present = start.view.segments.iter().filter(|segment| segment.is_sealed());
        let inputs: Vec<Arc<Segment>> = present.filter(is_member).cloned().collect();
        if inputs.is_empty() {
            return Ok(false);
        }
        self.exchange(&start, inputs, start.position, false, ctx)?;
        Ok(true)
    }

    fn exchange(
        &self,
        start: &Start,
        inputs: Vec<Arc<Segment>>,
        position: u64,
        is_sealing: bool,
        ctx: &Ctx,
    ) -> Result<(), Error> {
        let output = match self.build(start, &inputs, position, ctx) {
            Ok(output) => output,
            Err(error) => {
                self.writer.lock().thaw(is_sealing);
                return Err(error);
            }
        };
        let has_output = output.is_some();
        let swap = Swap {
            inputs,
            output,
            position,
            sealed: is_sealing.then_some(start.mark),
        };
        let outcome = self.writer.lock().swap(swap);
        match outcome {
            // What cannot be removed now is found at the next opening.
            Ok(garbage) => drop(garbage.collect()),
            Err(error) => {
                self.writer.lock().thaw(is_sealing);
                if has_output && error.kind() == ErrorKind::Full {
                    // The manifest that would name it is certainly not there.
                    drop(Garbage::of(Arc::clone(&self.env.store), vec![start.name.clone()]).collect());
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The segment of the rows that the inputs show at `position`; `None` when there are none.
    fn build(
        &self,
        start: &Start,
        inputs: &[Arc<Segment>],
        position: u64,
        ctx: &Ctx,
    ) -> Result<Option<Segment>, Error> {
        let mut shown = inputs.iter().map(|input| input.visible(position).count());
        if shown.all(|rows| rows == 0) {
            return Ok(None);
        }
        let watch = Watch {
            ctx,
            collection: self,
        };
        let schema: Schema = start.view.settings.schema();
        let inputs: Vec<&Segment> = inputs.iter().map(Arc::as_ref).collect();
        let written = self.env.store.create_with(&start.name, &mut |out| {
            Segment::write(&schema, &inputs, position, &start.name, out, &watch)
        });
        written.map_err(|error| watch.why(error))?;
        let object = self.env.store.get(&start.name, None)?;
        let segment = Segment::open(&start.name, object, &residence(&start.view.settings.config))?;
        Ok(Some(segment))
    }

    /// Makes sure that a vector field that is about to be made under this name does not find the vectors of a
    /// dropped one: neither in a segment, nor in the log.
    pub(crate) fn retire_column(&self, name: &str) -> Result<(), Error> {
        let _alone = self.merging.lock();
        self.seal(&Ctx::unlimited())?;
        let garbage = self.writer.lock().hide(name)?;
        drop(garbage.collect());
        Ok(())
    }

    /// The collection as of now, or a little later: whatever was acknowledged before the call is in it.
    pub(crate) fn capture(&self, ctx: &Ctx) -> Result<Capture, Error> {
        self.seal(ctx)?;
        self.writer.lock().capture()
    }

    /// Refuses every write until the collection is opened again: whether another has taken its place is in doubt.
    pub(crate) fn halt(&self) {
        self.writer.lock().stop(Stop::Failed);
    }

    /// Why the segments, or the work on them, are not as they should be.
    pub(super) fn trouble(&self) -> Option<String> {
        let damage = (!self.damaged.is_empty()).then(|| self.damaged.join("; "));
        let stopped = || Some(self.writer.try_lock()?.stopped()?.error().to_string());
        damage.or_else(|| self.trouble.lock().clone()).or_else(stopped)
    }

    /// Whether nothing can be written until the collection is opened again.
    pub(super) fn has_stopped(&self) -> bool {
        self.writer
            .try_lock()
            .is_some_and(|writer| writer.stopped().is_some())
    }

    /// Whether the writer has stopped for a reason that opening the collection again may end.
    pub(crate) fn may_recover(&self) -> bool {
        self.writer.try_lock().is_some_and(|writer| writer.may_recover())
    }

    /// Whether a job is running.
    pub(super) fn is_working(&self) -> bool {
        self.running.load(Ordering::Relaxed) > 0
    }

    /// Whether somebody does what is due.
    pub(super) fn has_upkeep(&self) -> bool {
        self.env.upkeep == Upkeep::Background
    }

    pub(super) fn policy(&self, view: &View) -> Policy {
        Policy::new(self.env.tuning, &view.settings.config.optimizer_config)
    }
}

impl Watch<'_> {
    fn why(&self, error: StorageError) -> Error {
        match self.go_on() {
            Err(Cancelled) => Error::new(ErrorKind::Cancelled, "the work on the segments was cancelled"),
            Ok(()) => error.into(),
        }
    }
}

/// Where the parts of sealed segments are wanted.
pub(super) fn residence(config: &CollectionConfig) -> Residence {
    let on_disk = config.columns().map(|(name, _)| name);
    Residence {
        columns_on_disk: on_disk
            .filter(|name| config.is_on_disk(name))
            .map(str::to_owned)
            .collect::<BTreeSet<String>>(),
        payload_on_disk: config.on_disk_payload,
    }
}

/// `position` is the manifest's: what left later would be written anew, so it is no reason to do so.
fn pieces(view: &View, position: u64) -> Vec<Piece> {
    let piece = |segment: &Arc<Segment>| Piece {
        is_sealed: segment.is_sealed(),
        rows: segment.rows(),
        live: if segment.is_sealed() && segment.live() < segment.rows() {
            segment.visible(position).count()
        } else {
            segment.live()
        },
        // Of those in memory nobody asks, and counting would take a while.
        size_bytes: if segment.is_sealed() {
            segment.size_bytes()
        } else {
            0
        },
    };
    view.segments.iter().map(piece).collect()
}
