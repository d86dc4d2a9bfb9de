//! One collection: one writer, any number of readers.
//!
//! Writers queue their changes; whoever gets the writer next commits the whole queue as one durable batch and
//! publishes one new view (group commit). Readers take the current view and never wait. Work on the segments goes on
//! beside both and meets the writer only to exchange segments.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use kindred_model::update::UpdateOp;
use parking_lot::Mutex;

pub(crate) mod view;
mod check;
mod condition;
pub(crate) mod record;
pub(crate) mod choose;
mod backlog;
pub(crate) mod body;
pub(crate) mod capture;
pub(crate) mod apply;
mod writer;
pub(crate) mod jobs;
mod recovery;
mod presence;
pub(crate) mod info;

use self::backlog::Backlog;
use self::jobs::Counted;
use self::presence::Presence;
use self::recovery::Recovered;
use self::view::{Settings, View};
use self::writer::{Stop, Ticket, Writer};
use crate::ctx::Ctx;
use crate::env::Env;
use crate::error::{Error, ErrorKind};

/// An accepted change: durable and visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateResult {
    /// Its position in the collection's log.
    pub operation_id: u64,
}

/// One collection, open.
pub(crate) struct Collection {
    env: Env,
    view: Arc<ArcSwap<View>>,
    queue: Mutex<Vec<Arc<Ticket>>>,
    writer: Mutex<Writer>,
    backlog: Arc<Backlog>,
    /// Held by the one who seals; taken after `merging`.
    sealing: Mutex<()>,
    /// Held by the one who merges.
    merging: Mutex<()>,
    /// Jobs that are running.
    running: AtomicUsize,
    /// Why the last job failed, and until when none is tried.
    trouble: Mutex<Option<String>>,
    rests_until: Mutex<Option<Duration>>,
    counted: Mutex<Counted>,
    /// Segments that cannot be read.
    damaged: Arc<[String]>,
    is_closed: AtomicBool,
    presence: Presence,
}

impl Collection {
    /// Takes the collection over and recovers it. With a damaged segment it answers from the others, and refuses
    /// to be written.
    pub(crate) fn open(env: &Env, shard: &str, seed: u128, settings: Settings) -> Result<Self, Error> {
        let backlog = Arc::new(Backlog::new(Arc::clone(&env.clock)));
        let Recovered {
            journal,
            mut applier,
            hidden,
            damaged,
        } = recovery::recover(env, shard, seed, &settings, &backlog)?;
        if damaged.is_empty() {
            // What an earlier process left behind; what cannot be removed now is found again.
            if let Ok(garbage) = journal.garbage() {
                drop(garbage.collect());
            }
        }
        let segments = applier.publish();
        let view = View {
            lsn: applier.lsn(),
            settings: Arc::new(settings),
            segments,
        };
        let view = Arc::new(ArcSwap::from_pointee(view));
        let mut writer = Writer::new(journal, applier, Arc::clone(&view), Arc::clone(&backlog), hidden);
        let damaged: Arc<[String]> = damaged.into();
        if !damaged.is_empty() {
            writer.stop(Stop::Damaged(Arc::clone(&damaged)));
        }
        Ok(Self {
            env: env.clone(),
            view,
            queue: Mutex::default(),
            writer: Mutex::new(writer),
            backlog,
            sealing: Mutex::default(),
            merging: Mutex::default(),
            running: AtomicUsize::new(0),
            trouble: Mutex::default(),
            rests_until: Mutex::default(),
            counted: Mutex::default(),
            damaged,
            is_closed: AtomicBool::new(false),
            presence: Presence::default(),
        })
    }

    /// The present moment.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Makes a change durable, then visible.
    pub(crate) fn update(&self, op: UpdateOp) -> Result<UpdateResult, Error> {
        self.check_room()?;
        let settings = Arc::clone(&self.view().settings);
        let op = check::check(&settings.config, op)?;
        let ticket = Arc::new(Ticket::new(op, settings));
        self.queue.lock().push(Arc::clone(&ticket));
        let mut writer = self.writer.lock();
        // Whoever held the writer before may have committed this change along with its own.
        if !ticket.is_done() {
            let queue = std::mem::take(&mut *self.queue.lock());
            writer.commit(&queue);
        }
        drop(writer);
        self.hold_back();
        ticket.outcome().map(|operation_id| UpdateResult { operation_id })
    }

    /// Segments that cannot be read, each with the reason.
    pub(crate) fn damaged(&self) -> &[String] {
        &self.damaged
    }

    /// Bounds what is unsealed: when sealing does not keep up, its writers do it, and so write no faster.
    fn hold_back(&self) {
        if self.is_overdue() && !self.is_resting() {
            // The change itself is safe; why sealing fails is told by the collection's info.
            drop(self.track(|| {
                let alone = self.sealing.lock();
                // Somebody else may have done it meanwhile.
                if self.is_overdue() {
                    self.seal_alone(&alone, &Ctx::unlimited())
                } else {
                    Ok(false)
                }
            }));
        }
    }

    /// Refuses changes when sealing fails again and again, before what is unsealed outgrows the memory.
    fn check_room(&self) -> Result<(), Error> {
        if !self.policy(&self.view()).is_overfull(self.backlog.unsealed()) {
            return Ok(());
        }
        let why = self.trouble.lock().clone().unwrap_or_default();
        let text = format!("too much is unsealed, and sealing fails: {why}");
        Err(Error::new(ErrorKind::Busy, text))
    }

    fn is_overdue(&self) -> bool {
        self.policy(&self.view()).is_seal_overdue(self.backlog.unsealed())
    }

    /// Refuses every write from now on and ends the work on the segments: the collection was dropped.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.writer.lock().stop(Stop::Closed);
        drop(self.merging.lock());
        drop(self.sealing.lock());
    }

    /// Changes the settings once `commit` has made them durable; no write happens meanwhile.
    pub(crate) fn reconfigure(
        &self,
        settings: Settings,
        commit: impl FnOnce() -> Result<(), Error>,
    ) -> Result<UpdateResult, Error> {
        let mut writer = self.writer.lock();
        if let Err(error) = commit() {
            if error.leaves_doubt() {
                // Nobody knows which settings the next opening finds.
                writer.stop(Stop::Failed);
            }
            return Err(error);
        }
        writer.reconfigure(settings);
        Ok(UpdateResult {
            operation_id: self.view().lsn,
        })
    }
}
