//! Where a command works: on a folder, in this process, or on a running server. Both do the same.

use anyhow::{Context, Result, anyhow};
use clap::Args;
use kindred::{Ctx, Database};
use kindred_model::config::CreateCollection;
use kindred_model::error::Check;
use kindred_model::id::PointId;
use kindred_model::point::Point;
use kindred_model::query::groups::GroupsRequest;
use kindred_model::query::lists::RetrieveRequest;
use kindred_model::query::request::{PayloadSelector, QueryRequest, VectorSelector};
use kindred_model::update::{UpdateMode, UpdateOp};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::http::{Client, segment};

/// The options that choose a target.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A folder, opened in this process; no server may have it open
    #[arg(long, value_name = "DIR", conflicts_with = "url", default_value = "./storage")]
    storage: PathBuf,
    /// The address of a running server, instead of a folder
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The key of that server
    #[arg(long, value_name = "KEY", env = "KINDRED_API_KEY", hide_env_values = true)]
    api_key: Option<String>,
}

/// A folder or a server.
pub(crate) enum Target {
    /// Opened in this process.
    Folder(Box<Database>),
    /// Over REST.
    Server(Client),
}

#[derive(Serialize)]
struct Upsert<'a> {
    points: Vec<UpsertPoint<'a>>,
}

#[derive(Serialize)]
struct UpsertPoint<'a> {
    id: PointId,
    vector: &'a kindred_model::vector::NamedVectors,
    payload: &'a kindred_model::payload::Payload,
}

impl<'a> From<&'a Point> for UpsertPoint<'a> {
    fn from(point: &'a Point) -> Self {
        Self {
            id: point.id,
            vector: &point.vectors,
            payload: &point.payload,
        }
    }
}

impl TargetArgs {
    /// Opens the folder, or makes a client of the server.
    pub(crate) fn open(&self) -> Result<Target> {
        match &self.url {
            Some(url) => Ok(Target::Server(Client::new(url, self.api_key.clone())?)),
            None => {
                let database = Database::open(&self.storage)
                    .with_context(|| format!("cannot open the folder {}", self.storage.display()))?;
                Ok(Target::Folder(Box::new(database)))
            }
        }
    }
}

impl Target {
    /// How many requests are worth having under way at once.
    pub(crate) fn parallelism(&self) -> usize {
        match self {
            // One writer per collection: a second thread would wait for the first.
            Self::Folder(_) => 1,
            Self::Server(_) => 3,
        }
    }

    /// Whether the collection exists.
    pub(crate) fn has_collection(&self, name: &str) -> Result<bool> {
        match self {
            Self::Folder(database) => Ok(database.exists(name)),
            Self::Server(client) => {
                let answer = client.get(&format!("/collections/{}/exists", segment(name)))?;
                let exists = answer.get("exists").and_then(Value::as_bool);
                exists.ok_or_else(|| anyhow!("the server did not say whether `{name}` exists: {answer}"))
            }
        }
    }

    /// Makes a collection from the body that the wire takes.
    pub(crate) fn create_collection(&self, name: &str, body: &Value) -> Result<()> {
        match self {
            Self::Folder(database) => {
                let body: CreateCollection = serde_json::from_value(body.clone())?;
                Check::all("", &body)?;
                database.create_collection(name, body.into_config()?)?;
            }
            Self::Server(client) => {
                client.put(
                    &format!("/collections/{}", segment(name)),
                    &serde_json::to_vec(body)?,
                )?;
            }
        }
        Ok(())
    }

    /// Those of `ids` that the collection holds.
    pub(crate) fn held(&self, name: &str, ids: Vec<PointId>) -> Result<BTreeSet<PointId>> {
        match self {
            Self::Folder(database) => {
                let with_payload = PayloadSelector::All(false);
                let request = RetrieveRequest {
                    ids,
                    with_payload,
                    with_vector: VectorSelector::All(false),
                };
                let records = database.retrieve(&Ctx::unlimited(), name, &request)?;
                Ok(records.into_iter().map(|record| record.id).collect())
            }
            Self::Server(client) => {
                let body = json!({ "ids": ids, "with_payload": false, "with_vector": false });
                let path = format!("/collections/{}/points", segment(name));
                let records = client.post(&path, &serde_json::to_vec(&body)?)?;
                let ids = records
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|record| record.get("id"));
                ids.map(|id| Ok(serde_json::from_value(id.clone())?)).collect()
            }
        }
    }

    /// Inserts or replaces points; they are durable when this returns.
    pub(crate) fn upsert(&self, name: &str, points: Vec<Point>) -> Result<()> {
        match self {
            Self::Folder(database) => {
                let op = UpdateOp::Upsert {
                    points,
                    filter: None,
                    mode: UpdateMode::Upsert,
                };
                database.update(&Ctx::unlimited(), name, op)?;
            }
            Self::Server(client) => {
                let body = Upsert {
                    points: points.iter().map(UpsertPoint::from).collect(),
                };
                let path = format!("/collections/{}/points?wait=true", segment(name));
                client.put(&path, &serde_json::to_vec(&body)?)?;
            }
        }
        Ok(())
    }

    /// Answers a query in the words of the wire: `{"points": […]}`, or `{"groups": […]}` when it has a `group_by`.
    pub(crate) fn query(&self, name: &str, body: &Value) -> Result<Value> {
        let is_grouped = body.get("group_by").is_some();
        match self {
            Self::Folder(database) if is_grouped => {
                let request: GroupsRequest = serde_json::from_value(body.clone())?;
                Check::all("", &request)?;
                let groups = database.query_groups(&Ctx::unlimited(), name, &request)?;
                Ok(json!({ "groups": groups }))
            }
            Self::Folder(database) => {
                let request: QueryRequest = serde_json::from_value(body.clone())?;
                Check::all("", &request)?;
                let points = database.query(&Ctx::unlimited(), name, &request)?;
                Ok(json!({ "points": points }))
            }
            Self::Server(client) => {
                let kind = if is_grouped { "query/groups" } else { "query" };
                let path = format!("/collections/{}/points/{kind}", segment(name));
                client.post(&path, &serde_json::to_vec(body)?)
            }
        }
    }
}
