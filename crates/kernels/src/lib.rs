//! SIMD arithmetic for vectors: slices in, numbers out. The `index` and `segment` crates measure with it.
//! It knows no points, no columns and no distances of a collection, and allocates nothing in a hot function.
//! Every instruction set adds in the same order, so a result does not depend on the machine, on the batch it was
//! computed in, or on where its slices lie in memory: it has the same bits everywhere.

pub mod cpu;
pub mod dense;
pub mod maxsim;
pub mod sparse;
pub mod topk;
