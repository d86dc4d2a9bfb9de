//! What a node on its own says about the cluster: there is none, and every collection is one local shard.

use kindred::ErrorKind;
use schemars::JsonSchema;
use serde::Serialize;

use super::params::NoParams;
use super::route::Call;
use crate::status::Refusal;

/// The state of the cluster.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ClusterStatus {
    status: &'static str,
}

/// Where the shards of a collection are.
#[derive(Serialize, JsonSchema)]
pub(crate) struct CollectionClusterInfo {
    peer_id: u64,
    shard_count: u32,
    local_shards: [LocalShard; 1],
    remote_shards: [bool; 0],
    shard_transfers: [bool; 0],
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LocalShardInfo")]
struct LocalShard {
    shard_id: u32,
    points_count: u64,
    state: &'static str,
}

pub(crate) fn status(_: Call<'_, NoParams, ()>) -> Result<ClusterStatus, Refusal> {
    Ok(ClusterStatus { status: "disabled" })
}

pub(crate) fn collection(call: Call<'_, NoParams, ()>) -> Result<CollectionClusterInfo, Refusal> {
    let info = call.db().info(call.collection())?;
    Ok(CollectionClusterInfo {
        peer_id: 0,
        shard_count: 1,
        local_shards: [LocalShard {
            shard_id: 0,
            points_count: info.points_count,
            state: "Active",
        }],
        remote_shards: [],
        shard_transfers: [],
    })
}

/// The answer to whatever needs more than one node.
pub(crate) fn disabled() -> Refusal {
    Refusal::new(ErrorKind::InvalidRequest, "Distributed mode disabled")
}
