//! The thread that does the work that can wait: it looks at every collection in turn and runs what is due.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwap;
use kindred_segment::Work;
use parking_lot::{Condvar, Mutex};

use crate::catalog::CatalogStore;
use crate::ctx::Ctx;
use crate::env::Env;
use crate::error::{Error, ErrorKind};
use crate::query::{Names, Slot};
use crate::recovery;

/// How long the thread rests when nothing is due.
const REST: Duration = Duration::from_millis(500);

/// Time between two attempts to open a collection that could not be opened.
const RETRY: Duration = Duration::from_secs(5);

/// The thread; it ends, giving up a running job, when this is dropped.
pub(crate) struct Background {
    ctx: Ctx,
    bell: Arc<(Mutex<()>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(
        env: &Env,
        names: &Arc<ArcSwap<Names>>,
        catalog: &Arc<Mutex<CatalogStore>>,
    ) -> Result<Self, Error> {
        let ctx = Ctx::unlimited();
        let bell: Arc<(Mutex<()>, Condvar)> = Arc::default();
        let worker = Worker {
            env: env.clone(),
            names: Arc::clone(names),
            catalog: Arc::clone(catalog),
            ctx: ctx.clone(),
            bell: Arc::clone(&bell),
        };
        let thread = Builder::new()
            .name("kindred-upkeep".to_owned())
            .spawn(move || worker.work())
            .map_err(|error| Error::new(ErrorKind::Internal, format!("no thread for upkeep: {error}")))?;
        Ok(Self {
            ctx,
            bell,
            thread: Some(thread),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let (rests, wake) = &*self.bell;
        let resting = rests.lock();
        self.ctx.cancel();
        wake.notify_all();
        drop(resting);
        if let Some(thread) = self.thread.take() {
            // A panic there has stopped a writer or nothing; there is nobody left to tell.
            drop(thread.join());
        }
    }
}

/// What the thread works with.
struct Worker {
    env: Env,
    names: Arc<ArcSwap<Names>>,
    catalog: Arc<Mutex<CatalogStore>>,
    ctx: Ctx,
    bell: Arc<(Mutex<()>, Condvar)>,
}

impl Worker {
    fn work(&self) {
        let mut tried_at = self.env.clock.now();
        while self.ctx.go_on().is_ok() {
            let now = self.env.clock.now();
            if now.saturating_sub(tried_at) >= RETRY {
                tried_at = now;
                recovery::retry(&self.env, &self.names, &self.catalog);
            }
            if self.work_once() {
                continue;
            }
            let (rests, wake) = &*self.bell;
            let mut resting = rests.lock();
            if self.ctx.go_on().is_ok() {
                wake.wait_for(&mut resting, REST);
            }
        }
    }

    /// One job for every collection that has one; false when none was done.
    fn work_once(&self) -> bool {
        let mut has_worked = false;
        for slot in self.names.load_full().collections.values() {
            if let Slot::Open(collection) = slot
                && !collection.is_resting()
                && let Some(task) = collection.pending()
            {
                // A job that fails is told by the collection's info and tried again after a rest.
                has_worked |= collection.run(&task, &self.ctx).unwrap_or(false);
            }
        }
        has_worked
    }
}
