//! Payload blocks: the JSON texts of consecutive rows, compressed together, and the index of the blocks.
//!
//! INVARIANT: opening has checked that the index covers all rows and all bytes of the blocks without gaps, and that
//! no block claims to be larger than its bytes can become.

use std::ops::Range;

use kindred_model::limits::PAYLOAD_BYTES_MAX;
use kindred_storage::{Error, Flaw, Regions, crc32c};

use crate::buffer::Buffer;

pub(crate) const BLOCKS: &str = "payload/blocks";
pub(crate) const INDEX: &str = "payload/index";

/// Raw bytes that a block is filled up to; a larger row makes a block of its own.
/// PERF: LZ4 reads 16 KiB in about 10 microseconds, and finds most of the repetition among payloads in it.
const BLOCK_BYTES: usize = 16 * 1024;

/// Raw bytes of a row besides its text: where the text ends.
const END_BYTES: usize = size_of::<u32>();

/// The largest raw block: far above the payload that a change may make, for small additions are not counted there.
const RAW_BYTES_MAX: usize = END_BYTES + 16 * PAYLOAD_BYTES_MAX;

/// A byte of LZ4 stands for at most so many.
const EXPANSION_MAX: usize = 255;

/// An entry of the index as it is stored: offset (low and high half), size, raw size, first row, crc.
type Entry = [u32; 6];

/// Where one block is and what it holds.
#[derive(Debug, Clone)]
pub(super) struct Block {
    bytes: Range<usize>,
    raw_bytes: usize,
    crc: u32,
    pub(super) rows: Range<usize>,
}

/// The payloads of a stored segment.
#[derive(Debug)]
pub(crate) struct Blocks {
    blocks: Buffer<u8>,
    index: Buffer<Entry>,
    rows: usize,
    object: String,
}

impl Blocks {
    /// Reads and checks the index of the blocks; the blocks are not read.
    pub(crate) fn open(regions: &Regions, rows: usize) -> Result<Self, Error> {
        let opened = Self {
            blocks: Buffer::read(regions, BLOCKS, None)?,
            index: Buffer::read_checked(regions, INDEX, None)?,
            rows,
            object: regions.name().to_owned(),
        };
        let damage = |place| {
            opened
                .index
                .damage(&opened.object, place, "the index of payload blocks")
        };
        let (mut row, mut at) = (0, 0);
        for place in 0..opened.index.len() {
            let block = opened.block(place).ok_or_else(|| damage(place))?;
            let is_whole = block.rows.start == row && !block.rows.is_empty() && block.bytes.start == at;
            let ends_bytes = block.rows.len().saturating_mul(END_BYTES);
            let most = block.bytes.len().saturating_mul(EXPANSION_MAX).min(RAW_BYTES_MAX);
            if !is_whole || block.raw_bytes < ends_bytes || block.raw_bytes > most {
                return Err(damage(place));
            }
            (row, at) = (block.rows.end, block.bytes.end);
        }
        if row != rows || at != opened.blocks.len() {
            return Err(damage(opened.index.len().saturating_sub(1)));
        }
        Ok(opened)
    }

    /// The block number `place`; `None` also when the index contradicts itself.
    fn block(&self, place: usize) -> Option<Block> {
        let [low, high, size, raw_bytes, first, crc] = *self.index.get(place)?;
        let start = usize::try_from(u64::from(low) | u64::from(high) << 32).ok()?;
        let after = match self.index.get(place.checked_add(1)?) {
            Some([_, _, _, _, first, _]) => usize::try_from(*first).ok()?,
            None => self.rows,
        };
        let bytes = start..start.checked_add(usize::try_from(size).ok()?)?;
        Some(Block {
            bytes,
            raw_bytes: usize::try_from(raw_bytes).ok()?,
            crc,
            rows: usize::try_from(first).ok()?..after,
        })
    }

    /// The block that holds `row`.
    pub(super) fn find(&self, row: usize) -> Result<Block, Error> {
        let after = self
            .index
            .partition_point(|[_, _, _, _, first, _]| *first as usize <= row);
        let block = after.checked_sub(1).and_then(|place| self.block(place));
        block
            .filter(|block| block.rows.contains(&row))
            .ok_or_else(|| self.index.damage(&self.object, 0, "the row of a payload"))
    }

    /// Checks and decompresses `block` into `raw`.
    pub(super) fn load(&self, block: &Block, raw: &mut Vec<u8>) -> Result<(), Error> {
        let flawed = |flaw| self.blocks.flawed(&self.object, block.bytes.start, flaw);
        let bytes = self.blocks.get(block.bytes.clone());
        let bytes = bytes.ok_or_else(|| flawed(Flaw::Short))?;
        if crc32c(bytes) != block.crc {
            return Err(flawed(Flaw::Checksum));
        }
        raw.clear();
        raw.resize(block.raw_bytes, 0);
        match lz4_flex::block::decompress_into(bytes, raw) {
            Ok(size) if size == block.raw_bytes => Ok(()),
            Ok(_) | Err(_) => Err(flawed(Flaw::Value("a compressed payload block"))),
        }
    }

    /// The text of `row` in the raw bytes of its block.
    pub(super) fn text<'r>(&self, block: &Block, raw: &'r [u8], row: usize) -> Result<&'r [u8], Error> {
        let text = row
            .checked_sub(block.rows.start)
            .and_then(|place| text_of(raw, block.rows.len(), place));
        text.ok_or_else(|| self.unreadable(block))
    }

    /// A text in `block` is not what a writer writes.
    pub(super) fn unreadable(&self, block: &Block) -> Error {
        self.blocks.damage(&self.object, block.bytes.start, "a payload")
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks.memory_bytes() + self.index.memory_bytes()
    }
}

/// Number `place` of `count` texts: their ends come first, counted from where the last of the ends ends.
fn text_of(raw: &[u8], count: usize, place: usize) -> Option<&[u8]> {
    let (ends, texts) = raw.split_at_checked(count.checked_mul(END_BYTES)?)?;
    let end = |place: usize| {
        let at = place.checked_mul(END_BYTES)?;
        let end = ends.get(at..)?.first_chunk::<END_BYTES>()?;
        usize::try_from(u32::from_le_bytes(*end)).ok()
    };
    let start = match place.checked_sub(1) {
        Some(before) => end(before)?,
        None => 0,
    };
    texts.get(start..end(place)?)
}

/// Cuts texts into blocks. Holds one raw block, and 24 bytes for each block that it has finished.
#[derive(Debug, Default)]
pub(crate) struct BlockWriter {
    ends: Vec<u32>,
    texts: Vec<u8>,
    /// Rows in the blocks before.
    rows: usize,
    /// Bytes of the blocks before.
    bytes: u64,
    index: Vec<Entry>,
}

impl BlockWriter {
    /// Adds the text of the next row; gives the bytes of a finished block now and then.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a text above the limit of payloads.
    pub(crate) fn push(&mut self, object: &str, text: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if text.len() > RAW_BYTES_MAX - END_BYTES {
            return Err(Error::TooLarge {
                object: object.to_owned(),
                size_bytes: text.len() as u64,
                limit_bytes: (RAW_BYTES_MAX - END_BYTES) as u64,
            });
        }
        let raw_bytes = (self.ends.len() + 1) * END_BYTES + self.texts.len() + text.len();
        let finished = if raw_bytes > BLOCK_BYTES {
            self.finish()
        } else {
            None
        };
        self.texts.extend_from_slice(text);
        self.ends
            .push(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        Ok(finished)
    }

    /// The bytes of the last block; none when it has no row.
    pub(crate) fn finish(&mut self) -> Option<Vec<u8>> {
        if self.ends.is_empty() {
            return None;
        }
        let ends = self.ends.iter().flat_map(|end| end.to_le_bytes());
        let raw: Vec<u8> = ends.chain(self.texts.iter().copied()).collect();
        let block = lz4_flex::block::compress(&raw);
        self.index.push([
            low_half(self.bytes),
            low_half(self.bytes >> 32),
            low_half(block.len() as u64),
            low_half(raw.len() as u64),
            low_half(self.rows as u64),
            crc32c(&block),
        ]);
        self.bytes += block.len() as u64;
        self.rows += self.ends.len();
        self.ends.clear();
        self.texts.clear();
        Some(block)
    }

    /// The bytes of the index.
    pub(crate) fn index(&self) -> &[u8] {
        bytemuck::cast_slice(&self.index)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low half is what is asked for; sizes and rows are below 2^32 by their limits"
)]
fn low_half(value: u64) -> u32 {
    value as u32
}
