//! A column of dense vectors: one row of `dim` elements per vector, in f32, f16 or u8.

use half::f16;
use kindred_index::Offset;
use kindred_kernels::dense::{self, Element, Kernel};
use kindred_model::distance::Distance;
use kindred_model::vector::{Datatype, Measure, Vector, VectorRef};

use super::slots::Slots;
use super::{Bound, Builder, Column};

/// What a component is stored as. Canonical components convert without loss.
pub(super) trait Stored: Element + Send + Sync + std::fmt::Debug {
    fn from_f32(value: f32) -> Self;
    fn to_f32(self) -> f32;
}

impl Stored for f32 {
    fn from_f32(value: f32) -> Self {
        value
    }
    fn to_f32(self) -> f32 {
        self
    }
}

impl Stored for f16 {
    fn from_f32(value: f32) -> Self {
        Self::from_f32(value)
    }
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
}

impl Stored for u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "canonical bytes are 0 to 255"
    )]
    fn from_f32(value: f32) -> Self {
        value as Self
    }
    fn to_f32(self) -> f32 {
        f32::from(self)
    }
}

/// The similarity between rows of one element type: a kernel, and the sign or norms around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Similarity<T: 'static> {
    pub(super) kernel: Kernel<T>,
    /// Distances are negated, so that larger is closer.
    pub(super) sign: f32,
    /// Cosine of rows that are not normalised: divide by the norms.
    pub(super) by_norms: bool,
}

impl<T: Stored> Similarity<T> {
    pub(super) fn new(measure: Measure) -> Self {
        let (kernel, sign) = match measure.distance {
            Distance::Cosine | Distance::Dot => (dense::Measure::Dot, 1.0),
            Distance::Euclid => (dense::Measure::L2, -1.0),
            Distance::Manhattan => (dense::Measure::L1, -1.0),
        };
        let by_norms = measure.distance == Distance::Cosine && measure.datatype == Datatype::Uint8;
        Self {
            kernel: Kernel::new(kernel),
            sign,
            by_norms,
        }
    }

    pub(super) fn norm_square(&self, row: &[T]) -> f32 {
        Kernel::new(dense::Measure::Dot).one(row, row)
    }
}

/// Divides a dot product by two norms, given as squares; 0 when either is 0.
pub(super) fn cosine(dot: f32, norm_square: f32, other_square: f32) -> f32 {
    let norms = norm_square * other_square;
    if norms > 0.0 { dot / norms.sqrt() } else { 0.0 }
}

#[derive(Debug)]
struct DenseColumn<T: 'static> {
    dim: usize,
    similarity: Similarity<T>,
    slots: Slots,
    /// Row after row.
    data: Vec<T>,
    /// The square of each row's norm; empty unless the similarity divides by norms.
    norm_squares: Vec<f32>,
}

/// Collects dense vectors.
pub(super) struct DenseBuilder {
    dim: usize,
    measure: Measure,
    slots: Slots,
    data: Elements,
}

enum Elements {
    F32(Vec<f32>),
    F16(Vec<f16>),
    U8(Vec<u8>),
}

impl DenseBuilder {
    pub(super) fn new(dim: usize, measure: Measure) -> Self {
        let data = match measure.datatype {
            Datatype::Float32 => Elements::F32(Vec::new()),
            Datatype::Float16 => Elements::F16(Vec::new()),
            Datatype::Uint8 => Elements::U8(Vec::new()),
        };
        Self {
            dim,
            measure,
            slots: Slots::default(),
            data,
        }
    }
}

impl Builder for DenseBuilder {
    fn push(&mut self, vector: Option<&Vector>) {
        let row = match vector {
            Some(Vector::Dense(row)) if row.len() == self.dim => Some(row),
            Some(Vector::Dense(_) | Vector::Sparse(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(row.is_some());
        let row = row.into_iter().flatten();
        match &mut self.data {
            Elements::F32(data) => data.extend(row),
            Elements::F16(data) => data.extend(row.map(|value| <f16 as Stored>::from_f32(*value))),
            Elements::U8(data) => data.extend(row.map(|value| <u8 as Stored>::from_f32(*value))),
        }
    }

    fn finish(self: Box<Self>) -> Box<dyn Column> {
        let Self {
            dim,
            measure,
            slots,
            data,
        } = *self;
        match data {
            Elements::F32(data) => Box::new(DenseColumn::new(dim, measure, slots, data)),
            Elements::F16(data) => Box::new(DenseColumn::new(dim, measure, slots, data)),
            Elements::U8(data) => Box::new(DenseColumn::new(dim, measure, slots, data)),
        }
    }
}

impl<T: Stored> DenseColumn<T> {
    fn new(dim: usize, measure: Measure, slots: Slots, mut data: Vec<T>) -> Self {
        data.shrink_to_fit();
        let similarity = Similarity::new(measure);
        let norm_squares = if similarity.by_norms {
            data.chunks_exact(dim)
                .map(|row| similarity.norm_square(row))
                .collect()
        } else {
            Vec::new()
        };
        Self {
            dim,
            similarity,
            slots,
            data,
            norm_squares,
        }
    }

    fn row(&self, place: u32) -> Option<&[T]> {
        let start = place as usize * self.dim;
        self.data.get(start..start + self.dim)
    }
}

impl<T: Stored> Column for DenseColumn<T> {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        let row = self.row(self.slots.place(offset)?)?;
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

struct DenseBound<'a, T: 'static> {
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
        let places: Vec<u32> = offsets.iter().filter_map(|offset| slots.place(*offset)).collect();
        if places.len() < offsets.len() {
            return self.with_gaps(offsets, out);
        }
        similarity.kernel.many(&self.query, data, &places, out);
        if similarity.by_norms {
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
