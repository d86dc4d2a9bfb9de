//! A column stores one named vector field. It answers two questions only: what is the vector of this point, and
//! how similar are these points to this anchor. It reads its arrays from memory and from a stored object alike.

use std::sync::Arc;

use half::f16;
use kindred_index::Offset;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::vector::{Datatype, Measure, Vector, VectorRef};
use kindred_storage::Error;

mod part;
mod slots;
mod element;
mod dense;
mod multi;
mod sparse;

pub(crate) use part::{Arrays, Part};
pub(crate) use slots::NONE;

/// The stored vectors of one field. Offsets are those of the segment; a point may have no vector here.
pub trait Column: Send + Sync + std::fmt::Debug {
    /// Whether the point has a vector here.
    fn has(&self, offset: Offset) -> bool;

    /// Of the points at `offsets`, those without a vector here; faster than one question for each.
    fn lacking(&self, offsets: &mut dyn Iterator<Item = Offset>) -> Vec<Offset>;

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

/// What a column is made of: for writing it to an object, and for checking one that came from there.
pub(crate) trait Layout: Column {
    /// What it was built for.
    fn spec(&self) -> ColumnSpec;

    /// The bytes of a point's vector in one of the arrays of [`Part::of`]; `None` without a vector.
    fn bytes(&self, part: Part, offset: Offset) -> Option<&[u8]>;

    /// Elements or components of a point's vector, as `ends` counts them; `None` without a vector.
    fn length(&self, offset: Offset) -> Option<usize>;

    /// Checks what opening left unread: that components are finite, indices ascend, norms are those of the rows.
    fn check(&self, object: &str) -> Result<(), Error>;

    /// Memory of its own that it takes, in bytes.
    fn memory_bytes(&self) -> usize;
}

/// Collects the vectors of a column in the order of the offsets.
pub(crate) trait Builder {
    /// Adds the next point's vector, or notes that it has none.
    fn push(&mut self, vector: Option<&Vector>);

    /// The finished column.
    fn finish(self: Box<Self>) -> Arc<dyn Layout>;
}

/// An empty builder for a column of this kind.
pub(crate) fn builder(spec: ColumnSpec) -> Box<dyn Builder> {
    match spec {
        ColumnSpec::Dense { dim, measure } => match measure.datatype {
            Datatype::Float32 => Box::new(dense::DenseBuilder::<f32>::new(dim, measure)),
            Datatype::Float16 => Box::new(dense::DenseBuilder::<f16>::new(dim, measure)),
            Datatype::Uint8 => Box::new(dense::DenseBuilder::<u8>::new(dim, measure)),
        },
        ColumnSpec::Multi { dim, measure } => match measure.datatype {
            Datatype::Float32 => Box::new(multi::MultiBuilder::<f32>::new(dim, measure)),
            Datatype::Float16 => Box::new(multi::MultiBuilder::<f16>::new(dim, measure)),
            Datatype::Uint8 => Box::new(multi::MultiBuilder::<u8>::new(dim, measure)),
        },
        ColumnSpec::Sparse { idf } => Box::new(sparse::SparseBuilder::new(idf)),
    }
}

/// Reads the column of a segment object with `rows` rows, `stored` of which have a vector. The arrays that opening
/// has to believe are checked; those of [`Part::is_large`] are not read.
pub(crate) fn open(
    spec: ColumnSpec,
    rows: usize,
    stored: usize,
    arrays: Arrays<'_>,
) -> Result<Arc<dyn Layout>, Error> {
    let slots = slots::Slots::open(arrays, rows, stored)?;
    Ok(match spec {
        ColumnSpec::Dense { dim, measure } => open_dense(dim, measure, slots, arrays)?,
        ColumnSpec::Multi { dim, measure } => open_multi(dim, measure, slots, arrays)?,
        ColumnSpec::Sparse { idf } => Arc::new(sparse::SparseColumn::open(idf, slots, arrays)?),
    })
}

fn open_dense(
    dim: usize,
    measure: Measure,
    slots: slots::Slots,
    arrays: Arrays<'_>,
) -> Result<Arc<dyn Layout>, Error> {
    Ok(match measure.datatype {
        Datatype::Float32 => Arc::new(dense::DenseColumn::<f32>::open(dim, measure, slots, arrays)?),
        Datatype::Float16 => Arc::new(dense::DenseColumn::<f16>::open(dim, measure, slots, arrays)?),
        Datatype::Uint8 => Arc::new(dense::DenseColumn::<u8>::open(dim, measure, slots, arrays)?),
    })
}

fn open_multi(
    dim: usize,
    measure: Measure,
    slots: slots::Slots,
    arrays: Arrays<'_>,
) -> Result<Arc<dyn Layout>, Error> {
    Ok(match measure.datatype {
        Datatype::Float32 => Arc::new(multi::MultiColumn::<f32>::open(dim, measure, slots, arrays)?),
        Datatype::Float16 => Arc::new(multi::MultiColumn::<f16>::open(dim, measure, slots, arrays)?),
        Datatype::Uint8 => Arc::new(multi::MultiColumn::<u8>::open(dim, measure, slots, arrays)?),
    })
}

/// Whether vectors of one column may be copied into the other byte by byte.
pub(crate) fn is_same_layout(a: ColumnSpec, b: ColumnSpec) -> bool {
    match (a, b) {
        (ColumnSpec::Sparse { .. }, ColumnSpec::Sparse { .. }) => true,
        (ColumnSpec::Dense { .. } | ColumnSpec::Multi { .. } | ColumnSpec::Sparse { .. }, _) => a == b,
    }
}
