//! Relevance feedback: a nearest search that judged results pull towards the better ones.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::QueryKind;
use crate::error::{Check, Invalid, Validate};
use crate::limits::FEEDBACK_ITEMS_MAX;
use crate::query::example::Example;
use crate::query::scoring::{Linear, Reported, Scoring};
use crate::vector::Vector;

/// Points close to the target, and closer to well judged examples than to badly judged ones.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "RelevanceFeedbackInput")]
pub struct Feedback {
    /// The original query.
    pub target: Example,
    /// Results that somebody judged; at least one.
    #[serde(rename = "feedback")]
    pub items: Vec<FeedbackItem>,
    /// How judgements become weights.
    pub strategy: FeedbackStrategy,
}

/// A result and its judgement.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FeedbackItem {
    /// What was judged.
    pub example: Example,
    /// Larger is better; only differences matter.
    pub score: f32,
}

/// How judgements become weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackStrategy {
    /// `a * sim(target) + sum over pairs of (difference in score)^b * c * (sim(better) - sim(worse))`.
    Naive {
        /// Weight of the target; any sign.
        a: f32,
        /// How much larger differences in score weigh more; not negative.
        b: f32,
        /// Weight of the judgements; any sign.
        c: f32,
    },
}

impl QueryKind for Feedback {
    fn examples(&self) -> Vec<&Example> {
        std::iter::once(&self.target)
            .chain(self.items.iter().map(|item| &item.example))
            .collect()
    }

    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid> {
        let FeedbackStrategy::Naive { a, b, c } = self.strategy;
        let scores: Vec<f32> = self.items.iter().map(|item| item.score).collect();
        let weights = std::iter::once(a).chain(naive_weights(&scores, b, c));
        // Judged examples of weight zero have no say: without a pair this is the plain search, bit for bit.
        let (anchors, weights) = vectors
            .into_iter()
            .zip(weights)
            .enumerate()
            .filter(|(index, (_, weight))| *index == 0 || *weight != 0.0)
            .map(|(_, pair)| pair)
            .unzip();
        Ok(Scoring {
            anchors,
            fold: Arc::new(Linear::new(weights)),
            reported: Reported::AsIs,
        })
    }
}

/// The sum over pairs, collected by item, so that each similarity is needed once. A pair is any two items of which
/// the first has the larger score.
fn naive_weights(scores: &[f32], b: f32, c: f32) -> Vec<f32> {
    let pull = |from: f32, to: f32| if from > to { (from - to).powf(b) * c } else { 0.0 };
    scores
        .iter()
        .map(|own| {
            scores
                .iter()
                .map(|other| pull(*own, *other) - pull(*other, *own))
                .sum()
        })
        .collect()
}

impl Validate for Feedback {
    fn validate(&self, check: &mut Check) {
        check.within("target", |check| self.target.validate(check));
        if self.items.is_empty() {
            check.fail("feedback", "feedback elements must be non-empty");
        }
        if self.items.len() > FEEDBACK_ITEMS_MAX {
            check.fail(
                "feedback",
                format!("at most {FEEDBACK_ITEMS_MAX} feedback elements are accepted"),
            );
        }
        check.each("feedback", &self.items);
        let FeedbackStrategy::Naive { b, .. } = self.strategy;
        check.within("strategy", |check| {
            check.within("naive", |check| check.at_least("b", b, 0.0))
        });
    }
}

impl Validate for FeedbackItem {
    fn validate(&self, check: &mut Check) {
        check.within("example", |check| self.example.validate(check));
    }
}
