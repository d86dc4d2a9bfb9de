//! The distance matrix: the closest neighbours of each point within a random sample.

use kindred_model::config::Column;
use kindred_model::filter::{Condition, Filter};
use kindred_model::limits::{MATRIX_PAIRS_MAX, MATRIX_SAMPLE_MAX};
use kindred_model::query::lists::{Matrix, MatrixRequest};
use kindred_model::query::scoring::{Fold, Linear};
use kindred_model::vector::DEFAULT_VECTOR;
use kindred_segment::{Allow, Scan, Ties};

use super::names::Reader;
use super::read::at;
use crate::collection::view::Place;
use crate::error::{Error, ErrorKind};
use kindred_model::distance::Order;

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
        let fold = Linear::new(vec![1.0]);
        let mut neighbours = Vec::with_capacity(points.len());
        // A neighbour is what a nearest query with the point's vector finds, so rarity weighs here as well.
        let mut anchors = Vec::with_capacity(points.len());
        for (_, place) in &points {
            anchors.extend(at(&self.view, *place)?.vector(&using));
        }
        if let Column::Sparse { idf: true } = column {
            self.weigh_by_rarity(&using, &mut anchors)?;
        }
        for ((_, place), anchor) in points.iter().zip(&anchors) {
            let anchors = std::slice::from_ref(anchor);
            let distance = column.measure().distance;
            let ties = match distance.order() {
                Order::Descending => Ties::LargerFirst,
                Order::Ascending => Ties::SmallerFirst,
            };
            let scan = Scan { using: &using, anchors, fold: &fold as &dyn Fold, overlapping: true, ties };
            let mut near = members.nearest(self, &scan, *place, limit)?;
            near.iter_mut().for_each(|(_, score)| *score = distance.report(*score));
            neighbours.push(near);
        }
        Ok(Matrix { ids: points.into_iter().map(|(id, _)| id).collect(), neighbours })
    }
}

/// The sample, as sets of offsets per segment.
struct Members {
    places: Vec<Place>,
    allowed: Vec<Allow>,
}

impl Members {
    fn new(reader: &Reader<'_>, places: impl Iterator<Item = Place>) -> Self {
        let mut allowed: Vec<Allow> =
            reader.view.segments.iter().map(|segment| Allow::none(segment.rows())).collect();
        let places: Vec<Place> = places
            .inspect(|place| {
                if let Some(allow) = allowed.get_mut(place.segment) {
                    allow.insert(place.offset);
                }
            })
            .collect();
        Self { places, allowed }
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
                Some((self.index(Place { segment: index, offset: hit.offset })?, hit.score))
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

    fn index(&self, place: Place) -> Option<usize> {
        self.places.iter().position(|other| *other == place)
    }
}
