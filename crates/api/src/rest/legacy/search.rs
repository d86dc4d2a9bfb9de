//! Search: the points closest to a vector.

use kindred_model::config::ShardKeySelector;
use kindred_model::error::{Check, Invalid, Validate};
use kindred_model::filter::Filter;
use kindred_model::path::{JsonPath, possibly_empty};
use kindred_model::query::example::Example;
use kindred_model::query::groups::{GroupsRequest, WithLookup};
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::nearest::Nearest;
use kindred_model::query::request::{PayloadSelector, QueryRequest, SearchParams, VectorSelector};
use schemars::JsonSchema;
use serde::Deserialize;

use super::example::OldVector;
use super::frame::{Frame, Grouping, check_frame};
use super::lower::{Lower, LowerGroups};

/// A search.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SearchRequest")]
pub(crate) struct SearchBody {
    vector: OldVector,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    #[serde(alias = "top")]
    limit: u64,
    offset: Option<u64>,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    score_threshold: Option<f32>,
    shard_key: Option<ShardKeySelector>,
}

impl Validate for SearchBody {
    fn validate(&self, check: &mut Check) {
        check.within("vector", |check| self.vector.vector.validate(check));
        check_frame(check, self.filter.as_ref(), self.params.as_ref(), self.limit);
    }
}

impl Lower for SearchBody {
    fn lower(self) -> Result<QueryRequest, Invalid> {
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let frame = Frame {
            using: self.vector.name,
            filter: self.filter,
            params: self.params,
            score_threshold: self.score_threshold,
            limit: self.limit,
            offset: self.offset,
            lookup_from: None,
            with_payload: self.with_payload,
            with_vector: self.with_vector,
        };
        let example = Example::Vector(self.vector.vector);
        Ok(frame.ask(Query::Nearest(Nearest { example, mmr: None })))
    }
}

/// A search with grouped results.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SearchGroupsRequest")]
pub(crate) struct SearchGroupsBody {
    vector: OldVector,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    limit: u64,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    score_threshold: Option<f32>,
    #[serde(deserialize_with = "possibly_empty")]
    group_by: JsonPath,
    group_size: u64,
    with_lookup: Option<WithLookup>,
    shard_key: Option<ShardKeySelector>,
}

impl Validate for SearchGroupsBody {
    fn validate(&self, check: &mut Check) {
        check.within("vector", |check| self.vector.vector.validate(check));
        check_frame(check, self.filter.as_ref(), self.params.as_ref(), self.limit);
        check.within("group_by", |check| self.group_by.validate(check));
        check.at_least("group_size", self.group_size, 1);
    }
}

impl LowerGroups for SearchGroupsBody {
    fn lower(self) -> Result<GroupsRequest, Invalid> {
        let grouping = Grouping {
            group_by: self.group_by,
            group_size: self.group_size,
            with_lookup: self.with_lookup,
        };
        let search = SearchBody {
            vector: self.vector,
            filter: self.filter,
            params: self.params,
            limit: self.limit,
            offset: None,
            with_payload: self.with_payload,
            with_vector: self.with_vector,
            score_threshold: self.score_threshold,
            shard_key: self.shard_key,
        };
        Ok(grouping.group(search.lower()?))
    }
}
