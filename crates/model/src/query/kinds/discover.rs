//! Discover: closeness to a target, inside the zone that pairs of examples draw.

use std::cmp::Ordering;
use std::sync::Arc;

use super::QueryKind;
use super::context::{Pair, pair_examples};
use crate::error::{Check, Invalid, Validate};
use crate::query::dialect::OneOrMany;
use crate::query::example::Example;
use crate::query::scoring::{Fold, Reported, Scoring, scaled_fast_sigmoid};
use crate::vector::Vector;

/// Points that win many pairs, and among those the ones closest to the target.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "DiscoverInput")]
pub struct Discover {
    /// What to be close to.
    pub target: Example,
    /// The zone; may be empty.
    #[schemars(with = "OneOrMany<Pair>")]
    pub context: Vec<Pair>,
}

impl QueryKind for Discover {
    fn examples(&self) -> Vec<&Example> {
        std::iter::once(&self.target)
            .chain(pair_examples(&self.context))
            .collect()
    }

    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid> {
        Ok(Scoring {
            anchors: vectors,
            fold: Arc::new(PairsWon),
            reported: Reported::AsIs,
        })
    }
}

/// Similarities: target, then positive and negative of each pair. The whole part counts pairs won less pairs
/// lost; the fraction orders within a zone.
#[derive(Debug)]
struct PairsWon;

impl Fold for PairsWon {
    fn score(&self, sims: &[f32]) -> f32 {
        let Some((target, pairs)) = sims.split_first() else {
            return 0.0;
        };
        let rank: f32 = pairs
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[positive, negative]| rank(*positive, *negative))
            .sum();
        rank + scaled_fast_sigmoid(*target)
    }
}

fn rank(positive: f32, negative: f32) -> f32 {
    // Zeros of either sign are a tie: which sign a dot product of nothing has depends on how it was added up.
    match positive
        .partial_cmp(&negative)
        .unwrap_or_else(|| positive.total_cmp(&negative))
    {
        Ordering::Greater => 1.0,
        Ordering::Equal => 0.0,
        Ordering::Less => -1.0,
    }
}

impl Validate for Discover {
    fn validate(&self, check: &mut Check) {
        check.within("target", |check| self.target.validate(check));
        check.each("context", &self.context);
    }
}
