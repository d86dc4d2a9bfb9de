//! Reading a log that may be damaged: as much of it as can be believed, and what is behind that. For who looks for damage
//! and for who repairs it, with the fencing of such a log; opening a shard goes through `seal` and `recover`, which accept
//! no damage at all.
//!
//! INVARIANT: nothing is accepted behind a record that is lost. What is accepted is what every opening up to the
//! damage has replayed, in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::error::{Error, Flaw};
use crate::fields::offset;
use crate::put::{Put, PutIds, Urgency, put};
use crate::store::Store;

use super::batch::{self, Content, HEADER_BYTES, Header, MAX_BATCH_BYTES};
use super::{EpochStart, Lsn, log_prefix, parse_slot, slot_name};

/// How many slots an older writer may fill while it is being fenced.
const MAX_COLLISIONS: usize = 10_000;

/// What is done with a record, by its lsn; what it refuses is damage, too.
pub type Accept<'a> = &'a mut dyn FnMut(Lsn, &[u8]) -> Result<(), Flaw>;

/// What a log holds.
#[derive(Debug)]
pub struct LogFound {
    /// The lsn after the last record that was accepted.
    pub end: Lsn,
    /// Where the log breaks off, if it does.
    pub broken: Option<Break>,
    /// Damage to slots that held no record, as those around them prove. It keeps the shard from being opened.
    pub harmless: Vec<Error>,
    /// Slots that were read.
    pub slots: u64,
}

/// The end of what can be believed of a log that goes on.
#[derive(Debug)]
pub struct Break {
    /// The damage.
    pub error: Error,
    /// Records behind it, as far as the headers that can be read tell.
    pub changes: u64,
    /// Whether those are all; otherwise there may have been more.
    pub is_exact: bool,
    /// The slots that hold them or are damaged, those that are missing left out.
    pub objects: Vec<String>,
}

/// Reads the log of `shard` from the starts of `epochs` on, and calls `accept` for every record from `from` on, in
/// order, up to the first damage. What `accept` refuses is damage, too. An error is a store that cannot be read.
pub(crate) fn look(
    store: &dyn Store,
    shard: &str,
    epochs: &[EpochStart],
    from: Lsn,
    accept: Accept<'_>,
) -> Result<LogFound, Error> {
    let mut reader = Reader {
        shard,
        from,
        accept,
        next: None,
        known_end: from,
        is_tail_known: true,
        doubt: None,
        broken: None,
        found: LogFound {
            end: from,
            broken: None,
            harmless: Vec::new(),
            slots: 0,
        },
    };
    let listed = slots(store, shard)?;
    for EpochStart { epoch, start } in epochs {
        let seqs = listed
            .get(epoch)
            .into_iter()
            .flatten()
            .filter(|seq| *seq >= start);
        let mut wanted = *start;
        for seq in seqs {
            if *seq > wanted {
                reader.missing(*epoch, wanted);
            }
            let name = slot_name(shard, *epoch, *seq);
            match store.get(&name, Some(0..offset(MAX_BATCH_BYTES) + 1)) {
                Ok(bytes) => reader.slot(name, *epoch, *seq, &bytes),
                Err(Error::NotFound { .. }) => reader.missing(*epoch, *seq),
                Err(error) => return Err(error),
            }
            wanted = seq.saturating_add(1);
        }
    }
    Ok(reader.finish())
}

/// Existing slots by epoch.
fn slots(store: &dyn Store, shard: &str) -> Result<BTreeMap<u64, BTreeSet<u64>>, Error> {
    let prefix = log_prefix(shard);
    let mut slots: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for name in store.list(&prefix)? {
        if let Some((epoch, seq)) = parse_slot(&prefix, &name) {
            slots.entry(epoch).or_default().insert(seq);
        }
    }
    Ok(slots)
}

struct Reader<'a> {
    shard: &'a str,
    from: Lsn,
    accept: Accept<'a>,
    /// The lsn after the last record that was accepted; `None` before the first slot.
    next: Option<Lsn>,
    /// The lsn after the last record that any header tells of.
    known_end: Lsn,
    /// Whether every slot behind that header is known to hold nothing.
    is_tail_known: bool,
    /// Damaged slots that may or may not have held records: what follows tells.
    doubt: Option<(Error, Vec<String>)>,
    broken: Option<(Error, Vec<String>)>,
    found: LogFound,
}

impl Reader<'_> {
    fn slot(&mut self, name: String, epoch: u64, seq: u64, bytes: &[u8]) {
        self.found.slots += 1;
        let error = match batch::decode(&name, epoch, seq, bytes) {
            Ok(Content::Seal) => return,
            Ok(Content::Batch(batch)) => {
                return self.batch(name, batch.first, batch.end, &batch.records, None);
            }
            Err(error) => error,
        };
        match batch::remains(&name, epoch, seq, bytes) {
            Some(left) => self.batch(name, left.first, left.end, &left.records, Some(error)),
            // A batch is larger than its header, so this was a seal.
            None => self.unreadable(error, Some(name), bytes.len() == HEADER_BYTES),
        }
    }

    fn missing(&mut self, epoch: u64, seq: u64) {
        let name = slot_name(self.shard, epoch, seq);
        self.unreadable(Error::corrupt(&name, 0, Flaw::Missing), None, false);
    }

    fn unreadable(&mut self, error: Error, name: Option<String>, is_seal: bool) {
        self.is_tail_known &= is_seal;
        if let Some((_, objects)) = &mut self.broken {
            objects.extend(name);
        } else if is_seal && self.doubt.is_none() {
            self.found.harmless.push(error);
        } else {
            let (_, objects) = self.doubt.get_or_insert((error, Vec::new()));
            objects.extend(name);
        }
    }

    /// A batch whose header can be read, with the records that can; `damage` when those are not all.
    fn batch(&mut self, name: String, first: Lsn, end: Lsn, records: &[&[u8]], damage: Option<Error>) {
        self.known_end = self.known_end.max(end);
        self.is_tail_known = true;
        if let Some((_, objects)) = &mut self.broken {
            objects.push(name);
            return;
        }
        // The checkpoint may have ended within the first batch.
        let continues = self.next.map_or(first <= self.from, |next| first == next);
        let doubt = self.doubt.take();
        if !continues {
            let flaw = Flaw::Gap {
                expected: self.next.unwrap_or(self.from).0,
                found: first.0,
            };
            let gap = || (Error::corrupt(&name, 48, flaw), Vec::new());
            let (error, mut objects) = doubt.unwrap_or_else(gap);
            objects.push(name);
            self.broken = Some((error, objects));
            return;
        }
        self.found.harmless.extend(doubt.map(|(error, _)| error));
        let mut next = first;
        for (lsn, record) in (first.0..).map(Lsn).zip(records) {
            if lsn >= self.from
                && let Err(flaw) = (self.accept)(lsn, record)
            {
                self.next = Some(next);
                let error = Error::corrupt(&name, self.record_offset(first, lsn, records), flaw);
                self.broken = Some((error, vec![name]));
                return;
            }
            next = Lsn(lsn.0.saturating_add(1));
        }
        self.next = Some(next);
        match damage {
            None => {}
            // All records are there: what is damaged comes behind them.
            Some(error) if next == end => self.found.harmless.push(error),
            Some(error) => self.broken = Some((error, vec![name])),
        }
    }

    fn record_offset(&self, first: Lsn, lsn: Lsn, records: &[&[u8]]) -> u64 {
        let before = records.iter().zip(first.0..lsn.0).map(|(record, _)| record.len());
        let frames = before.fold(HEADER_BYTES, |at, bytes| at + crate::frame::HEADER_BYTES + bytes);
        offset(frames)
    }

    fn finish(mut self) -> LogFound {
        if self.broken.is_none() {
            self.broken = self.doubt.take();
        }
        let end = self.next.map_or(self.from, |next| next.max(self.from));
        let next = self.next.unwrap_or(self.from);
        self.found.end = end;
        if let Some((error, objects)) = self.broken {
            self.found.broken = Some(Break {
                error,
                changes: self.known_end.0.saturating_sub(end.0),
                is_exact: self.is_tail_known,
                objects,
            });
        } else if next < self.from {
            // The segments hold what is missing.
            let flaw = Flaw::Gap {
                expected: next.0,
                found: self.from.0,
            };
            let error = Error::corrupt(&log_prefix(self.shard), 0, flaw);
            self.found.harmless.push(error);
        }
        self.found
    }
}

/// As `seal`, for epochs that may be damaged: what cannot be read counts as written, and a seal goes behind it.
pub(crate) fn fence(
    store: &dyn Store,
    shard: &str,
    epochs: &[EpochStart],
    ids: &mut PutIds,
) -> Result<(), Error> {
    let listed = slots(store, shard)?;
    for EpochStart { epoch, start } in epochs {
        let last = listed.get(epoch).and_then(|seqs| seqs.last().copied());
        fence_epoch(
            store,
            shard,
            *epoch,
            last.filter(|last| last >= start).unwrap_or(*start),
            ids,
        )?;
    }
    Ok(())
}

/// `seq`: the last slot that is there, or one that is free.
fn fence_epoch(
    store: &dyn Store,
    shard: &str,
    epoch: u64,
    mut seq: u64,
    ids: &mut PutIds,
) -> Result<(), Error> {
    for _ in 0..MAX_COLLISIONS {
        let name = slot_name(shard, epoch, seq);
        let put_id = ids.draw();
        let bytes = batch::encode_seal(Header { put_id, epoch, seq });
        match put(store, &name, &bytes, MAX_BATCH_BYTES, Urgency::Urgent)? {
            Put::Done => return Ok(()),
            Put::Taken(found) => match batch::decode(&name, epoch, seq, &found) {
                Ok(Content::Seal) => return Ok(()),
                Ok(Content::Batch(_)) | Err(_) => seq = seq.saturating_add(1),
            },
        }
    }
    Err(Error::io(
        &slot_name(shard, epoch, seq),
        io::Error::other("an older writer writes faster than it can be sealed"),
    ))
}
