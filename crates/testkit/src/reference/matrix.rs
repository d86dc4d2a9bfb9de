//! What must hold of every distance matrix, whichever sample chance has drawn.

use std::collections::BTreeSet;
use std::sync::Arc;

use kindred_model::config::Column;
use kindred_model::filter::{Condition, Filter};
use kindred_model::id::PointId;
use kindred_model::query::lists::{Matrix, MatrixRequest};
use kindred_model::query::scoring::{Linear, Reported, Scoring};

use super::resolve::Measured;
use super::{Collection, Reference};
use crate::compare::is_close;
use crate::subject::Failure;

impl Reference {
    /// Checks a matrix: the sample is as large as it can be, sorted, and of points that pass and have the vector; the
    /// neighbours of each are its nearest in the sample, itself left out, with the scores of a nearest query.
    ///
    /// # Errors
    /// A refusal, as the request deserves; inside, what is wrong with the matrix.
    pub fn check_matrix(
        &self,
        collection: &str,
        request: &MatrixRequest,
        matrix: &Matrix,
    ) -> Result<Result<(), String>, Failure> {
        let here = self.collection(collection)?;
        let (using, column) = here.config.query_column(request.using.as_deref())?;
        let has_vector = Filter::all([Condition::HasVector(using.clone())]);
        let pool = here.passing(&request.filter.clone().unwrap_or_default().merge(has_vector));
        let most = usize::try_from(request.sample)
            .unwrap_or(usize::MAX)
            .min(pool.len());
        let count = if most < 2 { 0 } else { most };
        let is_sample = matrix.ids.len() == count
            && matrix.ids.is_sorted_by(|a, b| a < b)
            && matrix.ids.iter().all(|id| pool.contains(id));
        if !is_sample || matrix.neighbours.len() != count {
            return Ok(Err(format!("no sample of {count} out of {pool:?}: {matrix:?}")));
        }
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        for (own, got) in matrix.ids.iter().zip(&matrix.neighbours) {
            let members: BTreeSet<PointId> = matrix.ids.iter().copied().filter(|id| id != own).collect();
            let hits = here.neighbours(&using, column, *own, &members);
            let mut want = hits.iter().take(limit);
            let is_right = got.len() == hits.len().min(limit)
                && got.iter().all(|(index, score)| {
                    let id = matrix.ids.get(*index);
                    let own_score = hits.iter().find(|hit| Some(&hit.0) == id).map(|hit| hit.1);
                    let best = want.next().map(|hit| hit.1);
                    [own_score, best]
                        .iter()
                        .all(|other| other.is_some_and(|other| is_close(other, *score)))
                });
            if !is_right {
                return Ok(Err(format!(
                    "neighbours of {own} are {hits:?}, not {got:?} in {matrix:?}"
                )));
            }
        }
        Ok(Ok(()))
    }
}

impl Collection {
    /// The members by closeness to the stored vector of `own`, with the scores of a nearest query.
    fn neighbours(
        &self,
        using: &str,
        column: Column,
        own: PointId,
        members: &BTreeSet<PointId>,
    ) -> Vec<(PointId, f32)> {
        let Some(mut anchor) = self
            .points
            .get(&own)
            .and_then(|own| own.point.vectors.find(using))
            .cloned()
        else {
            return Vec::new();
        };
        if column == (Column::Sparse { idf: true }) {
            self.weigh(using, &mut anchor);
        }
        let scoring = Scoring {
            anchors: vec![anchor],
            fold: Arc::new(Linear::new(vec![1.0])),
            reported: Reported::AsDistance,
        };
        self.nearest(
            &Measured {
                using: using.to_owned(),
                column,
                scoring,
            },
            members,
        )
    }
}
