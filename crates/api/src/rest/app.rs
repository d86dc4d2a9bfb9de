//! What every handler shares: the database, the keys, the limits, the counters and the published document.

use std::sync::Arc;

use axum::body::Bytes;
use kindred::Database;

use super::body::BodyLimits;
use crate::auth::Keys;
use crate::metrics::Metrics;

/// The state of the REST door.
pub(crate) struct App {
    pub(crate) db: Arc<Database>,
    pub(crate) keys: Keys,
    pub(crate) bodies: BodyLimits,
    pub(crate) metrics: Metrics,
    /// The OpenAPI document, serialised.
    pub(crate) openapi: Bytes,
}
