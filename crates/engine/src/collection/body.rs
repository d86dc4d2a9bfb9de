//! What a manifest says about each of its segments, beside its name: which of its rows had left at the manifest's
//! position, and which of its columns belong to vector fields that were dropped. Drawn in docs/format.md.

use std::collections::BTreeSet;

use kindred_storage::fields::Fields;
use kindred_storage::{Error, Flaw};
use roaring::RoaringBitmap;

/// The first byte of every body that is not empty.
const VERSION: u8 = 1;

/// What a bitmap with runs begins with, in two bytes; its number of pieces less one follows.
/// (<https://github.com/RoaringBitmap/RoaringFormatSpec>)
const WITH_RUNS: u32 = 12_347;

/// One segment of a manifest.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Kept {
    /// Rows it has in all: must agree with the object.
    pub(crate) rows: u32,
    /// Offsets of the rows that had left.
    pub(crate) gone: RoaringBitmap,
    /// Columns that must not be found again.
    pub(crate) hidden: BTreeSet<String>,
}

/// The bytes for a manifest, in the order of its segments.
pub(crate) fn encode(segments: &[Kept]) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_count(&mut out, segments.len());
    for segment in segments {
        out.extend_from_slice(&segment.rows.to_le_bytes());
        put_count(&mut out, segment.hidden.len());
        for name in &segment.hidden {
            put_count(&mut out, name.len());
            out.extend_from_slice(name.as_bytes());
        }
        let mut gone = Vec::with_capacity(segment.gone.serialized_size());
        // Writing to memory does not fail.
        drop(segment.gone.serialize_into(&mut gone));
        put_count(&mut out, gone.len());
        out.extend_from_slice(&gone);
    }
    out
}

/// The other way; the manifest of a new shard has an empty body. `object` names it in errors.
pub(crate) fn decode(object: &str, bytes: &[u8]) -> Result<Vec<Kept>, Error> {
    decode_where(object, bytes, |_, _| true)
}

/// As `decode`, and refuses a segment whose place in the list and number of rows `is_right` does not know. The memory
/// that it takes is bounded by the rows: for bytes of strangers.
pub(crate) fn decode_where(
    object: &str,
    bytes: &[u8],
    is_right: impl Fn(usize, u32) -> bool,
) -> Result<Vec<Kept>, Error> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = Fields::new(object, bytes);
    if fields.array::<1>()? != [VERSION] {
        return Err(fields.corrupt(Flaw::Value("the version of the body")));
    }
    let mut segments = Vec::new();
    for _ in 0..fields.count()? {
        let rows = fields.u32()?;
        if !is_right(segments.len(), rows) {
            return Err(fields.corrupt(Flaw::Value("the number of rows")));
        }
        let mut hidden = BTreeSet::new();
        for _ in 0..fields.count()? {
            let length = fields.count()?;
            let name = str::from_utf8(fields.take(length)?);
            let name = name.map_err(|_| fields.corrupt(Flaw::Value("the name of a column")))?;
            hidden.insert(name.to_owned());
        }
        let length = fields.count()?;
        let gone = bitmap(fields.take(length)?, rows)
            .ok_or_else(|| fields.corrupt(Flaw::Value("the rows that left")))?;
        segments.push(Kept { rows, gone, hidden });
    }
    if !fields.rest().is_empty() {
        return Err(fields.corrupt(Flaw::Trailing));
    }
    Ok(segments)
}

/// Rows below `rows`. The bitmap is made of pieces for 65,536 rows each, which may be far smaller in bytes than in
/// memory; so their number, the first thing in the bytes, is looked at before they are read.
fn bitmap(bytes: &[u8], rows: u32) -> Option<RoaringBitmap> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let cookie = number(0)?;
    let pieces = match cookie & 0xffff {
        WITH_RUNS => (cookie >> 16) + 1,
        _ => number(4)?,
    };
    if pieces > rows.div_ceil(1 << 16) {
        return None;
    }
    let read = RoaringBitmap::deserialize_from(bytes).ok()?;
    // Made anew, so that its order does not rest on what was read.
    let gone: RoaringBitmap = read.iter().collect();
    gone.max().is_none_or(|last| last < rows).then_some(gone)
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // Rows, names and bytes of one manifest are far below four thousand million.
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept() -> impl Strategy<Value = Kept> {
        let gone = prop::collection::btree_set(0_u32..1_000, 0..50);
        let hidden = prop::collection::btree_set("[a-zé]{0,3}", 0..3);
        (gone, hidden).prop_map(|(gone, hidden)| Kept {
            rows: 1_000,
            gone: gone.into_iter().collect(),
            hidden,
        })
    }

    proptest! {
        #[test]
        fn bodies_read_back(segments in prop::collection::vec(kept(), 0..5)) {
            let bytes = encode(&segments);
            prop_assert_eq!(decode("m", &bytes).unwrap(), segments);
            for end in 1..bytes.len() {
                prop_assert!(decode("m", &bytes[..end]).is_err());
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            decode("m", &[&[VERSION], bytes.as_slice()].concat()).ok();
        }
    }

    #[test]
    fn rows_that_are_not_there_cannot_leave() {
        let segment = Kept {
            rows: 3,
            gone: [3].into_iter().collect(),
            hidden: BTreeSet::new(),
        };
        assert!(decode("m", &encode(&[segment])).is_err());
    }
}
