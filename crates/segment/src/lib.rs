//! One self-contained set of points: its ids, vectors and payloads, and the scan over them.
//!
//! A segment's rows never change once it is built; points only leave it, by a tombstone that carries the
//! position at which they left. So a reader that knows its own position sees exactly the points of that moment.
//! A segment is built in memory, or opened from a stored object; the same code reads both.
//! There is no log here, no other segment and no planning. Modules are listed from the ground floor up.

mod buffer;
mod stop;
mod tombstones;
mod ids;
mod payloads;
pub mod column;
mod meta;
mod segment;
mod filter;
mod search;
mod order;
mod build;
mod write;
mod open;
mod salvage;

#[cfg(test)]
mod tests;

pub use build::{Row, Schema};
pub use filter::Matcher;
pub use kindred_index::{Allow, Cancelled, Hit, Offset, Ties, Work};
pub use open::Residence;
pub use payloads::PayloadReader;
pub use salvage::{LostColumn, Salvage};
pub use search::Scan;
pub use segment::{PointRef, Segment};
pub use stop::Stop;
