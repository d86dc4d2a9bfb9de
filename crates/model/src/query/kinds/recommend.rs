//! Recommend: more like some examples, less like others. Three strategies, three meanings.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::QueryKind;
use super::nearest::nearest_to;
use crate::error::{Check, Invalid, Validate};
use crate::query::example::Example;
use crate::query::scoring::{Fold, Linear, Reported, Scoring, scaled_fast_sigmoid};
use crate::vector::{MultiVector, SparseVector, Vector};

/// More like the positives, less like the negatives.
#[derive(Debug, Clone, PartialEq, Default, Serialize, schemars::JsonSchema)]
#[schemars(rename = "RecommendInput")]
pub struct Recommend {
    /// To be like these.
    #[schemars(with = "Option<Vec<Example>>")]
    pub positive: Vec<Example>,
    /// To be unlike these.
    #[schemars(with = "Option<Vec<Example>>")]
    pub negative: Vec<Example>,
    /// How the examples are combined.
    #[schemars(with = "Option<Strategy>")]
    pub strategy: Strategy,
}

/// How the examples of a recommendation are combined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RecommendStrategy")]
pub enum Strategy {
    /// Plain nearest search around mean(positives), moved away from the mean of the negatives by as much as that
    /// differs from it. Needs a positive.
    #[default]
    AverageVector,
    /// The closest positive against the closest negative.
    BestScore,
    /// Similarities to the positives, less those to the negatives.
    SumScores,
}

impl QueryKind for Recommend {
    fn examples(&self) -> Vec<&Example> {
        self.positive.iter().chain(&self.negative).collect()
    }

    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid> {
        let positives = self.positive.len();
        let fold: Arc<dyn Fold> = match self.strategy {
            Strategy::AverageVector => {
                let (positive, negative) = vectors.split_at(positives.min(vectors.len()));
                return average(positive, negative).map(|query| nearest_to(vec![query]));
            }
            Strategy::BestScore => Arc::new(BestScore { positives }),
            Strategy::SumScores => {
                let sign = |index| if index < positives { 1.0 } else { -1.0 };
                Arc::new(Linear::new((0..vectors.len()).map(sign).collect()))
            }
        };
        Ok(Scoring {
            anchors: vectors,
            fold,
            reported: Reported::AsIs,
        })
    }
}

/// The better of the two sides, squashed; the negative side counts below zero and wins ties.
#[derive(Debug)]
struct BestScore {
    positives: usize,
}

impl Fold for BestScore {
    fn score(&self, sims: &[f32]) -> f32 {
        let (positive, negative) = sims.split_at(self.positives.min(sims.len()));
        let best = |sims: &[f32]| sims.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let (positive, negative) = (best(positive), best(negative));
        if positive > negative {
            scaled_fast_sigmoid(positive)
        } else {
            -scaled_fast_sigmoid(negative)
        }
    }
}

/// mean(P), or mean(P) + mean(P) - mean(N). Multi vectors are not averaged: the rows of P and the negated rows of
/// N, one after the other.
fn average(positive: &[Vector], negative: &[Vector]) -> Result<Vector, Invalid> {
    match positive.first() {
        None => Err(Invalid::input(
            "Positive vectors should not be empty with `average` strategy",
        )),
        Some(Vector::Dense(_)) => average_dense(&dense(positive)?, &dense(negative)?),
        Some(Vector::Sparse(_)) => average_sparse(&sparse(positive)?, &sparse(negative)?),
        Some(Vector::Multi(_)) => join_multi(&multi(positive)?, &multi(negative)?),
    }
}

fn other_dim(expected: usize, got: usize) -> Invalid {
    Invalid::input(format!(
        "Vector dimension error: expected dim: {expected}, got {got}"
    ))
}

fn dense(vectors: &[Vector]) -> Result<Vec<&[f32]>, Invalid> {
    all(vectors, |vector| {
        if let Vector::Dense(data) = vector {
            Some(data.as_slice())
        } else {
            None
        }
    })
}

fn sparse(vectors: &[Vector]) -> Result<Vec<&SparseVector>, Invalid> {
    all(vectors, |vector| {
        if let Vector::Sparse(sparse) = vector {
            Some(sparse)
        } else {
            None
        }
    })
}

fn multi(vectors: &[Vector]) -> Result<Vec<&MultiVector>, Invalid> {
    all(vectors, |vector| {
        if let Vector::Multi(multi) = vector {
            Some(multi)
        } else {
            None
        }
    })
}

fn all<'a, T: 'a>(vectors: &'a [Vector], read: fn(&'a Vector) -> Option<T>) -> Result<Vec<T>, Invalid> {
    let mixed = || Invalid::input("Can't average vectors with different types");
    vectors
        .iter()
        .map(|vector| read(vector).ok_or_else(mixed))
        .collect()
}

fn average_dense(positive: &[&[f32]], negative: &[&[f32]]) -> Result<Vector, Invalid> {
    let dim = positive.first().map_or(0, |data| data.len());
    if let Some(odd) = positive.iter().chain(negative).find(|data| data.len() != dim) {
        return Err(other_dim(dim, odd.len()));
    }
    let mean = |vectors: &[&[f32]]| {
        let mut sum = vec![0.0; dim];
        for data in vectors {
            sum.iter_mut().zip(*data).for_each(|(sum, x)| *sum += x);
        }
        sum.iter_mut().for_each(|sum| *sum /= vectors.len() as f32);
        sum
    };
    let mut query: Vec<f32> = mean(positive);
    if !negative.is_empty() {
        query
            .iter_mut()
            .zip(mean(negative))
            .for_each(|(p, n)| *p = *p + *p - n);
    }
    Ok(Vector::Dense(query))
}

fn average_sparse(positive: &[&SparseVector], negative: &[&SparseVector]) -> Result<Vector, Invalid> {
    let mean = |vectors: &[&SparseVector]| {
        let mut sum: BTreeMap<u32, f32> = BTreeMap::new();
        for vector in vectors {
            for (index, value) in vector.indices().iter().zip(vector.values()) {
                *sum.entry(*index).or_insert(0.0) += value;
            }
        }
        sum.values_mut().for_each(|sum| *sum /= vectors.len() as f32);
        sum
    };
    let mut query = mean(positive);
    if !negative.is_empty() {
        query.values_mut().for_each(|p| *p += *p);
        for (index, n) in mean(negative) {
            *query.entry(index).or_insert(0.0) -= n;
        }
    }
    let (indices, values) = query.into_iter().unzip();
    SparseVector::new(indices, values)
        .map(Vector::Sparse)
        .ok_or_else(|| Invalid::input("malformed sparse vector"))
}

fn join_multi(positive: &[&MultiVector], negative: &[&MultiVector]) -> Result<Vector, Invalid> {
    let dim = positive.first().map_or(0, |multi| multi.as_ref().dim);
    if let Some(odd) = positive
        .iter()
        .chain(negative)
        .find(|multi| multi.as_ref().dim != dim)
    {
        return Err(other_dim(dim, odd.as_ref().dim));
    }
    let mut rows: Vec<f32> = Vec::new();
    for multi in positive {
        rows.extend_from_slice(multi.as_ref().data);
    }
    for multi in negative {
        rows.extend(multi.as_ref().data.iter().map(|x| -x));
    }
    MultiVector::from_flat(dim, rows)
        .map(Vector::Multi)
        .ok_or_else(|| Invalid::input("malformed multi vector"))
}

impl Validate for Recommend {
    fn validate(&self, check: &mut Check) {
        if self.positive.is_empty() && self.negative.is_empty() {
            check.fail("", "At least one positive or negative vector/id must be provided");
        }
        check.each("positive", &self.positive);
        check.each("negative", &self.negative);
    }
}
