//! Which points have a vector in a column, and where it lies.

use kindred_index::Offset;
use kindred_storage::Error;

use super::part::{Arrays, Part};
use crate::buffer::Buffer;

/// The place of a point without a vector.
pub(crate) const NONE: u32 = u32::MAX;

/// From a point's offset to its place among the stored vectors.
#[derive(Debug, Default)]
pub(super) struct Slots {
    /// Empty when every point has a vector, so that the common case costs nothing.
    places: Buffer<u32>,
    rows: usize,
    stored: usize,
}

/// The same for a batch of points: looked up once, not per point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    /// `None` when every point has a vector.
    places: Option<&'a [u32]>,
    rows: usize,
}

impl Slots {
    /// Reads and checks which of `rows` points have one of `stored` vectors.
    pub(super) fn open(arrays: Arrays<'_>, rows: usize, stored: usize) -> Result<Self, Error> {
        if stored > rows {
            return Err(arrays.damage("the number of vectors"));
        }
        let count = if stored == rows { 0 } else { rows };
        let places: Buffer<u32> = arrays.read_checked(Part::Places, Some(count))?;
        let mut next = 0_u32;
        for (row, place) in places.iter().enumerate() {
            if *place == next && *place != NONE {
                next += 1;
            } else if *place != NONE {
                return Err(places.damage(arrays.object(), row, "the place of a vector"));
            }
        }
        if !places.is_empty() && next as usize != stored {
            return Err(places.damage(arrays.object(), 0, "the number of places"));
        }
        Ok(Self { places, rows, stored })
    }

    pub(super) fn stored(&self) -> usize {
        self.stored
    }

    pub(super) fn all(&self) -> Places<'_> {
        Places {
            places: (self.stored < self.rows).then(|| &*self.places),
            rows: self.rows,
        }
    }

    /// The place of the point's vector, if it has one.
    pub(super) fn place(&self, offset: Offset) -> Option<u32> {
        self.all().place(offset)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.places.memory_bytes()
    }
}

impl Places<'_> {
    /// See [`Slots::place`].
    pub(super) fn place(self, offset: Offset) -> Option<u32> {
        match self.places {
            None => (offset.row() < self.rows).then_some(offset.0),
            Some(places) => places.get(offset.row()).copied().filter(|place| *place != NONE),
        }
    }
}

/// Collects slots in the order of the offsets.
#[derive(Debug, Default)]
pub(super) struct SlotsBuilder {
    /// Empty while every point so far has a vector.
    places: Vec<u32>,
    rows: usize,
    stored: u32,
}

impl SlotsBuilder {
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

    pub(super) fn finish(self) -> Slots {
        Slots {
            places: self.places.into(),
            rows: self.rows,
            stored: self.stored as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_count_the_vectors_before(has in prop::collection::vec(any::<bool>(), 0..50)) {
            let mut slots = SlotsBuilder::default();
            has.iter().for_each(|has| slots.push(*has));
            let slots = slots.finish();
            let mut next = 0;
            for (row, has) in has.iter().enumerate() {
                prop_assert_eq!(slots.place(Offset::from_row(row)), has.then_some(next));
                next += u32::from(*has);
            }
            prop_assert_eq!(slots.place(Offset::from_row(has.len())), None);
            prop_assert_eq!(slots.stored(), next as usize);
        }
    }
}
