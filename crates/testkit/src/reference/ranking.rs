//! A ranked list, and how far another correct answer may differ from it. Sums of single-precision numbers depend on
//! the order of adding, so close scores can swap places; what is built on such a list is then open.

use kindred_model::id::PointId;
use kindred_model::point::OrderValue;
use kindred_model::vector::Vector;

use crate::compare::is_near;

/// How far two correct answers can agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// In everything: every sum was exact, whatever the order of adding.
    Exact,
    /// Up to ties: scores are close, and close scores may swap places.
    Close,
    /// Not at all: chance, or the order of close scores, has decided which points were looked at.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hit {
    pub(super) id: PointId,
    pub(super) score: f32,
    pub(super) value: Option<OrderValue>,
}

impl Hit {
    /// A point that is listed, not scored.
    pub(super) fn listed(id: PointId) -> Self {
        Self {
            id,
            score: 1.0,
            value: None,
        }
    }
}

/// Best first, not yet cut.
#[derive(Debug, Clone)]
pub(super) struct Ranking {
    pub(super) hits: Vec<Hit>,
    pub(super) trust: Trust,
}

impl Ranking {
    /// The best `limit`, as input of something else: a cut through a near tie leaves open who is in.
    pub(super) fn cut(mut self, limit: u64) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if let (Trust::Close, Some(last), Some(next)) = (
            self.trust,
            self.hits.get(limit.wrapping_sub(1)),
            self.hits.get(limit),
        ) && is_near(last.score, next.score)
        {
            self.trust = Trust::Open;
        }
        self.hits.truncate(limit);
        self
    }

    /// Keeps what passes; a close score near the threshold leaves open who is in.
    pub(super) fn keep(mut self, threshold: Option<f32>, passes: impl Fn(f32, f32) -> bool) -> Self {
        let Some(threshold) = threshold else { return self };
        if self.trust == Trust::Close && self.hits.iter().any(|hit| is_near(hit.score, threshold)) {
            self.trust = Trust::Open;
        }
        self.hits.retain(|hit| passes(hit.score, threshold));
        self
    }

    /// The same where the order itself matters: near ties leave it open.
    pub(super) fn ordered(mut self) -> Self {
        let mut pairs = self.hits.iter().zip(self.hits.iter().skip(1));
        if self.trust == Trust::Close && pairs.any(|(a, b)| is_near(a.score, b.score)) {
            self.trust = Trust::Open;
        }
        self
    }
}

/// Whether sums of products of such vectors are exact in single precision: at most eight components, multiples of
/// 1/16 up to 32, so that every sum has at most 22 significant bits.
pub(super) fn is_coarse(vector: &Vector) -> bool {
    let components = match vector {
        Vector::Dense(data) => data.as_slice(),
        Vector::Sparse(sparse) => sparse.values(),
        Vector::Multi(multi) => multi.as_ref().data,
    };
    let count = match vector {
        Vector::Multi(multi) => multi.as_ref().dim,
        Vector::Dense(_) | Vector::Sparse(_) => components.len(),
    };
    count <= 8
        && components
            .iter()
            .all(|x| x.abs() <= 32.0 && (x * 16.0).fract() == 0.0)
}
