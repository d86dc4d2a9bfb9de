//! The kinds of query. A vector kind is data (its examples) plus a fold; adding one is adding a file here, one
//! line in the registry below, one arm per wire dialect, and a corpus file.

use super::example::Example;
use super::rerank::formula::Formula;
use super::rerank::fusion::Fusion;
use super::scoring::Scoring;
use crate::error::{Check, Invalid, Validate};
use crate::vector::Vector;

pub mod nearest;
pub mod recommend;
pub mod context;
pub mod discover;
pub mod feedback;
pub mod order_by;
mod json;

pub(in crate::query) use json::SampleName;

/// What a query asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// The points closest to an example.
    Nearest(nearest::Nearest),
    /// More like these, less like those.
    Recommend(recommend::Recommend),
    /// A target inside a zone drawn by pairs.
    Discover(discover::Discover),
    /// The zone alone.
    Context(context::Context),
    /// A search steered by judged results.
    Feedback(feedback::Feedback),
    /// By the value of a payload field.
    OrderBy(order_by::OrderBy),
    /// Random points.
    Sample,
    /// The results of prefetches joined by rank or normalised score.
    Fusion(Fusion),
    /// The results of prefetches scored by an expression.
    Formula(Formula),
}

/// A vector query: which vectors it needs, and what it means once they are there.
pub trait QueryKind {
    /// The examples whose vectors must be fetched, in a fixed order.
    fn examples(&self) -> Vec<&Example>;

    /// The meaning, given one vector per example in the order of [`QueryKind::examples`].
    ///
    /// # Errors
    /// `Invalid::Input` or `Invalid::Request` when the examples do not suffice for the kind.
    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid>;
}

impl Query {
    /// The vector kind behind this query; `None` for queries that are not about vectors.
    pub fn as_kind(&self) -> Option<&dyn QueryKind> {
        match self {
            Self::Nearest(kind) => Some(kind),
            Self::Recommend(kind) => Some(kind),
            Self::Discover(kind) => Some(kind),
            Self::Context(kind) => Some(kind),
            Self::Feedback(kind) => Some(kind),
            Self::OrderBy(_) | Self::Sample | Self::Fusion(_) | Self::Formula(_) => None,
        }
    }
}

impl Validate for Query {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Nearest(kind) => kind.validate(check),
            Self::Recommend(kind) => check.within("recommend", |check| kind.validate(check)),
            Self::Discover(kind) => check.within("discover", |check| kind.validate(check)),
            Self::Context(kind) => check.within("context", |check| kind.validate(check)),
            Self::Feedback(kind) => check.within("relevance_feedback", |check| kind.validate(check)),
            Self::Fusion(fusion) => fusion.validate(check),
            Self::Formula(formula) => formula.validate(check),
            Self::OrderBy(_) | Self::Sample => {}
        }
    }
}

#[cfg(test)]
mod tests;
