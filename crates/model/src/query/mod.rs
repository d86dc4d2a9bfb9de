//! What is asked: query kinds, what they mean (`scoring`), what reorders their results (`rerank`), and the
//! requests that carry them.

mod dialect;
pub mod example;
pub mod scoring;
pub mod rerank;
pub mod kinds;
pub mod request;
pub mod groups;
pub mod lists;
mod schema;

#[cfg(test)]
mod tests;
