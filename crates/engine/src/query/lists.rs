//! Reading points without scoring them: retrieve, scroll, count.

use std::collections::HashSet;

use kindred_model::error::Invalid;
use kindred_model::filter::Filter;
use kindred_model::point::Record;
use kindred_model::query::lists::{CountRequest, RetrieveRequest, ScrollPage, ScrollRequest};

use super::names::Reader;
use super::read::{Parts, at};
use crate::error::Error;

impl Reader<'_> {
    /// The points that exist, in the order asked, each once.
    pub(crate) fn retrieve(&self, request: &RetrieveRequest) -> Result<Vec<Record>, Error> {
        let parts = Parts {
            payload: &request.with_payload,
            vectors: &request.with_vector,
        };
        parts.check(&self.view)?;
        let mut seen = HashSet::new();
        let ids = request.ids.iter().filter(|id| seen.insert(**id));
        ids.filter_map(|id| self.view.find(*id))
            .map(|place| parts.record(&self.view, place, None))
            .collect()
    }

    /// A page in the order of the ids, or of a field.
    pub(crate) fn scroll(&self, request: &ScrollRequest) -> Result<ScrollPage, Error> {
        let parts = Parts {
            payload: &request.with_payload,
            vectors: &request.with_vector,
        };
        parts.check(&self.view)?;
        let everything = Filter::default();
        let filter = request.filter.as_ref().unwrap_or(&everything);
        if let Some(order) = &request.order_by {
            if request.offset.is_some() {
                return Err(Invalid::request(
                    "Cannot use an `offset` when using `order_by`. The alternative for paging is to use \
                     `order_by.start_from` and a filter to exclude the IDs that you've already seen for the \
                     `order_by.start_from` value",
                )
                .into());
            }
            let order = self.by_field(order)?;
            let found = self.by_field_value(&self.allowed(filter)?, &order, request.limit)?;
            let records = found
                .into_iter()
                .map(|(place, value)| parts.record(&self.view, place, Some(value)));
            return Ok(ScrollPage {
                points: records.collect::<Result<_, _>>()?,
                next_page_offset: None,
            });
        }
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let places = self.by_id(filter, request.offset, request.limit.saturating_add(1))?;
        let next_page_offset = match places.get(limit) {
            Some(place) => Some(at(&self.view, *place)?.id),
            None => None,
        };
        let page = places
            .into_iter()
            .take(limit)
            .map(|place| parts.record(&self.view, place, None));
        Ok(ScrollPage {
            points: page.collect::<Result<_, _>>()?,
            next_page_offset,
        })
    }

    /// How many points pass the filter, exactly.
    pub(crate) fn count(&self, request: &CountRequest) -> Result<u64, Error> {
        let everything = Filter::default();
        let allowed = self.allowed(request.filter.as_ref().unwrap_or(&everything))?;
        Ok(allowed.iter().map(|allow| allow.count() as u64).sum())
    }
}
