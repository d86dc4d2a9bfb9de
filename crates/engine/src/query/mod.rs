//! Answering questions: resolve examples to vectors, lower the request to a plan, execute it over the segments of
//! a view, and read what was asked for of the winners.

mod read;
mod names;
mod resolve;
mod plan;
mod walk;
mod exec;
pub(crate) mod request;
pub(crate) mod groups;
pub(crate) mod matrix;
pub(crate) mod facet;
pub(crate) mod lists;

pub(crate) use names::{Broken, Names, Reader, Slot};
