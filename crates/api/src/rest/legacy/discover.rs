//! Discover: a target inside a zone drawn by pairs; without a target, the zone alone.

use kindred_model::config::ShardKeySelector;
use kindred_model::error::{Check, Invalid, Validate};
use kindred_model::filter::Filter;
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::context::{Context, Pair};
use kindred_model::query::kinds::discover::Discover;
use kindred_model::query::request::{
    LookupFrom, PayloadSelector, QueryRequest, SearchParams, VectorSelector,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::example::OldExample;
use super::frame::{Frame, check_frame};
use super::lower::Lower;

/// A discovery. WIRE: it knows no score threshold and no other name for `with_vector`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DiscoverRequest")]
pub(crate) struct DiscoverBody {
    target: Option<OldExample>,
    context: Option<Vec<OldPair>>,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    #[serde(alias = "top")]
    limit: u64,
    offset: Option<u64>,
    with_payload: Option<PayloadSelector>,
    with_vector: Option<VectorSelector>,
    using: Option<String>,
    lookup_from: Option<LookupFrom>,
    shard_key: Option<ShardKeySelector>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ContextExamplePair")]
struct OldPair {
    positive: OldExample,
    negative: OldExample,
}

impl Validate for OldPair {
    fn validate(&self, check: &mut Check) {
        check.within("positive", |check| self.positive.0.validate(check));
        check.within("negative", |check| self.negative.0.validate(check));
    }
}

impl Validate for DiscoverBody {
    fn validate(&self, check: &mut Check) {
        if let Some(target) = &self.target {
            check.within("target", |check| target.0.validate(check));
        }
        if let Some(context) = &self.context {
            check.each("context", context);
        }
        check_frame(check, self.filter.as_ref(), self.params.as_ref(), self.limit);
    }
}

impl Lower for DiscoverBody {
    fn lower(self) -> Result<QueryRequest, Invalid> {
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let pair = |pair: OldPair| Pair {
            positive: pair.positive.0,
            negative: pair.negative.0,
        };
        let pairs: Vec<Pair> = self.context.into_iter().flatten().map(pair).collect();
        let query = match self.target {
            Some(OldExample(target)) => Query::Discover(Discover {
                target,
                context: pairs,
            }),
            None if pairs.is_empty() => {
                return Err(Invalid::request("target and/or context_pairs must be specified"));
            }
            None => Query::Context(Context { pairs }),
        };
        let frame = Frame {
            using: self.using,
            filter: self.filter,
            params: self.params,
            score_threshold: None,
            limit: self.limit,
            offset: self.offset,
            lookup_from: self.lookup_from,
            with_payload: self.with_payload,
            with_vector: self.with_vector,
        };
        Ok(frame.ask(query))
    }
}
