//! When each point of a segment left it. A tombstone is set once and never taken back.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use kindred_index::{Allow, Offset};

/// The point is still there.
const ALIVE: u64 = u64::MAX;

/// The position in the log at which each point left.
#[derive(Debug)]
pub(crate) struct Tombstones {
    left_at: Vec<AtomicU64>,
    count: AtomicUsize,
}

impl Tombstones {
    /// Nothing has left `rows` points.
    pub(crate) fn new(rows: usize) -> Self {
        let left_at = std::iter::repeat_with(|| AtomicU64::new(ALIVE))
            .take(rows)
            .collect();
        Self {
            left_at,
            count: AtomicUsize::new(0),
        }
    }

    /// Marks a point as gone for every reader at position `lsn` or later. The first mark stays.
    pub(crate) fn bury(&self, offset: Offset, lsn: u64) {
        if let Some(left_at) = self.left_at.get(offset.row())
            && left_at
                .compare_exchange(ALIVE, lsn, Ordering::Release, Ordering::Relaxed)
                .is_ok()
        {
            self.count.fetch_add(1, Ordering::Release);
        }
    }

    /// Whether a reader at position `lsn` still sees the point.
    pub(crate) fn is_visible(&self, offset: Offset, lsn: u64) -> bool {
        self.left_at
            .get(offset.row())
            .is_some_and(|left_at| left_at.load(Ordering::Acquire) > lsn)
    }

    /// Everything that a reader at position `lsn` sees.
    pub(crate) fn visible(&self, lsn: u64) -> Allow {
        let mut allow = Allow::all(self.left_at.len());
        if self.count.load(Ordering::Acquire) > 0 {
            for row in 0..self.left_at.len() {
                let offset = Offset::from_row(row);
                if !self.is_visible(offset, lsn) {
                    allow.remove(offset);
                }
            }
        }
        allow
    }

    /// The points that left after position `after` and not after `until`, with the positions.
    pub(crate) fn departed(&self, after: u64, until: u64) -> Vec<(Offset, u64)> {
        if self.count() == 0 {
            return Vec::new();
        }
        let left_at = self.left_at.iter().map(|left_at| left_at.load(Ordering::Acquire));
        left_at
            .enumerate()
            .filter(|(_, left_at)| *left_at != ALIVE && *left_at > after && *left_at <= until)
            .map(|(row, left_at)| (Offset::from_row(row), left_at))
            .collect()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.left_at.len() * size_of::<AtomicU64>()
    }

    /// How many points have left.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_what_left_after_its_position() {
        let tombstones = Tombstones::new(3);
        tombstones.bury(Offset(1), 10);
        tombstones.bury(Offset(1), 5);
        assert!(tombstones.is_visible(Offset(1), 9));
        assert!(!tombstones.is_visible(Offset(1), 10));
        assert!(!tombstones.is_visible(Offset(3), 0));
        assert_eq!(
            tombstones.visible(10).iter().collect::<Vec<_>>(),
            [Offset(0), Offset(2)]
        );
        assert_eq!(tombstones.visible(9).count(), 3);
        assert_eq!(tombstones.count(), 1);
    }

    #[test]
    fn departures_are_counted_from_one_position_to_another() {
        let tombstones = Tombstones::new(4);
        assert_eq!(tombstones.departed(0, u64::MAX), []);
        for (row, lsn) in [(3, 7), (0, 9), (1, 8)] {
            tombstones.bury(Offset(row), lsn);
        }
        assert_eq!(tombstones.departed(7, 9), [(Offset(0), 9), (Offset(1), 8)]);
        assert_eq!(tombstones.departed(6, 7), [(Offset(3), 7)]);
        assert_eq!(tombstones.departed(9, u64::MAX), []);
    }
}
