//! The most frequent values of a field.

use std::collections::HashMap;
use std::collections::HashSet;

use kindred_model::error::Invalid;
use kindred_model::filter::Filter;
use kindred_model::query::lists::{FacetHit, FacetRequest, FacetValue};

use super::names::Reader;
use crate::error::Error;

/// Points counted between two questions whether to go on.
const STRIDE: usize = 1024;

impl Reader<'_> {
    /// Values by how many points have them, the most frequent first, ties by value.
    pub(crate) fn facet(&self, request: &FacetRequest) -> Result<Vec<FacetHit>, Error> {
        let key = &request.key;
        let Some(schema) = self
            .view
            .settings
            .indexes
            .get(key)
            .filter(|schema| schema.can_facet())
        else {
            return Err(Invalid::input(format!(
                "No appropriate index for faceting: `{key}`. Please create one to facet on this field. Keyword, \
                 integer, uuid and bool indexes can be counted"
            ))
            .into());
        };
        let everything = Filter::default();
        let allowed = self.allowed(request.filter.as_ref().unwrap_or(&everything))?;
        let mut counts: HashMap<FacetValue, u64> = HashMap::new();
        let keys = key.keys();
        for (segment, allow) in self.view.segments.iter().zip(&allowed) {
            let mut payloads = segment.payload_reader();
            for (step, offset) in allow.iter().enumerate() {
                if step.is_multiple_of(STRIDE) {
                    self.ctx.check()?;
                }
                let payload = payloads.read(offset, Some(&keys))?;
                let values = key.flattened(&payload).into_iter();
                let distinct: HashSet<FacetValue> = values
                    .filter_map(|value| FacetValue::of_value(schema, value))
                    .collect();
                distinct
                    .into_iter()
                    .for_each(|value| *counts.entry(value).or_insert(0) += 1);
            }
        }
        let mut hits: Vec<FacetHit> = counts
            .into_iter()
            .map(|(value, count)| FacetHit { value, count })
            .collect();
        hits.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        hits.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        Ok(hits)
    }
}
