//! Step *seal* of the protocol (rule 2): a seal in the first empty slot of every older epoch, so that a writer which
//! slept can no longer acknowledge anything there. Seals are never removed.

use std::io;

use crate::error::Error;
use crate::fields::offset;
use crate::put::{Put, PutIds, Urgency, put};
use crate::store::Store;

use super::batch::{self, Content, Header, MAX_BATCH_BYTES};
use super::{EpochStart, log_prefix, parse_slot, slot_name};

/// How many batches an older writer may slip in while it is being sealed.
const MAX_COLLISIONS: usize = 10_000;

/// An epoch in which nothing can be written any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) epoch: u64,
    /// The first slot that still has to be replayed.
    pub(crate) start: u64,
    /// The slot that holds the seal.
    pub(crate) seal: u64,
}

/// Seals these epochs, all older than the caller's own.
pub(crate) fn seal(
    store: &dyn Store,
    shard: &str,
    epochs: &[EpochStart],
    ids: &mut PutIds,
) -> Result<Vec<Sealed>, Error> {
    let prefix = log_prefix(shard);
    let slots = store.list(&prefix)?;
    let last_seq = |epoch: u64| {
        let found = slots.iter().filter_map(|name| parse_slot(&prefix, name));
        found.filter(|slot| slot.0 == epoch).map(|slot| slot.1).max()
    };
    epochs
        .iter()
        .map(|&epoch| seal_epoch(store, shard, epoch, last_seq(epoch.epoch), ids))
        .collect()
}

fn seal_epoch(
    store: &dyn Store,
    shard: &str,
    EpochStart { epoch, start }: EpochStart,
    last: Option<u64>,
    ids: &mut PutIds,
) -> Result<Sealed, Error> {
    // The last slot may be a seal already. One below the start is of no interest: everything there was replayed.
    let mut seq = start;
    if let Some(last) = last.filter(|last| *last >= start) {
        let name = slot_name(shard, epoch, last);
        let found = store.get(&name, Some(0..offset(MAX_BATCH_BYTES) + 1))?;
        match batch::decode(&name, epoch, last, &found)? {
            Content::Seal => {
                return Ok(Sealed {
                    epoch,
                    start,
                    seal: last,
                });
            }
            Content::Batch(_) => seq = last.saturating_add(1),
        }
    }
    for _ in 0..MAX_COLLISIONS {
        let name = slot_name(shard, epoch, seq);
        let bytes = batch::encode_seal(Header {
            put_id: ids.draw(),
            epoch,
            seq,
        });
        match put(store, &name, &bytes, MAX_BATCH_BYTES, Urgency::Urgent)? {
            Put::Done => {
                return Ok(Sealed {
                    epoch,
                    start,
                    seal: seq,
                });
            }
            Put::Taken(found) => match batch::decode(&name, epoch, seq, &found)? {
                Content::Seal => {
                    return Ok(Sealed {
                        epoch,
                        start,
                        seal: seq,
                    });
                }
                Content::Batch(_) => seq = seq.saturating_add(1),
            },
        }
    }
    let name = slot_name(shard, epoch, seq);
    Err(Error::io(
        &name,
        io::Error::other("an older writer writes faster than it can be sealed"),
    ))
}
