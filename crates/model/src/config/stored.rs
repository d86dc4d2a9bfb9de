//! The JSON form of a collection's settings: nested the way the wire nests them.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::collection::CollectionConfig;
use super::hnsw::HnswConfig;
use super::optimizers::OptimizersConfig;
use super::quantization::QuantizationConfig;
use super::sharding::ShardingMethod;
use super::strict::StrictModeConfig;
use super::vectors::{SparseVectorParams, VectorsConfig};
use super::wal::WalConfig;
use crate::payload::Payload;

#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Stored {
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
