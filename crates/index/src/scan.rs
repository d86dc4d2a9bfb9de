//! The exact scan: scores every allowed offset in batches and keeps the best.
//! It is the oracle of every approximate search, and the search itself while segments are small.

use kindred_kernels::topk::TopK;

use crate::allow::Allow;
use crate::offset::Offset;
use crate::work::{Cancelled, Work};

/// Offsets scored by one call: enough to hide a virtual call, few enough that their scores stay in the L1 cache.
const BATCH: usize = 128;

/// An offset and its score inside the segment; larger is better.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The place of the point.
    pub offset: Offset,
    /// Folded similarity.
    pub score: f32,
}

/// Which of two offsets of equal score comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ties {
    /// The larger one, as in lists that descend.
    LargerFirst,
    /// The smaller one, as in lists that ascend.
    SmallerFirst,
}

impl Ties {
    /// A key that is smaller for what comes first.
    fn key(self, offset: Offset) -> u32 {
        match self {
            Self::LargerFirst => u32::MAX - offset.0,
            Self::SmallerFirst => offset.0,
        }
    }

    fn offset(self, key: u32) -> Offset {
        match self {
            Self::LargerFirst => Offset(u32::MAX - key),
            Self::SmallerFirst => Offset(key),
        }
    }
}

/// The best `limit` of the allowed offsets, best first. `score` fills one score per offset of a batch.
///
/// # Errors
/// [`Cancelled`] when `work` says so between two batches.
pub fn scan(
    allow: &Allow,
    limit: u64,
    ties: Ties,
    work: &dyn Work,
    mut score: impl FnMut(&[Offset], &mut [f32]),
) -> Result<Vec<Hit>, Cancelled> {
    let mut top = TopK::new(limit);
    let mut offsets = Vec::with_capacity(BATCH);
    let mut scores = [0.0_f32; BATCH];
    let mut flush = |offsets: &mut Vec<Offset>| {
        if let Some(scores) = scores.get_mut(..offsets.len()) {
            score(offsets, scores);
            for (offset, score) in offsets.iter().zip(scores) {
                top.offer(*score, ties.key(*offset));
            }
        }
        offsets.clear();
        work.go_on()
    };
    for offset in allow.iter() {
        offsets.push(offset);
        if offsets.len() == BATCH {
            flush(&mut offsets)?;
        }
    }
    flush(&mut offsets)?;
    let hits = top.into_sorted().into_iter();
    Ok(hits
        .map(|best| Hit {
            offset: ties.offset(best.key),
            score: best.score,
        })
        .collect())
}
