//! A column of multi vectors: each point has some rows of `dim` elements; closeness is MaxSim.

use std::ops::Range;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_kernels::maxsim::{maxsim_by, maxsim_with};
use kindred_model::config::Column as ColumnSpec;
use kindred_model::vector::{Measure, MultiVector, Vector, VectorRef};
use kindred_storage::Error;

use super::dense::check_finite;
use super::element::{Similarity, Stored, cosine};
use super::part::{Arrays, Part};
use super::slots::{Slots, SlotsBuilder};
use super::{Bound, Builder, Column, Layout};
use crate::buffer::{Buffer, between};

#[derive(Debug)]
pub(super) struct MultiColumn<T: Stored> {
    dim: usize,
    measure: Measure,
    similarity: Similarity<T>,
    slots: Slots,
    /// Where the elements of each stored vector end.
    ends: Buffer<u64>,
    data: Buffer<T>,
}

/// Collects multi vectors.
pub(super) struct MultiBuilder<T> {
    dim: usize,
    measure: Measure,
    slots: SlotsBuilder,
    ends: Vec<u64>,
    data: Vec<T>,
}

impl<T> MultiBuilder<T> {
    pub(super) fn new(dim: usize, measure: Measure) -> Self {
        Self {
            dim,
            measure,
            slots: SlotsBuilder::default(),
            ends: Vec::new(),
            data: Vec::new(),
        }
    }
}

impl<T: Stored> Builder for MultiBuilder<T> {
    fn push(&mut self, vector: Option<&Vector>) {
        let rows = match vector {
            Some(Vector::Multi(multi)) if multi.as_ref().dim == self.dim => Some(multi.as_ref().data),
            Some(Vector::Dense(_) | Vector::Sparse(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(rows.is_some());
        if let Some(rows) = rows {
            self.data.extend(rows.iter().map(|value| T::from_f32(*value)));
            self.ends.push(self.data.len() as u64);
        }
    }

    fn finish(self: Box<Self>) -> Arc<dyn Layout> {
        Arc::new(MultiColumn {
            dim: self.dim,
            measure: self.measure,
            similarity: Similarity::new(self.measure),
            slots: self.slots.finish(),
            ends: self.ends.into(),
            data: self.data.into(),
        })
    }
}

impl<T: Stored> MultiColumn<T> {
    pub(super) fn open(
        dim: usize,
        measure: Measure,
        slots: Slots,
        arrays: Arrays<'_>,
    ) -> Result<Self, Error> {
        let data: Buffer<T> = arrays.read(Part::Data, None)?;
        Ok(Self {
            dim,
            measure,
            similarity: Similarity::new(measure),
            ends: arrays.ends(slots.stored(), dim, 1, data.len())?,
            slots,
            data,
        })
    }

    fn range(&self, offset: Offset) -> Option<Range<usize>> {
        between(&self.ends, self.slots.place(offset)? as usize)
    }
}

impl<T: Stored> Column for MultiColumn<T> {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn lacking(&self, offsets: &mut dyn Iterator<Item = Offset>) -> Vec<Offset> {
        let places = self.slots.all();
        offsets.filter(|offset| places.place(*offset).is_none()).collect()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        let rows = self.data.get(self.range(offset)?)?;
        let rows = rows.iter().map(|value| value.to_f32()).collect();
        MultiVector::from_flat(self.dim, rows).map(Vector::Multi)
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

impl<T: Stored> Layout for MultiColumn<T> {
    fn spec(&self) -> ColumnSpec {
        ColumnSpec::Multi {
            dim: self.dim,
            measure: self.measure,
        }
    }

    fn bytes(&self, part: Part, offset: Offset) -> Option<&[u8]> {
        match part {
            Part::Data => Some(bytemuck::cast_slice(self.data.get(self.range(offset)?)?)),
            Part::Places | Part::Ends | Part::Norms | Part::Indices | Part::Values => None,
        }
    }

    fn length(&self, offset: Offset) -> Option<usize> {
        self.range(offset).map(|range| range.len())
    }

    fn check(&self, object: &str) -> Result<(), Error> {
        check_finite(&self.data, object)
    }

    fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.ends.memory_bytes() + self.data.memory_bytes()
    }
}

struct MultiBound<'a, T: Stored> {
    column: &'a MultiColumn<T>,
    /// Row after row.
    query: Vec<T>,
}

impl<T: Stored> Bound for MultiBound<'_, T> {
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]) {
        let MultiColumn { dim, similarity, .. } = self.column;
        let places = self.column.slots.all();
        let (ends, data): (&[u64], &[T]) = (&self.column.ends, &self.column.data);
        for (offset, sim) in offsets.iter().zip(out) {
            let range = places
                .place(*offset)
                .and_then(|place| between(ends, place as usize));
            *sim = match range.and_then(|range| data.get(range)) {
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
