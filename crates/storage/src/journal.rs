//! The journal of a shard: its log and manifest behind one handle, opened in the only safe order (claim, seal, recover,
//! then append). The engine's writer owns one per collection.
//!
//! INVARIANT: what `append` acknowledged is replayed by every opening that ends later, until a checkpoint covers it,
//! whole, in order and once. After an opening has ended, older ones acknowledge nothing that it has not replayed.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Flaw};
use crate::garbage::{self, Garbage, segment_name, segment_prefix};
use crate::log::{EpochStart, Log, Lsn, Sealed, Slot, log_prefix, recover, seal, slot_name};
use crate::manifest::{self, Manifest};
use crate::numbered::Numbered;
use crate::put::{PutIds, Urgency};
use crate::store::{Store, check_prefix};

/// A shard that was taken over: older writers are fenced, nothing is replayed yet.
pub struct Claimed {
    store: Arc<dyn Store>,
    shard: String,
    ids: PutIds,
    manifests: Numbered,
    version: u64,
    manifest: Manifest,
    sealed: Vec<Sealed>,
}

/// A shard that is open for writing. One thread at a time; opening the shard again, here or elsewhere, fences it.
pub struct Journal {
    store: Arc<dyn Store>,
    shard: String,
    ids: PutIds,
    manifests: Numbered,
    version: u64,
    manifest: Manifest,
    /// The batches after the last checkpoint, oldest first.
    slots: VecDeque<Slot>,
    log: Log,
    /// How many segment names were given.
    segment_count: u64,
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
        let (version, manifest) = manifest::claim(&manifests, &mut ids)?;
        let older = manifest
            .epochs
            .split_last()
            .map_or(&[][..], |(_own, older)| older);
        let sealed = seal(&*store, shard, older, &mut ids)
            .map_err(|error| fence_of(&manifests, version).unwrap_or(error))?;
        Ok(Claimed {
            store,
            shard: shard.to_owned(),
            ids,
            manifests,
            version,
            manifest,
            sealed,
        })
    }

    /// Step *append*: makes the records durable as one batch, all or none, and gives the lsn of the first. They may
    /// have at most [`crate::MAX_BATCH_BYTES`] as [`crate::batch_bytes`] counts them. Without records it does nothing.
    /// An `urgent` batch (one that only deletes) may use what a full store has in reserve.
    ///
    /// [`Error::TooLarge`] and [`Error::Full`]: nothing was written, and a later append may succeed. After any other
    /// error the batch may or may not be found by the next opening, and every further call gives the same error.
    pub fn append<R: AsRef<[u8]>>(&mut self, records: &[R], urgent: bool) -> Result<Lsn, Error> {
        let first = self.log.next_lsn();
        let urgency = if urgent { Urgency::Urgent } else { Urgency::Normal };
        self.slots
            .extend(self.log.append(records, &mut self.ids, urgency)?);
        Ok(first)
    }

    /// Step *checkpoint*: from now on replay begins at `from`, and what came before is in `segments` and `body`, which
    /// must hold all of it durably. Gives what that makes superfluous, for whoever has the time to collect it: the
    /// covered slots, the manifest before, and the segments of this shard that it named and the new one does not.
    /// (Views may still use those: they hold the bytes open, and a deleted object stays readable to them.)
    ///
    /// Errors are as for [`Journal::append`]: after one in doubt the segments must be left alone, for the next opening
    /// may find the manifest that names them.
    ///
    /// # Panics
    /// If `from` is after [`Journal::next_lsn`] or before the last checkpoint.
    pub fn checkpoint(&mut self, from: Lsn, segments: Vec<String>, body: Vec<u8>) -> Result<Garbage, Error> {
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
        let made = match manifest::checkpoint(&self.manifests, &next, &mut self.ids) {
            Ok(made) => made,
            Err(error @ (Error::Full { .. } | Error::TooLarge { .. })) => return Err(error),
            Err(error) => return Err(self.log.stop(error)),
        };
        let before = std::mem::replace(&mut self.manifest, next);
        let slots = self.slots.drain(..covered);
        let mut names: Vec<String> = slots
            .map(|slot| slot_name(&self.shard, slot.epoch, slot.seq))
            .collect();
        names.push(self.manifests.name(self.version));
        self.version = made;
        let kept: BTreeSet<&String> = self.manifest.segments.iter().collect();
        let prefix = segment_prefix(&self.shard);
        // What lies elsewhere belongs to another shard, which may need it.
        let is_garbage = |name: &String| name.starts_with(&prefix) && !kept.contains(name);
        let left: BTreeSet<String> = before.segments.into_iter().filter(is_garbage).collect();
        names.extend(left);
        Ok(Garbage::of(Arc::clone(&self.store), names))
    }

    /// Makes this shard, which never had a record, hold what comes from elsewhere: `segments` of its own names and `body`
    /// hold everything before `from`, and the first record of the next opening will be `from`. Ends this opening, as its
    /// log counts from the beginning. For a restored snapshot.
    ///
    /// Errors are as for [`Journal::checkpoint`].
    ///
    /// # Panics
    /// If the shard has had a record or a checkpoint.
    pub fn transplant(self, from: Lsn, segments: Vec<String>, body: Vec<u8>) -> Result<(), Error> {
        let is_new = self.manifest.segments.is_empty() && self.next_lsn() == Lsn(1);
        assert!(
            is_new && from >= Lsn(1),
            "a transplant at {from} into a used shard"
        );
        let Journal {
            manifests,
            mut ids,
            manifest,
            ..
        } = self;
        let next = Manifest {
            from,
            segments,
            body,
            ..manifest
        };
        manifest::checkpoint(&manifests, &next, &mut ids).map(drop)
    }

    /// Everything that is superfluous, found by listing: covered slots, older manifests, and the segments of older
    /// writers that the newest manifest does not name. For after an opening: a crash may have come between a
    /// checkpoint and its collection. Segments that this opening itself has named ([`Journal::segment_name`]) are left
    /// to it; [`Garbage::of`] deletes those.
    ///
    /// [`Error::Fenced`]: another writer has taken over.
    pub fn garbage(&self) -> Result<Garbage, Error> {
        garbage::find(
            &self.store,
            &self.shard,
            &self.manifests,
            self.version,
            &self.manifest,
        )
    }

    /// A name for a new segment of this shard that was never given before and never will be: the epoch is in it, so
    /// that a later opening knows that whoever was to write it is fenced.
    pub fn segment_name(&mut self) -> String {
        self.segment_count += 1;
        segment_name(&self.shard, self.manifest.epoch, self.segment_count)
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

    /// [`Error::Fenced`] if another opening has claimed since. For who cannot find a segment: then it may have been
    /// collected, and is not lost.
    pub fn check(&self) -> Result<(), Error> {
        self.manifests.confirm(self.version)
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
            version,
            manifest,
            sealed,
        } = self;
        let recovered = recover(&*store, &shard, &sealed, manifest.from, replay);
        // A writer that claims now may have collected slots before they were read here.
        if let Some(fence) = fence_of(&manifests, version) {
            return Err(fence.into());
        }
        let (slots, next_lsn) = recovered?;
        let log = Log::open(Arc::clone(&store), &shard, manifest.epoch, next_lsn);
        Ok(Journal {
            store,
            shard,
            ids,
            manifests,
            version,
            manifest,
            slots: slots.into(),
            log,
            segment_count: 0,
        })
    }
}

/// The error to give instead of one that only says what a newer writer has collected; also if nobody can say.
fn fence_of(manifests: &Numbered, version: u64) -> Option<Error> {
    manifests.confirm(version).err()
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
