//! Generators for property tests: collections, points, filters, changes and queries over small domains, so that
//! filters hit, ids repeat and ties happen. They shrink as everything in proptest does.

mod payload;
mod vector;
mod config;
mod filter;
mod query;
mod update;

pub use config::{ALIAS, LOOKUP, MAIN, World, world};
pub use filter::filter;
pub use payload::{field, id, indexed_fields, payload};
pub use query::{
    count_request, facet_request, groups_request, matrix_request, query_request, retrieve_request,
    scroll_request,
};
pub use update::{change, fill, update_op};
pub use vector::{Grain, vector};
