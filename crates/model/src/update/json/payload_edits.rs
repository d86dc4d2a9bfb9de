//! The bodies of requests that change payloads.

use schemars::JsonSchema;
use serde::Deserialize;

use super::selector::{PointsSelector, selector, validate_filter};
use crate::bounded;
use crate::config::ShardKeySelector;
use crate::error::{Check, Invalid, Validate};
use crate::filter::Filter;
use crate::id::PointId;
use crate::path::JsonPath;
use crate::payload::Payload;
use crate::update::{Selector, UpdateOp};

/// An object to merge into payloads, or to replace them with.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "SetPayload")]
pub struct SetPayloadBody {
    /// The object.
    pub payload: Payload,
    /// Of these points; all must exist.
    #[serde(default)]
    pub points: Option<Vec<PointId>>,
    /// Of the points that pass.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Refused when present: custom sharding is not built.
    #[serde(default)]
    pub shard_key: Option<ShardKeySelector>,
    /// Where in the payload; the top when not set.
    #[serde(default)]
    pub key: Option<JsonPath>,
}

/// Paths to remove from payloads.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "DeletePayload")]
pub struct DeletePayloadBody {
    /// What to remove.
    #[serde(deserialize_with = "bounded::required")]
    pub keys: Vec<JsonPath>,
    /// Of these points.
    #[serde(default)]
    pub points: Option<Vec<PointId>>,
    /// Of the points that pass.
    #[serde(default)]
    pub filter: Option<Filter>,
    /// Refused when present: custom sharding is not built.
    #[serde(default)]
    pub shard_key: Option<ShardKeySelector>,
}

/// The points whose payload is removed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ClearPayloadBody(#[serde(deserialize_with = "selector")] pub PointsSelector);

impl SetPayloadBody {
    /// The change that merges, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        let (selector, payload, key) = self.into_parts()?;
        Ok(UpdateOp::SetPayload {
            selector,
            payload,
            key,
        })
    }

    /// The change that replaces, checked.
    pub fn into_overwrite_op(self) -> Result<UpdateOp, Invalid> {
        let (selector, payload, key) = self.into_parts()?;
        Ok(UpdateOp::OverwritePayload {
            selector,
            payload,
            key,
        })
    }

    fn into_parts(self) -> Result<(Selector, Payload, Option<JsonPath>), Invalid> {
        Check::all("", &self)?;
        let Self {
            payload,
            points,
            filter,
            shard_key,
            key,
        } = self;
        Ok((
            PointsSelector {
                points,
                filter,
                shard_key,
            }
            .into_selector()?,
            payload,
            key,
        ))
    }
}

impl DeletePayloadBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        let Self {
            keys,
            points,
            filter,
            shard_key,
        } = self;
        let selector = PointsSelector {
            points,
            filter,
            shard_key,
        }
        .into_selector()?;
        Ok(UpdateOp::DeletePayload { selector, keys })
    }
}

impl ClearPayloadBody {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        Check::all("", &self)?;
        self.0.into_selector().map(UpdateOp::ClearPayload)
    }
}

impl Validate for SetPayloadBody {
    fn validate(&self, check: &mut Check) {
        validate_filter("filter", self.filter.as_ref(), check);
    }
}

impl Validate for DeletePayloadBody {
    fn validate(&self, check: &mut Check) {
        validate_filter("filter", self.filter.as_ref(), check);
    }
}

impl Validate for ClearPayloadBody {
    fn validate(&self, check: &mut Check) {
        self.0.validate(check);
    }
}
