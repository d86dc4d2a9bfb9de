//! The distance matrix: the closest neighbours of each point within a random sample.

use std::collections::HashMap;

use kindred_model::config::Column;
use kindred_model::distance::Order;
use kindred_model::filter::{Condition, Filter};
use kindred_model::id::PointId;
use kindred_model::limits::{MATRIX_PAIRS_MAX, MATRIX_SAMPLE_MAX};
use kindred_model::query::lists::{Matrix, MatrixRequest};
use kindred_model::query::scoring::{Fold, Linear};
use kindred_model::vector::{DEFAULT_VECTOR, Vector};
use kindred_segment::{Allow, Scan, Ties};

use super::names::Reader;
use super::read::at;
use crate::collection::view::Place;
use crate::error::{Error, ErrorKind};

impl Reader<'_> {
    /// Samples points that have the vector and finds the neighbours of each among the others.
    pub(crate) fn matrix(&self, request: &MatrixRequest) -> Result<Matrix, Error> {
        let using = request.using.as_deref().unwrap_or(DEFAULT_VECTOR);
        let (using, column) = self.view.settings.config.query_column(Some(using))?;
        let own = Filter::all([Condition::HasVector(using.clone())]);
        let filter = request.filter.clone().unwrap_or_default().merge(own);
        let sample = request.sample.min(MATRIX_SAMPLE_MAX);
        let limit = request.limit.min(sample);
        if sample.saturating_mul(limit) > MATRIX_PAIRS_MAX {
            let text = format!("a matrix of {sample} x {limit} is larger than {MATRIX_PAIRS_MAX} entries");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let mut points = Vec::new();
        for place in self.sample(&self.allowed(&filter)?, sample) {
            points.push((at(&self.view, place)?.id, place));
        }
        points.sort_unstable_by_key(|(id, _)| *id);
        if points.len() < 2 {
            return Ok(Matrix::default());
        }
        let members = Members::new(self, points.iter().map(|(_, place)| *place));
        let distance = column.measure().distance;
        let ties = match distance.order() {
            Order::Descending => Ties::LargerFirst,
            Order::Ascending => Ties::SmallerFirst,
        };
        let weighed = self.weighed(&points, &using, column)?;
        let fold = Linear::new(vec![1.0]);
        let mut neighbours = Vec::with_capacity(points.len());
        for (index, (_, place)) in points.iter().enumerate() {
            let anchor = match weighed.get(index) {
                Some(anchor) => Some(anchor.clone()),
                None => at(&self.view, *place)?.vector(&using),
            };
            let anchors = Vec::from_iter(anchor);
            let scan = Scan {
                using: &using,
                anchors: &anchors,
                fold: &fold as &dyn Fold,
                overlapping: true,
                ties,
            };
            let mut near = members.nearest(self, &scan, *place, limit)?;
            near.iter_mut()
                .for_each(|(_, score)| *score = distance.report(*score));
            neighbours.push(near);
        }
        Ok(Matrix {
            ids: points.into_iter().map(|(id, _)| id).collect(),
            neighbours,
        })
    }

    /// The anchors of a sparse column with the idf modifier, weighed in one pass: a neighbour is what a nearest query
    /// with the point's vector finds. Empty for every other column, whose anchors are read one at a time.
    fn weighed(
        &self,
        points: &[(PointId, Place)],
        using: &str,
        column: Column,
    ) -> Result<Vec<Vector>, Error> {
        let mut anchors = Vec::new();
        if let Column::Sparse { idf: true } = column {
            for (_, place) in points {
                anchors.extend(at(&self.view, *place)?.vector(using));
            }
            self.weigh_by_rarity(using, &mut anchors)?;
        }
        Ok(anchors)
    }
}

/// The sample, as sets of offsets per segment.
struct Members {
    /// From a place to its index in the sample.
    indices: HashMap<Place, usize>,
    allowed: Vec<Allow>,
}

impl Members {
    fn new(reader: &Reader<'_>, places: impl Iterator<Item = Place>) -> Self {
        let mut allowed: Vec<Allow> = reader
            .view
            .segments
            .iter()
            .map(|segment| Allow::none(segment.rows()))
            .collect();
        let mut indices = HashMap::new();
        for (index, place) in places.enumerate() {
            indices.insert(place, index);
            if let Some(allow) = allowed.get_mut(place.segment) {
                allow.insert(place.offset);
            }
        }
        Self { indices, allowed }
    }

    /// The best `limit` members but `own`, as indices into the sample.
    fn nearest(
        &self,
        reader: &Reader<'_>,
        scan: &Scan<'_>,
        own: Place,
        limit: u64,
    ) -> Result<Vec<(usize, f32)>, Error> {
        let mut found = Vec::new();
        for (index, (segment, allow)) in reader.view.segments.iter().zip(&self.allowed).enumerate() {
            let mut others = allow.clone();
            if index == own.segment {
                others.remove(own.offset);
            }
            let hits = segment
                .search(scan, others, limit, reader.ctx)
                .map_err(|cancelled| reader.ctx.stopped(cancelled))?;
            found.extend(hits.into_iter().filter_map(|hit| {
                let place = Place {
                    segment: index,
                    offset: hit.offset,
                };
                Some((*self.indices.get(&place)?, hit.score))
            }));
        }
        found.sort_by(|a, b| {
            let by_index = match scan.ties {
                Ties::LargerFirst => b.0.cmp(&a.0),
                Ties::SmallerFirst => a.0.cmp(&b.0),
            };
            b.1.total_cmp(&a.1).then(by_index)
        });
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }
}
