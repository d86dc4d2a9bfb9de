//! Which instruction sets this processor has, asked once per process, and an override for tests.
//! `dense` chooses its function tables by [`level`]. INVARIANT: a level above [`detected`] is never returned,
//! which is what makes calling the SIMD functions sound.

use std::cell::Cell;
use std::sync::OnceLock;

/// A set of instructions that kernels are written for, from the least to the most demanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Plain Rust, on any processor: the definition that all other levels are tested against.
    Scalar,
    /// x86-64 with AVX2, FMA and F16C, which every processor since Haswell (2013) and Zen (2017) has together.
    Avx2,
}

const ALL: [Level; 2] = [Level::Scalar, Level::Avx2];

thread_local! {
    static OVERRIDE: Cell<Option<Level>> = const { Cell::new(None) };
}

/// The best level of this processor, whatever [`with_level`] says.
pub fn detected() -> Level {
    static DETECTED: OnceLock<Level> = OnceLock::new();
    *DETECTED.get_or_init(detect)
}

/// The level that kernels chosen now, on this thread, will use: the detected one unless overridden.
#[inline]
pub fn level() -> Level {
    OVERRIDE.get().unwrap_or_else(detected)
}

/// Every level that this processor can run, the scalar one first.
pub fn supported() -> impl Iterator<Item = Level> {
    ALL.into_iter().filter(|level| *level <= detected())
}

/// Runs `run` with kernels chosen for `level` on this thread only, so that tests running side by side do not
/// disturb each other; work that `run` hands to other threads is not affected.
///
/// # Panics
/// If this processor does not have `level`: see [`supported`].
pub fn with_level<R>(level: Level, run: impl FnOnce() -> R) -> R {
    assert!(
        level <= detected(),
        "this processor does not have the level {level:?}"
    );
    let _restore = Restore(OVERRIDE.replace(Some(level)));
    run()
}

/// Puts the previous override back, also when the overridden code panics.
struct Restore(Option<Level>);

impl Drop for Restore {
    fn drop(&mut self) {
        OVERRIDE.set(self.0);
    }
}

#[cfg(target_arch = "x86_64")]
fn detect() -> Level {
    let has_all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c");
    if has_all { Level::Avx2 } else { Level::Scalar }
}

#[cfg(not(target_arch = "x86_64"))]
fn detect() -> Level {
    Level::Scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_nests_and_ends_with_its_scope() {
        let best = detected();
        assert_eq!(level(), best);
        with_level(Level::Scalar, || {
            assert_eq!(level(), Level::Scalar);
            with_level(best, || assert_eq!(level(), best));
            assert_eq!(level(), Level::Scalar);
            assert_eq!(detected(), best);
        });
        assert_eq!(level(), best);
    }

    #[test]
    fn an_override_ends_when_its_scope_panics() {
        let outcome = std::panic::catch_unwind(|| with_level(Level::Scalar, || assert_eq!(1, 2)));
        assert!(outcome.is_err());
        assert_eq!(level(), detected());
    }

    #[test]
    fn an_override_stays_on_its_thread() {
        with_level(Level::Scalar, || {
            let elsewhere = std::thread::scope(|scope| scope.spawn(level).join());
            assert_eq!(elsewhere.ok(), Some(detected()));
        });
    }

    #[test]
    fn scalar_is_always_supported_and_nothing_above_the_detected_level_is() {
        let levels: Vec<Level> = supported().collect();
        assert_eq!(levels.first(), Some(&Level::Scalar));
        assert_eq!(levels.last(), Some(&detected()));
    }
}
