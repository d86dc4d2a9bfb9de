//! The check that an object store keeps its promises when many call at once, run by its `probe` before first use: a
//! store that merely says that it creates if absent would lose acknowledged writes.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Barrier;
use std::thread;

use crate::error::Error;
use crate::store::Store;

const WRITERS: u8 = 8;
const KEYS: usize = 20;
const PREFIX: &str = "probe/race-";
/// As many as the log itself makes.
const MAX_ATTEMPTS: usize = 4;

/// Whether this is an object of a probe, perhaps of another process that probes right now.
pub(super) fn is_scratch(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Fails with what the store does wrong. Leaves nothing behind, unless it cannot delete.
pub(super) fn check(store: &dyn Store) -> Result<(), Error> {
    // A number that two first openers at once do not share; if they did, one would be refused and try again.
    let scratch = format!(
        "{PREFIX}{:016x}/",
        RandomState::new().hash_one(std::process::id())
    );
    let checked = check_race(store, &scratch).and_then(|()| check_object(store, &scratch));
    let swept = sweep(store, &scratch);
    checked.and(swept)
}

/// For each key all writers at once: exactly one wins, the others see its bytes, and the next list shows it.
fn check_race(store: &dyn Store, scratch: &str) -> Result<(), Error> {
    for key in 0..KEYS {
        let name = format!("{scratch}{key:02}");
        let winners = race(store, &name)?;
        let held = store.get(&name, None)?;
        let Some(first) = winners.first() else {
            return unfit(&name, "of several writers at once none created the object");
        };
        if winners.iter().any(|winner| winner != first) || *held != **first {
            return unfit(
                &name,
                "several writers at once were told that they created the same object",
            );
        }
        let listed = store.list(scratch)?;
        if listed.len() != key + 1 || !listed.contains(&name) {
            return unfit(&name, "a list does not show an object that was written before it");
        }
    }
    Ok(())
}

/// The bytes that each writer, in the end, believes to be the object's.
fn race(store: &dyn Store, name: &str) -> Result<Vec<Vec<u8>>, Error> {
    let start = Barrier::new(usize::from(WRITERS));
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let start = &start;
                scope.spawn(move || {
                    start.wait();
                    believe(store, name, &[writer; 32])
                })
            })
            .collect();
        let beliefs = writers.into_iter().map(|writer| match writer.join() {
            Ok(belief) => belief,
            Err(_) => Err(Error::io(
                name,
                io::Error::other("a writer of the probe panicked"),
            )),
        });
        beliefs.collect()
    })
}

/// Creates, and settles doubt as the log does: told that the object exists, or nothing, it looks.
fn believe(store: &dyn Store, name: &str, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut last = Error::io(
        name,
        io::Error::other("create finds the object, but it cannot be read"),
    );
    for _ in 0..MAX_ATTEMPTS {
        match store.create(name, bytes) {
            Ok(()) => return Ok(bytes.to_vec()),
            Err(Error::Exists { .. }) => {}
            Err(error @ Error::Io { .. }) => last = error,
            Err(error) => return Err(error),
        }
        match store.get(name, None) {
            Ok(found) => return Ok(found.to_vec()),
            Err(Error::NotFound { .. }) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// One object alone: refused twice, read in parts, deleted, gone.
fn check_object(store: &dyn Store, scratch: &str) -> Result<(), Error> {
    let name = format!("{scratch}object");
    store.create(&name, b"0123456789")?;
    for bytes in [&b"0123456789"[..], b"", b"other"] {
        match store.create(&name, bytes) {
            Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
            Ok(()) => {
                return unfit(
                    &name,
                    "the store overwrites an existing object instead of refusing",
                );
            }
        }
    }
    for (range, part) in [
        (None, &b"0123456789"[..]),
        (Some(1..3), b"12"),
        (Some(8..20), b"89"),
        (Some(10..20), b""),
        (Some(30..40), b""),
        (Some(4..4), b""),
        (Some(3..u64::MAX), b"3456789"),
    ] {
        if *store.get(&name, range)? != *part {
            return unfit(&name, "the store does not read ranges");
        }
    }
    // Absent already is as good.
    store.delete(&name)?;
    store.delete(&name)?;
    match store.get(&name, None) {
        Err(Error::NotFound { .. }) => {}
        Err(error) => return Err(error),
        Ok(_) => return unfit(&name, "a deleted object can still be read"),
    }
    if store.list(scratch)?.contains(&name) {
        return unfit(&name, "a list shows an object that was deleted before it");
    }
    Ok(())
}

fn sweep(store: &dyn Store, scratch: &str) -> Result<(), Error> {
    store
        .list(scratch)?
        .iter()
        .try_for_each(|name| store.delete(name))
}

fn unfit(name: &str, why: &str) -> Result<(), Error> {
    let why = format!("this object store cannot be used, it would lose writes: {why}");
    Err(Error::io(name, io::Error::new(io::ErrorKind::Unsupported, why)))
}

#[cfg(test)]
mod tests;
