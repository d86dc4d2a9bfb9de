//! The journal of a shard: its log and manifest behind one handle, opened in the only safe order (claim, seal, recover,
//! then append). The engine's writer owns one per collection.
//!
//! INVARIANT: what `append` acknowledged is replayed by every later opening until a checkpoint covers it, whole, in
//! order and once; two openings never both acknowledge after the second has been opened.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Flaw};
use crate::log::{EpochStart, Log, Lsn, Sealed, Slot, log_prefix, recover, seal};
use crate::manifest::{self, Manifest};
use crate::numbered::Numbered;
use crate::put::PutIds;
use crate::store::{Store, check_prefix};

/// A shard that was taken over: older writers are fenced, nothing is replayed yet.
pub struct Claimed {
    store: Arc<dyn Store>,
    shard: String,
    ids: PutIds,
    manifests: Numbered,
    manifest: Manifest,
    sealed: Vec<Sealed>,
}

/// A shard that is open for writing. One thread at a time; opening the shard again, here or elsewhere, fences it.
pub struct Journal {
    ids: PutIds,
    manifests: Numbered,
    manifest: Manifest,
    /// The batches after the last checkpoint, oldest first.
    slots: VecDeque<Slot>,
    log: Log,
}

impl Journal {
    /// Claims, seals and recovers in one go. `shard` is a prefix (`c/<uuid>/s0/`), `seed` a random number that no
    /// other opening ever used, and `replay` is called for every record after the last checkpoint, in order; what it
    /// returns as an error ends the opening.
    pub fn open<E: From<Error>>(
        store: Arc<dyn Store>,
        shard: &str,
        seed: u128,
        replay: impl FnMut(Lsn, &[u8]) -> Result<(), E>,
    ) -> Result<Journal, E> {
        Journal::claim(store, shard, seed)?.recover(replay)
    }

    /// The first half of opening: steps *claim* and *seal*. The manifest can be read from what it gives, so that
    /// segments can be opened before the log is replayed.
    pub fn claim(store: Arc<dyn Store>, shard: &str, seed: u128) -> Result<Claimed, Error> {
        check_prefix(shard)?;
        let mut ids = PutIds::new(seed);
        let manifests = Numbered::open(Arc::clone(&store), &format!("{shard}m/"), ".mf")?;
        // In this order: a shard that is just being made elsewhere has its manifest before its first slot.
        let has_slots = !store.list(&log_prefix(shard))?.is_empty();
        if has_slots && manifests.newest()?.is_none() {
            return Err(Error::corrupt(&manifests.name(1), 0, Flaw::Missing));
        }
        let manifest = manifest::claim(&manifests, &mut ids)?;
        let older = manifest
            .epochs
            .split_last()
            .map_or(&[][..], |(_own, older)| older);
        let sealed = seal(&*store, shard, older, &mut ids)?;
        Ok(Claimed {
            store,
            shard: shard.to_owned(),
            ids,
            manifests,
            manifest,
            sealed,
        })
    }

    /// Step *append*: makes the records durable as one batch, all or none, and gives the lsn of the first. They may
    /// have at most [`crate::MAX_BATCH_BYTES`] as [`crate::batch_bytes`] counts them. Without records it does nothing.
    ///
    /// [`Error::TooLarge`] and [`Error::Full`]: nothing was written, and a later append may succeed. After any other
    /// error the batch may or may not be found by the next opening, and every further call gives the same error.
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R]) -> Result<Lsn, Error> {
        let first = self.log.next_lsn();
        self.slots.extend(self.log.append(records, &mut self.ids)?);
        Ok(first)
    }

    /// Step *checkpoint*: from now on replay begins at `from`, and what came before is in `segments` and `body`, which
    /// must hold all of it durably. Removes nothing. Errors are as for [`Journal::append`].
    ///
    /// # Panics
    /// If `from` is after [`Journal::next_lsn`] or before the last checkpoint.
    pub fn checkpoint(&mut self, from: Lsn, segments: Vec<String>, body: Vec<u8>) -> Result<(), Error> {
        assert!(
            self.manifest.from <= from && from <= self.next_lsn(),
            "a checkpoint at {from}"
        );
        self.log.check()?;
        let is_covered = |slot: &Slot| slot.end <= from;
        let covered = self.slots.iter().take_while(|slot| is_covered(slot)).count();
        let mut epochs = self.manifest.epochs.clone();
        for slot in self.slots.iter().take(covered) {
            for start in epochs.iter_mut().filter(|start| start.epoch == slot.epoch) {
                start.start = slot.seq + 1;
            }
        }
        let own = self.manifest.epoch;
        let is_needed =
            |epoch: u64| epoch == own || self.slots.iter().skip(covered).any(|slot| slot.epoch == epoch);
        epochs.retain(|EpochStart { epoch, .. }| is_needed(*epoch));
        let next = Manifest {
            epoch: own,
            from,
            epochs,
            segments,
            body,
        };
        match manifest::checkpoint(&self.manifests, &next, &mut self.ids) {
            Ok(()) => {}
            Err(error @ (Error::Full { .. } | Error::TooLarge { .. })) => return Err(error),
            Err(error) => return Err(self.log.stop(error)),
        }
        self.manifest = next;
        self.slots.drain(..covered);
        Ok(())
    }

    /// The lsn that the next record will have.
    pub fn next_lsn(&self) -> Lsn {
        self.log.next_lsn()
    }

    /// The first lsn that the next opening will replay.
    pub fn replay_from(&self) -> Lsn {
        self.manifest.from
    }

    /// The writer's number: one more with every opening.
    pub fn epoch(&self) -> u64 {
        self.manifest.epoch
    }

    /// The names that the last checkpoint was given.
    pub fn segments(&self) -> &[String] {
        &self.manifest.segments
    }

    /// The bytes that the last checkpoint was given.
    pub fn body(&self) -> &[u8] {
        &self.manifest.body
    }

    /// The error that every write gives since it happened, if one did.
    pub fn poison(&self) -> Option<&Error> {
        self.log.poison()
    }
}

impl Claimed {
    /// The names that the last checkpoint was given.
    pub fn segments(&self) -> &[String] {
        &self.manifest.segments
    }

    /// The bytes that the last checkpoint was given.
    pub fn body(&self) -> &[u8] {
        &self.manifest.body
    }

    /// The first lsn that [`Claimed::recover`] will replay, if there is a record with it.
    pub fn replay_from(&self) -> Lsn {
        self.manifest.from
    }

    /// The second half of opening, step *recover*: calls `replay` for every record after the last checkpoint, in
    /// order. What it returns as an error ends the opening.
    pub fn recover<E: From<Error>>(
        self,
        replay: impl FnMut(Lsn, &[u8]) -> Result<(), E>,
    ) -> Result<Journal, E> {
        let Claimed {
            store,
            shard,
            ids,
            manifests,
            manifest,
            sealed,
        } = self;
        let (slots, next_lsn) = recover(&*store, &shard, &sealed, manifest.from, replay)?;
        let log = Log::open(store, &shard, manifest.epoch, next_lsn);
        Ok(Journal {
            ids,
            manifests,
            manifest,
            slots: slots.into(),
            log,
        })
    }
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claimed({}, epoch {})", self.shard, self.manifest.epoch)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Journal({:?}, epoch {}, next lsn {})",
            self.manifests,
            self.manifest.epoch,
            self.next_lsn()
        )
    }
}
