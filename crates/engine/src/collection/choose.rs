//! What to do next to the segments of a collection: a function from what there is to one job. Nothing is done here.

use std::time::Duration;

use kindred_model::config::OptimizersConfig;

use crate::env::Tuning;

/// Segments of fewer bytes are of one size.
const TIER_BYTES: u64 = 1 << 20;

/// A segment, as far as the choice goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) is_sealed: bool,
    /// Rows, those that left included.
    pub(crate) rows: usize,
    pub(crate) live: usize,
    pub(crate) size_bytes: u64,
}

/// The log behind the last checkpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unsealed {
    pub(crate) bytes: u64,
    /// Time since the oldest change in it; `None` when there is none.
    pub(crate) age: Option<Duration>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    /// Write what is only in the log to a segment.
    Seal,
    /// Write these sealed segments anew as one, without the rows that left.
    Merge(Vec<usize>),
}

/// When a job is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Policy {
    pub(crate) tuning: Tuning,
    /// Share of rows that left above which a segment is written anew.
    pub(crate) dead_share: f64,
    /// Rows below which it is not worth it.
    pub(crate) vacuum_rows_min: u64,
}

impl Policy {
    /// What the collection's settings and the program's say together.
    pub(crate) fn new(tuning: Tuning, config: &OptimizersConfig) -> Self {
        let own_max = config
            .max_segment_size
            .map(|kilobytes| kilobytes.saturating_mul(1024));
        let segment_bytes_max =
            own_max.map_or(tuning.segment_bytes_max, |own| own.min(tuning.segment_bytes_max));
        Self {
            tuning: Tuning {
                segment_bytes_max,
                ..tuning
            },
            dead_share: config.deleted_threshold,
            vacuum_rows_min: config.vacuum_min_vector_number,
        }
    }

    /// Whether the log should become a segment.
    pub(crate) fn is_seal_due(&self, log: Unsealed) -> bool {
        log.bytes >= self.tuning.seal_bytes || log.age.is_some_and(|age| age >= self.tuning.seal_age)
    }

    /// Whether writers must wait for that.
    pub(crate) fn is_seal_overdue(&self, log: Unsealed) -> bool {
        log.bytes >= self.tuning.seal_bytes.saturating_mul(4)
    }

    /// Whether writers must be refused because that does not come about.
    pub(crate) fn is_overfull(&self, log: Unsealed) -> bool {
        log.bytes >= self.tuning.seal_bytes.saturating_mul(16)
    }

    /// The most useful job, if there is one.
    pub(crate) fn choose(&self, pieces: &[Piece], log: Unsealed) -> Option<Job> {
        if self.is_seal_due(log) {
            return Some(Job::Seal);
        }
        self.vacuum(pieces).or_else(|| self.merge(pieces))
    }

    fn vacuum(&self, pieces: &[Piece]) -> Option<Job> {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a share of rows needs no more than 52 bits"
        )]
        let is_wasteful = |piece: &Piece| {
            let dead = piece.rows.saturating_sub(piece.live);
            piece.is_sealed
                && piece.rows as u64 >= self.vacuum_rows_min
                && dead as f64 > self.dead_share * piece.rows as f64
        };
        let worst = pieces.iter().position(is_wasteful)?;
        Some(Job::Merge(vec![worst]))
    }

    /// The smallest tier with enough segments; tiers grow by the factor, so a row is copied once per tier.
    fn merge(&self, pieces: &[Piece]) -> Option<Job> {
        let factor = self.tuning.tier_factor.max(2);
        let small: Vec<(u32, usize, u64)> = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| piece.is_sealed)
            .map(|(index, piece)| (index, live_bytes(piece)))
            .filter(|(_, bytes)| *bytes < self.tuning.segment_bytes_max)
            .map(|(index, bytes)| (tier(bytes, factor), index, bytes))
            .collect();
        let lowest = small.iter().map(|(tier, ..)| *tier);
        let mut tiers: Vec<u32> = lowest.collect();
        tiers.sort_unstable();
        tiers.dedup();
        for tier in tiers {
            let mut total = 0_u64;
            let members = small
                .iter()
                .filter(|(own, ..)| *own == tier)
                .take_while(|(.., bytes)| {
                    total = total.saturating_add(*bytes);
                    total <= self.tuning.segment_bytes_max
                });
            let members: Vec<usize> = members.map(|(_, index, _)| *index).collect();
            if members.len() >= factor {
                return Some(Job::Merge(members));
            }
        }
        None
    }
}

/// What is left of a segment when it is written anew, about.
fn live_bytes(piece: &Piece) -> u64 {
    let (live, rows) = (piece.live as u128, piece.rows.max(1) as u128);
    u64::try_from(u128::from(piece.size_bytes) * live / rows).unwrap_or(u64::MAX)
}

fn tier(bytes: u64, factor: usize) -> u32 {
    (bytes / TIER_BYTES).max(1).ilog(factor as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn policy() -> Policy {
        Policy::new(Tuning::default(), &OptimizersConfig::default())
    }

    /// A sealed segment of a thousand rows.
    fn sealed(live: usize, size_bytes: u64) -> Piece {
        Piece {
            is_sealed: true,
            rows: 1_000,
            live,
            size_bytes,
        }
    }

    fn check(pieces: &[Piece], log: (u64, u64), want: Option<Job>) {
        let log = Unsealed {
            bytes: log.0,
            age: Some(Duration::from_secs(log.1)),
        };
        assert_eq!(policy().choose(pieces, log), want, "{pieces:?} {log:?}");
    }

    #[test]
    fn a_long_or_old_log_is_sealed() {
        check(&[], (64 * MIB, 0), Some(Job::Seal));
        check(&[], (1, 60), Some(Job::Seal));
        check(&[], (64 * MIB - 1, 59), None);
        assert!(!policy().is_seal_due(Unsealed::default()));
    }

    #[test]
    fn what_is_mostly_gone_is_written_anew() {
        let fresh = Piece {
            is_sealed: false,
            ..sealed(0, MIB)
        };
        check(
            &[fresh, sealed(800, 1), sealed(799, 1)],
            (0, 0),
            Some(Job::Merge(vec![2])),
        );
        let small = Piece {
            rows: 999,
            ..sealed(1, 1)
        };
        check(&[small], (0, 0), None);
    }

    #[test]
    fn equals_are_merged_smallest_first() {
        let (small, large) = (sealed(1_000, MIB), sealed(1_000, 64 * MIB));
        check(&[large, small, large, small, large, small], (0, 0), None);
        check(
            &[large, small, large, small, small, large, large, small],
            (0, 0),
            Some(Job::Merge(vec![1, 3, 4, 7])),
        );
        check(&[large; 4], (0, 0), Some(Job::Merge(vec![0, 1, 2, 3])));
        let huge = sealed(1_000, 3 << 30);
        check(&[huge; 4], (0, 0), None);
    }

    #[test]
    fn merging_ends_with_few_segments() {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut copied = 0;
        for _ in 0..256 {
            pieces.push(sealed(1_000, 64 * MIB));
            while let Some(Job::Merge(members)) = policy().choose(&pieces, Unsealed::default()) {
                let size_bytes = members.iter().map(|index| pieces[*index].size_bytes).sum();
                copied += size_bytes / (64 * MIB);
                let mut index = 0;
                pieces.retain(|_| {
                    index += 1;
                    !members.contains(&(index - 1))
                });
                pieces.push(sealed(1_000, size_bytes));
            }
        }
        assert!(pieces.len() <= 12, "{} segments", pieces.len());
        assert!(copied <= 256 * 4, "every row is copied {} times", copied / 256);
    }
}
