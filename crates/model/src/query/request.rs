//! The request that carries a query: a tree whose leaves search and whose inner nodes rerank.

use super::kinds::Query;
use crate::filter::Filter;

mod json;
mod tree;
mod validate;

pub(in crate::query) use json::RequestKeys;

/// One node of a query tree. A node without prefetches searches the collection; a node with prefetches scores
/// the union of their results again.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryNode {
    /// The nodes whose results this one works on.
    pub prefetch: Vec<QueryNode>,
    /// What is asked; `None` lists points by id.
    pub query: Option<Query>,
    /// The vector to measure; `None` is the default vector.
    pub using: Option<String>,
    /// Which points may be answered; joined into every leaf below.
    pub filter: Option<Filter>,
    /// How to search.
    pub params: SearchParams,
    /// Keep only scores better than this.
    pub score_threshold: Option<f32>,
    /// How many results, at least one.
    pub limit: u64,
    /// Where the vectors of example ids come from.
    pub lookup_from: Option<LookupFrom>,
}

/// A whole query request.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryRequest {
    /// The root of the tree.
    pub node: QueryNode,
    /// How many of the best results to skip.
    pub offset: u64,
    /// Which vectors to answer.
    pub with_vector: VectorSelector,
    /// Which part of the payload to answer.
    pub with_payload: PayloadSelector,
}

/// Another place to read the vectors of example ids from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LookupFrom {
    /// A collection or alias, as written.
    pub collection: String,
    /// The vector's name there; `None` is the name used here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vector: Option<String>,
}

/// How to search. Exact search answers every setting the same; the ranges are still checked.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize)]
pub struct SearchParams {
    /// Beam width of a graph search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hnsw_ef: Option<u64>,
    /// Ask for a full scan.
    pub exact: bool,
    /// How quantized vectors are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization: Option<QuantizationParams>,
    /// Skip what is not indexed yet.
    pub indexed_only: bool,
    /// Settings of filtered graph search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acorn: Option<AcornParams>,
}

/// How quantized vectors are used.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct QuantizationParams {
    /// Use the original vectors only.
    pub ignore: bool,
    /// Score the best candidates again with the original vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescore: Option<bool>,
    /// How many candidates to rescore, as a multiple of the limit; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oversampling: Option<f64>,
}

/// Settings of filtered graph search.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct AcornParams {
    /// Use it.
    pub enable: bool,
    /// From 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    Include(Vec<crate::path::JsonPath>),
    /// All but what lies at these paths.
    Exclude(Vec<crate::path::JsonPath>),
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
