//! The bytes of a log slot: a batch of records, or a seal. docs/format.md draws them.

use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, PRELUDE_BYTES, offset, write_prelude};
use crate::frame::{self, Frames};

use super::Lsn;

/// The largest batch object, in bytes, header and frames included.
pub const MAX_BATCH_BYTES: usize = 64 << 20;

const MAGIC: [u8; 8] = *b"KNDRDLOG";
pub(super) const HEADER_BYTES: usize = PRELUDE_BYTES + 56;
const KIND_BATCH: u32 = 1;
const KIND_SEAL: u32 = 2;

/// The size in bytes of the object that holds these records as one batch; at most [`MAX_BATCH_BYTES`] can be written.
pub fn batch_bytes<R: AsRef<[u8]>>(records: &[R]) -> usize {
    let frames = records
        .iter()
        .map(|record| frame::HEADER_BYTES + record.as_ref().len());
    frames.fold(HEADER_BYTES, usize::saturating_add)
}

/// Who wrote a slot, and where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) put_id: u128,
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

/// What a slot holds.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    Batch(Batch<'a>),
    Seal,
}

#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) first: Lsn,
    /// The lsn after the last record.
    pub(crate) end: Lsn,
    /// Exactly `end - first` of them, all checked.
    pub(crate) records: Vec<&'a [u8]>,
}

pub(crate) fn encode_batch<R: AsRef<[u8]>>(
    name: &str,
    header: Header,
    first: Lsn,
    records: &[R],
) -> Result<Vec<u8>, Error> {
    let size = batch_bytes(records);
    let too_large = || Error::TooLarge {
        object: name.to_owned(),
        size_bytes: offset(size),
        limit_bytes: offset(MAX_BATCH_BYTES),
    };
    if size > MAX_BATCH_BYTES {
        return Err(too_large());
    }
    let count = u32::try_from(records.len()).map_err(|_| too_large())?;
    let body_len = u32::try_from(size - HEADER_BYTES).map_err(|_| too_large())?;
    let mut bytes = Vec::with_capacity(size);
    write_header(&mut bytes, KIND_BATCH, header, first.0, count, body_len);
    for record in records {
        frame::write(&mut bytes, record.as_ref());
    }
    Ok(bytes)
}

pub(crate) fn encode_seal(header: Header) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    write_header(&mut bytes, KIND_SEAL, header, 0, 0, 0);
    bytes
}

fn write_header(out: &mut Vec<u8>, kind: u32, header: Header, first: u64, count: u32, body_len: u32) {
    write_prelude(out, &MAGIC);
    out.extend_from_slice(&kind.to_le_bytes());
    out.extend_from_slice(&header.put_id.to_le_bytes());
    out.extend_from_slice(&header.epoch.to_le_bytes());
    out.extend_from_slice(&header.seq.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&body_len.to_le_bytes());
    let crc = crc32c(out);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Reads the slot `seq` of `epoch`, checking every byte. `name` is for errors.
pub(crate) fn decode<'a>(name: &str, epoch: u64, seq: u64, bytes: &'a [u8]) -> Result<Content<'a>, Error> {
    let at = |offset, flaw| Error::corrupt(name, offset, flaw);
    let short = || at(offset(bytes.len()), Flaw::Short);
    let header = bytes.get(..HEADER_BYTES).ok_or_else(short)?;
    let mut fields = Fields::new(name, header);
    fields.prelude(&MAGIC)?;
    let kind = fields.u32()?;
    let _put_id = fields.u128()?;
    let place = (fields.u64()?, fields.u64()?);
    let first = fields.u64()?;
    let count = fields.count()?;
    let body_len = fields.count()?;
    let crc = fields.u32()?;
    if header.get(..HEADER_BYTES - 4).map(crc32c) != Some(crc) {
        return Err(fields.corrupt(Flaw::Checksum));
    }
    if place != (epoch, seq) {
        return Err(at(32, Flaw::Value("the slot (it belongs to another place)")));
    }
    if body_len > MAX_BATCH_BYTES - HEADER_BYTES {
        return Err(at(60, Flaw::Length));
    }
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    if body.len() > body_len {
        return Err(at(offset(HEADER_BYTES + body_len), Flaw::Trailing));
    }
    if body.len() < body_len {
        return Err(short());
    }
    match kind {
        KIND_SEAL if (first, count, body_len) == (0, 0, 0) => Ok(Content::Seal),
        KIND_BATCH => decode_records(name, first, count, body).map(Content::Batch),
        KIND_SEAL | 0 | 3.. => Err(at(12, Flaw::Value("the kind of slot"))),
    }
}

fn decode_records<'a>(name: &str, first: u64, count: usize, body: &'a [u8]) -> Result<Batch<'a>, Error> {
    let end = first
        .checked_add(offset(count))
        .filter(|end| first > 0 && *end > first);
    let end = end.ok_or_else(|| Error::corrupt(name, 48, Flaw::Value("first lsn or record count")))?;
    // Growing by what is really there, not by what the count claims.
    let mut records = Vec::new();
    for record in Frames::new(name, body, offset(HEADER_BYTES)) {
        records.push(record?);
    }
    if records.len() != count {
        return Err(Error::corrupt(name, 56, Flaw::Value("record count")));
    }
    Ok(Batch {
        first: Lsn(first),
        end: Lsn(end),
        records,
    })
}

/// What can still be read of a damaged batch.
pub(super) struct Remains<'a> {
    pub(super) first: Lsn,
    /// The lsn after the last record that it had.
    pub(super) end: Lsn,
    /// Those before the first damaged one.
    pub(super) records: Vec<&'a [u8]>,
}

/// Reads a batch that [`decode`] refuses; `None` when its header cannot be believed.
pub(super) fn remains<'a>(name: &str, epoch: u64, seq: u64, bytes: &'a [u8]) -> Option<Remains<'a>> {
    let header = bytes.get(..HEADER_BYTES)?;
    let mut fields = Fields::new(name, header);
    fields.prelude(&MAGIC).ok()?;
    let kind = fields.u32().ok()?;
    fields.u128().ok()?;
    let place = (fields.u64().ok()?, fields.u64().ok()?);
    let first = fields.u64().ok()?;
    let count = fields.count().ok()?;
    let body_len = fields.count().ok()?;
    let is_sound = header.get(..HEADER_BYTES - 4).map(crc32c) == Some(fields.u32().ok()?);
    if !is_sound || kind != KIND_BATCH || place != (epoch, seq) || first == 0 {
        return None;
    }
    let body = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let body = body.get(..body_len).unwrap_or(body);
    let frames = Frames::new(name, body, offset(HEADER_BYTES));
    Some(Remains {
        first: Lsn(first),
        end: Lsn(first.checked_add(offset(count))?),
        records: frames.map_while(Result::ok).take(count).collect(),
    })
}
