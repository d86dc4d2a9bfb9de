//! What a user writes to make a collection, or one more vector of a collection.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::collection::CollectionConfig;
use super::column::unknown_vector;
use super::datatype::{self, WrittenDatatype};
use super::hnsw::{HnswConfig, HnswConfigDiff};
use super::optimizers::{OptimizersConfig, OptimizersConfigDiff};
use super::quantization::QuantizationConfig;
use super::sharding::ShardingMethod;
use super::strict::StrictModeConfig;
use super::vectors::{
    Modifier, MultiVectorConfig, SparseIndexParams, SparseVectorParams, VectorParams, VectorsConfig,
    bad_vector_name, check_vector_name,
};
use super::wal::{WalConfig, WalConfigDiff};
use crate::distance::Distance;
use crate::error::{Check, Invalid, Validate};
use crate::limits::{METADATA_BYTES_MAX, PAYLOAD_DEPTH_MAX, VECTOR_DIM_MAX, VECTORS_PER_COLLECTION_MAX};
use crate::payload::Payload;
use crate::vector::{DEFAULT_VECTOR, Datatype};

/// The body of a request that makes a collection; what is left out takes the server's default.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct CreateCollection {
    /// Dense and multi vectors; none makes a collection of payloads only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vectors: Option<VectorsConfig>,
    /// Sparse vectors by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sparse_vectors: Option<BTreeMap<String, SparseVectorParams>>,
    /// Shards, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard_number: Option<u32>,
    /// Who decides in which shard a point lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sharding_method: Option<ShardingMethod>,
    /// Copies of a shard, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<u32>,
    /// Copies that a write waits for, at least one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_consistency_factor: Option<u32>,
    /// Keep payloads on disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_disk_payload: Option<bool>,
    /// Settings of graphs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hnsw_config: Option<HnswConfigDiff>,
    /// Settings of the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_config: Option<WalConfigDiff>,
    /// Settings of background work.
    #[serde(alias = "optimizer_config", skip_serializing_if = "Option::is_none")]
    pub optimizers_config: Option<OptimizersConfigDiff>,
    /// How vectors are compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantization_config: Option<QuantizationConfig>,
    /// Limits set by the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_mode_config: Option<StrictModeConfig>,
    /// Anything the owner wants to keep with the collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Payload>,
}

/// The body of a request that adds a vector to a collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "VectorNameConfig")]
pub enum NewVector {
    /// A dense or multi vector.
    Dense {
        /// Components, from 1 to 65536.
        size: u64,
        /// What closeness means.
        distance: Distance,
        /// Makes it a multi vector.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        multivector_config: Option<MultiVectorConfig>,
        /// How components are stored.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            deserialize_with = "datatype::dense"
        )]
        #[schemars(with = "Option<WrittenDatatype>")]
        datatype: Option<Datatype>,
    },
    /// A sparse vector.
    Sparse {
        /// How the weights of an anchor are changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        modifier: Option<Modifier>,
        /// How weights are stored in the index.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        datatype: Option<WrittenDatatype>,
    },
}

impl Validate for CreateCollection {
    fn validate(&self, check: &mut Check) {
        if let Some(vectors) = &self.vectors {
            check.within("vectors", |check| vectors.validate(check));
        }
        if let Some(vectors) = &self.sparse_vectors {
            check.within("sparse_vectors", |check| validate_sparse(vectors, check));
        }
        validate_counts(
            check,
            [
                ("shard_number", self.shard_number),
                ("replication_factor", self.replication_factor),
                ("write_consistency_factor", self.write_consistency_factor),
            ],
        );
        validate_part(check, "hnsw_config", self.hnsw_config.as_ref());
        validate_part(check, "wal_config", self.wal_config.as_ref());
        validate_part(check, "optimizers_config", self.optimizers_config.as_ref());
        validate_part(check, "quantization_config", self.quantization_config.as_ref());
        validate_part(check, "strict_mode_config", self.strict_mode_config.as_ref());
    }
}

/// Validates an optional part under its own name.
pub(super) fn validate_part<T: Validate>(check: &mut Check, field: &str, part: Option<&T>) {
    if let Some(part) = part {
        check.within(field, |check| part.validate(check));
    }
}

/// Requires at least one of everything that is given.
pub(super) fn validate_counts<const COUNT: usize>(check: &mut Check, counts: [(&str, Option<u32>); COUNT]) {
    for (field, count) in counts {
        if let Some(count) = count {
            check.at_least(field, count, 1);
        }
    }
}

pub(super) fn validate_sparse(vectors: &BTreeMap<String, SparseVectorParams>, check: &mut Check) {
    for (name, params) in vectors {
        check_vector_name(check, name);
        check.within("?", |check| params.validate(check));
    }
}

impl CreateCollection {
    /// The settings of the new collection: what is written here over the defaults. Checks all limits, then that
    /// the vectors' names go together.
    pub fn into_config(self) -> Result<CollectionConfig, Invalid> {
        Check::all("", &self)?;
        if self.sharding_method == Some(ShardingMethod::Custom) {
            return Err(Invalid::request(
                "Custom sharding is not built yet: leave `sharding_method` out",
            ));
        }
        let vectors = self.vectors.unwrap_or_default().0;
        let sparse_vectors = self.sparse_vectors.unwrap_or_default();
        check_names(&vectors, &sparse_vectors)?;

        let default = CollectionConfig::default();
        let mut hnsw_config = HnswConfig::default();
        hnsw_config.apply(&self.hnsw_config.unwrap_or_default());
        let mut optimizer_config = OptimizersConfig::default();
        optimizer_config.apply(&self.optimizers_config.unwrap_or_default());
        let mut wal_config = WalConfig::default();
        wal_config.apply(&self.wal_config.unwrap_or_default());
        self.metadata.as_ref().map_or(Ok(()), check_metadata)?;
        Ok(CollectionConfig {
            vectors,
            sparse_vectors,
            shard_number: self.shard_number.unwrap_or(default.shard_number),
            sharding_method: self.sharding_method,
            replication_factor: self.replication_factor.unwrap_or(default.replication_factor),
            write_consistency_factor: self
                .write_consistency_factor
                .unwrap_or(default.write_consistency_factor),
            on_disk_payload: self.on_disk_payload.unwrap_or(default.on_disk_payload),
            hnsw_config,
            optimizer_config,
            wal_config,
            quantization_config: self.quantization_config,
            strict_mode_config: self.strict_mode_config,
            metadata: self.metadata,
            ..default
        })
    }
}

fn check_names(
    vectors: &BTreeMap<String, VectorParams>,
    sparse_vectors: &BTreeMap<String, SparseVectorParams>,
) -> Result<(), Invalid> {
    if sparse_vectors.contains_key(DEFAULT_VECTOR) {
        return Err(Invalid::input("Sparse vector name cannot be empty"));
    }
    if let Some(name) = sparse_vectors.keys().find(|name| vectors.contains_key(*name)) {
        return Err(Invalid::input(format!(
            "Dense and sparse vector names must be unique - duplicate found with '{name}'"
        )));
    }
    check_count(vectors.len() + sparse_vectors.len())
}

fn check_count(count: usize) -> Result<(), Invalid> {
    if count > VECTORS_PER_COLLECTION_MAX {
        return Err(Invalid::input(format!(
            "A collection can have {VECTORS_PER_COLLECTION_MAX} vectors at most, got {count}"
        )));
    }
    Ok(())
}

impl Validate for NewVector {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Dense { size, .. } => {
                check.within("dense", |check| check.between("size", *size, 1, VECTOR_DIM_MAX))
            }
            Self::Sparse { datatype, .. } => {
                if *datatype == Some(WrittenDatatype::Turbo4) {
                    check.within("sparse", |check| {
                        check.fail("datatype", "sparse vectors do not support the `turbo4` datatype");
                    });
                }
            }
        }
    }
}

impl CollectionConfig {
    /// Adds a vector. Fails when limits are broken, or when a vector is already called `name`.
    pub fn add_vector(&mut self, name: &str, vector: NewVector) -> Result<(), Invalid> {
        Check::all("", &vector)?;
        if let Some(why) = bad_vector_name(name) {
            return Err(Invalid::input(why));
        }
        if self.column(name).is_some() {
            return Err(Invalid::input(format!(
                "Vector with name `{name}` already exists"
            )));
        }
        check_count(self.columns().count() + 1)?;
        match vector {
            NewVector::Dense {
                size,
                distance,
                multivector_config,
                datatype,
            } => {
                let params = VectorParams {
                    size,
                    distance,
                    hnsw_config: None,
                    quantization_config: None,
                    on_disk: None,
                    datatype,
                    multivector_config,
                };
                self.vectors.insert(name.to_owned(), params);
            }
            NewVector::Sparse { .. } if name == DEFAULT_VECTOR => {
                return Err(Invalid::input("Sparse vector name cannot be empty"));
            }
            NewVector::Sparse { modifier, datatype } => {
                let index = datatype.map(|datatype| SparseIndexParams {
                    datatype: Some(datatype),
                    ..Default::default()
                });
                self.sparse_vectors
                    .insert(name.to_owned(), SparseVectorParams { index, modifier });
            }
        }
        Ok(())
    }

    /// Takes a vector away. Fails when no vector is called `name`.
    pub fn drop_vector(&mut self, name: &str) -> Result<(), Invalid> {
        let is_gone = self.vectors.remove(name).is_some() || self.sparse_vectors.remove(name).is_some();
        if is_gone {
            Ok(())
        } else {
            Err(unknown_vector(name))
        }
    }
}

/// Refuses metadata that the catalog could not keep: too deep to be read back, or too large to be repeated.
pub(super) fn check_metadata(metadata: &Payload) -> Result<(), Invalid> {
    let depth = metadata.depth();
    if depth > PAYLOAD_DEPTH_MAX {
        return Err(Invalid::input(format!(
            "metadata may be nested {PAYLOAD_DEPTH_MAX} levels deep, this is {depth}"
        )));
    }
    let size = metadata.to_json().len();
    if size > METADATA_BYTES_MAX {
        return Err(Invalid::input(format!(
            "metadata may take {METADATA_BYTES_MAX} bytes, this takes {size}"
        )));
    }
    Ok(())
}
