//! The one place where column, anchors and fold meet.

use kindred_index::{Allow, Hit, Offset, Ties, Work, scan};
use kindred_model::query::scoring::Fold;
use kindred_model::vector::Vector;

use crate::column::{Bound, Column};
use crate::segment::Segment;
use crate::stop::Stop;

/// A vector query, ready to run on any segment of a collection.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'a> {
    /// The vector field.
    pub using: &'a str,
    /// Canonical anchors, in the order the fold expects.
    pub anchors: &'a [Vector],
    /// From similarities to a score.
    pub fold: &'a dyn Fold,
    /// Leave out points that share no component with the first anchor: nearest search over sparse vectors.
    pub overlapping: bool,
    /// Which of two equal scores comes first.
    pub ties: Ties,
}

impl Segment {
    /// The best `limit` of the allowed points that have the vector, best first.
    ///
    /// # Errors
    /// [`Stop::Cancelled`] when `work` says so.
    pub fn search(
        &self,
        query: &Scan<'_>,
        mut allow: Allow,
        limit: u64,
        work: &dyn Work,
    ) -> Result<Vec<Hit>, Stop> {
        let Some(mut scorer) = Scorer::new(self, query) else {
            return Ok(Vec::new());
        };
        scorer.restrict(&mut allow, query.overlapping);
        let hits = scan(&allow, limit, query.ties, work, |offsets, scores| {
            scorer.score(offsets, scores)
        })?;
        Ok(hits)
    }
}

/// Anchors bound to a column, and a fold over their similarities.
struct Scorer<'a> {
    column: &'a dyn Column,
    bound: Vec<Box<dyn Bound + 'a>>,
    fold: &'a dyn Fold,
    /// One row of similarities per anchor.
    sims: Vec<Vec<f32>>,
    /// The similarities of one point, in the order of the anchors.
    point: Vec<f32>,
}

impl<'a> Scorer<'a> {
    /// `None` when the segment has no such column, or an anchor does not fit it.
    fn new(segment: &'a Segment, query: &Scan<'a>) -> Option<Self> {
        let column = segment.column(query.using)?;
        let anchors = query.anchors.iter();
        let bound: Vec<_> = anchors
            .map(|anchor| column.bind(anchor.as_ref()))
            .collect::<Option<_>>()?;
        let count = bound.len();
        Some(Self {
            column,
            bound,
            fold: query.fold,
            sims: vec![Vec::new(); count],
            point: vec![0.0; count],
        })
    }

    fn restrict(&self, allow: &mut Allow, is_overlapping: bool) {
        let lacking = self.column.lacking(&mut allow.iter());
        lacking.into_iter().for_each(|offset| allow.remove(offset));
        if let (Some(first), true) = (self.bound.first(), is_overlapping) {
            let apart: Vec<Offset> = allow.iter().filter(|offset| !first.overlaps(*offset)).collect();
            apart.into_iter().for_each(|offset| allow.remove(offset));
        }
    }

    fn score(&mut self, offsets: &[Offset], scores: &mut [f32]) {
        // A single anchor of weight one is plain nearest search: the similarity is the score.
        if let ([bound], Some([1.0])) = (self.bound.as_slice(), self.fold.weights()) {
            return bound.similarities(offsets, scores);
        }
        for (bound, sims) in self.bound.iter().zip(&mut self.sims) {
            sims.resize(offsets.len(), 0.0);
            bound.similarities(offsets, sims);
        }
        for (index, score) in scores.iter_mut().enumerate() {
            for (sim, sims) in self.point.iter_mut().zip(&self.sims) {
                *sim = sims.get(index).copied().unwrap_or(f32::NEG_INFINITY);
            }
            *score = self.fold.score(&self.point);
        }
    }
}
