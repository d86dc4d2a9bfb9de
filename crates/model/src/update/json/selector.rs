//! Which points a change is about, as written: a list of ids or a filter.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::config::ShardKeySelector;
use crate::error::{Check, Invalid, Validate};
use crate::filter::Filter;
use crate::id::PointId;
use crate::object::object;
use crate::update::{Selector, UpdateOp};

/// Ids or a filter, at least one of them; ids make the filter count for nothing.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub struct PointsSelector {
    /// These points.
    pub points: Option<Vec<PointId>>,
    /// The points that pass.
    pub filter: Option<Filter>,
    /// Refused when present: custom sharding is not built.
    pub shard_key: Option<ShardKeySelector>,
}

/// The body of a request that deletes points.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DeleteBody(#[serde(deserialize_with = "selector")] pub PointsSelector);

/// Reads a selector from an object only: a list must never be taken for what is to be deleted.
pub(super) fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PointsSelector, D::Error> {
    object(deserializer, "an object with `points` or `filter`")
}

impl PointsSelector {
    /// The points, when one of ids and filter is there.
    pub(super) fn into_selector(self) -> Result<Selector, Invalid> {
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        match (self.points, self.filter) {
            // WIRE: ids win, because a list of ids is the first form of a selector that is tried.
            (Some(ids), _) => Ok(Selector::Ids(ids)),
            (None, Some(filter)) => Ok(Selector::Filter(filter)),
            (None, None) => Err(Invalid::request(
                "Either list of point ids or filter must be provided",
            )),
        }
    }
}

impl DeleteBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        self.0.into_selector().map(UpdateOp::Delete)
    }
}

impl Validate for PointsSelector {
    fn validate(&self, check: &mut Check) {
        validate_filter("filter", self.filter.as_ref(), check);
    }
}

pub(super) fn validate_filter(field: &str, filter: Option<&Filter>, check: &mut Check) {
    if let Some(filter) = filter {
        check.within(field, |check| filter.validate(check));
    }
}

impl Validate for DeleteBody {
    fn validate(&self, check: &mut Check) {
        self.0.validate(check);
    }
}
