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

/// The parts that a program supplies.
#[derive(Clone)]
pub struct Env {
    /// Where the database's bytes live.
    pub store: Arc<dyn Store>,
    /// Measures deadlines.
    pub clock: Arc<dyn Clock>,
    seed: Arc<AtomicU64>,
}

impl Env {
    /// The machine's clock, and a seed that differs every time.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self::with_seed(store, RandomState::new().hash_one(0_u64))
    }

    /// The machine's clock, and a fixed seed.
    pub fn with_seed(store: Arc<dyn Store>, seed: u64) -> Self {
        Self {
            store,
            clock: Arc::new(SystemClock::new()),
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
