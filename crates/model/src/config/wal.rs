//! Settings of the log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Check, Validate};

/// Complete settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WalConfig {
    /// Megabytes of one piece of the log.
    pub wal_capacity_mb: u64,
    /// Pieces made in advance.
    pub wal_segments_ahead: u64,
    /// Closed pieces that are kept.
    #[serde(default = "one")]
    pub wal_retain_closed: u64,
}

/// Settings that are given; the others stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct WalConfigDiff {
    /// Megabytes of one piece of the log, at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_capacity_mb: Option<u64>,
    /// Pieces made in advance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_segments_ahead: Option<u64>,
    /// Closed pieces that are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wal_retain_closed: Option<u64>,
}

fn one() -> u64 {
    1
}

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            wal_capacity_mb: 32,
            wal_segments_ahead: 0,
            wal_retain_closed: one(),
        }
    }
}

impl WalConfig {
    pub(super) fn apply(&mut self, diff: &WalConfigDiff) {
        self.wal_capacity_mb = diff.wal_capacity_mb.unwrap_or(self.wal_capacity_mb);
        self.wal_segments_ahead = diff.wal_segments_ahead.unwrap_or(self.wal_segments_ahead);
        self.wal_retain_closed = diff.wal_retain_closed.unwrap_or(self.wal_retain_closed);
    }
}

impl Validate for WalConfigDiff {
    fn validate(&self, check: &mut Check) {
        if let Some(capacity) = self.wal_capacity_mb {
            check.at_least("wal_capacity_mb", capacity, 1);
        }
    }
}
