//! Ordered walks over the points of a view: by id, by the value of a field, at random.

use kindred_model::filter::Filter;
use kindred_model::id::PointId;
use kindred_model::point::OrderValue;
use kindred_segment::{Allow, Matcher, Offset};

use super::names::Reader;
use super::plan::FieldOrder;
use crate::collection::view::Place;
use crate::error::Error;

/// Steps of a walk between two questions whether to go on.
const STRIDE: usize = 1024;

impl Reader<'_> {
    /// The visible points that pass `filter`, one set per segment.
    pub(super) fn allowed(&self, filter: &Filter) -> Result<Vec<Allow>, Error> {
        let segments = self.view.segments.iter();
        let allowed = segments.map(|segment| segment.allow(filter, self.view.lsn, self.ctx));
        allowed
            .collect::<Result<_, _>>()
            .map_err(|stop| self.ctx.stopped(stop))
    }

    /// Up to `limit` points that pass `filter`, ascending by id from `first` on. Looks no further than needed.
    pub(super) fn by_id(
        &self,
        filter: &Filter,
        first: Option<PointId>,
        limit: u64,
    ) -> Result<Vec<Place>, Error> {
        let mut cursors: Vec<usize> = self
            .view
            .segments
            .iter()
            .map(|segment| first.map_or(0, |first| segment.position(first).row()))
            .collect();
        let mut matchers: Vec<Matcher<'_>> = self
            .view
            .segments
            .iter()
            .map(|part| part.matcher(filter))
            .collect();
        let mut places = Vec::new();
        let mut steps = 0_usize;
        while (places.len() as u64) < limit {
            steps += 1;
            if steps.is_multiple_of(STRIDE) {
                self.ctx.check()?;
            }
            let Some((segment, offset)) = self.smallest(&cursors) else {
                break;
            };
            if let Some(cursor) = cursors.get_mut(segment) {
                *cursor += 1;
            }
            let place = Place { segment, offset };
            if let Some(matcher) = matchers.get_mut(segment)
                && self.is_visible(place)
                && (filter.is_empty() || matcher.passes(offset)?)
            {
                places.push(place);
            }
        }
        Ok(places)
    }

    /// The segment whose cursor stands at the smallest id, and that place.
    fn smallest(&self, cursors: &[usize]) -> Option<(usize, Offset)> {
        let heads =
            self.view
                .segments
                .iter()
                .zip(cursors)
                .enumerate()
                .filter_map(|(index, (segment, cursor))| {
                    let offset = Offset::from_row(*cursor);
                    Some((segment.id(offset)?, index, offset))
                });
        heads.min().map(|(_, index, offset)| (index, offset))
    }

    fn is_visible(&self, place: Place) -> bool {
        let segment = self.view.segments.get(place.segment);
        segment.is_some_and(|segment| {
            let id = segment.id(place.offset);
            id.is_some_and(|id| segment.find(id, self.view.lsn) == Some(place.offset))
        })
    }

    /// The first `limit` of these points in the order of a field, with the value that placed each. A point with
    /// several values comes once per value.
    pub(super) fn by_field_value(
        &self,
        allowed: &[Allow],
        order: &FieldOrder,
        limit: u64,
    ) -> Result<Vec<(Place, OrderValue)>, Error> {
        let mut found: Vec<(OrderValue, PointId, Place)> = Vec::new();
        let keys = order.by.key.keys();
        for (segment, (part, allow)) in self.view.segments.iter().zip(allowed).enumerate() {
            let mut payloads = part.payload_reader();
            for (step, offset) in allow.iter().enumerate() {
                if step.is_multiple_of(STRIDE) {
                    self.ctx.check()?;
                }
                let Some(id) = part.id(offset) else { continue };
                let payload = payloads.read(offset, Some(&keys))?;
                let values = order.by.values(&payload, order.values).into_iter();
                found.extend(values.map(|value| (value, id, Place { segment, offset })));
            }
        }
        found.sort_by(|a, b| order.by.compare((a.0, a.1), (b.0, b.1)));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found
            .into_iter()
            .map(|(value, _, place)| (place, value))
            .collect())
    }

    /// `limit` of these points, drawn uniformly and in random order (Fisher and Yates).
    pub(super) fn sample(&self, allowed: &[Allow], limit: u64) -> Vec<Place> {
        let places = allowed.iter().enumerate();
        let mut places: Vec<Place> = places
            .flat_map(|(segment, allow)| allow.iter().map(move |offset| Place { segment, offset }))
            .collect();
        let count = places.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        for index in 0..count {
            let left = places.len() - index;
            let pick = self.env.random_below(left as u64);
            places.swap(index, index + usize::try_from(pick).unwrap_or(0));
        }
        places.truncate(count);
        places
    }
}
