//! The best few of many scored keys: a bounded heap with a total order. Used by scans, walks and merges.
//! INVARIANT: what is kept depends only on the set of offered pairs, never on their order, because the order of
//! (score, key) is total: scores by `f32::total_cmp`, larger first, then keys, smaller first.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A score and what it belongs to. The key breaks ties, smaller first; to break them by something else, put that in
/// front, as in `(tie, offset)`, or reverse it, as in `Reverse(id)`. Greater in `Ord` means better.
#[derive(Debug, Clone, Copy)]
pub struct Scored<K> {
    /// Larger is better. By `f32::total_cmp` a positive NaN is above infinity and -0.0 is below 0.0.
    pub score: f32,
    /// What the score belongs to, and the tie breaker.
    pub key: K,
}

impl<K: Ord> Ord for Scored<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then_with(|| other.key.cmp(&self.key))
    }
}

impl<K: Ord> PartialOrd for Scored<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord> PartialEq for Scored<K> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<K: Ord> Eq for Scored<K> {}

/// Keeps the best `limit` of all pairs offered to it. Memory grows with what is kept, never with the limit.
#[derive(Debug, Clone)]
pub struct TopK<K> {
    limit: usize,
    /// The worst pair that is kept is on top.
    heap: BinaryHeap<Reverse<Scored<K>>>,
}

impl<K: Ord> TopK<K> {
    /// Allocates nothing; any limit is fine, 0 keeps nothing and `u64::MAX` everything.
    pub fn new(limit: u64) -> Self {
        Self {
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
            heap: BinaryHeap::new(),
        }
    }

    /// Keeps the pair if it is among the best so far, pushing out the worst if need be; tells whether it was kept.
    #[inline]
    pub fn offer(&mut self, score: f32, key: K) -> bool {
        self.offer_with(score, || key)
    }

    /// As [`offer`](Self::offer), making the key only when the score is good enough to need it, which is when
    /// [`would_take`](Self::would_take) says so: for keys that cost a lookup.
    #[inline]
    pub fn offer_with(&mut self, score: f32, key: impl FnOnce() -> K) -> bool {
        if !self.would_take(score) {
            return false;
        }
        let offered = Scored { score, key: key() };
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(offered));
            return true;
        }
        match self.heap.peek_mut() {
            Some(mut worst) if offered > worst.0 => {
                *worst = Reverse(offered);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Whether a pair with this score could be kept, with the right key: true for every score until the heap is
    /// full, then for scores equal to the worst kept one or above it.
    #[inline]
    pub fn would_take(&self, score: f32) -> bool {
        match self.threshold() {
            Some(threshold) => score.total_cmp(&threshold).is_ge(),
            None => self.limit > 0,
        }
    }

    /// The worst score that is kept, once the heap is full: a pair below it cannot be kept any more, one equal to it
    /// may be. `None` while the heap has room, and always for the limit 0.
    #[inline]
    pub fn threshold(&self) -> Option<f32> {
        if self.heap.len() < self.limit {
            None
        } else {
            self.heap.peek().map(|worst| worst.0.score)
        }
    }

    /// How many pairs are kept now.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no pair is kept.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Offers all that `other` kept, whatever its limit is.
    pub fn merge(&mut self, other: Self) {
        for Reverse(Scored { score, key }) in other.heap {
            self.offer(score, key);
        }
    }

    /// What is kept, the best first.
    pub fn into_sorted(self) -> Vec<Scored<K>> {
        self.heap
            .into_sorted_vec()
            .into_iter()
            .map(|Reverse(scored)| scored)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs(kept: Vec<Scored<u32>>) -> Vec<(f32, u32)> {
        kept.into_iter().map(|s| (s.score, s.key)).collect()
    }

    #[track_caller]
    fn check(limit: u64, offered: &[(f32, u32)], expected: &[(f32, u32)], threshold: Option<f32>) {
        let mut orders = vec![offered.to_vec(), offered.iter().rev().copied().collect()];
        let mut rotated = offered.to_vec();
        rotated.rotate_left(offered.len() / 2);
        orders.push(rotated);
        for order in orders {
            let mut top = TopK::new(limit);
            for (score, key) in order {
                let could = top.would_take(score);
                assert!(!top.offer(score, key) || could);
            }
            assert_eq!(top.threshold(), threshold);
            assert_eq!(top.len(), expected.len());
            assert_eq!(top.is_empty(), expected.is_empty());
            assert_eq!(pairs(top.into_sorted()), expected);
        }
    }

    #[test]
    fn golden() {
        let offered = [(0.5, 1), (0.9, 2), (0.1, 3), (0.9, 0), (0.5, 7), (-2.0, 4)];
        check(0, &offered, &[], None);
        check(1, &offered, &[(0.9, 0)], Some(0.9));
        check(3, &offered, &[(0.9, 0), (0.9, 2), (0.5, 1)], Some(0.5));
        check(4, &offered, &[(0.9, 0), (0.9, 2), (0.5, 1), (0.5, 7)], Some(0.5));
        let all = [(0.9, 0), (0.9, 2), (0.5, 1), (0.5, 7), (0.1, 3), (-2.0, 4)];
        check(6, &offered, &all, Some(-2.0));
        check(7, &offered, &all, None);
        check(u64::MAX, &offered, &all, None);
        check(5, &[], &[], None);
    }

    #[test]
    fn scores_follow_the_total_order() {
        let mut top = TopK::new(u64::MAX);
        let worst_first = [
            -f32::NAN,
            f32::NEG_INFINITY,
            -1.0,
            -0.0,
            0.0,
            f32::INFINITY,
            f32::NAN,
        ];
        for (key, score) in (0u32..).zip(worst_first) {
            assert!(top.offer(score, key));
        }
        let keys: Vec<u32> = top.into_sorted().into_iter().map(|s| s.key).collect();
        assert_eq!(keys, [6, 5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn a_key_is_made_only_for_a_score_that_may_be_kept() {
        let mut top = TopK::new(1);
        assert!(top.offer_with(1.0, || 5u32));
        let mut made = 0;
        for (score, key) in [(0.5, 0u32), (1.0, 9), (1.0, 3)] {
            top.offer_with(score, || {
                made += 1;
                key
            });
        }
        assert_eq!(made, 2);
        assert_eq!(pairs(top.into_sorted()), [(1.0, 3)]);
    }

    #[test]
    fn larger_keys_win_when_reversed() {
        let mut top = TopK::new(2);
        for (offset, id) in (0u32..).zip([4u128, 9, 1, 7]) {
            top.offer(0.25, (Reverse(id), offset));
        }
        let offsets: Vec<u32> = top.into_sorted().into_iter().map(|s| s.key.1).collect();
        assert_eq!(offsets, [1, 3]);
    }

    proptest! {
        #[test]
        fn equals_sorting_everything_also_when_merged_from_parts(
            offered in prop::collection::vec((-3i8..3, 0u32..20), 0..120),
            limit in 0usize..30,
            split in 0usize..120,
        ) {
            let offered: Vec<(f32, u32)> = offered.into_iter().map(|(s, k)| (f32::from(s), k)).collect();
            let mut expected = offered.clone();
            expected.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            expected.truncate(limit);
            let (left, right) = offered.split_at(split.min(offered.len()));
            let fill = |part: &[(f32, u32)]| {
                let mut top = TopK::new(limit as u64);
                for (score, key) in part {
                    top.offer(*score, *key);
                }
                top
            };
            prop_assert_eq!(&pairs(fill(&offered).into_sorted()), &expected);
            let mut merged = fill(left);
            merged.merge(fill(right));
            prop_assert_eq!(&pairs(merged.into_sorted()), &expected);
        }
    }
}
