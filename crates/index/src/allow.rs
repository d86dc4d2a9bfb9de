//! Which offsets of a segment may be returned: one bit each, set when allowed.

use crate::offset::Offset;

const WORD: usize = u64::BITS as usize;

/// A set of offsets of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    words: Vec<u64>,
    rows: usize,
}

impl Allow {
    /// Every one of `rows` offsets.
    pub fn all(rows: usize) -> Self {
        let mut words = vec![u64::MAX; rows.div_ceil(WORD)];
        let tail = rows % WORD;
        if let (Some(last), true) = (words.last_mut(), tail > 0) {
            *last = (1 << tail) - 1;
        }
        Self { words, rows }
    }

    /// None of `rows` offsets.
    pub fn none(rows: usize) -> Self {
        Self {
            words: vec![0; rows.div_ceil(WORD)],
            rows,
        }
    }

    /// Whether `offset` is in the set.
    pub fn contains(&self, offset: Offset) -> bool {
        self.words
            .get(offset.row() / WORD)
            .is_some_and(|word| word >> (offset.row() % WORD) & 1 == 1)
    }

    /// Adds `offset`, which must be below the number of rows.
    pub fn insert(&mut self, offset: Offset) {
        if let (Some(word), true) = (self.words.get_mut(offset.row() / WORD), offset.row() < self.rows) {
            *word |= 1 << (offset.row() % WORD);
        }
    }

    /// Takes `offset` away.
    pub fn remove(&mut self, offset: Offset) {
        if let Some(word) = self.words.get_mut(offset.row() / WORD) {
            *word &= !(1 << (offset.row() % WORD));
        }
    }

    /// Keeps only what is in both sets.
    pub fn intersect(&mut self, other: &Self) {
        for (word, theirs) in self.words.iter_mut().zip(&other.words) {
            *word &= theirs;
        }
    }

    /// Number of offsets in the set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The offsets, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Offset> + '_ {
        self.words.iter().enumerate().flat_map(|(index, word)| Bits {
            word: *word,
            base: index * WORD,
        })
    }
}

struct Bits {
    word: u64,
    base: usize,
}

impl Iterator for Bits {
    type Item = Offset;

    fn next(&mut self) -> Option<Offset> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        Some(Offset::from_row(self.base + bit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_as_a_set(rows in 0_usize..200, ops in prop::collection::vec((any::<bool>(), 0_u32..200), 0..100)) {
            let mut allow = Allow::none(rows);
            let mut set = BTreeSet::new();
            for (is_insert, offset) in ops {
                if is_insert {
                    allow.insert(Offset(offset));
                    if (offset as usize) < rows { set.insert(offset); }
                } else {
                    allow.remove(Offset(offset));
                    set.remove(&offset);
                }
            }
            prop_assert_eq!(allow.count(), set.len());
            prop_assert_eq!(allow.iter().map(|offset| offset.0).collect::<Vec<_>>(), set.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn all_has_every_row_and_no_other(rows in 0_usize..200) {
            let all = Allow::all(rows);
            prop_assert_eq!(all.count(), rows);
            prop_assert!(!all.contains(Offset::from_row(rows)));
        }
    }
}
