//! Maximal marginal relevance: picks results that are close to the query but unlike each other
//! (Carbonell and Goldstein 1998). Used by nearest queries.

use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};
use crate::limits::MMR_CANDIDATES_MAX;
use crate::query::dialect::finite;

/// How nearest results are diversified.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Mmr {
    /// From 0, relevance alone, to 1, variety alone; `None` is one half.
    #[serde(default, deserialize_with = "finite", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub diversity: Option<f32>,
    /// How many of the nearest points to choose from; `None` is the limit of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 16_384))]
    pub candidates_limit: Option<u64>,
}

impl Mmr {
    /// The share of relevance in each choice: one minus the diversity.
    pub fn lambda(&self) -> f32 {
        1.0 - self.diversity.unwrap_or(0.5)
    }

    /// How many of the nearest points to choose from, for a request of this limit.
    pub fn candidates(&self, limit: u64) -> u64 {
        self.candidates_limit.unwrap_or(limit).min(MMR_CANDIDATES_MAX)
    }

    /// Chooses up to `limit` candidates and returns their indices in the order of choice.
    ///
    /// `relevance` holds the similarity of each candidate to the query, `similarity` that between two candidates;
    /// larger is closer in both. The most relevant is chosen first, then always the one with the largest
    /// `lambda * relevance - (1 - lambda) * (similarity to the closest one chosen)`. The earlier candidate wins
    /// ties.
    ///
    /// # Errors
    /// The first error of `similarity` ends the choice: it grows with the square of the candidates, so whoever
    /// waits for it must be able to stop it.
    pub fn select<E>(
        lambda: f32,
        relevance: &[f32],
        similarity: &dyn Fn(usize, usize) -> Result<f32, E>,
        limit: usize,
    ) -> Result<Vec<usize>, E> {
        struct Candidate {
            index: usize,
            relevance: f32,
            closest: f32,
        }
        let mut waiting: Vec<Candidate> = relevance
            .iter()
            .enumerate()
            .map(|(index, &relevance)| Candidate {
                index,
                relevance,
                closest: f32::NEG_INFINITY,
            })
            .collect();
        let mut chosen: Vec<usize> = Vec::new();
        while chosen.len() < limit {
            let worth = |candidate: &Candidate| match chosen.is_empty() {
                true => candidate.relevance,
                false => lambda * candidate.relevance - (1.0 - lambda) * candidate.closest,
            };
            let Some(place) = first_largest(waiting.iter().map(worth)) else {
                break;
            };
            let next = waiting.remove(place).index;
            for other in &mut waiting {
                other.closest = other.closest.max(similarity(other.index, next)?);
            }
            chosen.push(next);
        }
        Ok(chosen)
    }
}

fn first_largest(values: impl Iterator<Item = f32>) -> Option<usize> {
    let first_wins = |best: (usize, f32), next: (usize, f32)| {
        if next.1.total_cmp(&best.1).is_gt() {
            next
        } else {
            best
        }
    };
    values.enumerate().reduce(first_wins).map(|(index, _)| index)
}

impl Validate for Mmr {
    fn validate(&self, check: &mut Check) {
        if let Some(diversity) = self.diversity {
            check.between("diversity", diversity, 0.0, 1.0);
        }
        if let Some(candidates) = self.candidates_limit {
            check.at_most("candidates_limit", candidates, MMR_CANDIDATES_MAX);
        }
    }
}

#[cfg(test)]
mod tests;
