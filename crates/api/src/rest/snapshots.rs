//! Snapshots of collections and of the whole storage. Restoring a whole one is for the command line.

use kindred::{Snapshot, SnapshotReader, SnapshotUpload};
use kindred_model::config::new_collection_name;
use kindred_model::error::{Check, Validate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::params::{NoParams, Params};
use super::route::Call;
use super::stream::{WaitParams, Waiting, yes};
use crate::status::{Part, Refusal};

/// A snapshot file.
#[derive(Serialize, JsonSchema)]
pub(crate) struct SnapshotDescription {
    name: String,
    /// UTC, to the second.
    creation_time: Option<String>,
    /// In bytes.
    size: u64,
    /// SHA-256 of the file.
    checksum: Option<String>,
}

impl From<Snapshot> for SnapshotDescription {
    fn from(snapshot: Snapshot) -> Self {
        Self {
            creation_time: snapshot.creation_time(),
            name: snapshot.name,
            size: snapshot.size_bytes,
            checksum: snapshot.checksum,
        }
    }
}

/// Whose data wins when replicas differ. On one node there is nothing to choose: the snapshot's.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum SnapshotPriority {
    NoSync,
    Snapshot,
    Replica,
}

/// Parameters of an upload.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct UploadParams {
    /// Answer when the snapshot is restored; otherwise when it has come, with 202.
    #[serde(default = "yes")]
    wait: bool,
    #[expect(
        dead_code,
        reason = "checked while decoding; on one node every priority means the same"
    )]
    priority: Option<SnapshotPriority>,
    /// SHA-256 that the file must have.
    checksum: Option<String>,
}

impl Validate for UploadParams {
    fn validate(&self, _: &mut Check) {}
}

impl Params for UploadParams {}

impl Waiting for UploadParams {
    fn is_waiting(&self) -> bool {
        self.wait
    }
}

/// The body of a recovery.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "SnapshotRecover")]
pub(crate) struct RecoverBody {
    /// `file:///…` inside the snapshots folder.
    location: String,
    #[expect(
        dead_code,
        reason = "checked while decoding; on one node every priority means the same"
    )]
    #[serde(default)]
    priority: Option<SnapshotPriority>,
    /// SHA-256 that the file must have.
    #[serde(default)]
    checksum: Option<String>,
    #[expect(dead_code, reason = "for servers that a URL names; a URL is refused")]
    #[serde(default)]
    api_key: Option<String>,
}

impl Validate for RecoverBody {
    fn validate(&self, _: &mut Check) {}
}

pub(crate) fn create(call: Call<'_, WaitParams, ()>) -> Result<SnapshotDescription, Refusal> {
    Ok(call.db().create_snapshot(call.ctx, call.collection())?.into())
}

pub(crate) fn list(call: Call<'_, NoParams, ()>) -> Result<Vec<SnapshotDescription>, Refusal> {
    let snapshots = call.db().snapshots(call.collection())?;
    Ok(snapshots.into_iter().map(Into::into).collect())
}

pub(crate) fn read(call: Call<'_, NoParams, ()>) -> Result<SnapshotReader, Refusal> {
    Ok(call.db().read_snapshot(Some(call.collection()), name(&call))?)
}

pub(crate) fn delete(call: Call<'_, WaitParams, ()>) -> Result<bool, Refusal> {
    call.db().delete_snapshot(Some(call.collection()), name(&call))?;
    Ok(true)
}

pub(crate) fn create_full(call: Call<'_, WaitParams, ()>) -> Result<SnapshotDescription, Refusal> {
    Ok(call.db().create_full_snapshot(call.ctx)?.into())
}

pub(crate) fn list_full(call: Call<'_, NoParams, ()>) -> Result<Vec<SnapshotDescription>, Refusal> {
    let snapshots = call.db().full_snapshots()?;
    Ok(snapshots.into_iter().map(Into::into).collect())
}

pub(crate) fn read_full(call: Call<'_, NoParams, ()>) -> Result<SnapshotReader, Refusal> {
    Ok(call.db().read_snapshot(None, name(&call))?)
}

pub(crate) fn delete_full(call: Call<'_, WaitParams, ()>) -> Result<bool, Refusal> {
    call.db().delete_snapshot(None, name(&call))?;
    Ok(true)
}

pub(crate) fn upload(call: Call<'_, UploadParams, SnapshotUpload>) -> Result<bool, Refusal> {
    check_target(&call)?;
    let Call {
        app,
        ctx,
        path,
        params,
        body,
    } = call;
    let collection = path.named("collection_name");
    app.db
        .restore_uploaded(ctx, collection, body, params.checksum.as_deref())?;
    Ok(true)
}

pub(crate) fn recover(call: Call<'_, WaitParams, RecoverBody>) -> Result<bool, Refusal> {
    check_target(&call)?;
    let RecoverBody {
        location, checksum, ..
    } = &call.body;
    call.db()
        .recover_snapshot(call.ctx, call.collection(), location, checksum.as_deref())?;
    Ok(true)
}

/// A collection that will be made must have the name of a new one.
fn check_target<P, B>(call: &Call<'_, P, B>) -> Result<(), Refusal> {
    if call.db().exists(call.collection()) {
        return Ok(());
    }
    new_collection_name(call.collection()).map_err(|invalid| Refusal::invalid(Part::Path, &invalid))
}

fn name<'a, P, B>(call: &'a Call<'_, P, B>) -> &'a str {
    call.path.named("snapshot_name")
}
