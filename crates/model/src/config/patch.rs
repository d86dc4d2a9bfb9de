//! What a user writes to change the settings of a collection. Vectors keep their size, distance and kind.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::collection::CollectionConfig;
use super::column::unknown_vector;
use super::create::{check_metadata, validate_counts, validate_part, validate_sparse};
use super::hnsw::HnswConfigDiff;
use super::optimizers::OptimizersConfigDiff;
use super::quantization::QuantizationConfigDiff;
use super::strict::StrictModeConfig;
use super::vectors::SparseVectorParams;
use crate::error::{Check, Invalid, Validate};
use crate::payload::Payload;

/// The body of a request that changes a collection; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct UpdateCollection {
    /// Dense and multi vectors by name; the default vector has the empty name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<BTreeMap<String, VectorParamsDiff>>,
    /// Sparse vectors by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_vectors: Option<BTreeMap<String, SparseVectorParams>>,
    /// Settings of background work.
    #[serde(alias = "optimizer_config", skip_serializing_if = "Option::is_none")]
    pub optimizers_config: Option<OptimizersConfigDiff>,
    /// Settings of copies and payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<CollectionParamsDiff>,
    /// Settings of graphs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hnsw_config: Option<HnswConfigDiff>,
    /// How vectors are compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfigDiff>,
    /// Limits set by the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_mode_config: Option<StrictModeConfig>,
    /// Merged by key; a null value deletes its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Payload>,
}

/// Changes to the settings of one dense or multi vector.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct VectorParamsDiff {
    /// Settings of its graph.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hnsw_config: Option<HnswConfigDiff>,
    /// How it is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfigDiff>,
    /// Keep it on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk: Option<bool>,
}

/// Changes to the settings of copies and payloads.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CollectionParamsDiff {
    /// Copies of a shard, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// Copies that a write waits for, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_consistency_factor: Option<u32>,
    /// Additional copies that a read asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_fan_out_factor: Option<u32>,
    /// Milliseconds before additional copies are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_fan_out_delay_ms: Option<u64>,
    /// Keep payloads on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk_payload: Option<bool>,
}

impl Validate for VectorParamsDiff {
    fn validate(&self, check: &mut Check) {
        validate_part(check, "hnsw_config", self.hnsw_config.as_ref());
        validate_part(check, "quantization_config", self.quantization_config.as_ref());
    }
}

impl Validate for CollectionParamsDiff {
    fn validate(&self, check: &mut Check) {
        validate_counts(
            check,
            [
                ("replication_factor", self.replication_factor),
                ("write_consistency_factor", self.write_consistency_factor),
            ],
        );
    }
}

impl Validate for UpdateCollection {
    fn validate(&self, check: &mut Check) {
        for diff in self.vectors.iter().flat_map(BTreeMap::values) {
            check.within("vectors", |check| check.within("?", |check| diff.validate(check)));
        }
        if let Some(vectors) = &self.sparse_vectors {
            check.within("sparse_vectors", |check| validate_sparse(vectors, check));
        }
        validate_part(check, "optimizers_config", self.optimizers_config.as_ref());
        validate_part(check, "params", self.params.as_ref());
        validate_part(check, "hnsw_config", self.hnsw_config.as_ref());
        validate_part(check, "quantization_config", self.quantization_config.as_ref());
        validate_part(check, "strict_mode_config", self.strict_mode_config.as_ref());
    }
}

impl CollectionConfig {
    /// Changes the settings, or none of them when the patch breaks a limit or names an unknown vector.
    pub fn apply(&mut self, patch: UpdateCollection) -> Result<(), Invalid> {
        Check::all("", &patch)?;
        let mut next = self.clone();
        for (name, diff) in patch.vectors.into_iter().flatten() {
            next.apply_vector(&name, diff)?;
        }
        for (name, diff) in patch.sparse_vectors.into_iter().flatten() {
            next.sparse_vectors
                .get_mut(&name)
                .ok_or_else(|| unknown_vector(&name))?
                .apply(&diff);
        }
        if let Some(diff) = &patch.optimizers_config {
            next.optimizer_config.apply(diff);
        }
        if let Some(diff) = &patch.params {
            next.apply_params(diff);
        }
        if let Some(diff) = &patch.hnsw_config {
            next.hnsw_config.apply(diff);
        }
        if let Some(diff) = patch.quantization_config {
            next.quantization_config = diff.into_config();
        }
        if let Some(diff) = patch.strict_mode_config {
            next.strict_mode_config.get_or_insert_default().apply(diff);
        }
        if let Some(diff) = patch.metadata {
            let metadata = next.metadata.get_or_insert_default();
            metadata.merge(diff);
            check_metadata(metadata)?;
        }
        *self = next;
        Ok(())
    }

    fn apply_vector(&mut self, name: &str, diff: VectorParamsDiff) -> Result<(), Invalid> {
        let params = self.vectors.get_mut(name).ok_or_else(|| unknown_vector(name))?;
        if let Some(hnsw) = &diff.hnsw_config {
            params.hnsw_config.get_or_insert_default().apply(hnsw);
        }
        if let Some(quantization) = diff.quantization_config {
            params.quantization_config = quantization.into_config();
        }
        params.on_disk = diff.on_disk.or(params.on_disk);
        Ok(())
    }

    fn apply_params(&mut self, diff: &CollectionParamsDiff) {
        self.replication_factor = diff.replication_factor.unwrap_or(self.replication_factor);
        self.write_consistency_factor = diff
            .write_consistency_factor
            .unwrap_or(self.write_consistency_factor);
        self.read_fan_out_factor = diff.read_fan_out_factor.or(self.read_fan_out_factor);
        self.read_fan_out_delay_ms = diff.read_fan_out_delay_ms.or(self.read_fan_out_delay_ms);
        self.on_disk_payload = diff.on_disk_payload.unwrap_or(self.on_disk_payload);
    }
}
