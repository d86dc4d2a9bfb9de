//! How close two dense vectors are, and how that closeness is reported.
//!
//! Inside, larger is closer: Euclid and Manhattan are negated on the way in, so that every fold can assume it.
//! These loops are the definition; the kernels compute the same numbers faster.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

/// The measure of a vector field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Distance {
    /// Dot product of normalised vectors.
    Cosine,
    /// Negated squared Euclidean distance inside; its root is reported.
    Euclid,
    /// Dot product.
    Dot,
    /// Negated sum of absolute differences inside; its absolute value is reported.
    Manhattan,
}

/// Which end of a list is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Larger scores first.
    Descending,
    /// Smaller scores first.
    Ascending,
}

impl Order {
    /// Compares two reported scores so that the better one comes first. Total: NaN has a place.
    pub fn compare(self, a: f32, b: f32) -> Ordering {
        match self {
            Self::Descending => b.total_cmp(&a),
            Self::Ascending => a.total_cmp(&b),
        }
    }
}

impl Distance {
    /// Closeness of two canonical vectors of equal length; larger is closer.
    pub fn similarity(self, a: &[f32], b: &[f32]) -> f32 {
        let pairs = a.iter().zip(b);
        match self {
            // From a positive zero: a sum of nothing but negative zeros is 0, however it is added up.
            Self::Cosine | Self::Dot => pairs.fold(0.0, |sum, (x, y)| sum + x * y),
            Self::Euclid => -pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f32>(),
            Self::Manhattan => -pairs.map(|(x, y)| (x - y).abs()).sum::<f32>(),
        }
    }

    /// The score that a nearest query reports for a similarity.
    pub fn report(self, similarity: f32) -> f32 {
        match self {
            Self::Cosine | Self::Dot => similarity,
            Self::Euclid => similarity.abs().sqrt(),
            Self::Manhattan => similarity.abs(),
        }
    }

    /// The order of reported scores of a nearest query.
    pub fn order(self) -> Order {
        match self {
            Self::Cosine | Self::Dot => Order::Descending,
            Self::Euclid | Self::Manhattan => Order::Ascending,
        }
    }

    /// Brings a vector to the form that is stored and compared: unit length for cosine, unchanged otherwise.
    ///
    /// Vectors that are almost zero or already of unit length stay as they are, so that normalising twice
    /// changes nothing.
    pub fn normalise(self, vector: &mut [f32]) {
        if self != Self::Cosine {
            return;
        }
        let square: f32 = vector.iter().map(|x| x * x).sum();
        if square < f32::EPSILON || (square - 1.0).abs() <= 1e-6 {
            return;
        }
        let length = square.sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
    }
}
