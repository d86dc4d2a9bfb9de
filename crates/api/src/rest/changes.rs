//! Changes of points and of payload indexes, and what is answered to them.

use std::str::FromStr;

use kindred::UpdateResult;
use kindred_model::config::CreateIndexBody;
use kindred_model::error::Invalid;
use kindred_model::path::JsonPath;
use kindred_model::update::UpdateOp;
use kindred_model::update::json::{
    BatchBody, ClearPayloadBody, DeleteBody, DeletePayloadBody, DeleteVectorsBody, SetPayloadBody,
    UpdateVectorsBody, UpsertBody,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::params::WriteParams;
use super::route::{Call, Changes, Late};
use crate::status::Refusal;

/// The answer to a change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UpdateResult")]
pub(crate) struct UpdateAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<u64>,
    status: UpdateStatus,
}

/// How far a change has come when it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum UpdateStatus {
    Acknowledged,
    Completed,
    WaitTimeout,
}

impl UpdateAnswer {
    /// The answer to a change of points or indexes.
    pub(crate) fn new(done: UpdateResult, params: &WriteParams) -> Self {
        Self {
            operation_id: Some(done.operation_id),
            ..Self::without_number(params)
        }
    }

    /// The answer to a change that is not in the log of the collection. Whatever was asked, it is durable and
    /// visible; a caller who did not ask to wait is told less.
    pub(crate) fn without_number(params: &WriteParams) -> Self {
        let status = if params.wait {
            UpdateStatus::Completed
        } else {
            UpdateStatus::Acknowledged
        };
        Self {
            operation_id: None,
            status,
        }
    }
}

impl Late for UpdateAnswer {
    fn late(_: usize) -> Self {
        Self {
            operation_id: None,
            status: UpdateStatus::WaitTimeout,
        }
    }
}

impl Late for Vec<UpdateAnswer> {
    fn late(changes: usize) -> Self {
        (0..changes).map(|_| UpdateAnswer::late(1)).collect()
    }
}

/// A body that is one change of points.
pub(crate) trait Change: Changes {
    fn into_op(self) -> Result<UpdateOp, Invalid>;
}

macro_rules! change {
    ($($body:ty),+ $(,)?) => {$(
        impl Changes for $body {}
        impl Change for $body {
            fn into_op(self) -> Result<UpdateOp, Invalid> {
                <$body>::into_op(self)
            }
        }
    )+};
}

change!(
    UpsertBody,
    DeleteBody,
    UpdateVectorsBody,
    DeleteVectorsBody,
    DeletePayloadBody,
    ClearPayloadBody
);

/// Runs a change that is a whole body.
pub(crate) fn change<B: Change>(call: Call<'_, WriteParams, B>) -> Result<UpdateAnswer, Refusal> {
    run(call, B::into_op)
}

impl Changes for SetPayloadBody {}

/// Merges into payloads.
pub(crate) fn set_payload(call: Call<'_, WriteParams, SetPayloadBody>) -> Result<UpdateAnswer, Refusal> {
    run(call, SetPayloadBody::into_op)
}

/// Replaces payloads; the body is the same.
pub(crate) fn overwrite_payload(
    call: Call<'_, WriteParams, SetPayloadBody>,
) -> Result<UpdateAnswer, Refusal> {
    run(call, SetPayloadBody::into_overwrite_op)
}

fn run<B>(
    call: Call<'_, WriteParams, B>,
    into_op: impl FnOnce(B) -> Result<UpdateOp, Invalid>,
) -> Result<UpdateAnswer, Refusal> {
    let collection = call.path.named("collection_name");
    let done = call.app.db.update(call.ctx, collection, into_op(call.body)?)?;
    Ok(UpdateAnswer::new(done, &call.params))
}

impl Changes for BatchBody {
    fn changes(&self) -> usize {
        self.operations.len()
    }
}

/// Runs changes in order; those before a failing one stay. Each is made durable by itself.
pub(crate) fn batch(call: Call<'_, WriteParams, BatchBody>) -> Result<Vec<UpdateAnswer>, Refusal> {
    let Call {
        app,
        ctx,
        path,
        params,
        body,
    } = call;
    let collection = path.named("collection_name");
    let run = |op| Ok(UpdateAnswer::new(app.db.update(ctx, collection, op)?, &params));
    body.into_ops()?.into_iter().map(run).collect()
}

impl Changes for CreateIndexBody {}

pub(crate) fn create_index(call: Call<'_, WriteParams, CreateIndexBody>) -> Result<UpdateAnswer, Refusal> {
    let Call {
        app,
        path,
        params,
        body,
        ..
    } = call;
    let (field, schema) = body.into_index()?;
    let done = app
        .db
        .create_index(path.named("collection_name"), field, schema)?;
    Ok(UpdateAnswer::new(done, &params))
}

pub(crate) fn drop_index(call: Call<'_, WriteParams, ()>) -> Result<UpdateAnswer, Refusal> {
    let field = JsonPath::from_str(call.path.named("field_name"))?;
    let done = call.db().drop_index(call.collection(), &field)?;
    Ok(UpdateAnswer::new(done, &call.params))
}
