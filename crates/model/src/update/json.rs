//! Changes to points as the wire writes them: request bodies that decode themselves, check themselves, and
//! become an [`UpdateOp`](super::UpdateOp). Vectors are read straight into floats.

mod selector;
mod vectors;
mod upsert;
mod vector_edits;
mod payload_edits;
mod batch;

#[cfg(test)]
mod tests;

pub use batch::{BatchBody, UpdateOperation};
pub use payload_edits::{ClearPayloadBody, DeletePayloadBody, SetPayloadBody};
pub use selector::{DeleteBody, PointsSelector};
pub use upsert::{BatchColumns, BatchVectors, PointInput, UpsertBody};
pub use vector_edits::{DeleteVectorsBody, PointVectors, UpdateVectorsBody};
pub use vectors::VectorsInput;
