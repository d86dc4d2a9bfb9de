//! One self-contained set of points: its ids, vectors and payloads, and the scan over them.
//!
//! A segment's rows never change once it is built; points only leave it, by a tombstone that carries the
//! position at which they left. So a reader that knows its own position sees exactly the points of that moment.
//! There is no log here, no other segment and no planning. Modules are listed from the ground floor up.

pub mod column;
mod tombstones;
mod segment;
mod filter;
mod search;
mod build;

pub use build::{Row, Schema};
pub use kindred_index::{Allow, Cancelled, Hit, Offset, Ties, Work};
pub use search::Scan;
pub use segment::{PointRef, Segment};
