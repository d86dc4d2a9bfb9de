//! Reads payloads one after the other. Keeps the last block decompressed, so that a walk in the order of the offsets
//! decompresses every block once.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_model::payload::Payload;
use kindred_storage::Error;

use super::block::{Block, Blocks};
use super::{Payloads, text};

/// A walk over the payloads of one segment.
#[derive(Debug)]
pub struct PayloadReader<'a> {
    payloads: &'a Payloads,
    /// The block in `raw`.
    block: Option<Block>,
    raw: Vec<u8>,
}

impl<'a> PayloadReader<'a> {
    pub(crate) fn new(payloads: &'a Payloads) -> Self {
        Self {
            payloads,
            block: None,
            raw: Vec::new(),
        }
    }

    /// The payload at `offset`. With `keys` it has those top-level keys, and others only if they cost nothing.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the stored block is damaged; [`Error::NotFound`] when the segment has no such row.
    pub fn read(&mut self, offset: Offset, keys: Option<&BTreeSet<String>>) -> Result<Arc<Payload>, Error> {
        match self.payloads {
            Payloads::Memory(payloads) => {
                let payload = payloads.get(offset.row()).map(Arc::clone);
                payload.ok_or_else(|| no_row("a segment in memory"))
            }
            Payloads::Stored(blocks) => {
                let (block, bytes) = self.load(blocks, offset.row())?;
                if bytes.is_empty() {
                    return Ok(Arc::default());
                }
                text::read(bytes, keys)
                    .map(Arc::new)
                    .map_err(|_| blocks.unreadable(block))
            }
        }
    }

    /// Reads the payload at `offset` without building it: whether it is there and undamaged.
    ///
    /// # Errors
    /// As for [`PayloadReader::read`].
    pub fn probe(&mut self, offset: Offset) -> Result<(), Error> {
        match self.payloads {
            Payloads::Memory(_) => Ok(()),
            Payloads::Stored(blocks) => self.load(blocks, offset.row()).map(drop),
        }
    }

    /// The payload at `offset` as JSON text; empty for a payload without keys.
    pub(crate) fn text(&mut self, offset: Offset) -> Result<Cow<'_, [u8]>, Error> {
        match self.payloads {
            Payloads::Memory(payloads) => {
                let payload = payloads.get(offset.row());
                let payload = payload.ok_or_else(|| no_row("a segment in memory"))?;
                Ok(if payload.is_empty() {
                    Cow::Borrowed(&[])
                } else {
                    Cow::Owned(payload.to_json().into_bytes())
                })
            }
            Payloads::Stored(blocks) => Ok(Cow::Borrowed(self.load(blocks, offset.row())?.1)),
        }
    }

    /// Reads every stored payload without building it.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let Payloads::Stored(blocks) = self.payloads else {
            return Ok(());
        };
        for row in 0..blocks.rows() {
            let (block, bytes) = self.load(blocks, row)?;
            if !bytes.is_empty() && text::check(bytes).is_err() {
                return Err(blocks.unreadable(block));
            }
        }
        Ok(())
    }

    /// The text of `row` and the block that it is in, which is loaded unless it is there.
    fn load(&mut self, blocks: &Blocks, row: usize) -> Result<(&Block, &[u8]), Error> {
        if row >= blocks.rows() {
            return Err(no_row("a stored segment"));
        }
        let loaded = self.block.take().filter(|block| block.rows.contains(&row));
        let block = match loaded {
            Some(block) => block,
            None => {
                let block = blocks.find(row)?;
                blocks.load(&block, &mut self.raw)?;
                block
            }
        };
        let block = self.block.insert(block);
        let bytes = blocks.text(block, &self.raw, row)?;
        Ok((block, bytes))
    }
}

fn no_row(place: &str) -> Error {
    Error::NotFound {
        object: format!("a row of {place}"),
    }
}
