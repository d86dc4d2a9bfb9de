//! What the tests of the upper floors are made of: the database as a `BTreeMap` that answers by `model` alone,
//! generators of collections, points, filters, changes and queries, the conformance corpus, and the crash sweep.
//!
//! It never depends on the engine: tests there implement [`subject::Subject`] and are compared with [`Reference`].

pub mod subject;
pub mod compare;
mod reference;
pub mod strategies;
pub mod corpus;
pub mod crash;

pub use reference::{Judged, Reference, Trust};
