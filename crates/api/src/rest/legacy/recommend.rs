//! Recommend: more like these, less like those.

use kindred_model::bounded;
use kindred_model::config::ShardKeySelector;
use kindred_model::error::{Check, Invalid, Validate};
use kindred_model::filter::Filter;
use kindred_model::path::{JsonPath, possibly_empty};
use kindred_model::query::example::Example;
use kindred_model::query::groups::{GroupsRequest, WithLookup};
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::recommend::{Recommend, Strategy};
use kindred_model::query::request::{
    LookupFrom, PayloadSelector, QueryRequest, SearchParams, VectorSelector,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::example::OldExample;
use super::frame::{Frame, Grouping, check_frame};
use super::lower::{Lower, LowerGroups};

/// A recommendation.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RecommendRequest")]
pub(crate) struct RecommendBody {
    #[serde(default, deserialize_with = "bounded::optional")]
    positive: Option<Vec<OldExample>>,
    #[serde(default, deserialize_with = "bounded::optional")]
    negative: Option<Vec<OldExample>>,
    strategy: Option<Strategy>,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    #[serde(alias = "top")]
    limit: u64,
    offset: Option<u64>,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    score_threshold: Option<f32>,
    using: Option<String>,
    lookup_from: Option<LookupFrom>,
    shard_key: Option<ShardKeySelector>,
}

fn check_examples(check: &mut Check, field: &str, examples: Option<&Vec<OldExample>>) {
    check.within(field, |check| {
        for (index, example) in examples.into_iter().flatten().enumerate() {
            check.item(index, |check| example.0.validate(check));
        }
    });
}

impl Validate for RecommendBody {
    fn validate(&self, check: &mut Check) {
        check_examples(check, "positive", self.positive.as_ref());
        check_examples(check, "negative", self.negative.as_ref());
        check_frame(check, self.filter.as_ref(), self.params.as_ref(), self.limit);
    }
}

/// WIRE: the texts of these endpoints differ from those of the query endpoints.
fn check_counts(recommend: &Recommend) -> Result<(), Invalid> {
    let needed = match recommend.strategy {
        Strategy::AverageVector if recommend.positive.is_empty() => "positive vector ID",
        Strategy::BestScore | Strategy::SumScores
            if recommend.positive.is_empty() && recommend.negative.is_empty() =>
        {
            "positive or negative vector ID"
        }
        Strategy::AverageVector | Strategy::BestScore | Strategy::SumScores => return Ok(()),
    };
    Err(Invalid::request(format!(
        "At least one {needed} required with this strategy"
    )))
}

impl Lower for RecommendBody {
    fn lower(self) -> Result<QueryRequest, Invalid> {
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let examples = |list: Option<Vec<OldExample>>| -> Vec<Example> {
            list.into_iter().flatten().map(|example| example.0).collect()
        };
        let recommend = Recommend {
            positive: examples(self.positive),
            negative: examples(self.negative),
            strategy: self.strategy.unwrap_or_default(),
        };
        check_counts(&recommend)?;
        let frame = Frame {
            using: self.using,
            filter: self.filter,
            params: self.params,
            score_threshold: self.score_threshold,
            limit: self.limit,
            offset: self.offset,
            lookup_from: self.lookup_from,
            with_payload: self.with_payload,
            with_vector: self.with_vector,
        };
        Ok(frame.ask(Query::Recommend(recommend)))
    }
}

/// A recommendation with grouped results.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "RecommendGroupsRequest")]
pub(crate) struct RecommendGroupsBody {
    #[serde(default, deserialize_with = "bounded::optional")]
    positive: Option<Vec<OldExample>>,
    #[serde(default, deserialize_with = "bounded::optional")]
    negative: Option<Vec<OldExample>>,
    strategy: Option<Strategy>,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    limit: u64,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    score_threshold: Option<f32>,
    using: Option<String>,
    lookup_from: Option<LookupFrom>,
    #[serde(deserialize_with = "possibly_empty")]
    group_by: JsonPath,
    group_size: u64,
    with_lookup: Option<WithLookup>,
    shard_key: Option<ShardKeySelector>,
}

impl Validate for RecommendGroupsBody {
    fn validate(&self, check: &mut Check) {
        check_examples(check, "positive", self.positive.as_ref());
        check_examples(check, "negative", self.negative.as_ref());
        check_frame(check, self.filter.as_ref(), self.params.as_ref(), self.limit);
        check.within("group_by", |check| self.group_by.validate(check));
        check.at_least("group_size", self.group_size, 1);
    }
}

impl LowerGroups for RecommendGroupsBody {
    fn lower(self) -> Result<GroupsRequest, Invalid> {
        let grouping = Grouping {
            group_by: self.group_by,
            group_size: self.group_size,
            with_lookup: self.with_lookup,
        };
        let recommend = RecommendBody {
            positive: self.positive,
            negative: self.negative,
            strategy: self.strategy,
            filter: self.filter,
            params: self.params,
            limit: self.limit,
            offset: None,
            with_payload: self.with_payload,
            with_vector: self.with_vector,
            score_threshold: self.score_threshold,
            using: self.using,
            lookup_from: self.lookup_from,
            shard_key: self.shard_key,
        };
        Ok(grouping.group(recommend.lower()?))
    }
}
