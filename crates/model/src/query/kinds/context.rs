//! Context: the zone that pairs of examples draw, without a target. A point inside it loses nothing.

use std::sync::Arc;

use super::QueryKind;
use crate::error::{Check, Invalid, Validate};
use crate::query::example::Example;
use crate::query::scoring::{Fold, Reported, Scoring, fast_sigmoid};
use crate::vector::Vector;

/// Points that lie closer to the positive than to the negative of each pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Context {
    /// The zone; without pairs every point scores 0.
    pub pairs: Vec<Pair>,
}

/// A side to be on, and a side not to be on.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "ContextPair")]
pub struct Pair {
    /// To be closer to this.
    pub positive: Example,
    /// Than to this.
    pub negative: Example,
}

/// Positive and negative of each pair in turn: the order that the folds expect.
pub(super) fn pair_examples(pairs: &[Pair]) -> impl Iterator<Item = &Example> {
    pairs.iter().flat_map(|pair| [&pair.positive, &pair.negative])
}

impl QueryKind for Context {
    fn examples(&self) -> Vec<&Example> {
        pair_examples(&self.pairs).collect()
    }

    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid> {
        Ok(Scoring {
            anchors: vectors,
            fold: Arc::new(PairLosses),
            reported: Reported::AsIs,
        })
    }
}

/// The sum of what each pair is lost by, squashed; a tie is lost by a hair.
#[derive(Debug)]
struct PairLosses;

impl Fold for PairLosses {
    fn score(&self, sims: &[f32]) -> f32 {
        let loss =
            |[positive, negative]: &[f32; 2]| fast_sigmoid((positive - negative - f32::EPSILON).min(0.0));
        // Starts from a positive zero, so that a point inside every zone is shown as 0 and not as -0.
        sims.as_chunks::<2>()
            .0
            .iter()
            .map(loss)
            .fold(0.0, |sum, loss| sum + loss)
    }
}

impl Validate for Pair {
    fn validate(&self, check: &mut Check) {
        check.within("positive", |check| self.positive.validate(check));
        check.within("negative", |check| self.negative.validate(check));
    }
}

impl Validate for Context {
    fn validate(&self, check: &mut Check) {
        for (index, pair) in self.pairs.iter().enumerate() {
            check.item(index, |check| pair.validate(check));
        }
    }
}
