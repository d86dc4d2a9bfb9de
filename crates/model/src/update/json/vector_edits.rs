//! The bodies of requests that replace or delete single vectors of points.

use schemars::JsonSchema;
use serde::Deserialize;

use super::selector::validate_filter;
use super::vectors::VectorsInput;
use crate::bounded;
use crate::config::ShardKeySelector;
use crate::error::{Check, Invalid, Validate};
use crate::filter::{Condition, Filter};
use crate::id::PointId;
use crate::update::{Selector, UpdateOp};

/// Vectors to replace; the other vectors of each point stay.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateVectors")]
pub struct UpdateVectorsBody {
    /// At least one; of one id and name, the last counts.
    pub points: Vec<PointVectors>,
    /// Refused when present: custom sharding is not built.
    #[serde(default)]
    pub shard_key: Option<ShardKeySelector>,
    /// Which points may be changed.
    #[serde(default)]
    pub update_filter: Option<Filter>,
}

/// The vectors to replace at one point.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
pub struct PointVectors {
    /// Whose vectors.
    pub id: PointId,
    /// At least one.
    #[serde(alias = "vectors")]
    pub vector: VectorsInput,
}

/// Vectors to delete.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "DeleteVectors")]
pub struct DeleteVectorsBody {
    /// From these points.
    #[serde(default)]
    pub points: Option<Vec<PointId>>,
    /// And from the points that pass.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Names, at least one; the default vector has the empty name.
    #[serde(deserialize_with = "bounded::required")]
    pub vector: Vec<String>,
    /// Refused when present: custom sharding is not built.
    #[serde(default)]
    pub shard_key: Option<ShardKeySelector>,
}

impl UpdateVectorsBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let points = self
            .points
            .into_iter()
            .map(|point| Ok((point.id, point.vector.into_named()?)));
        Ok(UpdateOp::UpdateVectors {
            points: points.collect::<Result<_, Invalid>>()?,
            filter: self.update_filter,
        })
    }
}

impl DeleteVectorsBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        ShardKeySelector::refuse(self.shard_key.as_ref())?;
        let selector = match (self.points, self.filter) {
            (Some(ids), None) => Selector::Ids(ids),
            (None, Some(filter)) => Selector::Filter(filter),
            // WIRE: here both may be given, and both count.
            (Some(ids), Some(filter)) => Selector::Filter(Filter {
                should: vec![
                    Condition::HasId(ids.into_iter().collect()),
                    Condition::Filter(Box::new(filter)),
                ],
                ..Filter::default()
            }),
            (None, None) => return Err(Invalid::request("No filter or points provided")),
        };
        Ok(UpdateOp::DeleteVectors {
            selector,
            names: self.vector,
        })
    }
}

impl Validate for UpdateVectorsBody {
    fn validate(&self, check: &mut Check) {
        if self.points.is_empty() {
            check.fail("points", "must specify points to update");
        }
        check.each("points", &self.points);
        validate_filter("update_filter", self.update_filter.as_ref(), check);
    }
}

impl Validate for PointVectors {
    fn validate(&self, check: &mut Check) {
        if self.vector.is_empty() {
            return check.fail("vector", "must specify vectors to update for point");
        }
        check.within("vector", |check| self.vector.validate(check));
    }
}

impl Validate for DeleteVectorsBody {
    fn validate(&self, check: &mut Check) {
        if self.vector.is_empty() {
            check.fail("vector", "must specify vector names to delete");
        }
        validate_filter("filter", self.filter.as_ref(), check);
    }
}
