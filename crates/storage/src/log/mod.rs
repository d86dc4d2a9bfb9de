//! The write-ahead log of a shard: numbered durable batches, one object each, in one directory per epoch. The journal
//! drives it; `seal` fences older writers, `recover` replays what they acknowledged, `append` goes on.
//!
//! INVARIANT: within an epoch the written slots have no hole, the slot after the last holds a seal once a newer writer
//! has claimed, and lsns continue from batch to batch and from epoch to epoch.

mod batch;

mod seal;

mod recover;

mod look;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::fields::offset;
use crate::put::{Put, PutIds, Urgency, put};
use crate::store::Store;

pub use batch::{MAX_BATCH_BYTES, batch_bytes};
pub(crate) use look::fence;
pub(crate) use look::look;
pub use look::{Accept, Break, LogFound};
pub(crate) use recover::recover;
pub(crate) use seal::{Sealed, seal};

use batch::Header;

/// Position of a record in the log of its shard. The first record ever has 1, each next one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An epoch and its first slot that still has to be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EpochStart {
    pub(crate) epoch: u64,
    pub(crate) start: u64,
}

/// A written batch: where it is, and the lsn after its last record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
    pub(crate) end: Lsn,
}

pub(crate) fn log_prefix(shard: &str) -> String {
    format!("{shard}log/")
}

pub(crate) fn slot_name(shard: &str, epoch: u64, seq: u64) -> String {
    format!("{shard}log/{epoch:016x}/{seq:016x}")
}

/// The epoch and the number of a slot below `prefix`, from its name.
pub(crate) fn parse_slot(prefix: &str, name: &str) -> Option<(u64, u64)> {
    let (epoch, seq) = name.strip_prefix(prefix)?.split_once('/')?;
    Some((parse_hex(epoch)?, parse_hex(seq)?))
}

/// A number as 16 lower-case hexadecimal digits.
pub(crate) fn parse_hex(digits: &str) -> Option<u64> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let is_number = digits.len() == 16 && digits.bytes().all(is_hex);
    if is_number {
        u64::from_str_radix(digits, 16).ok()
    } else {
        None
    }
}

/// The writing end: the log of one epoch, owned by the one who claimed it.
pub(crate) struct Log {
    store: Arc<dyn Store>,
    shard: String,
    epoch: u64,
    next_seq: u64,
    next_lsn: Lsn,
    poison: Option<Error>,
}

impl Log {
    /// For an epoch that was claimed, and in which nothing was written yet.
    pub(crate) fn open(store: Arc<dyn Store>, shard: &str, epoch: u64, next_lsn: Lsn) -> Log {
        Log {
            store,
            shard: shard.to_owned(),
            epoch,
            next_seq: 0,
            next_lsn,
            poison: None,
        }
    }

    pub(crate) fn next_lsn(&self) -> Lsn {
        self.next_lsn
    }

    pub(crate) fn poison(&self) -> Option<&Error> {
        self.poison.as_ref()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.poison.clone().map_or(Ok(()), Err)
    }

    /// Stops the log for good: what follows an error in doubt could contradict what is found at the next opening.
    pub(crate) fn stop(&mut self, error: Error) -> Error {
        self.poison.get_or_insert(error).clone()
    }

    /// Step *append* of the protocol (rules 4 and 7): one group commit, one object. `None` if there is nothing to
    /// write.
    pub(crate) fn append<R: AsRef<[u8]>>(
        &mut self,
        records: &[R],
        ids: &mut PutIds,
        urgency: Urgency,
    ) -> Result<Option<Slot>, Error> {
        self.check()?;
        if records.is_empty() {
            return Ok(None);
        }
        let name = slot_name(&self.shard, self.epoch, self.next_seq);
        let header = Header {
            put_id: ids.draw(),
            epoch: self.epoch,
            seq: self.next_seq,
        };
        let bytes = batch::encode_batch(&name, header, self.next_lsn, records)?;
        match put(&*self.store, &name, &bytes, bytes.len(), urgency) {
            Ok(Put::Done) => {
                self.next_lsn = Lsn(self.next_lsn.0 + offset(records.len()));
                let slot = Slot {
                    epoch: self.epoch,
                    seq: self.next_seq,
                    end: self.next_lsn,
                };
                self.next_seq += 1;
                Ok(Some(slot))
            }
            // A seal, or a batch of someone who believes to own this epoch: either way not ours any more.
            Ok(Put::Taken(_)) => Err(self.stop(Error::fenced(&name))),
            // Certainly absent, so that the slot is free for the next try when there is space again.
            Err(error @ Error::Full { .. }) => Err(error),
            Err(error) => Err(self.stop(error)),
        }
    }
}
