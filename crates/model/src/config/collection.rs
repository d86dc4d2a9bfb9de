//! The settings of a collection. Serde gives the form that is stored in the catalog and answered as `config`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::hnsw::HnswConfig;
use super::optimizers::OptimizersConfig;
use super::quantization::QuantizationConfig;
use super::sharding::ShardingMethod;
use super::strict::StrictModeConfig;
use super::vectors::{SparseVectorParams, VectorParams, VectorsConfig};
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

/// The settings nested the way the wire nests them.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Stored {
    params: Params,
    hnsw_config: HnswConfig,
    optimizer_config: OptimizersConfig,
    #[serde(default)]
    wal_config: WalConfig,
    #[serde(default)]
    quantization_config: Option<QuantizationConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    strict_mode_config: Option<StrictModeConfig>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    metadata: Option<Payload>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CollectionParams")]
struct Params {
    #[serde(default)]
    vectors: VectorsConfig,
    shard_number: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sharding_method: Option<ShardingMethod>,
    replication_factor: u32,
    write_consistency_factor: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_fan_out_factor: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    read_fan_out_delay_ms: Option<u64>,
    on_disk_payload: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sparse_vectors: BTreeMap<String, SparseVectorParams>,
}

impl From<CollectionConfig> for Stored {
    fn from(config: CollectionConfig) -> Self {
        Self {
            params: Params {
                vectors: VectorsConfig(config.vectors),
                shard_number: config.shard_number,
                sharding_method: config.sharding_method,
                replication_factor: config.replication_factor,
                write_consistency_factor: config.write_consistency_factor,
                read_fan_out_factor: config.read_fan_out_factor,
                read_fan_out_delay_ms: config.read_fan_out_delay_ms,
                on_disk_payload: config.on_disk_payload,
                sparse_vectors: config.sparse_vectors,
            },
            hnsw_config: config.hnsw_config,
            optimizer_config: config.optimizer_config,
            wal_config: config.wal_config,
            quantization_config: config.quantization_config,
            strict_mode_config: config.strict_mode_config,
            metadata: config.metadata,
        }
    }
}

impl From<Stored> for CollectionConfig {
    fn from(stored: Stored) -> Self {
        let params = stored.params;
        Self {
            vectors: params.vectors.0,
            sparse_vectors: params.sparse_vectors,
            shard_number: params.shard_number,
            sharding_method: params.sharding_method,
            replication_factor: params.replication_factor,
            write_consistency_factor: params.write_consistency_factor,
            read_fan_out_factor: params.read_fan_out_factor,
            read_fan_out_delay_ms: params.read_fan_out_delay_ms,
            on_disk_payload: params.on_disk_payload,
            hnsw_config: stored.hnsw_config,
            optimizer_config: stored.optimizer_config,
            wal_config: stored.wal_config,
            quantization_config: stored.quantization_config,
            strict_mode_config: stored.strict_mode_config,
            metadata: stored.metadata,
        }
    }
}

impl JsonSchema for CollectionConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "CollectionConfig".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Stored::json_schema(generator)
    }
}
