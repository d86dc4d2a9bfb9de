//! Query trees, bottom-up, as the wire defines them: leaves look at every point that passes, inner nodes at the
//! union of what their prefetches found.

use std::collections::BTreeSet;
use std::convert::Infallible;

use kindred_model::config::FieldType;
use kindred_model::distance::{Distance, Order};
use kindred_model::filter::Filter;
use kindred_model::id::PointId;
use kindred_model::point::ScoredPoint;
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::order_by::{OrderBy, OrderType};
use kindred_model::query::kinds::recommend::{Recommend, Strategy};
use kindred_model::query::request::{QueryNode, QueryRequest};
use kindred_model::query::rerank::formula::Formula;
use kindred_model::query::rerank::fusion::Fusion;
use kindred_model::query::rerank::mmr::Mmr;
use kindred_model::query::scoring::Reported;
use kindred_model::vector::{Vector, VectorRef};

use super::ranking::{Hit, Ranking, Trust, is_coarse};
use super::resolve::Measured;
use super::{Collection, Reference, select};
use crate::compare::is_near;
use crate::subject::{Failure, FailureKind};

/// An answer, and how far another correct one may differ from it.
#[derive(Debug, Clone)]
pub struct Judged {
    /// The answer.
    pub points: Vec<ScoredPoint>,
    /// How far it must be met.
    pub trust: Trust,
    /// The ids that the root chose from; a random sample is any subset of them.
    pub pool: BTreeSet<PointId>,
}

/// What a node chose from, and what it made of it.
pub(super) struct Outcome {
    pub(super) ranking: Ranking,
    pool: BTreeSet<PointId>,
}

impl Reference {
    /// Answers a query, and says how far another correct answer may differ.
    pub fn judge(&self, collection: &str, request: &QueryRequest) -> Result<Judged, Failure> {
        let here = self.collection(collection)?;
        here.check_vectors(&request.with_vector)?;
        let outcome = self.rank(collection, request)?;
        let offset = usize::try_from(request.offset).unwrap_or(usize::MAX);
        let window = usize::try_from(request.node.limit.saturating_add(request.offset)).unwrap_or(usize::MAX);
        let page = outcome.ranking.hits.iter().take(window).skip(offset);
        let has_version = is_scored(&request.node);
        let points = page
            .filter_map(|hit| here.scored(request, hit, has_version))
            .collect();
        Ok(Judged {
            points,
            trust: outcome.ranking.trust,
            pool: outcome.pool,
        })
    }

    /// The whole ranking of a request, before offset and limit.
    pub(super) fn rank(&self, collection: &str, request: &QueryRequest) -> Result<Outcome, Failure> {
        request.validate_tree()?;
        let here = self.collection(collection)?;
        self.check(here, &request.node)?;
        let excluded = request.excluded_ids(collection);
        let root = if excluded.is_empty() {
            Filter::default()
        } else {
            Filter::without_ids(excluded)
        };
        self.node(here, &request.node, &root)
    }

    /// Every refusal comes before anything is searched.
    fn check(&self, here: &Collection, node: &QueryNode) -> Result<(), Failure> {
        node.prefetch
            .iter()
            .try_for_each(|child| self.check(here, child))?;
        if let Some(Query::OrderBy(order)) = &node.query {
            here.order_type(order)?;
        }
        if let Some(kind) = node.query.as_ref().and_then(Query::as_kind) {
            self.resolve(here, node, kind)?;
        }
        Ok(())
    }

    fn node(&self, here: &Collection, node: &QueryNode, above: &Filter) -> Result<Outcome, Failure> {
        let filter = above.clone().merge(node.filter.clone().unwrap_or_default());
        let mut inputs = Vec::new();
        for child in &node.prefetch {
            inputs.push(self.node(here, child, &filter)?.ranking.cut(child.limit));
        }
        let pool: BTreeSet<PointId> = if node.prefetch.is_empty() {
            here.passing(&filter).into_iter().collect()
        } else {
            inputs
                .iter()
                .flat_map(|input| &input.hits)
                .map(|hit| hit.id)
                .collect()
        };
        // Whether it is certain which points were found; how they were scored does not matter any more.
        let members = match inputs.iter().any(|input| input.trust == Trust::Open) {
            true => Trust::Open,
            false => Trust::Exact,
        };
        let mut ranking = match &node.query {
            None => Ranking {
                hits: pool.iter().copied().map(Hit::listed).collect(),
                trust: Trust::Exact,
            },
            Some(Query::Sample) => Ranking {
                hits: pool.iter().copied().map(Hit::listed).collect(),
                trust: Trust::Open,
            },
            Some(Query::OrderBy(order)) => here.ordered(order, &pool)?,
            Some(Query::Fusion(fusion)) => fused(fusion, inputs, node.score_threshold),
            Some(Query::Formula(formula)) => here.formula(formula, inputs, &pool, node.score_threshold)?,
            Some(
                query @ (Query::Nearest(_)
                | Query::Recommend(_)
                | Query::Discover(_)
                | Query::Context(_)
                | Query::Feedback(_)),
            ) => self.vector(here, node, query, &pool)?,
        };
        ranking.trust = ranking.trust.max(members);
        Ok(Outcome { ranking, pool })
    }

    fn vector(
        &self,
        here: &Collection,
        node: &QueryNode,
        query: &Query,
        pool: &BTreeSet<PointId>,
    ) -> Result<Ranking, Failure> {
        let Some(kind) = query.as_kind() else {
            return Err(Failure::broken("not a vector query"));
        };
        let measured = self.resolve(here, node, kind)?;
        let (distance, reported) = (measured.column.measure().distance, measured.scoring.reported);
        let ranking = here.search(&measured, pool, &|sims| is_torn(query, sims));
        let ranking = ranking.keep(node.score_threshold, |score, bound| {
            reported.passes(distance, score, bound)
        });
        Ok(match query {
            Query::Nearest(nearest) => match &nearest.mmr {
                Some(mmr) => here.diversify(&measured, mmr, ranking, node.limit),
                None => ranking,
            },
            Query::Recommend(_)
            | Query::Discover(_)
            | Query::Context(_)
            | Query::Feedback(_)
            | Query::OrderBy(_)
            | Query::Sample
            | Query::Fusion(_)
            | Query::Formula(_) => ranking,
        })
    }
}

/// Lists that nothing has scored tell no version.
pub(super) fn is_scored(root: &QueryNode) -> bool {
    let is_list = matches!(root.query, None | Some(Query::Sample | Query::OrderBy(_)));
    !(root.prefetch.is_empty() && is_list)
}

impl Collection {
    pub(super) fn scored(&self, request: &QueryRequest, hit: &Hit, has_version: bool) -> Option<ScoredPoint> {
        let stored = self.points.get(&hit.id)?;
        Some(ScoredPoint {
            id: hit.id,
            version: if has_version { stored.version } else { 0 },
            score: hit.score,
            payload: select::payload(&stored.point, &request.with_payload),
            vector: select::vectors(&stored.point, &request.with_vector),
            order_value: hit.value,
        })
    }

    /// Every point of the pool that has the vector, best first.
    /// `is_torn` tells of similarities whose rounding decides about more than rounding.
    fn search(
        &self,
        measured: &Measured,
        pool: &BTreeSet<PointId>,
        is_torn: &dyn Fn(&[f32]) -> bool,
    ) -> Ranking {
        let Measured {
            using,
            column,
            scoring,
        } = measured;
        let (measure, anchors) = (column.measure(), &scoring.anchors);
        let is_exact = anchors.iter().all(is_coarse) && keeps_exact(measured);
        let mut trust = if is_exact { Trust::Exact } else { Trust::Close };
        let mut hits = Vec::new();
        for id in pool {
            let Some(vector) = self
                .points
                .get(id)
                .and_then(|stored| stored.point.vectors.find(using))
            else {
                continue;
            };
            if scoring.reported == Reported::AsDistance && is_apart(anchors.first(), vector) {
                continue;
            }
            let sims: Option<Vec<f32>> = anchors
                .iter()
                .map(|anchor| anchor.as_ref().similarity(vector.as_ref(), measure))
                .collect();
            let Some(sims) = sims else { continue };
            if !is_coarse(vector) {
                trust = trust.max(Trust::Close);
            }
            if trust == Trust::Close && is_torn(&sims) {
                trust = Trust::Open;
            }
            let score = scoring
                .reported
                .score(measure.distance, scoring.fold.score(&sims));
            hits.push(Hit {
                id: *id,
                score,
                value: None,
            });
        }
        let order = scoring.reported.order(measure.distance);
        hits.sort_by(|a, b| {
            order.compare(a.score, b.score).then_with(|| match order {
                Order::Descending => b.id.cmp(&a.id),
                Order::Ascending => a.id.cmp(&b.id),
            })
        });
        Ranking { hits, trust }
    }

    /// Ids and reported scores of a nearest query over these points.
    pub(super) fn nearest(&self, measured: &Measured, pool: &BTreeSet<PointId>) -> Vec<(PointId, f32)> {
        let hits = self.search(measured, pool, &|_| false).hits;
        hits.into_iter().map(|hit| (hit.id, hit.score)).collect()
    }

    fn diversify(&self, measured: &Measured, mmr: &Mmr, ranking: Ranking, limit: u64) -> Ranking {
        let candidates = ranking.cut(mmr.candidates_limit.unwrap_or(limit));
        let vectors: Vec<&Vector> = candidates
            .hits
            .iter()
            .filter_map(|hit| self.points.get(&hit.id)?.point.vectors.find(&measured.using))
            .collect();
        let measure = measured.column.measure();
        let between = |a: &Vector, b: &Vector| {
            a.as_ref()
                .similarity(b.as_ref(), measure)
                .unwrap_or(f32::NEG_INFINITY)
        };
        let Some(anchor) = measured.scoring.anchors.first() else {
            return Ranking {
                hits: Vec::new(),
                trust: Trust::Exact,
            };
        };
        let relevance: Vec<f32> = vectors.iter().map(|vector| between(anchor, vector)).collect();
        let pair = |a: usize, b: usize| match (vectors.get(a), vectors.get(b)) {
            (Some(a), Some(b)) => Ok(between(a, b)),
            (None, _) | (_, None) => Ok(f32::NEG_INFINITY),
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let Ok(chosen) = Mmr::select::<Infallible>(mmr.lambda(), &relevance, &pair, limit);
        let hits = chosen
            .into_iter()
            .filter_map(|index| candidates.hits.get(index).copied())
            .collect();
        // Each choice depends on all before it: one near tie leaves everything after it open.
        let trust = if candidates.trust == Trust::Exact {
            Trust::Exact
        } else {
            Trust::Open
        };
        Ranking { hits, trust }
    }

    pub(super) fn order_type(&self, order: &OrderBy) -> Result<OrderType, Failure> {
        let schema = self.indexes.get(&order.key).filter(|schema| schema.can_range());
        let found = schema.and_then(|schema| match schema.data_type() {
            FieldType::Integer => Some(OrderType::Integer),
            FieldType::Float => Some(OrderType::Float),
            FieldType::Datetime => Some(OrderType::Datetime),
            FieldType::Uuid => Some(OrderType::Uuid),
            FieldType::Keyword | FieldType::Geo | FieldType::Text | FieldType::Bool => None,
        });
        found.ok_or_else(|| {
            let text = format!(
                "No range index for `order_by` key: `{}`. Please create one to use `order_by`.",
                order.key
            );
            Failure::new(FailureKind::InvalidInput, text)
        })
    }

    /// The points of the pool once per value, in the order of the field.
    pub(super) fn by_value(
        &self,
        order: &OrderBy,
        pool: impl IntoIterator<Item = PointId>,
    ) -> Result<Vec<Hit>, Failure> {
        let order_type = self.order_type(order)?;
        let mut hits = Vec::new();
        for id in pool {
            let Some(stored) = self.points.get(&id) else {
                continue;
            };
            for value in order.values(&stored.point.payload, order_type) {
                hits.push((value, id));
            }
        }
        hits.sort_by(|a, b| order.compare(*a, *b));
        Ok(hits
            .into_iter()
            .map(|(value, id)| Hit {
                value: Some(value),
                ..Hit::listed(id)
            })
            .collect())
    }

    /// Consecutive repeats of a point are dropped.
    fn ordered(&self, order: &OrderBy, pool: &BTreeSet<PointId>) -> Result<Ranking, Failure> {
        let mut hits = self.by_value(order, pool.iter().copied())?;
        hits.dedup_by_key(|hit| hit.id);
        Ok(Ranking {
            hits,
            trust: Trust::Exact,
        })
    }

    fn formula(
        &self,
        formula: &Formula,
        inputs: Vec<Ranking>,
        pool: &BTreeSet<PointId>,
        threshold: Option<f32>,
    ) -> Result<Ranking, Failure> {
        let trust = inputs
            .iter()
            .map(|input| input.trust)
            .max()
            .unwrap_or(Trust::Exact);
        let score_in = |input: &Ranking, id| input.hits.iter().find(|hit| hit.id == id).map(|hit| hit.score);
        let mut hits = Vec::new();
        for id in pool {
            let Some(stored) = self.points.get(id) else {
                continue;
            };
            let scores: Vec<Option<f32>> = inputs.iter().map(|input| score_in(input, *id)).collect();
            match stored.view(|view| formula.evaluate(&scores, view)) {
                Ok(score) => hits.push(Hit {
                    score,
                    ..Hit::listed(*id)
                }),
                // Another answer may not have met this point.
                Err(_) if trust == Trust::Open => {}
                Err(invalid) => return Err(invalid.into()),
            }
        }
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| b.id.cmp(&a.id)));
        Ok(Ranking { hits, trust }.keep(threshold, |score, bound| score >= bound))
    }
}

fn fused(fusion: &Fusion, inputs: Vec<Ranking>, threshold: Option<f32>) -> Ranking {
    let by_rank = matches!(fusion, Fusion::Rrf { .. });
    let inputs: Vec<Ranking> = inputs
        .into_iter()
        .map(|input| if by_rank { input.ordered() } else { spread(input) })
        .collect();
    let mut trust = inputs
        .iter()
        .map(|input| input.trust)
        .max()
        .unwrap_or(Trust::Exact);
    if by_rank && trust == Trust::Close {
        // Clear places are all that counts.
        trust = Trust::Exact;
    }
    let lists: Vec<Vec<(PointId, f32)>> = inputs
        .iter()
        .map(|input| input.hits.iter().map(|hit| (hit.id, hit.score)).collect())
        .collect();
    let hits = fusion
        .fuse(&lists)
        .into_iter()
        .map(|(id, score)| Hit {
            score,
            ..Hit::listed(id)
        })
        .collect();
    Ranking { hits, trust }.keep(threshold, |score, bound| score >= bound)
}

/// Scaling by the deviation blows up the errors of a list that is almost flat.
fn spread(mut input: Ranking) -> Ranking {
    let lowest = input
        .hits
        .iter()
        .map(|hit| hit.score)
        .fold(f32::INFINITY, f32::min);
    let highest = input
        .hits
        .iter()
        .map(|hit| hit.score)
        .fold(f32::NEG_INFINITY, f32::max);
    if input.trust == Trust::Close && highest - lowest < 0.05 * highest.abs().max(lowest.abs()).max(1.0) {
        input.trust = Trust::Open;
    }
    input
}

/// Whether a nearest search leaves the point out: sparse vectors without a common index.
fn is_apart(anchor: Option<&Vector>, vector: &Vector) -> bool {
    match (anchor.map(Vector::as_ref), vector.as_ref()) {
        (Some(VectorRef::Sparse(anchor)), VectorRef::Sparse(vector)) => !anchor.overlaps(vector),
        (_, VectorRef::Dense(_) | VectorRef::Sparse(_) | VectorRef::Multi(_)) => false,
    }
}

/// Whether the fold keeps exact similarities exact. Weighted sums may be collapsed into one anchor, which is exact
/// only for signs, and not for Euclid, where a stored norm is involved.
fn keeps_exact(measured: &Measured) -> bool {
    match measured.scoring.fold.weights() {
        None => true,
        Some([weight]) => *weight == 1.0,
        Some(weights) => {
            weights.iter().all(|weight| weight.abs() == 1.0)
                && measured.column.measure().distance != Distance::Euclid
        }
    }
}

/// Whether the score jumps with the order of similarities that are close to each other.
fn is_torn(query: &Query, sims: &[f32]) -> bool {
    let closest = |sims: &[f32]| sims.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match query {
        Query::Discover(_) => {
            let pairs = sims.get(1..).unwrap_or_default().as_chunks::<2>().0;
            pairs
                .iter()
                .any(|[positive, negative]| is_near(*positive, *negative))
        }
        Query::Recommend(Recommend {
            positive,
            strategy: Strategy::BestScore,
            ..
        }) => {
            let (positive, negative) = sims.split_at(positive.len().min(sims.len()));
            is_near(closest(positive), closest(negative))
        }
        Query::Nearest(_)
        | Query::Recommend(_)
        | Query::Context(_)
        | Query::Feedback(_)
        | Query::OrderBy(_)
        | Query::Sample
        | Query::Fusion(_)
        | Query::Formula(_) => false,
    }
}
