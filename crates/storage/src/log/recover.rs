//! Step *recover* of the protocol (rule 3): every sealed epoch from its start up to its seal, in order.
//!
//! A slot that is missing, damaged or out of order is an error that names it: nothing after it can be trusted, and
//! nothing that may have been acknowledged is dropped. That holds for the last slot, too: no store shows an object
//! before it is whole, so one that is too short has lost bytes that were acknowledged.

use crate::error::{Error, Flaw};
use crate::fields::offset;
use crate::store::Store;

use super::batch::{self, Content, MAX_BATCH_BYTES};
use super::{Lsn, Sealed, Slot, slot_name};

/// Calls `replay` for every record from `from` on, in order, and returns the slots that hold them and the next lsn.
pub(crate) fn recover<E: From<Error>>(
    store: &dyn Store,
    shard: &str,
    epochs: &[Sealed],
    from: Lsn,
    mut replay: impl FnMut(Lsn, &[u8]) -> Result<(), E>,
) -> Result<(Vec<Slot>, Lsn), E> {
    let mut slots: Vec<Slot> = Vec::new();
    for sealed in epochs {
        for seq in sealed.start..sealed.seal {
            let name = slot_name(shard, sealed.epoch, seq);
            let bytes = match store.get(&name, Some(0..offset(MAX_BATCH_BYTES) + 1)) {
                Ok(bytes) => bytes,
                Err(Error::NotFound { .. }) => return Err(Error::corrupt(&name, 0, Flaw::Missing).into()),
                Err(error) => return Err(error.into()),
            };
            let batch = match batch::decode(&name, sealed.epoch, seq, &bytes)? {
                Content::Batch(batch) => batch,
                Content::Seal => return Err(Error::corrupt(&name, 0, Flaw::Seal).into()),
            };
            let continues = match slots.last() {
                Some(before) => batch.first == before.end,
                // The checkpoint may have ended within this batch.
                None => batch.first <= from,
            };
            if !continues {
                let expected = slots.last().map_or(from, |before| before.end).0;
                return Err(Error::corrupt(
                    &name,
                    48,
                    Flaw::Gap {
                        expected,
                        found: batch.first.0,
                    },
                )
                .into());
            }
            slots.push(Slot {
                epoch: sealed.epoch,
                seq,
                end: batch.end,
            });
            for (lsn, record) in (batch.first.0..)
                .map(Lsn)
                .zip(batch.records)
                .filter(|(lsn, _)| *lsn >= from)
            {
                replay(lsn, record)?;
            }
        }
    }
    let next = slots.last().map_or(from, |slot| slot.end);
    if let Some(slot) = slots.last().filter(|slot| slot.end < from) {
        let flaw = Flaw::Gap {
            expected: slot.end.0,
            found: from.0,
        };
        return Err(Error::corrupt(&slot_name(shard, slot.epoch, slot.seq), 48, flaw).into());
    }
    Ok((slots, next))
}
