//! Vectors that fit a column. In the coarse grain every similarity is exact in single precision, so that answers must
//! agree bit for bit; in the fine grain they agree up to rounding.

use kindred_model::config::Column;
use kindred_model::distance::Distance;
use kindred_model::vector::input::VectorInput;
use kindred_model::vector::{Datatype, Measure, MultiVector, SparseVector, Vector};
use proptest::prelude::*;

/// How vectors are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Small whole numbers; for cosine, vectors whose length is a power of two.
    Coarse,
    /// Any small numbers.
    Fine,
}

/// Components of dense vectors and of rows.
pub(super) const DIM: usize = 5;

/// Squares add up to 0, 1, 4 or 16: lengths are powers of two, so that normalising is exact.
const PATTERNS: [[f32; DIM]; 7] = [
    [0.0, 0.0, 0.0, 0.0, 0.0],
    [1.0, 0.0, 0.0, 0.0, 0.0],
    [1.0, 1.0, 1.0, 1.0, 0.0],
    [4.0, 0.0, 0.0, 0.0, 0.0],
    [2.0, 2.0, 2.0, 2.0, 0.0],
    [3.0, 2.0, 1.0, 1.0, 1.0],
    [3.0, 2.0, 1.0, 1.0, 1.0],
];

/// A vector of this column's kind, not yet canonical.
pub fn vector(column: Column, grain: Grain) -> BoxedStrategy<Vector> {
    match column {
        Column::Dense { measure, .. } => row(measure, grain).prop_map(Vector::Dense).boxed(),
        Column::Multi { dim, measure } => prop::collection::vec(row(measure, grain), 1..4)
            .prop_map(move |rows| {
                Vector::Multi(MultiVector::from_flat(dim, rows.concat()).expect("one to three whole rows"))
            })
            .boxed(),
        Column::Sparse { .. } => sparse(grain),
    }
}

fn row(measure: Measure, grain: Grain) -> BoxedStrategy<Vec<f32>> {
    let whole = |low: i8, high: i8| prop::collection::vec((low..high).prop_map(f32::from), DIM).boxed();
    match (grain, measure.datatype, measure.distance) {
        (Grain::Coarse, Datatype::Uint8, _) => whole(0, 6),
        (Grain::Coarse, Datatype::Float32 | Datatype::Float16, Distance::Cosine) => {
            let signs = prop::collection::vec(prop::sample::select(vec![1.0_f32, -1.0]), DIM);
            let pattern = prop::sample::select(PATTERNS.to_vec())
                .prop_map(|row| row.to_vec())
                .prop_shuffle();
            (pattern, signs)
                .prop_map(|(row, signs)| row.iter().zip(&signs).map(|(x, sign)| x * sign).collect())
                .boxed()
        }
        (Grain::Coarse, Datatype::Float32 | Datatype::Float16, _) => whole(-4, 5),
        (Grain::Fine, Datatype::Uint8, _) => prop::collection::vec(-20.0_f32..300.0, DIM).boxed(),
        (Grain::Fine, Datatype::Float32 | Datatype::Float16, _) => {
            prop::collection::vec(-1.0_f32..1.0, DIM).boxed()
        }
    }
}

fn sparse(grain: Grain) -> BoxedStrategy<Vector> {
    let value = match grain {
        Grain::Coarse => (-2_i8..6).prop_map(f32::from).boxed(),
        Grain::Fine => (-0.5_f32..1.0).boxed(),
    };
    prop::collection::btree_map(0_u32..9, value, 1..5)
        .prop_map(|components| {
            let (indices, values) = components.into_iter().unzip();
            Vector::Sparse(SparseVector::new(indices, values).expect("the keys of a map are unique"))
        })
        .boxed()
}

/// The same vector as a user writes it.
pub(super) fn input(vector: Vector) -> VectorInput {
    match vector {
        Vector::Dense(data) => VectorInput::Dense(data),
        Vector::Sparse(sparse) => VectorInput::Sparse {
            indices: sparse.indices().to_vec(),
            values: sparse.values().to_vec(),
        },
        Vector::Multi(multi) => VectorInput::Multi(multi.as_ref().rows().map(<[f32]>::to_vec).collect()),
    }
}
