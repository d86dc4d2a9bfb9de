//! The body of a request that holds several changes.

use schemars::JsonSchema;
use serde::Deserialize;

use super::payload_edits::{ClearPayloadBody, DeletePayloadBody, SetPayloadBody};
use super::selector::DeleteBody;
use super::upsert::UpsertBody;
use super::vector_edits::{DeleteVectorsBody, UpdateVectorsBody};
use crate::bounded;
use crate::error::{Check, Invalid, Validate};
use crate::update::UpdateOp;

/// Changes that run in order; later ones see the earlier ones.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[schemars(rename = "UpdateOperations")]
pub struct BatchBody {
    /// First to last.
    #[serde(deserialize_with = "bounded::required")]
    pub operations: Vec<UpdateOperation>,
}

/// One change of a batch, under the name of its kind.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UpdateOperation {
    /// Insert or replace points.
    Upsert(UpsertBody),
    /// Remove points.
    Delete(DeleteBody),
    /// Merge into payloads.
    SetPayload(SetPayloadBody),
    /// Replace payloads.
    OverwritePayload(SetPayloadBody),
    /// Remove parts of payloads.
    DeletePayload(DeletePayloadBody),
    /// Remove payloads.
    ClearPayload(ClearPayloadBody),
    /// Replace vectors.
    UpdateVectors(UpdateVectorsBody),
    /// Remove vectors.
    DeleteVectors(DeleteVectorsBody),
}

impl BatchBody {
    /// The changes, all checked: one that cannot be accepted refuses the batch before anything is changed.
    pub fn into_ops(self) -> Result<Vec<UpdateOp>, Invalid> {
        Check::all("", &self)?;
        self.operations
            .into_iter()
            .map(UpdateOperation::into_op)
            .collect()
    }
}

impl UpdateOperation {
    /// The change, checked.
    pub fn into_op(self) -> Result<UpdateOp, Invalid> {
        match self {
            Self::Upsert(body) => body.into_op(),
            Self::Delete(body) => body.into_op(),
            Self::SetPayload(body) => body.into_op(),
            Self::OverwritePayload(body) => body.into_overwrite_op(),
            Self::DeletePayload(body) => body.into_op(),
            Self::ClearPayload(body) => body.into_op(),
            Self::UpdateVectors(body) => body.into_op(),
            Self::DeleteVectors(body) => body.into_op(),
        }
    }
}

impl Validate for BatchBody {
    fn validate(&self, check: &mut Check) {
        check.each("operations", &self.operations);
    }
}

impl Validate for UpdateOperation {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Upsert(body) => check.within("upsert", |check| body.validate(check)),
            Self::Delete(body) => check.within("delete", |check| body.validate(check)),
            Self::SetPayload(body) => check.within("set_payload", |check| body.validate(check)),
            Self::OverwritePayload(body) => check.within("overwrite_payload", |check| body.validate(check)),
            Self::DeletePayload(body) => check.within("delete_payload", |check| body.validate(check)),
            Self::ClearPayload(body) => check.within("clear_payload", |check| body.validate(check)),
            Self::UpdateVectors(body) => check.within("update_vectors", |check| body.validate(check)),
            Self::DeleteVectors(body) => check.within("delete_vectors", |check| body.validate(check)),
        }
    }
}
