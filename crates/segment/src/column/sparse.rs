//! A column of sparse vectors, each as its ascending indices and their values; closeness is the dot product.

use kindred_index::Offset;
use kindred_kernels::sparse::{dot_shared, dot_sorted};
use kindred_model::vector::{SparseRef, Vector, VectorRef};

use super::slots::Slots;
use super::{Bound, Builder, Column};

/// The stored sparse vectors; it is its own builder.
#[derive(Debug, Default)]
pub(super) struct SparseColumn {
    slots: Slots,
    /// Where the components of each stored vector end.
    ends: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Builder for SparseColumn {
    fn push(&mut self, vector: Option<&Vector>) {
        let sparse = match vector {
            Some(Vector::Sparse(sparse)) => Some(sparse),
            Some(Vector::Dense(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(sparse.is_some());
        if let Some(sparse) = sparse {
            self.indices.extend_from_slice(sparse.indices());
            self.values.extend_from_slice(sparse.values());
            self.ends.push(self.indices.len());
        }
    }

    fn finish(self: Box<Self>) -> Box<dyn Column> {
        self
    }
}

impl SparseColumn {
    fn stored(&self, offset: Offset) -> Option<SparseRef<'_>> {
        let place = self.slots.place(offset)? as usize;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let range = start..*self.ends.get(place)?;
        Some(SparseRef {
            indices: self.indices.get(range.clone())?,
            values: self.values.get(range)?,
        })
    }
}

impl Column for SparseColumn {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        self.stored(offset)
            .map(|sparse| VectorRef::Sparse(sparse).to_owned())
    }

    fn bind<'a>(&'a self, anchor: VectorRef<'a>) -> Option<Box<dyn Bound + 'a>> {
        let VectorRef::Sparse(anchor) = anchor else {
            return None;
        };
        Some(Box::new(SparseBound { column: self, anchor }))
    }

    fn count_components(&self, offsets: &mut dyn Iterator<Item = Offset>, count: &mut dyn FnMut(u32)) {
        for offset in offsets {
            if let Some(sparse) = self.stored(offset) {
                sparse.indices.iter().for_each(|index| count(*index));
            }
        }
    }
}

struct SparseBound<'a> {
    column: &'a SparseColumn,
    anchor: SparseRef<'a>,
}

impl Bound for SparseBound<'_> {
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]) {
        let SparseRef { indices, values } = self.anchor;
        for (offset, sim) in offsets.iter().zip(out) {
            *sim = match self.column.stored(*offset) {
                None => f32::NEG_INFINITY,
                Some(stored) => dot_sorted(indices, values, stored.indices, stored.values),
            };
        }
    }

    fn overlaps(&self, offset: Offset) -> bool {
        let SparseRef { indices, values } = self.anchor;
        let stored = self.column.stored(offset);
        stored.is_some_and(|stored| dot_shared(indices, values, stored.indices, stored.values).is_some())
    }
}
