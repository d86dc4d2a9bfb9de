//! What a collection says about itself.

use std::collections::BTreeMap;

use kindred_model::config::{CollectionConfig, FieldSchema, FieldType};
use serde::Serialize;

use super::Collection;
use super::view::Settings;

/// How a collection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is pending.
    Green,
    /// Work on the segments is running or about to, or a part of the collection is damaged.
    Yellow,
    /// Work on the segments is due, and nobody does it.
    Grey,
    /// Nothing can be written until it is opened again, or it could not be opened at all.
    Red,
}

/// Whether the work on the segments succeeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerStatus {
    /// It does, or there is none.
    Ok,
    /// What is wrong.
    Error(String),
}

/// A collection's description; serialises to the wire's form.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CollectionInfo {
    /// Whether background work is pending.
    pub status: Status,
    /// `ok`, or what is wrong with the segments or the work on them.
    pub optimizer_status: OptimizerStatus,
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

impl Collection {
    /// The description of the present moment.
    pub(crate) fn info(&self) -> CollectionInfo {
        let view = self.view();
        self.presence.retain();
        let indexes = view.settings.indexes.iter();
        let payload_schema = indexes.map(|(path, schema)| {
            let points = self.presence.count(&view, path, schema);
            (path.to_string(), IndexInfo::new(schema, points))
        });
        let trouble = self.trouble();
        CollectionInfo {
            status: self.status(trouble.is_some()),
            optimizer_status: trouble.map_or(OptimizerStatus::Ok, OptimizerStatus::Error),
            points_count: view.count() as u64,
            segments_count: view.segments.len() as u64,
            payload_schema: payload_schema.collect(),
            ..CollectionInfo::empty(&view.settings)
        }
    }

    fn status(&self, has_trouble: bool) -> Status {
        if !self.damaged().is_empty() {
            return Status::Yellow;
        }
        if self.has_stopped() {
            return Status::Red;
        }
        if self.is_working() {
            return Status::Yellow;
        }
        match self.pending() {
            None => Status::Green,
            Some(_) if has_trouble || !self.has_upkeep() => Status::Grey,
            Some(_) => Status::Yellow,
        }
    }
}

impl CollectionInfo {
    /// What is known of a collection that could not be opened.
    pub(crate) fn of_broken(settings: &Settings, why: &str) -> Self {
        let indexes = settings.indexes.iter();
        Self {
            status: Status::Red,
            optimizer_status: OptimizerStatus::Error(why.to_owned()),
            payload_schema: indexes
                .map(|(path, schema)| (path.to_string(), IndexInfo::new(schema, 0)))
                .collect(),
            ..Self::empty(settings)
        }
    }

    fn empty(settings: &Settings) -> Self {
        Self {
            status: Status::Green,
            optimizer_status: OptimizerStatus::Ok,
            warnings: warnings(&settings.config),
            indexed_vectors_count: 0,
            points_count: 0,
            segments_count: 0,
            config: settings.config.clone(),
            payload_schema: BTreeMap::new(),
            update_queue: QueueInfo { length: 0 },
        }
    }
}

impl IndexInfo {
    fn new(schema: &FieldSchema, points: u64) -> Self {
        let params = match schema {
            FieldSchema::Type(_) => None,
            FieldSchema::Params(_) => Some(schema.clone()),
        };
        Self {
            data_type: schema.data_type(),
            params,
            points,
        }
    }
}

fn warnings(config: &CollectionConfig) -> Vec<Warning> {
    let strict = config.strict_mode_config.as_ref();
    let is_strict = strict.is_some_and(|strict| strict.enabled == Some(true));
    let message = "strict_mode_config is stored and shown, but its limits are not enforced yet".to_owned();
    Vec::from_iter(is_strict.then_some(Warning { message }))
}
