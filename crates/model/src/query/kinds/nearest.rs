//! Nearest: the points closest to one example, optionally diversified.

use std::sync::Arc;

use super::QueryKind;
use crate::error::{Check, Invalid, Validate};
use crate::query::example::Example;
use crate::query::rerank::mmr::Mmr;
use crate::query::scoring::{Linear, Reported, Scoring};
use crate::vector::Vector;

/// The points closest to `example`.
#[derive(Debug, Clone, PartialEq)]
pub struct Nearest {
    /// What to be close to.
    pub example: Example,
    /// Trade closeness for variety among the best candidates.
    pub mmr: Option<Mmr>,
}

impl QueryKind for Nearest {
    fn examples(&self) -> Vec<&Example> {
        vec![&self.example]
    }

    fn lower(&self, vectors: Vec<Vector>) -> Result<Scoring, Invalid> {
        Ok(nearest_to(vectors))
    }
}

/// Plain nearest search around the only vector in `anchors`.
pub(super) fn nearest_to(anchors: Vec<Vector>) -> Scoring {
    Scoring {
        anchors,
        fold: Arc::new(Linear::new(vec![1.0])),
        reported: Reported::AsDistance,
    }
}

impl Validate for Nearest {
    fn validate(&self, check: &mut Check) {
        check.within("nearest", |check| self.example.validate(check));
        if let Some(mmr) = &self.mmr {
            check.within("mmr", |check| mmr.validate(check));
        }
    }
}
