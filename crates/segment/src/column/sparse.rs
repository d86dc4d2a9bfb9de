//! A column of sparse vectors, each as its ascending indices and their values; closeness is the dot product.

use std::ops::Range;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_kernels::sparse::{dot_shared, dot_sorted};
use kindred_model::config::Column as ColumnSpec;
use kindred_model::vector::{SparseRef, Vector, VectorRef};
use kindred_storage::Error;

use super::dense::check_finite;
use super::part::{Arrays, Part};
use super::slots::{Places, Slots, SlotsBuilder};
use super::{Bound, Builder, Column, Layout};
use crate::buffer::{Buffer, between};

/// The stored sparse vectors.
#[derive(Debug)]
pub(super) struct SparseColumn {
    idf: bool,
    slots: Slots,
    /// Where the components of each stored vector end.
    ends: Buffer<u64>,
    indices: Buffer<u32>,
    values: Buffer<f32>,
}

/// Collects sparse vectors.
pub(super) struct SparseBuilder {
    idf: bool,
    slots: SlotsBuilder,
    ends: Vec<u64>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl SparseBuilder {
    pub(super) fn new(idf: bool) -> Self {
        Self {
            idf,
            slots: SlotsBuilder::default(),
            ends: Vec::new(),
            indices: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl Builder for SparseBuilder {
    fn push(&mut self, vector: Option<&Vector>) {
        let sparse = match vector {
            Some(Vector::Sparse(sparse)) => Some(sparse),
            Some(Vector::Dense(_) | Vector::Multi(_)) | None => None,
        };
        self.slots.push(sparse.is_some());
        if let Some(sparse) = sparse {
            self.indices.extend_from_slice(sparse.indices());
            self.values.extend_from_slice(sparse.values());
            self.ends.push(self.indices.len() as u64);
        }
    }

    fn finish(self: Box<Self>) -> Arc<dyn Layout> {
        Arc::new(SparseColumn {
            idf: self.idf,
            slots: self.slots.finish(),
            ends: self.ends.into(),
            indices: self.indices.into(),
            values: self.values.into(),
        })
    }
}

/// The arrays of a column, looked up once for a batch of points.
#[derive(Debug, Clone, Copy)]
struct Lists<'a> {
    places: Places<'a>,
    ends: &'a [u64],
    indices: &'a [u32],
    values: &'a [f32],
}

impl<'a> Lists<'a> {
    fn range(self, offset: Offset) -> Option<Range<usize>> {
        between(self.ends, self.places.place(offset)? as usize)
    }

    fn vector(self, offset: Offset) -> Option<SparseRef<'a>> {
        let range = self.range(offset)?;
        Some(SparseRef {
            indices: self.indices.get(range.clone())?,
            values: self.values.get(range)?,
        })
    }
}

impl SparseColumn {
    pub(super) fn open(idf: bool, slots: Slots, arrays: Arrays<'_>) -> Result<Self, Error> {
        let indices: Buffer<u32> = arrays.read(Part::Indices, None)?;
        Ok(Self {
            idf,
            ends: arrays.ends(slots.stored(), 1, 0, indices.len())?,
            values: arrays.read(Part::Values, Some(indices.len()))?,
            slots,
            indices,
        })
    }

    fn lists(&self) -> Lists<'_> {
        Lists {
            places: self.slots.all(),
            ends: &self.ends,
            indices: &self.indices,
            values: &self.values,
        }
    }
}

impl Column for SparseColumn {
    fn has(&self, offset: Offset) -> bool {
        self.slots.place(offset).is_some()
    }

    fn lacking(&self, offsets: &mut dyn Iterator<Item = Offset>) -> Vec<Offset> {
        let places = self.slots.all();
        offsets.filter(|offset| places.place(*offset).is_none()).collect()
    }

    fn vector(&self, offset: Offset) -> Option<Vector> {
        let sparse = self.lists().vector(offset)?;
        Some(VectorRef::Sparse(sparse).to_owned())
    }

    fn bind<'a>(&'a self, anchor: VectorRef<'a>) -> Option<Box<dyn Bound + 'a>> {
        let VectorRef::Sparse(anchor) = anchor else {
            return None;
        };
        Some(Box::new(SparseBound {
            lists: self.lists(),
            anchor,
        }))
    }

    fn count_components(&self, offsets: &mut dyn Iterator<Item = Offset>, count: &mut dyn FnMut(u32)) {
        let lists = self.lists();
        for sparse in offsets.filter_map(|offset| lists.vector(offset)) {
            sparse.indices.iter().for_each(|index| count(*index));
        }
    }
}

impl Layout for SparseColumn {
    fn spec(&self) -> ColumnSpec {
        ColumnSpec::Sparse { idf: self.idf }
    }

    fn bytes(&self, part: Part, offset: Offset) -> Option<&[u8]> {
        let sparse = self.lists().vector(offset)?;
        match part {
            Part::Indices => Some(bytemuck::cast_slice(sparse.indices)),
            Part::Values => Some(bytemuck::cast_slice(sparse.values)),
            Part::Places | Part::Ends | Part::Data | Part::Norms => None,
        }
    }

    fn length(&self, offset: Offset) -> Option<usize> {
        self.lists().range(offset).map(|range| range.len())
    }

    fn check(&self, object: &str) -> Result<(), Error> {
        check_finite(&self.values, object)?;
        let mut start = 0;
        for place in 0..self.ends.len() {
            let Some(range) = between(&self.ends, place) else {
                return Err(self.ends.damage(object, place, "the end of a vector"));
            };
            let indices = self.indices.get(range.clone()).unwrap_or_default();
            if !indices.is_sorted_by(|a, b| a < b) {
                return Err(self.indices.damage(object, start, "the order of indices"));
            }
            start = range.end;
        }
        Ok(())
    }

    fn memory_bytes(&self) -> usize {
        let lists = self.ends.memory_bytes() + self.indices.memory_bytes() + self.values.memory_bytes();
        self.slots.memory_bytes() + lists
    }
}

struct SparseBound<'a> {
    lists: Lists<'a>,
    anchor: SparseRef<'a>,
}

impl Bound for SparseBound<'_> {
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]) {
        let SparseRef { indices, values } = self.anchor;
        for (offset, sim) in offsets.iter().zip(out) {
            *sim = match self.lists.vector(*offset) {
                None => f32::NEG_INFINITY,
                Some(stored) => dot_sorted(indices, values, stored.indices, stored.values),
            };
        }
    }

    fn overlaps(&self, offset: Offset) -> bool {
        let SparseRef { indices, values } = self.anchor;
        let stored = self.lists.vector(offset);
        stored.is_some_and(|stored| dot_shared(indices, values, stored.indices, stored.values).is_some())
    }
}
