//! The doors of the database: REST over HTTP/1, and the description of it that is published.
//!
//! The only async crate. It reads requests into the types of `kindred-model`, calls [`kindred::Database`] on a
//! blocking thread and wraps what comes back; it holds no query meaning and touches no disk.

mod status;
mod metrics;
mod auth;
mod openapi;
mod rest;
mod server;

pub use server::{BindError, Server, ServerSettings, service};
