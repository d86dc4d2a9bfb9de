//! The request that carries a query: a tree whose leaves search and whose inner nodes rerank.

use schemars::JsonSchema;
use serde::Serialize;

use super::dialect::OneOrMany;
use super::kinds::Query;
use crate::filter::Filter;
use crate::limits::LIMIT_DEFAULT;
use crate::path::JsonPath;

mod json;
mod tree;
mod validate;

pub(in crate::query) use json::RequestKeys;

/// One node of a query tree. A node without prefetches searches the collection; a node with prefetches scores
/// the union of their results again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Prefetch")]
pub struct QueryNode {
    /// The nodes whose results this one works on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Option<OneOrMany<QueryNode>>", default)]
    pub prefetch: Vec<QueryNode>,
    /// What is asked; `None` lists points by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,
    /// The vector to measure; `None` is the default vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub using: Option<String>,
    /// Which points may be answered; joined into every leaf below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// How to search.
    #[serde(skip_serializing_if = "SearchParams::is_default")]
    #[schemars(with = "Option<SearchParams>")]
    pub params: SearchParams,
    /// Keep only scores better than this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_threshold: Option<f32>,
    /// How many results, at least one.
    #[schemars(with = "Option<u64>", range(min = 1), default = "limit_default")]
    pub limit: u64,
    /// Where the vectors of example ids come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lookup_from: Option<LookupFrom>,
}

/// A whole query request.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QueryRequest {
    /// The root of the tree.
    #[serde(flatten)]
    pub node: QueryNode,
    /// How many of the best results to skip.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(with = "Option<u64>")]
    pub offset: u64,
    /// Which vectors to answer.
    #[schemars(with = "Option<VectorSelector>")]
    pub with_vector: VectorSelector,
    /// Which part of the payload to answer.
    #[schemars(with = "Option<PayloadSelector>")]
    pub with_payload: PayloadSelector,
}

fn limit_default() -> u64 {
    LIMIT_DEFAULT
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Another place to read the vectors of example ids from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LookupLocation")]
pub struct LookupFrom {
    /// A collection or alias, as written.
    pub collection: String,
    /// The vector's name there; `None` is the name used here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
}

/// How to search. Exact search answers every setting the same; the ranges are still checked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct SearchParams {
    /// Beam width of a graph search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hnsw_ef: Option<u64>,
    /// Ask for a full scan.
    #[schemars(default)]
    pub exact: bool,
    /// How quantized vectors are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationParams>,
    /// Skip what is not indexed yet.
    #[schemars(default)]
    pub indexed_only: bool,
    /// Settings of filtered graph search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acorn: Option<AcornParams>,
}

/// How quantized vectors are used.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
#[schemars(rename = "QuantizationSearchParams")]
pub struct QuantizationParams {
    /// Use the original vectors only.
    #[schemars(default)]
    pub ignore: bool,
    /// Score the best candidates again with the original vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescore: Option<bool>,
    /// How many candidates to rescore, as a multiple of the limit; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1.0))]
    pub oversampling: Option<f64>,
}

/// Settings of filtered graph search.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, JsonSchema)]
#[schemars(rename = "AcornSearchParams")]
pub struct AcornParams {
    /// Use it.
    #[schemars(default)]
    pub enable: bool,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub max_selectivity: Option<f64>,
}

/// Which vectors to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VectorSelector {
    /// All or none.
    All(bool),
    /// These names; an unknown name is an error.
    Names(Vec<String>),
}

/// Which part of the payload to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum PayloadSelector {
    /// All or none.
    All(bool),
    /// Only what lies at these paths.
    Include(Vec<JsonPath>),
    /// All but what lies at these paths.
    Exclude(Vec<JsonPath>),
}

impl SearchParams {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for VectorSelector {
    fn default() -> Self {
        Self::All(false)
    }
}

impl Default for PayloadSelector {
    fn default() -> Self {
        Self::All(false)
    }
}

impl VectorSelector {
    /// Whether nothing is asked for.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::All(false))
    }
}

impl PayloadSelector {
    /// Whether nothing is asked for.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::All(false))
    }
}
