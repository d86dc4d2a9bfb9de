//! Kindred, an exploration-first vector search engine, embedded in your program.
//!
//! (The runnable first page is added below, once the parts are in place.)

mod error;
mod env;
mod ctx;
mod collection;
mod catalog;
mod query;
mod aliases;
mod database;

pub use aliases::Alias;
pub use collection::UpdateResult;
pub use collection::info::{CollectionInfo, Status};
pub use ctx::Ctx;
pub use database::Database;
pub use env::{Clock, Env, SystemClock};
pub use error::{Error, ErrorKind};
