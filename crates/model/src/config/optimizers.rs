//! Settings of what happens to segments in the background.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};

/// Complete settings; what is not set is answered as null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptimizersConfig {
    /// Share of deleted points above which a segment is rewritten, from 0 to 1.
    pub deleted_threshold: f64,
    /// Points below which a segment is not rewritten.
    pub vacuum_min_vector_number: u64,
    /// Segments to aim for; 0 is the server's choice.
    pub default_segment_number: u64,
    /// Kilobytes of vectors above which a segment is not merged any more.
    #[serde(default)]
    pub max_segment_size: Option<u64>,
    /// Kilobytes of vectors above which they are mapped from disk.
    #[serde(default)]
    pub memmap_threshold: Option<u64>,
    /// Kilobytes of vectors above which they are indexed.
    #[serde(default)]
    pub indexing_threshold: Option<u64>,
    /// Seconds between flushes.
    pub flush_interval_sec: u64,
    /// Threads for the work; null is the server's choice.
    #[serde(default)]
    pub max_optimization_threads: Option<u64>,
    /// Hold writes back rather than search what is not indexed.
    #[serde(default)]
    pub prevent_unoptimized: Option<bool>,
}

/// Settings that are given; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct OptimizersConfigDiff {
    /// Share of deleted points above which a segment is rewritten, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted_threshold: Option<f64>,
    /// Points below which a segment is not rewritten, at least 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vacuum_min_vector_number: Option<u64>,
    /// Segments to aim for; 0 is the server's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_segment_number: Option<u64>,
    /// Kilobytes of vectors above which a segment is not merged any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_segment_size: Option<u64>,
    /// Kilobytes of vectors above which they are mapped from disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memmap_threshold: Option<u64>,
    /// Kilobytes of vectors above which they are indexed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indexing_threshold: Option<u64>,
    /// Seconds between flushes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_interval_sec: Option<u64>,
    /// Threads for the work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_optimization_threads: Option<MaxOptimizationThreads>,
    /// Hold writes back rather than search what is not indexed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prevent_unoptimized: Option<bool>,
}

/// How many threads may work on segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxOptimizationThreads {
    /// The server's choice; written as the text `auto`.
    Auto,
    /// So many.
    Count(u64),
}

impl Default for OptimizersConfig {
    fn default() -> Self {
        Self {
            deleted_threshold: 0.2,
            vacuum_min_vector_number: 1_000,
            default_segment_number: 0,
            max_segment_size: None,
            memmap_threshold: None,
            indexing_threshold: Some(10_000),
            flush_interval_sec: 5,
            max_optimization_threads: None,
            prevent_unoptimized: None,
        }
    }
}

impl OptimizersConfig {
    pub(super) fn apply(&mut self, diff: &OptimizersConfigDiff) {
        self.deleted_threshold = diff.deleted_threshold.unwrap_or(self.deleted_threshold);
        self.vacuum_min_vector_number = diff
            .vacuum_min_vector_number
            .unwrap_or(self.vacuum_min_vector_number);
        self.default_segment_number = diff.default_segment_number.unwrap_or(self.default_segment_number);
        self.max_segment_size = diff.max_segment_size.or(self.max_segment_size);
        self.memmap_threshold = diff.memmap_threshold.or(self.memmap_threshold);
        self.indexing_threshold = diff.indexing_threshold.or(self.indexing_threshold);
        self.flush_interval_sec = diff.flush_interval_sec.unwrap_or(self.flush_interval_sec);
        self.max_optimization_threads = match diff.max_optimization_threads {
            None => self.max_optimization_threads,
            Some(MaxOptimizationThreads::Auto) => None,
            Some(MaxOptimizationThreads::Count(count)) => Some(count),
        };
        self.prevent_unoptimized = diff.prevent_unoptimized.or(self.prevent_unoptimized);
    }
}

impl Validate for OptimizersConfigDiff {
    fn validate(&self, check: &mut Check) {
        if let Some(threshold) = self.deleted_threshold {
            check.between("deleted_threshold", threshold, 0.0, 1.0);
        }
        if let Some(count) = self.vacuum_min_vector_number {
            check.at_least("vacuum_min_vector_number", count, 100);
        }
        if let Some(size) = self.max_segment_size {
            check.at_least("max_segment_size", size, 1);
        }
    }
}

const AUTO: &str = "auto";

impl Serialize for MaxOptimizationThreads {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str(AUTO),
            Self::Count(count) => serializer.serialize_u64(*count),
        }
    }
}

impl<'de> Deserialize<'de> for MaxOptimizationThreads {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ThreadsVisitor)
    }
}

struct ThreadsVisitor;

impl Visitor<'_> for ThreadsVisitor {
    type Value = MaxOptimizationThreads;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of threads or the text \"auto\"")
    }

    fn visit_u64<E: Error>(self, count: u64) -> Result<Self::Value, E> {
        Ok(MaxOptimizationThreads::Count(count))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text == AUTO {
            Ok(MaxOptimizationThreads::Auto)
        } else {
            Err(E::invalid_value(Unexpected::Str(text), &self))
        }
    }
}

impl JsonSchema for MaxOptimizationThreads {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "MaxOptimizationThreads".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "string", "const": AUTO }, { "type": "integer", "minimum": 0 }] })
    }
}
