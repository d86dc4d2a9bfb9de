//! The settings of a collection. Serde gives the form that is stored in the catalog and answered as `config`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hnsw::HnswConfig;
use super::optimizers::OptimizersConfig;
use super::quantization::QuantizationConfig;
use super::sharding::ShardingMethod;
use super::stored::Stored;
use super::strict::StrictModeConfig;
use super::vectors::{SparseVectorParams, VectorParams};
use super::wal::WalConfig;
use crate::payload::Payload;

/// Everything that is set about a collection. Names of dense and sparse vectors are disjoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct CollectionConfig {
    /// Dense and multi vectors by name; the default vector has the empty name.
    pub vectors: BTreeMap<String, VectorParams>,
    /// Sparse vectors by name.
    pub sparse_vectors: BTreeMap<String, SparseVectorParams>,
    /// Shards, at least one; stored and answered.
    pub shard_number: u32,
    /// Who decides in which shard a point lives, if that was said.
    pub sharding_method: Option<ShardingMethod>,
    /// Copies of a shard; stored and answered.
    pub replication_factor: u32,
    /// Copies that a write waits for; stored and answered.
    pub write_consistency_factor: u32,
    /// Additional copies that a read asks; stored and answered.
    pub read_fan_out_factor: Option<u32>,
    /// Milliseconds before additional copies are asked; stored and answered.
    pub read_fan_out_delay_ms: Option<u64>,
    /// Keep payloads on disk.
    pub on_disk_payload: bool,
    /// Settings of graphs.
    pub hnsw_config: HnswConfig,
    /// Settings of background work.
    pub optimizer_config: OptimizersConfig,
    /// Settings of the log.
    pub wal_config: WalConfig,
    /// How vectors are compressed.
    pub quantization_config: Option<QuantizationConfig>,
    /// Limits set by the owner.
    pub strict_mode_config: Option<StrictModeConfig>,
    /// Anything the owner wants to keep with the collection.
    pub metadata: Option<Payload>,
}

impl Default for CollectionConfig {
    fn default() -> Self {
        Self {
            vectors: BTreeMap::new(),
            sparse_vectors: BTreeMap::new(),
            shard_number: 1,
            sharding_method: None,
            replication_factor: 1,
            write_consistency_factor: 1,
            read_fan_out_factor: None,
            read_fan_out_delay_ms: None,
            on_disk_payload: true,
            hnsw_config: HnswConfig::default(),
            optimizer_config: OptimizersConfig::default(),
            wal_config: WalConfig::default(),
            quantization_config: None,
            strict_mode_config: None,
            metadata: None,
        }
    }
}
