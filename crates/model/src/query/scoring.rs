//! What a vector query means: it measures a point's similarity to some anchors and folds the numbers into one
//! score. Stored vectors only ever answer "how similar are you to this anchor".

use std::fmt::Debug;
use std::sync::Arc;

use crate::distance::{Distance, Order};
use crate::vector::Vector;

/// A lowered query: anchors, the fold over the similarities to them, and how its scores are reported.
#[derive(Debug, Clone)]
pub struct Scoring {
    /// The vectors to measure against, in the order the fold expects; not yet canonical.
    pub anchors: Vec<Vector>,
    /// From one similarity per anchor to one score; larger is better.
    pub fold: Arc<dyn Fold>,
    /// How scores leave the engine.
    pub reported: Reported,
}

/// How the score of a fold is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// As the distance of the field defines it; ascending for Euclid and Manhattan. Plain nearest search.
    AsDistance,
    /// As it is, always descending. Every custom query.
    AsIs,
}

impl Reported {
    /// The score to show for a folded similarity.
    pub fn score(self, distance: Distance, folded: f32) -> f32 {
        match self {
            Self::AsDistance => distance.report(folded),
            Self::AsIs => folded,
        }
    }

    /// Which end of the reported list is best.
    pub fn order(self, distance: Distance) -> Order {
        match self {
            Self::AsDistance => distance.order(),
            Self::AsIs => Order::Descending,
        }
    }

    /// Whether a reported score is strictly better than `threshold`.
    pub fn passes(self, distance: Distance, score: f32, threshold: f32) -> bool {
        match self.order(distance) {
            Order::Descending => score > threshold,
            Order::Ascending => score < threshold,
        }
    }
}

/// From similarities, one per anchor, to one score. Larger is better on both sides.
pub trait Fold: Debug + Send + Sync {
    /// The score of a point with these similarities.
    fn score(&self, sims: &[f32]) -> f32;

    /// The weights, when the fold is a weighted sum of the similarities.
    fn weights(&self) -> Option<&[f32]> {
        None
    }
}

/// A weighted sum of similarities, added up in the order of the anchors.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    weights: Vec<f32>,
}

impl Linear {
    /// One weight per anchor.
    pub fn new(weights: Vec<f32>) -> Self {
        Self { weights }
    }
}

impl Fold for Linear {
    fn score(&self, sims: &[f32]) -> f32 {
        // A single anchor of weight one is the similarity itself, bit for bit.
        match (self.weights.as_slice(), sims) {
            ([weight], [sim]) if *weight == 1.0 => *sim,
            // From a positive zero, so that zeros have one sign and ties are ties.
            (weights, sims) => weights
                .iter()
                .zip(sims)
                .fold(0.0, |sum, (weight, sim)| sum + weight * sim),
        }
    }

    fn weights(&self) -> Option<&[f32]> {
        Some(&self.weights)
    }
}

/// x / (1 + |x|): an odd, monotone squash into (-1, 1).
pub fn fast_sigmoid(x: f32) -> f32 {
    x / (1.0 + x.abs())
}

/// The fast sigmoid moved into (0, 1).
pub fn scaled_fast_sigmoid(x: f32) -> f32 {
    0.5 * (fast_sigmoid(x) + 1.0)
}
