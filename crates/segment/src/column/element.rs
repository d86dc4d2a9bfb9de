//! What the components of dense and multi vectors are stored as, and the similarity between rows of them.

use bytemuck::Pod;
use half::f16;
use kindred_kernels::dense::{self, Element, Kernel};
use kindred_model::distance::Distance;
use kindred_model::vector::Measure;

use super::part::is_by_norms;

/// What a component is stored as. Canonical components convert without loss.
pub(super) trait Stored: Element + Pod + Send + Sync + std::fmt::Debug {
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
        Self {
            kernel: Kernel::new(kernel),
            sign,
            by_norms: is_by_norms(measure),
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
