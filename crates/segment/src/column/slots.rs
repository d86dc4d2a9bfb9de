//! Which points have a vector in a column, and where it lies.

use kindred_index::Offset;

const NONE: u32 = u32::MAX;

/// From a point's offset to its place among the stored vectors.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Empty while every point so far has a vector, so that the common case costs nothing.
    places: Vec<u32>,
    rows: usize,
    stored: u32,
}

impl Slots {
    /// Adds the next point.
    pub(super) fn push(&mut self, has_vector: bool) {
        if !has_vector && self.places.is_empty() {
            self.places = (0..self.stored).collect();
        }
        if !has_vector || !self.places.is_empty() || self.rows > self.stored as usize {
            self.places.push(if has_vector { self.stored } else { NONE });
        }
        self.rows += 1;
        self.stored += u32::from(has_vector);
    }

    /// The place of the point's vector, if it has one.
    pub(super) fn place(&self, offset: Offset) -> Option<u32> {
        if self.stored as usize == self.rows {
            return (offset.row() < self.rows).then_some(offset.0);
        }
        self.places
            .get(offset.row())
            .copied()
            .filter(|place| *place != NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_count_the_vectors_before(has in prop::collection::vec(any::<bool>(), 0..50)) {
            let mut slots = Slots::default();
            has.iter().for_each(|has| slots.push(*has));
            let mut next = 0;
            for (row, has) in has.iter().enumerate() {
                prop_assert_eq!(slots.place(Offset::from_row(row)), has.then_some(next));
                next += u32::from(*has);
            }
            prop_assert_eq!(slots.place(Offset::from_row(has.len())), None);
        }
    }
}
