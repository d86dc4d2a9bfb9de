//! Strict mode: limits that a collection's owner sets on its users. They are stored and answered.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};

/// Limits on requests; what is not set is not limited.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StrictModeConfig {
    /// Whether the limits hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Largest `limit` of a read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_query_limit: Option<u64>,
    /// Largest `timeout`, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_timeout: Option<u64>,
    /// Whether reads may filter by fields without an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unindexed_filtering_retrieve: Option<bool>,
    /// Whether updates may filter by fields without an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unindexed_filtering_update: Option<bool>,
    /// Largest beam width of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_max_hnsw_ef: Option<u64>,
    /// Whether a search may ask for a full scan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_allow_exact: Option<bool>,
    /// Largest oversampling of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_max_oversampling: Option<f64>,
    /// Most points of one upsert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upsert_max_batchsize: Option<u64>,
    /// Most requests of one batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search_max_batchsize: Option<u64>,
    /// Most bytes of vectors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_collection_vector_size_bytes: Option<u64>,
    /// Reads a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_rate_limit: Option<u64>,
    /// Writes a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_rate_limit: Option<u64>,
    /// Most bytes of payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_collection_payload_size_bytes: Option<u64>,
    /// Most points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_points_count: Option<u64>,
    /// Most conditions of a filter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_max_conditions: Option<u64>,
    /// Most values of a condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition_max_size: Option<u64>,
    /// Limits of multi vectors, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multivector_config: Option<BTreeMap<String, StrictModeMultivector>>,
    /// Limits of sparse vectors, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_config: Option<BTreeMap<String, StrictModeSparse>>,
    /// Most payload indexes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_payload_index_count: Option<u64>,
    /// Share of memory above which writes are refused, from 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_resident_memory_percent: Option<u8>,
    /// Share of disk above which writes are refused, from 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_disk_usage_percent: Option<u8>,
}

/// Limits of a multi vector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StrictModeMultivector {
    /// Most rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_vectors: Option<u64>,
}

/// Limits of a sparse vector.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StrictModeSparse {
    /// Most components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u64>,
}

impl StrictModeConfig {
    /// Takes over what `patch` sets.
    pub(super) fn apply(&mut self, patch: Self) {
        macro_rules! take {
            ($($field:ident),* $(,)?) => { $( self.$field = patch.$field.or(self.$field.take()); )* };
        }
        take!(
            enabled,
            max_query_limit,
            max_timeout,
            unindexed_filtering_retrieve,
            unindexed_filtering_update,
            search_max_hnsw_ef,
            search_allow_exact,
            search_max_oversampling,
            upsert_max_batchsize,
            search_max_batchsize,
            max_collection_vector_size_bytes,
            read_rate_limit,
            write_rate_limit,
            max_collection_payload_size_bytes,
            max_points_count,
            filter_max_conditions,
            condition_max_size,
            multivector_config,
            sparse_config,
            max_payload_index_count,
            max_resident_memory_percent,
            max_disk_usage_percent,
        );
    }
}

impl Validate for StrictModeConfig {
    fn validate(&self, check: &mut Check) {
        let at_least_one = [
            ("max_query_limit", self.max_query_limit),
            ("max_timeout", self.max_timeout),
            ("read_rate_limit", self.read_rate_limit),
            ("write_rate_limit", self.write_rate_limit),
            ("max_points_count", self.max_points_count),
        ];
        for (field, value) in at_least_one {
            if let Some(value) = value {
                check.at_least(field, value, 1);
            }
        }
        let percentages = [
            ("max_resident_memory_percent", self.max_resident_memory_percent),
            ("max_disk_usage_percent", self.max_disk_usage_percent),
        ];
        for (field, value) in percentages {
            if let Some(value) = value {
                check.between(field, value, 1, 100);
            }
        }
        for limits in self.multivector_config.iter().flat_map(BTreeMap::values) {
            if let Some(count) = limits.max_vectors {
                check.within("multivector_config", |check| {
                    check.within("?", |check| check.at_least("max_vectors", count, 1))
                });
            }
        }
        for limits in self.sparse_config.iter().flat_map(BTreeMap::values) {
            if let Some(length) = limits.max_length {
                check.within("sparse_config", |check| {
                    check.within("?", |check| check.at_least("max_length", length, 1))
                });
            }
        }
    }
}
