//! The REST door as a whole: requests go through the very service that the server runs, over a database on disk.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on has failed; the lint sees test functions but not what they call"
)]

mod door;
mod auth;
mod collections;
mod errors;
mod hostile;
mod legacy;
mod listener;
mod points;
mod queries;
mod service;
mod snapshots;
