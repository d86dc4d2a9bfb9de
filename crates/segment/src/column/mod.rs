//! A column stores one named vector field. It answers two questions only: what is the vector of this point, and
//! how similar are these points to this anchor.

use kindred_index::Offset;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::vector::{Vector, VectorRef};

mod slots;
mod dense;
mod multi;
mod sparse;

/// The stored vectors of one field. Offsets are those of the segment; a point may have no vector here.
pub trait Column: Send + Sync + std::fmt::Debug {
    /// Whether the point has a vector here.
    fn has(&self, offset: Offset) -> bool;

    /// The vector of a point, in its canonical form.
    fn vector(&self, offset: Offset) -> Option<Vector>;

    /// Digests an anchor once, so that many points can be measured against it. `None` when the anchor is of
    /// another kind or dimension than the column.
    fn bind<'a>(&'a self, anchor: VectorRef<'a>) -> Option<Box<dyn Bound + 'a>>;

    /// Adds to `frequency` how many of the points at `offsets` have a component at each index; sparse only.
    fn count_components(&self, _offsets: &mut dyn Iterator<Item = Offset>, _count: &mut dyn FnMut(u32)) {}
}

/// An anchor bound to a column.
pub trait Bound {
    /// One similarity per offset, larger is closer, computed from the stored vectors. Every offset must have a
    /// vector in the column; others get negative infinity.
    fn similarities(&self, offsets: &[Offset], out: &mut [f32]);

    /// Whether the point shares a component with the anchor; always true but for sparse vectors.
    fn overlaps(&self, _offset: Offset) -> bool {
        true
    }
}

/// Collects the vectors of a column in the order of the offsets.
pub(crate) trait Builder {
    /// Adds the next point's vector, or notes that it has none.
    fn push(&mut self, vector: Option<&Vector>);

    /// The finished column.
    fn finish(self: Box<Self>) -> Box<dyn Column>;
}

/// An empty builder for a column of this kind.
pub(crate) fn builder(spec: ColumnSpec) -> Box<dyn Builder> {
    match spec {
        ColumnSpec::Dense { dim, measure } => Box::new(dense::DenseBuilder::new(dim, measure)),
        ColumnSpec::Multi { dim, measure } => Box::new(multi::MultiBuilder::new(dim, measure)),
        ColumnSpec::Sparse { .. } => Box::new(sparse::SparseColumn::default()),
    }
}
