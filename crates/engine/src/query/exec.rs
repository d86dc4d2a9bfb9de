//! Executing a plan: one recursive function over two sources and one combinator. Lists are merged over all segments
//! before anything reranks them, so results never depend on the number of segments.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

use kindred_model::distance::Order as ScoreOrder;
use kindred_model::filter::PointView;
use kindred_model::id::PointId;
use kindred_model::query::rerank::formula::Formula;
use kindred_model::query::rerank::fusion::Fusion;
use kindred_model::query::rerank::mmr::Mmr;
use kindred_model::query::scoring::Reported;
use kindred_model::vector::Vector;
use kindred_segment::{Allow, Hit, Scan, Ties};

use super::names::Reader;
use super::plan::{Order, Plan, Rerank};
use super::read::{Found, at};
use super::resolve::Resolved;
use crate::collection::view::Place;
use crate::error::Error;

/// Candidates scored, or pairs compared, between two questions whether to go on.
const STRIDE: usize = 256;

impl Reader<'_> {
    /// The results of a plan, best first.
    pub(super) fn execute(&self, plan: &Plan) -> Result<Vec<Found>, Error> {
        match plan {
            Plan::Search {
                by,
                filter,
                limit,
                threshold,
            } => self.search(by, self.allowed(filter)?, *limit, *threshold),
            Plan::Walk {
                order: Order::Id,
                filter,
                limit,
            } => Ok(self
                .by_id(filter, None, *limit)?
                .into_iter()
                .map(unscored)
                .collect()),
            Plan::Walk { order, filter, limit } => self.list(order, &self.allowed(filter)?, *limit),
            Plan::Rerank {
                inputs,
                by,
                limit,
                threshold,
            } => {
                let lists = inputs
                    .iter()
                    .map(|input| self.execute(input))
                    .collect::<Result<Vec<_>, _>>()?;
                self.rerank(&lists, by, *limit, *threshold)
            }
        }
    }

    fn rerank(
        &self,
        lists: &[Vec<Found>],
        by: &Rerank,
        limit: u64,
        threshold: Option<f32>,
    ) -> Result<Vec<Found>, Error> {
        let mut found = match by {
            Rerank::Scoring(by) => return self.search(by, self.union(lists), limit, threshold),
            Rerank::Order(order) => return self.list(order, &self.union(lists), limit),
            Rerank::Mmr { nearest, mmr } => {
                let candidates = lists.first().map_or(&[][..], Vec::as_slice);
                return self.diversify(nearest, mmr, candidates, limit);
            }
            Rerank::Fusion(fusion) => self.fuse(fusion, lists)?,
            Rerank::Formula(formula) => self.score_by_formula(formula, lists)?,
        };
        // Fused scores and formulas keep what equals the threshold.
        if let Some(threshold) = threshold {
            found.retain(|found| found.score >= threshold);
        }
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// The best of the allowed points under a vector query.
    fn search(
        &self,
        by: &Resolved,
        allowed: Vec<Allow>,
        limit: u64,
        threshold: Option<f32>,
    ) -> Result<Vec<Found>, Error> {
        let distance = by.column.measure().distance;
        let reported = by.scoring.reported;
        let order = reported.order(distance);
        let scan = Scan {
            using: &by.using,
            anchors: &by.scoring.anchors,
            fold: by.scoring.fold.as_ref(),
            overlapping: reported == Reported::AsDistance,
            ties: match order {
                ScoreOrder::Descending => Ties::LargerFirst,
                ScoreOrder::Ascending => Ties::SmallerFirst,
            },
        };
        let mut best: Vec<(Hit, Place, PointId)> = Vec::new();
        for (index, (segment, allow)) in self.view.segments.iter().zip(allowed).enumerate() {
            let hits = segment
                .search(&scan, allow, limit, self.ctx)
                .map_err(|stop| self.ctx.stopped(stop))?;
            for hit in hits {
                let place = Place {
                    segment: index,
                    offset: hit.offset,
                };
                best.push((hit, place, at(&self.view, place)?.id));
            }
        }
        best.sort_by(|a, b| {
            let by_id = match order {
                ScoreOrder::Descending => b.2.cmp(&a.2),
                ScoreOrder::Ascending => a.2.cmp(&b.2),
            };
            b.0.score.total_cmp(&a.0.score).then(by_id)
        });
        best.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let found = best.into_iter().map(|(hit, place, _)| Found {
            place,
            score: reported.score(distance, hit.score),
            order_value: None,
        });
        let passes =
            |found: &Found| threshold.is_none_or(|bound| reported.passes(distance, found.score, bound));
        Ok(found.filter(passes).collect())
    }

    fn list(&self, order: &Order, allowed: &[Allow], limit: u64) -> Result<Vec<Found>, Error> {
        match order {
            Order::Random => Ok(self.sample(allowed, limit).into_iter().map(unscored).collect()),
            Order::Field(field) => {
                let values = self.by_field_value(allowed, field, u64::MAX)?;
                let mut found: Vec<Found> = values
                    .into_iter()
                    .map(|(place, value)| Found {
                        order_value: Some(value),
                        ..unscored(place)
                    })
                    .collect();
                // A point with several neighbouring values is listed once.
                found.dedup_by_key(|found| found.place);
                found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok(found)
            }
            Order::Id => {
                let places = allowed
                    .iter()
                    .enumerate()
                    .flat_map(|(segment, allow)| allow.iter().map(move |offset| Place { segment, offset }));
                let mut places: Vec<(PointId, Place)> = places
                    .map(|place| Ok((at(&self.view, place)?.id, place)))
                    .collect::<Result<_, Error>>()?;
                places.sort_unstable_by_key(|(id, _)| *id);
                places.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
                Ok(places.into_iter().map(|(_, place)| unscored(place)).collect())
            }
        }
    }

    /// Every point of the lists, one set per segment.
    fn union(&self, lists: &[Vec<Found>]) -> Vec<Allow> {
        let segments = self.view.segments.iter();
        let mut union: Vec<Allow> = segments.map(|segment| Allow::none(segment.rows())).collect();
        for found in lists.iter().flatten() {
            if let Some(allow) = union.get_mut(found.place.segment) {
                allow.insert(found.place.offset);
            }
        }
        union
    }

    fn fuse(&self, fusion: &Fusion, lists: &[Vec<Found>]) -> Result<Vec<Found>, Error> {
        let mut places: HashMap<PointId, Place> = HashMap::new();
        let mut scored = Vec::new();
        for list in lists {
            let mut scores = Vec::with_capacity(list.len());
            for found in list {
                let id = at(&self.view, found.place)?.id;
                places.insert(id, found.place);
                scores.push((id, found.score));
            }
            scored.push(scores);
        }
        let fused = fusion.fuse(&scored).into_iter();
        Ok(fused
            .filter_map(|(id, score)| {
                Some(Found {
                    score,
                    ..unscored(*places.get(&id)?)
                })
            })
            .collect())
    }

    fn score_by_formula(&self, formula: &Formula, lists: &[Vec<Found>]) -> Result<Vec<Found>, Error> {
        let mut scores: HashMap<Place, Vec<Option<f32>>> = HashMap::new();
        for (source, list) in lists.iter().enumerate() {
            for found in list {
                let row = scores
                    .entry(found.place)
                    .or_insert_with(|| vec![None; lists.len()]);
                if let Some(slot) = row.get_mut(source) {
                    slot.get_or_insert(found.score);
                }
            }
        }
        let needs_payload = formula.needs_payload();
        let mut scored = Vec::with_capacity(scores.len());
        for (step, (place, scores)) in scores.into_iter().enumerate() {
            if step.is_multiple_of(STRIDE) {
                self.ctx.check()?;
            }
            let point = at(&self.view, place)?;
            let payload = if needs_payload {
                point.payload()?
            } else {
                Arc::default()
            };
            let has_vector = |name: &str| point.has_vector(name);
            let view = PointView {
                id: point.id,
                payload: &payload,
                has_vector: &has_vector,
            };
            let score = formula.evaluate(&scores, &view)?;
            scored.push((
                point.id,
                Found {
                    score,
                    ..unscored(place)
                },
            ));
        }
        scored.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(b.0.cmp(&a.0)));
        Ok(scored.into_iter().map(|(_, found)| found).collect())
    }

    /// Picks candidates that are close to the query but unlike each other; their scores stay as they were.
    fn diversify(
        &self,
        by: &Resolved,
        mmr: &Mmr,
        candidates: &[Found],
        limit: u64,
    ) -> Result<Vec<Found>, Error> {
        let measure = by.column.measure();
        let Some(query) = by.scoring.anchors.first() else {
            return Ok(Vec::new());
        };
        let mut pool: Vec<(Found, Vector)> = Vec::new();
        for found in candidates {
            if let Some(vector) = at(&self.view, found.place)?.vector(&by.using) {
                pool.push((*found, vector));
            }
        }
        let similarity = |a: &Vector, b: &Vector| {
            a.as_ref()
                .similarity(b.as_ref(), measure)
                .unwrap_or(f32::NEG_INFINITY)
        };
        let relevance: Vec<f32> = pool.iter().map(|(_, vector)| similarity(query, vector)).collect();
        let asked = Cell::new(0_usize);
        let between = |a: usize, b: usize| {
            asked.set(asked.get() + 1);
            if asked.get().is_multiple_of(STRIDE) {
                self.ctx.check()?;
            }
            Ok::<f32, Error>(match (pool.get(a), pool.get(b)) {
                (Some((_, a)), Some((_, b))) => similarity(a, b),
                (None, _) | (_, None) => f32::NEG_INFINITY,
            })
        };
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        let chosen = Mmr::select(mmr.lambda(), &relevance, &between, count)?;
        Ok(chosen
            .into_iter()
            .filter_map(|index| pool.get(index).map(|(found, _)| *found))
            .collect())
    }
}

/// A point that is listed, not scored.
fn unscored(place: Place) -> Found {
    Found {
        place,
        score: 1.0,
        order_value: None,
    }
}
