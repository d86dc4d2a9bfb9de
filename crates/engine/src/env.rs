//! The parts that a program supplies: where bytes go, what time it is, and where randomness starts.
//! With a memory store, a fixed seed and a clock of its own, a test runs the same way every time (I8).

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kindred_storage::Store;
use uuid::Uuid;

/// Tells the time since some fixed moment; never goes back.
pub trait Clock: Send + Sync {
    /// Time since the clock's own beginning.
    fn now(&self) -> Duration;
}

/// The machine's monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    beginning: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that everyone else asks"
    )]
    pub fn new() -> Self {
        Self {
            beginning: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.beginning.elapsed()
    }
}

/// Who does the work that can wait: sealing, merging, collecting garbage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// A thread of the database.
    Background,
    /// Nobody but the caller of [`crate::Database::compact`], so that a test decides when. What bounds memory
    /// (see [`Tuning::seal_bytes`]) is still done by the writers.
    Manual,
}

/// When work that can wait is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tuning {
    /// Bytes of log after which the points in it are sealed. Bounds the memory of unsealed points and the time of
    /// recovery: at four times as much the writers themselves seal.
    pub seal_bytes: u64,
    /// Time after which changes are sealed, however few they are.
    pub seal_age: Duration,
    /// Segments of about one size that become one.
    pub tier_factor: usize,
    /// Bytes above which segments are not merged any more.
    pub segment_bytes_max: u64,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            seal_bytes: 64 << 20,
            seal_age: Duration::from_secs(60),
            tier_factor: 4,
            segment_bytes_max: 8 << 30,
        }
    }
}

/// The parts that a program supplies.
#[derive(Clone)]
pub struct Env {
    /// Where the database's bytes live.
    pub store: Arc<dyn Store>,
    /// Measures deadlines, and the age of what is unsealed.
    pub clock: Arc<dyn Clock>,
    /// Who does the work that can wait.
    pub upkeep: Upkeep,
    /// When it is due.
    pub tuning: Tuning,
    seed: Arc<AtomicU64>,
}

impl Env {
    /// The machine's clock, a seed that differs every time, upkeep in the background.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            upkeep: Upkeep::Background,
            ..Self::with_seed(store, RandomState::new().hash_one(0_u64))
        }
    }

    /// For what must run the same way every time: a fixed seed, and upkeep only when it is asked for.
    pub fn with_seed(store: Arc<dyn Store>, seed: u64) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock::new()),
            upkeep: Upkeep::Manual,
            tuning: Tuning::default(),
            seed: Arc::new(AtomicU64::new(seed)),
        }
    }

    /// The next random number: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). Not for secrets.
    pub fn random(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.seed.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn random_u128(&self) -> u128 {
        u128::from(self.random()) << 64 | u128::from(self.random())
    }

    pub(crate) fn random_uuid(&self) -> Uuid {
        uuid::Builder::from_random_bytes(self.random_u128().to_le_bytes()).into_uuid()
    }

    /// A random number below `bound`, which must not be 0. The bias is below 2^-32 for bounds below 2^32.
    pub(crate) fn random_below(&self, bound: u64) -> u64 {
        self.random().checked_rem(bound).unwrap_or(0)
    }
}
