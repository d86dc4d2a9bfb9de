//! Dot product, squared L2 and L1 between dense vectors of f32, f16 or u8: one-to-one, one-to-many, and the best
//! of many. Columns choose a [`Kernel`] once and call it once per batch of rows.
//! INVARIANT: one-to-many and best-of-many give exactly the bits that one-to-one gives, on every level.
//!
//! Numbers are IEEE: infinities and NaN pass through (a NaN's payload is unspecified), denormals are kept, overflow
//! gives an infinity. f16 is widened to f32 before any arithmetic; u8 is summed exactly in integers and rounded to
//! f32 once, at the end.
#![expect(
    clippy::indexing_slicing,
    reason = "rows of a matrix and lanes of a block: offsets come from the caller's own column, never from a request"
)]

mod rows;
mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
/// Elsewhere `cpu` never reports AVX2, so its table may be any.
#[cfg(not(target_arch = "x86_64"))]
use scalar as avx2;

use half::f16;

use crate::cpu::{self, Level};

/// What to compute between two vectors. Cosine is `Dot` on normalised vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Sum of products; larger is closer.
    Dot,
    /// Sum of squared differences, without the root; smaller is closer.
    L2,
    /// Sum of absolute differences; smaller is closer.
    L1,
}

type One<T> = fn(&[T], &[T]) -> f32;
type Many<T> = fn(&[T], &[T], &[u32], &mut [f32]);

/// One measure on one element type, compiled for one instruction set. Copyable, so that a column binds it once.
#[derive(Debug)]
pub struct Kernel<T: 'static> {
    one: One<T>,
    many: Many<T>,
    best: One<T>,
}

impl<T> Clone for Kernel<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Kernel<T> {}

impl<T: Element> Kernel<T> {
    /// The kernel of this measure for the level that [`cpu::level`] returns now.
    #[inline]
    pub fn new(measure: Measure) -> Self {
        let table = T::table(cpu::level());
        match measure {
            Measure::Dot => table.dot,
            Measure::L2 => table.l2,
            Measure::L1 => table.l1,
        }
    }

    /// The measure between two vectors.
    ///
    /// # Panics
    /// If the lengths differ.
    #[inline]
    pub fn one(&self, a: &[T], b: &[T]) -> f32 {
        assert_eq!(a.len(), b.len(), "vectors of different lengths");
        (self.one)(a, b)
    }

    /// The measure between `query` and the rows of a row-major matrix whose width is the query's: `out[i]` is for row
    /// `offsets[i]`. Offsets may repeat and come in any order.
    ///
    /// # Panics
    /// If `out` and `offsets` differ in length, or an offset lies outside of the matrix.
    #[inline]
    pub fn many(&self, query: &[T], rows: &[T], offsets: &[u32], out: &mut [f32]) {
        assert_eq!(offsets.len(), out.len(), "one slot per offset");
        (self.many)(query, rows, offsets, out);
    }

    /// The largest similarity (the dot product, or the negated distance) between `query` and any row of a row-major
    /// matrix. A NaN is never the largest; without rows, or with only NaN, it is negative infinity.
    ///
    /// # Panics
    /// If the query is empty, or `rows` is not a whole number of rows.
    #[inline]
    pub fn best(&self, query: &[T], rows: &[T]) -> f32 {
        assert!(!query.is_empty(), "a query without dimensions");
        assert_eq!(rows.len() % query.len(), 0, "not a whole number of rows");
        (self.best)(query, rows)
    }
}

/// An element type that kernels exist for: `f32`, [`half::f16`] and `u8`.
pub trait Element: tables::Tables {}

impl<T: tables::Tables> Element for T {}

mod tables {
    use super::{Kernel, Level};

    /// The kernels of one element type for one level.
    #[derive(Debug)]
    pub struct Table<T: 'static> {
        pub dot: Kernel<T>,
        pub l2: Kernel<T>,
        pub l1: Kernel<T>,
    }

    /// Private, so that nobody else can implement `Element` or ask for a level that `cpu` did not find.
    pub trait Tables: Copy + 'static {
        fn table(level: Level) -> &'static Table<Self>;
    }
}

macro_rules! table {
    ($level:ident, $dot:ident, $l2:ident, $l1:ident) => {
        tables::Table {
            dot: Kernel {
                one: $level::$dot::one,
                many: $level::$dot::many,
                best: $level::$dot::best,
            },
            l2: Kernel {
                one: $level::$l2::one,
                many: $level::$l2::many,
                best: $level::$l2::best,
            },
            l1: Kernel {
                one: $level::$l1::one,
                many: $level::$l1::many,
                best: $level::$l1::best,
            },
        }
    };
}

macro_rules! tables {
    ($elem:ty, $dot:ident, $l2:ident, $l1:ident) => {
        impl tables::Tables for $elem {
            #[inline]
            fn table(level: Level) -> &'static tables::Table<$elem> {
                static SCALAR: tables::Table<$elem> = table!(scalar, $dot, $l2, $l1);
                static AVX2: tables::Table<$elem> = table!(avx2, $dot, $l2, $l1);
                match level {
                    Level::Scalar => &SCALAR,
                    Level::Avx2 => &AVX2,
                }
            }
        }
    };
}

tables!(f32, dot_f32, l2_f32, l1_f32);
tables!(f16, dot_f16, l2_f16, l1_f16);
tables!(u8, dot_u8, l2_u8, l1_u8);

/// Dot product; panics if the lengths differ.
pub fn dot<T: Element>(a: &[T], b: &[T]) -> f32 {
    Kernel::new(Measure::Dot).one(a, b)
}

/// Squared Euclidean distance (no root); panics if the lengths differ.
pub fn l2<T: Element>(a: &[T], b: &[T]) -> f32 {
    Kernel::new(Measure::L2).one(a, b)
}

/// Manhattan distance; panics if the lengths differ.
pub fn l1<T: Element>(a: &[T], b: &[T]) -> f32 {
    Kernel::new(Measure::L1).one(a, b)
}

/// [`dot`] between `query` and the rows at `offsets` of a row-major matrix of width `dim`: see [`Kernel::many`].
/// Panics also if `dim` is not the query's length.
pub fn dot_many<T: Element>(query: &[T], rows: &[T], dim: usize, offsets: &[u32], out: &mut [f32]) {
    many(Measure::Dot, query, rows, dim, offsets, out);
}

/// [`l2`] between `query` and the rows at `offsets`, as in [`dot_many`].
pub fn l2_many<T: Element>(query: &[T], rows: &[T], dim: usize, offsets: &[u32], out: &mut [f32]) {
    many(Measure::L2, query, rows, dim, offsets, out);
}

/// [`l1`] between `query` and the rows at `offsets`, as in [`dot_many`].
pub fn l1_many<T: Element>(query: &[T], rows: &[T], dim: usize, offsets: &[u32], out: &mut [f32]) {
    many(Measure::L1, query, rows, dim, offsets, out);
}

fn many<T: Element>(measure: Measure, query: &[T], rows: &[T], dim: usize, offsets: &[u32], out: &mut [f32]) {
    assert_eq!(query.len(), dim, "the query is as wide as the matrix");
    Kernel::new(measure).many(query, rows, offsets, out);
}

/// The squared norm of a byte vector, exact in integers before it is rounded to f32. Cosine between byte vectors,
/// which are stored as they came, is `dot / sqrt(norm_sq(a) * norm_sq(b))`.
pub fn norm_sq_u8(vector: &[u8]) -> f32 {
    dot(vector, vector)
}

#[cfg(test)]
mod tests;
