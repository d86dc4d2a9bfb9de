//! What the database means, executable on plain values.
//!
//! Every other crate makes this meaning faster or durable; none of them changes it. There is no I/O, no thread,
//! no clock, no randomness and no index in here. Modules are listed from the ground floor up, and a module
//! imports only modules listed above it.

pub mod error;
pub mod limits;
pub mod bounded;
pub mod object;

pub mod id;
pub mod path;
pub mod geo;
pub mod datetime;
pub mod payload;
pub mod distance;
pub mod vector;
pub mod point;
pub mod config;
pub mod filter;
pub mod query;
pub mod update;
