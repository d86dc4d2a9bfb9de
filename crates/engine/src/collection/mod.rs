//! One collection: one writer, any number of readers.
//!
//! Writers queue their changes; whoever gets the writer next commits the whole queue as one durable batch and
//! publishes one new view (group commit). Readers take the current view and never wait.

use std::sync::Arc;

use arc_swap::ArcSwap;
use kindred_model::update::UpdateOp;
use kindred_storage::{Journal, Store};
use parking_lot::Mutex;

pub(crate) mod view;
mod check;
mod condition;
mod record;
mod apply;
mod writer;
pub(crate) mod info;

use self::apply::Applier;
use self::view::{Settings, View};
use self::writer::{Ticket, Writer};
use crate::error::{Error, ErrorKind};

/// An accepted change: durable and visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UpdateResult {
    /// Its position in the collection's log.
    pub operation_id: u64,
}

/// One collection, open.
pub(crate) struct Collection {
    view: Arc<ArcSwap<View>>,
    queue: Mutex<Vec<Arc<Ticket>>>,
    writer: Mutex<Writer>,
}

impl Collection {
    /// Takes the collection over and replays its log.
    pub(crate) fn open(
        store: Arc<dyn Store>,
        prefix: &str,
        seed: u128,
        settings: Settings,
    ) -> Result<Self, Error> {
        let mut applier = Applier::new(settings.schema());
        let journal = Journal::open(store, prefix, seed, |lsn, bytes| {
            let op = record::decode(bytes).map_err(|malformed| {
                Error::new(ErrorKind::Corrupt, format!("{prefix}: record {lsn}: {malformed}"))
            })?;
            applier.apply(lsn.0, op);
            applier.publish();
            Ok::<(), Error>(())
        })?;
        let segments = applier.publish();
        let view = View {
            lsn: applier.lsn(),
            settings: Arc::new(settings),
            segments,
        };
        let view = Arc::new(ArcSwap::from_pointee(view));
        let writer = Mutex::new(Writer::new(journal, applier, Arc::clone(&view)));
        Ok(Self {
            view,
            queue: Mutex::default(),
            writer,
        })
    }

    /// The present moment.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.load_full()
    }

    /// Makes a change durable, then visible.
    pub(crate) fn update(&self, op: UpdateOp) -> Result<UpdateResult, Error> {
        let op = check::check(&self.view().settings.config, op)?;
        let ticket = Arc::new(Ticket::new(op));
        self.queue.lock().push(Arc::clone(&ticket));
        let mut writer = self.writer.lock();
        // Whoever held the writer before may have committed this change along with its own.
        if !ticket.is_done() {
            let queue = std::mem::take(&mut *self.queue.lock());
            writer.commit(&queue);
        }
        drop(writer);
        ticket.outcome().map(|operation_id| UpdateResult { operation_id })
    }

    /// Refuses every write from now on: the collection was dropped.
    pub(crate) fn close(&self) {
        self.writer.lock().close();
    }

    /// Changes the settings once `commit` has made them durable; no write happens meanwhile.
    pub(crate) fn reconfigure(
        &self,
        settings: Settings,
        commit: impl FnOnce() -> Result<(), Error>,
    ) -> Result<UpdateResult, Error> {
        let mut writer = self.writer.lock();
        commit()?;
        writer.reconfigure(settings);
        Ok(UpdateResult {
            operation_id: self.view().lsn,
        })
    }
}
