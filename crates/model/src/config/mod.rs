//! What a collection is: its vectors and its settings, as a user writes them, as they are stored and as they
//! are answered. Every floor above reads `CollectionConfig`; only `collection` and `patch` change it.

mod names;
mod alias;
mod datatype;
mod quantization;
mod hnsw;
mod optimizers;
mod wal;
mod strict;
mod sharding;
mod vectors;
mod collection;
mod column;
mod create;
mod patch;
mod language;
mod text;
mod field;

#[cfg(test)]
mod tests;

pub use alias::{AliasAction, AliasActions};
pub use collection::CollectionConfig;
pub use column::Column;
pub use create::{CreateCollection, NewVector};
pub use datatype::WrittenDatatype;
pub use field::{
    CreateIndexBody, FieldParams, FieldSchema, FieldType, IntegerParams, KeywordParams, NumberParams,
    PlainParams,
};
pub use hnsw::{HnswConfig, HnswConfigDiff};
pub use language::{Language, SnowballLanguage};
pub use names::{collection_name, new_collection_name};
pub use optimizers::{MaxOptimizationThreads, OptimizersConfig, OptimizersConfigDiff};
pub use patch::{CollectionParamsDiff, UpdateCollection, VectorParamsDiff};
pub use quantization::{
    BinaryEncoding, BinaryQuantization, BinaryQueryEncoding, CompressionRatio, ProductQuantization,
    QuantizationConfig, QuantizationConfigDiff, ScalarQuantization, ScalarType, TurboBits, TurboQuantization,
};
pub use sharding::{ShardKeySelector, ShardingMethod};
pub use strict::{StrictModeConfig, StrictModeMultivector, StrictModeSparse};
pub use text::{Stemmer, Stopwords, StopwordsSet, TextParams, Tokenizer};
pub use vectors::{
    Modifier, MultiVectorComparator, MultiVectorConfig, SparseIndexParams, SparseVectorParams, VectorParams,
    VectorsConfig,
};
pub use wal::{WalConfig, WalConfigDiff};
