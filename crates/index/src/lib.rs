//! Shapes that find things inside one segment: which offsets are allowed, and the scan that scores them.
//!
//! No files, no point ids (only offsets), no threads, no unsafe. Modules are listed from the ground floor up.

mod offset;
mod work;
mod allow;
mod scan;

pub use allow::Allow;
pub use offset::Offset;
pub use scan::{Hit, Ties, scan};
pub use work::{Cancelled, Work};
