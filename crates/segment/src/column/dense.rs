//! A column of dense vectors: one row of `dim` elements per vector, in f32, f16 or u8.

use std::ops::Range;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::vector::{Measure, Vector, VectorRef};
use kindred_storage::Error;

use super::element::{Similarity, Stored, cosine};
use super::part::{Arrays, Part};
use super::slots::{Slots, SlotsBuilder};
use super::{Bound, Builder, Column, Layout};
use crate::buffer::Buffer;

#[derive(Debug)]
pub(super) struct DenseColumn<T: Stored> {
    dim: usize,
    measure: Measure,
    similarity: Similarity<T>,
    slots: Slots,
    /// Row after row.
    data: Buffer<T>,
    /// The square of each row's norm; empty unless the similarity divides by norms.
    norm_squares: Buffer<f32>,
}

/// Collects dense vectors.
pub(super) struct DenseBuilder<T> {
    dim: usize,
    measure: Measure,
    slots: SlotsBuilder,
    data: Vec<T>,
}

impl<T> DenseBuilder<T> {
    pub(super) fn new(dim: usize, measure: Measure) -> Self {
        Self {
            dim,
            measure,
            slots: SlotsBuilder::default(),
            data: Vec::new(),
        }
    }
}

impl<T: Stored> Builder for DenseBuilder<T> {
    fn push(&mut self, vector: Option<&Vector>) {
        let row = match vector {
            Some(Vector::Dense(row)) if row.len() == self.dim => Some(row),
            Some(Vector::Dense(_) | Vector::Sparse(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(row.is_some());
        let row = row.into_iter().flatten();
        self.data.extend(row.map(|value| T::from_f32(*value)));
    }

    fn finish(mut self: Box<Self>) -> Arc<dyn Layout> {
        self.data.shrink_to_fit();
        let similarity = Similarity::new(self.measure);
        let norm_squares = if similarity.by_norms {
            let rows = self.data.chunks_exact(self.dim);
            rows.map(|row| similarity.norm_square(row)).collect()
        } else {
            Vec::new()
        };
        Arc::new(DenseColumn {
            dim: self.dim,
            measure: self.measure,
            similarity,
            slots: self.slots.finish(),
            data: self.data.into(),
            norm_squares: norm_squares.into(),
        })
    }
}

impl<T: Stored> DenseColumn<T> {
    pub(super) fn open(
        dim: usize,
        measure: Measure,
        slots: Slots,
        arrays: Arrays<'_>,
    ) -> Result<Self, Error> {
        let similarity = Similarity::new(measure);
        let elements = slots.stored().checked_mul(dim);
        let elements = elements.ok_or_else(|| arrays.damage("the size of a column"))?;
        let norms = if similarity.by_norms { slots.stored() } else { 0 };
        Ok(Self {
            dim,
            measure,
            similarity,
            data: arrays.read(Part::Data, Some(elements))?,
            norm_squares: arrays.read_checked(Part::Norms, Some(norms))?,
            slots,
        })
    }

    fn range(&self, offset: Offset) -> Option<Range<usize>> {
        let start = (self.slots.place(offset)? as usize).checked_mul(self.dim)?;
        Some(start..start.checked_add(self.dim)?)
    }
}

impl<T: Stored> Column for DenseColumn<T> {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn lacking(&self, offsets: &mut dyn Iterator<Item = Offset>) -> Vec<Offset> {
        let places = self.slots.all();
        offsets.filter(|offset| places.place(*offset).is_none()).collect()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        let row = self.data.get(self.range(offset)?)?;
        Some(Vector::Dense(row.iter().map(|value| value.to_f32()).collect()))
    }

    fn bind<'a>(&'a self, anchor: VectorRef<'a>) -> Option<Box<dyn Bound + 'a>> {
        let VectorRef::Dense(anchor) = anchor else {
            return None;
        };
        if anchor.len() != self.dim {
            return None;
        }
        let query: Vec<T> = anchor.iter().map(|value| T::from_f32(*value)).collect();
        let norm_square = if self.similarity.by_norms {
            self.similarity.norm_square(&query)
        } else {
            0.0
        };
        Some(Box::new(DenseBound {
            column: self,
            query,
            norm_square,
        }))
    }
}

impl<T: Stored> Layout for DenseColumn<T> {
    fn spec(&self) -> ColumnSpec {
        ColumnSpec::Dense {
            dim: self.dim,
            measure: self.measure,
        }
    }

    fn bytes(&self, part: Part, offset: Offset) -> Option<&[u8]> {
        match part {
            Part::Data => Some(bytemuck::cast_slice(self.data.get(self.range(offset)?)?)),
            Part::Norms => {
                let square = self.norm_squares.get(self.slots.place(offset)? as usize)?;
                Some(bytemuck::bytes_of(square))
            }
            Part::Places | Part::Ends | Part::Indices | Part::Values => None,
        }
    }

    fn length(&self, offset: Offset) -> Option<usize> {
        self.slots.place(offset).map(|_| self.dim)
    }

    fn check(&self, object: &str) -> Result<(), Error> {
        check_finite(&self.data, object)?;
        let rows = self.data.chunks_exact(self.dim);
        let wrong = rows
            .zip(self.norm_squares.iter())
            .position(|(row, square)| self.similarity.norm_square(row) != *square);
        match wrong {
            None => Ok(()),
            Some(place) => Err(self.norm_squares.damage(object, place, "the norm of a vector")),
        }
    }

    fn memory_bytes(&self) -> usize {
        self.slots.memory_bytes() + self.data.memory_bytes() + self.norm_squares.memory_bytes()
    }
}

/// Components are finite when they are accepted, so they are finite when they are stored.
pub(super) fn check_finite<T: Stored>(data: &Buffer<T>, object: &str) -> Result<(), Error> {
    match data.iter().position(|value| !value.to_f32().is_finite()) {
        None => Ok(()),
        Some(index) => Err(data.damage(object, index, "a component of a vector")),
    }
}

struct DenseBound<'a, T: Stored> {
    column: &'a DenseColumn<T>,
    query: Vec<T>,
    norm_square: f32,
}

impl<T: Stored> Bound for DenseBound<'_, T> {
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]) {
        let DenseColumn {
            similarity,
            slots,
            data,
            norm_squares,
            ..
        } = self.column;
        let all = slots.all();
        let places: Vec<u32> = offsets.iter().filter_map(|offset| all.place(*offset)).collect();
        if places.len() < offsets.len() {
            return self.with_gaps(offsets, out);
        }
        similarity.kernel.many(&self.query, data, &places, out);
        if similarity.by_norms {
            let norm_squares: &[f32] = norm_squares;
            for (sim, place) in out.iter_mut().zip(&places) {
                let square = norm_squares.get(*place as usize).copied().unwrap_or(0.0);
                *sim = cosine(*sim, self.norm_square, square);
            }
        } else if similarity.sign < 0.0 {
            out.iter_mut().for_each(|sim| *sim = -*sim);
        }
    }
}

impl<T: Stored> DenseBound<'_, T> {
    /// The same for offsets some of which have no vector.
    fn with_gaps(&self, offsets: &[Offset], out: &mut [f32]) {
        for (offset, sim) in offsets.iter().zip(out) {
            if self.column.has(*offset) {
                self.similarities(std::slice::from_ref(offset), std::slice::from_mut(sim));
            } else {
                *sim = f32::NEG_INFINITY;
            }
        }
    }
}
