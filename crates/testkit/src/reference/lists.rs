//! Reading points without scoring them: retrieve, scroll, facet.

use std::collections::{BTreeMap, BTreeSet};

use kindred_model::config::FieldType;
use kindred_model::id::PointId;
use kindred_model::point::Record;
use kindred_model::query::lists::{
    FacetHit, FacetRequest, FacetValue, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::{PayloadSelector, VectorSelector};
use serde_json::Value;
use uuid::Uuid;

use super::ranking::Hit;
use super::{Collection, select};
use crate::subject::{Failure, FailureKind};

impl Collection {
    fn record(&self, hit: Hit, payload: &PayloadSelector, vector: &VectorSelector) -> Option<Record> {
        let point = &self.points.get(&hit.id)?.point;
        Some(Record {
            id: point.id,
            payload: select::payload(point, payload),
            vector: select::vectors(point, vector),
            order_value: hit.value,
        })
    }

    pub(super) fn retrieve(&self, request: &RetrieveRequest) -> Result<Vec<Record>, Failure> {
        self.check_vectors(&request.with_vector)?;
        let mut ids: Vec<PointId> = Vec::new();
        for id in &request.ids {
            if !ids.contains(id) {
                ids.push(*id);
            }
        }
        let records = ids.into_iter().map(Hit::listed);
        Ok(records
            .filter_map(|hit| self.record(hit, &request.with_payload, &request.with_vector))
            .collect())
    }

    pub(super) fn scroll(&self, request: &ScrollRequest) -> Result<ScrollPage, Failure> {
        self.check_vectors(&request.with_vector)?;
        let ids = self.passing(&request.filter.clone().unwrap_or_default());
        let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let (hits, next_page_offset) = match &request.order_by {
            Some(_) if request.offset.is_some() => {
                let text = "Cannot use an `offset` when using `order_by`.";
                return Err(Failure::new(FailureKind::InvalidRequest, text));
            }
            Some(order) => (self.by_value(order, ids)?, None),
            None => {
                let from = ids
                    .into_iter()
                    .filter(|id| request.offset.is_none_or(|offset| *id >= offset));
                let ids: Vec<PointId> = from.collect();
                (
                    ids.iter().copied().map(Hit::listed).collect(),
                    ids.get(limit).copied(),
                )
            }
        };
        let page = hits.into_iter().take(limit);
        let points = page.filter_map(|hit| self.record(hit, &request.with_payload, &request.with_vector));
        Ok(ScrollPage {
            points: points.collect(),
            next_page_offset,
        })
    }

    pub(super) fn facet(&self, request: &FacetRequest) -> Result<Vec<FacetHit>, Failure> {
        let Some(schema) = self.indexes.get(&request.key).filter(|schema| schema.can_facet()) else {
            let text = format!(
                "No appropriate index for faceting: `{}`. Please create one to facet on this field.",
                request.key
            );
            return Err(Failure::new(FailureKind::InvalidInput, text));
        };
        let mut counts: BTreeMap<FacetValue, u64> = BTreeMap::new();
        for id in self.passing(&request.filter.clone().unwrap_or_default()) {
            let Some(stored) = self.points.get(&id) else {
                continue;
            };
            let values = request.key.flattened(&stored.point.payload);
            let distinct: BTreeSet<FacetValue> = values
                .into_iter()
                .filter_map(|value| counted(schema.data_type(), value))
                .collect();
            distinct
                .into_iter()
                .for_each(|value| *counts.entry(value).or_insert(0) += 1);
        }
        let mut hits: Vec<FacetHit> = counts
            .into_iter()
            .map(|(value, count)| FacetHit { value, count })
            .collect();
        // Stable: equal counts stay in the order of their values.
        hits.sort_by_key(|hit| std::cmp::Reverse(hit.count));
        hits.truncate(usize::try_from(request.limit).unwrap_or(usize::MAX));
        Ok(hits)
    }
}

/// The value as an index of this type counts it.
fn counted(index: FieldType, value: &Value) -> Option<FacetValue> {
    match index {
        FieldType::Keyword => value.as_str().map(|text| FacetValue::Keyword(text.to_owned())),
        FieldType::Uuid => {
            let uuid: Uuid = value.as_str()?.parse().ok()?;
            Some(FacetValue::Keyword(uuid.hyphenated().to_string()))
        }
        FieldType::Integer => value.as_i64().map(FacetValue::Int),
        FieldType::Bool => value.as_bool().map(FacetValue::Bool),
        FieldType::Float | FieldType::Geo | FieldType::Text | FieldType::Datetime => None,
    }
}
