//! A collection at one position of its log, to be copied while it is written on.

use std::sync::Arc;

use kindred_segment::Segment;

use super::body::Kept;
use super::view::Settings;

/// Everything up to a position; it holds the bytes of its segments, whatever becomes of their objects.
pub(crate) struct Capture {
    pub(crate) settings: Arc<Settings>,
    pub(crate) position: u64,
    /// Sealed, each with what had left it.
    pub(crate) segments: Vec<(Arc<Segment>, Kept)>,
}
