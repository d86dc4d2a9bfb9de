//! Fusion: several ranked lists become one. Lists come best first; a point counts once in each list.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};
use crate::id::PointId;
use crate::query::dialect::finite_list;

/// The `k` of reciprocal rank fusion when none is given.
pub const RRF_K_DEFAULT: u64 = 2;

/// How lists are joined.
#[derive(Debug, Clone, PartialEq)]
pub enum Fusion {
    /// Reciprocal rank fusion: only positions matter.
    Rrf {
        /// Larger makes the first places less special; at least one.
        k: u64,
        /// One per list; `None` weighs all by one.
        weights: Option<Vec<f32>>,
    },
    /// Distribution-based score fusion: scores are scaled by mean and deviation of their list.
    Dbsf,
}

impl Default for Fusion {
    fn default() -> Self {
        Self::Rrf {
            k: RRF_K_DEFAULT,
            weights: None,
        }
    }
}

/// `{"fusion": name}`.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Fusion")]
pub(crate) enum FusionName {
    Rrf,
    Dbsf,
}

impl From<FusionName> for Fusion {
    fn from(name: FusionName) -> Self {
        match name {
            FusionName::Rrf => Self::default(),
            FusionName::Dbsf => Self::Dbsf,
        }
    }
}

/// `{"rrf": {...}}`.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Rrf {
    #[schemars(range(min = 1))]
    pub(crate) k: Option<u64>,
    #[serde(
        default,
        deserialize_with = "finite_list",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) weights: Option<Vec<f32>>,
}

impl From<Rrf> for Fusion {
    fn from(rrf: Rrf) -> Self {
        Self::Rrf {
            k: rrf.k.unwrap_or(RRF_K_DEFAULT),
            weights: rrf.weights,
        }
    }
}

impl Fusion {
    /// Joins lists that are sorted best first. The result is sorted by fused score, larger first; of equal scores
    /// the larger id comes first.
    pub fn fuse(&self, lists: &[Vec<(PointId, f32)>]) -> Vec<(PointId, f32)> {
        let mut fused: BTreeMap<PointId, f32> = BTreeMap::new();
        for (source, list) in lists.iter().enumerate() {
            let mut counted: BTreeMap<PointId, f32> = BTreeMap::new();
            for (id, score) in self.contributions(source, list) {
                counted.entry(id).or_insert(score);
            }
            for (id, score) in counted {
                *fused.entry(id).or_insert(0.0) += score;
            }
        }
        let mut fused: Vec<(PointId, f32)> = fused.into_iter().collect();
        fused.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        fused
    }

    fn contributions(&self, source: usize, list: &[(PointId, f32)]) -> Vec<(PointId, f32)> {
        match self {
            Self::Rrf { k, weights } => {
                let weight = weights
                    .as_ref()
                    .map_or(1.0, |weights| weights.get(source).copied().unwrap_or(1.0));
                let places = (1..=list.len()).map(|place| reciprocal_rank(place, *k, weight));
                list.iter()
                    .zip(places)
                    .map(|((id, _), score)| (*id, score))
                    .collect()
            }
            Self::Dbsf => {
                let scores: Vec<f32> = list.iter().map(|(_, score)| *score).collect();
                let scale = Scale::of(&scores);
                list.iter()
                    .map(|(id, score)| (*id, scale.apply(*score)))
                    .collect()
            }
        }
    }
}

/// 1 / (place / weight + k - 1); `place` starts at one. Nothing for a weight that is not positive.
fn reciprocal_rank(place: usize, k: u64, weight: f32) -> f32 {
    if weight <= 0.0 {
        return 0.0;
    }
    1.0 / (place as f32 / weight + k as f32 - 1.0)
}

/// Maps three standard deviations around the mean to 0..1, without clamping.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// No spread to divide by: everything is in the middle.
    Flat,
    Between {
        low: f64,
        high: f64,
    },
}

impl Scale {
    /// In double precision and two passes, so that close scores far from zero keep their spread.
    fn of(scores: &[f32]) -> Self {
        let count = scores.len() as f64;
        let mean = scores.iter().copied().map(f64::from).sum::<f64>() / count;
        let squares: f64 = scores
            .iter()
            .map(|score| (f64::from(*score) - mean).powi(2))
            .sum();
        let deviation = (squares / (count - 1.0)).sqrt();
        let (low, high) = (mean - 3.0 * deviation, mean + 3.0 * deviation);
        // A list of one has no deviation (0/0): the comparison is false and the list is flat.
        if high > low {
            Self::Between { low, high }
        } else {
            Self::Flat
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "scores are single precision by contract"
    )]
    fn apply(self, score: f32) -> f32 {
        match self {
            Self::Flat => 0.5,
            Self::Between { low, high } => ((f64::from(score) - low) / (high - low)) as f32,
        }
    }
}

impl Validate for Fusion {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Rrf { k, weights } => check.within("rrf", |check| {
                check.at_least("k", *k, 1);
                if weights.iter().flatten().any(|weight| !weight.is_finite()) {
                    check.fail("weights", "all weights must be finite numbers");
                }
            }),
            Self::Dbsf => {}
        }
    }
}

#[cfg(test)]
mod tests;
