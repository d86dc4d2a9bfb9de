//! Kindred, an exploration-first vector search engine, embedded in your program.
//!
//! Bring points (an id, named vectors, a JSON payload) and ask for more like these, less like those. There is no
//! server, no socket and no async in here; every call is synchronous, durable and safe to make from any thread.
//!
//! ```
//! use kindred::{Ctx, Database};
//! use kindred_model::config::CreateCollection;
//! use kindred_model::query::request::QueryRequest;
//! use kindred_model::update::json::UpsertBody;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let database = Database::open(folder.path())?;
//! let config: CreateCollection = serde_json::from_str(r#"{"vectors": {"size": 2, "distance": "Cosine"}}"#)?;
//! database.create_collection("art", config.into_config()?)?;
//!
//! let ctx = Ctx::unlimited();
//! let points: UpsertBody = serde_json::from_str(
//!     r#"{"points": [
//!         {"id": 1, "vector": [1.0, 0.0], "payload": {"title": "A storm at sea"}},
//!         {"id": 2, "vector": [0.9, 0.1], "payload": {"title": "Calm after the storm"}},
//!         {"id": 3, "vector": [0.0, 1.0], "payload": {"title": "Portrait of a lady"}}
//!     ]}"#,
//! )?;
//! database.update(&ctx, "art", points.into_op()?)?;
//!
//! // More like 1, less like 3.
//! let request: QueryRequest = serde_json::from_str(
//!     r#"{"query": {"recommend": {"positive": [1], "negative": [3]}}, "limit": 1, "with_payload": true}"#,
//! )?;
//! let found = database.query(&ctx, "art", &request)?;
//! assert_eq!(found[0].id, 2.into());
//! # Ok(())
//! # }
//! ```

mod error;
mod env;
mod ctx;
mod collection;
mod catalog;
mod upkeep;
mod query;
mod aliases;
mod recovery;
mod shelf;
mod background;
mod verify;
mod database;
mod alter;
mod snapshot;

pub use aliases::Alias;
pub use collection::UpdateResult;
pub use collection::info::{CollectionInfo, Status};
pub use ctx::Ctx;
pub use database::Database;
pub use env::{Clock, Env, SystemClock, Tuning, Upkeep};
pub use error::{Error, ErrorKind};
pub use kindred_storage::Durability;
pub use kindred_storage::SnapshotReader;
#[cfg(feature = "cloud")]
pub use kindred_storage::{CloudOptions, ObjectStore};
pub use snapshot::{Snapshot, SnapshotKind, SnapshotPart, SnapshotReport, SnapshotUpload, verify_snapshot};
pub use verify::{Checked, Loss, Outcome, Problem, Report, Sureness, verify, verify_folder};
