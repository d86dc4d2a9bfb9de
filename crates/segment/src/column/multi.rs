//! A column of multi vectors: each point has some rows of `dim` elements; closeness is MaxSim.

use half::f16;
use kindred_index::Offset;
use kindred_kernels::maxsim::{maxsim_by, maxsim_with};
use kindred_model::vector::{Datatype, Measure, MultiVector, Vector, VectorRef};

use super::dense::{Similarity, Stored, cosine};
use super::slots::Slots;
use super::{Bound, Builder, Column};

#[derive(Debug)]
struct MultiColumn<T: 'static> {
    dim: usize,
    similarity: Similarity<T>,
    slots: Slots,
    /// Where the elements of each stored vector end.
    ends: Vec<usize>,
    data: Vec<T>,
}

/// Collects multi vectors.
pub(super) struct MultiBuilder {
    dim: usize,
    measure: Measure,
    slots: Slots,
    ends: Vec<usize>,
    data: Vec<f32>,
}

impl MultiBuilder {
    pub(super) fn new(dim: usize, measure: Measure) -> Self {
        Self {
            dim,
            measure,
            slots: Slots::default(),
            ends: Vec::new(),
            data: Vec::new(),
        }
    }

    fn column<T: Stored>(self) -> Box<dyn Column> {
        Box::new(MultiColumn::<T> {
            dim: self.dim,
            similarity: Similarity::new(self.measure),
            slots: self.slots,
            ends: self.ends,
            data: self.data.into_iter().map(T::from_f32).collect(),
        })
    }
}

impl Builder for MultiBuilder {
    fn push(&mut self, vector: Option<&Vector>) {
        let rows = match vector {
            Some(Vector::Multi(multi)) if multi.as_ref().dim == self.dim => Some(multi.as_ref().data),
            Some(Vector::Dense(_) | Vector::Sparse(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(rows.is_some());
        if let Some(rows) = rows {
            self.data.extend_from_slice(rows);
            self.ends.push(self.data.len());
        }
    }

    fn finish(self: Box<Self>) -> Box<dyn Column> {
        match self.measure.datatype {
            Datatype::Float32 => self.column::<f32>(),
            Datatype::Float16 => self.column::<f16>(),
            Datatype::Uint8 => self.column::<u8>(),
        }
    }
}

impl<T: Stored> MultiColumn<T> {
    fn rows(&self, offset: Offset) -> Option<&[T]> {
        let place = self.slots.place(offset)? as usize;
        let start = match place.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        self.data.get(start..*self.ends.get(place)?)
    }
}

impl<T: Stored> Column for MultiColumn<T> {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        let data = self.rows(offset)?.iter().map(|value| value.to_f32()).collect();
        MultiVector::from_flat(self.dim, data).map(Vector::Multi)
    }

    fn bind<'a>(&'a self, anchor: VectorRef<'a>) -> Option<Box<dyn Bound + 'a>> {
        let VectorRef::Multi(anchor) = anchor else {
            return None;
        };
        if anchor.dim != self.dim {
            return None;
        }
        let query = anchor.data.iter().map(|value| T::from_f32(*value)).collect();
        Some(Box::new(MultiBound { column: self, query }))
    }
}

struct MultiBound<'a, T: 'static> {
    column: &'a MultiColumn<T>,
    /// Row after row.
    query: Vec<T>,
}

impl<T: Stored> Bound for MultiBound<'_, T> {
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]) {
        let MultiColumn { dim, similarity, .. } = self.column;
        for (offset, sim) in offsets.iter().zip(out) {
            *sim = match self.column.rows(*offset) {
                None => f32::NEG_INFINITY,
                Some(rows) if similarity.by_norms => maxsim_by(&self.query, rows, *dim, |a, b| {
                    cosine(
                        similarity.kernel.one(a, b),
                        similarity.norm_square(a),
                        similarity.norm_square(b),
                    )
                }),
                Some(rows) => maxsim_with(similarity.kernel, &self.query, rows, *dim),
            };
        }
    }
}
