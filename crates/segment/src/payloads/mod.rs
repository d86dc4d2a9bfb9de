//! The payloads of a segment: values in memory, or compressed blocks of JSON text in a stored object.
//! Filters, answers and merges read them through `PayloadReader`.

use std::sync::Arc;

use kindred_model::payload::Payload;

mod text;
mod block;
mod reader;

pub(crate) use block::{BLOCKS, BlockWriter, Blocks, INDEX};
pub use reader::PayloadReader;

/// One payload per row.
#[derive(Debug)]
pub(crate) enum Payloads {
    Memory(Vec<Arc<Payload>>),
    Stored(Blocks),
}

impl Payloads {
    /// An estimate of the memory that they take, in bytes.
    pub(crate) fn memory_bytes(&self) -> usize {
        match self {
            Self::Memory(payloads) => payloads.iter().map(|payload| text::memory_bytes(payload)).sum(),
            Self::Stored(blocks) => blocks.memory_bytes(),
        }
    }
}
