//! Changes to the points of a collection, as they are asked for.

use crate::filter::Filter;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::payload::Payload;
use crate::point::Point;
use crate::vector::NamedVectors;

pub mod json;

/// A change to points. Within one change, later entries win over earlier ones of the same id.
#[derive(Debug, Clone, PartialEq)]
pub enum UpdateOp {
    /// Insert or replace whole points.
    Upsert {
        /// Well formed, not yet checked against a collection.
        points: Vec<Point>,
        /// Which existing points may be replaced.
        filter: Option<Filter>,
        /// Whether to insert, replace or both.
        mode: UpdateMode,
    },
    /// Remove points.
    Delete(Selector),
    /// Replace the vectors that are named, keep the others; every point must exist.
    UpdateVectors {
        /// Ids and the vectors to replace, at least one each.
        points: Vec<(PointId, NamedVectors)>,
        /// Which points may be changed.
        filter: Option<Filter>,
    },
    /// Take vectors away from points.
    DeleteVectors {
        /// From which points.
        selector: Selector,
        /// At least one name.
        names: Vec<String>,
    },
    /// Merge an object into the payload; a null value deletes its key.
    SetPayload {
        /// Of which points; ids must exist.
        selector: Selector,
        /// The object to merge.
        payload: Payload,
        /// Where to merge it; `None` is the top.
        key: Option<JsonPath>,
    },
    /// Replace the payload.
    OverwritePayload {
        /// Of which points; ids must exist.
        selector: Selector,
        /// The new payload.
        payload: Payload,
        /// Replace only what lies at this path.
        key: Option<JsonPath>,
    },
    /// Remove what lies at these paths.
    DeletePayload {
        /// Of which points.
        selector: Selector,
        /// Paths into the payload.
        keys: Vec<JsonPath>,
    },
    /// Remove the whole payload.
    ClearPayload(Selector),
}

/// Which points a change is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    /// These.
    Ids(Vec<PointId>),
    /// Those that pass.
    Filter(Filter),
}

/// What an upsert does about points that exist, or do not.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum UpdateMode {
    /// Insert unknown ids, replace known ones that pass the filter.
    #[default]
    Upsert,
    /// Ignore known ids.
    InsertOnly,
    /// Ignore unknown ids.
    UpdateOnly,
}
