//! What all older bodies have in common around their examples.

use kindred_model::error::{Check, Validate};
use kindred_model::filter::Filter;
use kindred_model::path::JsonPath;
use kindred_model::query::groups::{GroupsRequest, WithLookup};
use kindred_model::query::kinds::Query;
use kindred_model::query::request::{
    LookupFrom, PayloadSelector, QueryNode, QueryRequest, SearchParams, VectorSelector,
};
use kindred_model::vector::DEFAULT_VECTOR;

/// Everything of a request but the query itself, as written.
pub(super) struct Frame {
    pub(super) using: Option<String>,
    pub(super) filter: Option<Filter>,
    pub(super) params: Option<SearchParams>,
    pub(super) score_threshold: Option<f32>,
    pub(super) limit: u64,
    pub(super) offset: Option<u64>,
    pub(super) lookup_from: Option<LookupFrom>,
    pub(super) with_payload: Option<PayloadSelector>,
    pub(super) with_vector: Option<VectorSelector>,
}

impl Frame {
    /// The request that asks `query` in this frame.
    pub(super) fn ask(self, query: Query) -> QueryRequest {
        QueryRequest {
            node: QueryNode {
                prefetch: Vec::new(),
                query: Some(query),
                using: self.using,
                filter: self.filter,
                params: self.params.unwrap_or_default(),
                score_threshold: self.score_threshold,
                limit: self.limit,
                lookup_from: self.lookup_from.map(from_default_vector),
            },
            offset: self.offset.unwrap_or(0),
            with_vector: self.with_vector.unwrap_or(VectorSelector::All(false)),
            with_payload: self.with_payload.unwrap_or(PayloadSelector::All(false)),
        }
    }
}

/// WIRE: these bodies look up the default vector of the other collection when none is named, where the query
/// endpoints look up the vector that is searched.
fn from_default_vector(lookup: LookupFrom) -> LookupFrom {
    let vector = lookup.vector.unwrap_or_else(|| DEFAULT_VECTOR.to_owned());
    LookupFrom {
        collection: lookup.collection,
        vector: Some(vector),
    }
}

/// How results are grouped, as written.
pub(super) struct Grouping {
    pub(super) group_by: JsonPath,
    pub(super) group_size: u64,
    pub(super) with_lookup: Option<WithLookup>,
}

impl Grouping {
    /// The request that groups the results of `query`.
    pub(super) fn group(self, query: QueryRequest) -> GroupsRequest {
        let Self {
            group_by,
            group_size,
            with_lookup,
        } = self;
        GroupsRequest {
            query,
            group_by,
            group_size,
            with_lookup,
        }
    }
}

/// Checks what all bodies have.
pub(super) fn check_frame(
    check: &mut Check,
    filter: Option<&Filter>,
    params: Option<&SearchParams>,
    limit: u64,
) {
    check.at_least("limit", limit, 1);
    if let Some(params) = params {
        check.within("params", |check| params.validate(check));
    }
    if let Some(filter) = filter {
        check.within("filter", |check| filter.validate(check));
    }
}
