//! What a collection says about itself.

use std::collections::BTreeMap;

use kindred_model::config::{CollectionConfig, FieldSchema, FieldType};
use serde::Serialize;

use super::view::View;

/// Whether background work is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is pending.
    Green,
}

/// A collection's description; serialises to the wire's form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectionInfo {
    /// Whether background work is pending.
    pub status: Status,
    /// `ok`, as long as no background work has failed.
    pub optimizer_status: &'static str,
    /// What is set but has no effect yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Vectors in a search structure; none are needed while search is exact.
    pub indexed_vectors_count: u64,
    /// Points that are there.
    pub points_count: u64,
    /// Parts that the points lie in.
    pub segments_count: u64,
    /// Everything that is set.
    pub config: CollectionConfig,
    /// The payload indexes by path.
    pub payload_schema: BTreeMap<String, IndexInfo>,
    /// Changes that wait to become visible.
    pub update_queue: QueueInfo,
}

/// Something the owner should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// In a sentence.
    pub message: String,
}

/// A payload index.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IndexInfo {
    /// The type of its values.
    pub data_type: FieldType,
    /// Its settings, when they were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<FieldSchema>,
    /// Points that have a value of the type.
    pub points: u64,
}

/// Changes that wait to become visible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct QueueInfo {
    /// How many: always 0, a change is answered when it is visible.
    pub length: u64,
}

impl View {
    /// The description of this moment.
    pub(crate) fn info(&self) -> CollectionInfo {
        let indexes = self.settings.indexes.iter();
        let payload_schema = indexes.map(|(path, schema)| {
            let params = match schema {
                FieldSchema::Type(_) => None,
                FieldSchema::Params(_) => Some(schema.clone()),
            };
            let has_value = |payload: &kindred_model::payload::Payload| {
                path.flattened(payload)
                    .into_iter()
                    .any(|value| schema.is_indexable(value))
            };
            let points = self.segments.iter().map(|segment| {
                let visible = segment.visible(self.lsn);
                let points = visible.iter().filter_map(|offset| segment.point(offset));
                points.filter(|point| has_value(point.payload)).count() as u64
            });
            (
                path.to_string(),
                IndexInfo {
                    data_type: schema.data_type(),
                    params,
                    points: points.sum(),
                },
            )
        });
        CollectionInfo {
            status: Status::Green,
            optimizer_status: "ok",
            warnings: warnings(&self.settings.config),
            indexed_vectors_count: 0,
            points_count: self.count() as u64,
            segments_count: self.segments.len() as u64,
            config: self.settings.config.clone(),
            payload_schema: payload_schema.collect(),
            update_queue: QueueInfo { length: 0 },
        }
    }
}

fn warnings(config: &CollectionConfig) -> Vec<Warning> {
    let strict = config.strict_mode_config.as_ref();
    let is_strict = strict.is_some_and(|strict| strict.enabled == Some(true));
    let message = "strict_mode_config is stored and shown, but its limits are not enforced yet".to_owned();
    Vec::from_iter(is_strict.then_some(Warning { message }))
}
