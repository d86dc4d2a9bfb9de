//! Settings of the graph index.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};
use crate::limits::{HNSW_EF_MAX, HNSW_M_MAX};

/// Complete settings of a collection's graphs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HnswConfig {
    /// Links of a node.
    pub m: u64,
    /// Beam width while building.
    pub ef_construct: u64,
    /// Kilobytes of vectors below which a scan is preferred.
    pub full_scan_threshold: u64,
    /// Threads that build; 0 is the server's choice.
    #[serde(default)]
    pub max_indexing_threads: u64,
    /// Keep links on disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Links of a node in the additional graphs of payload values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_m: Option<u64>,
    /// Keep codes beside the links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inline_storage: Option<bool>,
}

/// Settings of graphs that are given; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct HnswConfigDiff {
    /// Links of a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub m: Option<u64>,
    /// Beam width while building.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ef_construct: Option<u64>,
    /// Kilobytes of vectors below which a scan is preferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_scan_threshold: Option<u64>,
    /// Threads that build; 0 is the server's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_indexing_threads: Option<u64>,
    /// Keep links on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
    /// Links of a node in the additional graphs of payload values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_m: Option<u64>,
    /// Keep codes beside the links.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline_storage: Option<bool>,
}

impl Default for HnswConfig {
    fn default() -> Self {
        Self {
            m: 16,
            ef_construct: 100,
            full_scan_threshold: 10_000,
            max_indexing_threads: 0,
            on_disk: Some(false),
            payload_m: None,
            inline_storage: None,
        }
    }
}

impl HnswConfig {
    pub(super) fn apply(&mut self, diff: &HnswConfigDiff) {
        self.m = diff.m.unwrap_or(self.m);
        self.ef_construct = diff.ef_construct.unwrap_or(self.ef_construct);
        self.full_scan_threshold = diff.full_scan_threshold.unwrap_or(self.full_scan_threshold);
        self.max_indexing_threads = diff.max_indexing_threads.unwrap_or(self.max_indexing_threads);
        self.on_disk = diff.on_disk.or(self.on_disk);
        self.payload_m = diff.payload_m.or(self.payload_m);
        self.inline_storage = diff.inline_storage.or(self.inline_storage);
    }
}

impl HnswConfigDiff {
    pub(super) fn apply(&mut self, diff: &Self) {
        self.m = diff.m.or(self.m);
        self.ef_construct = diff.ef_construct.or(self.ef_construct);
        self.full_scan_threshold = diff.full_scan_threshold.or(self.full_scan_threshold);
        self.max_indexing_threads = diff.max_indexing_threads.or(self.max_indexing_threads);
        self.on_disk = diff.on_disk.or(self.on_disk);
        self.payload_m = diff.payload_m.or(self.payload_m);
        self.inline_storage = diff.inline_storage.or(self.inline_storage);
    }
}

impl Validate for HnswConfigDiff {
    fn validate(&self, check: &mut Check) {
        if let Some(m) = self.m {
            check.at_most("m", m, HNSW_M_MAX);
        }
        if let Some(ef) = self.ef_construct {
            check.at_least("ef_construct", ef, 4);
            check.at_most("ef_construct", ef, HNSW_EF_MAX);
        }
        if let Some(threshold) = self.full_scan_threshold {
            check.at_least("full_scan_threshold", threshold, 10);
        }
        if let Some(m) = self.payload_m {
            check.at_most("payload_m", m, HNSW_M_MAX);
        }
    }
}
