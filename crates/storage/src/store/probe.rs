//! The check that a store is empty and keeps its promises, run by `Store::probe` before first use.

use std::io;

use super::{STORE_NAME, Store};
use crate::error::Error;

const PREFIX: &str = "probe/";

/// The scratch object.
pub(crate) const NAME: &str = "probe/0";

/// Leaves nothing behind when it succeeds; what a failed run left is removed by the next.
pub(crate) fn check<S: Store + ?Sized>(store: &S) -> Result<(), Error> {
    check_empty(store.list("")?)?;
    store.delete(NAME)?;
    store.create(NAME, b"first")?;
    match store.create(NAME, b"second") {
        Err(Error::Exists { .. }) => {}
        Err(error) => return Err(error),
        Ok(()) => return unfit("the store overwrites an existing object instead of refusing"),
    }
    if *store.get(NAME, None)? != *b"first" {
        return unfit("a refused create changed the object");
    }
    if *store.get(NAME, Some(1..3))? != *b"ir" {
        return unfit("the store does not read ranges");
    }
    if !store.list(PREFIX)?.iter().any(|name| name == NAME) {
        return unfit("a list does not show an object that was written before it");
    }
    store.delete(NAME)?;
    if store.list(PREFIX)?.iter().any(|name| name == NAME) {
        return unfit("a list shows an object that was deleted before it");
    }
    match store.get(NAME, None) {
        Err(Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(_) => unfit("a deleted object can still be read"),
    }
}

fn check_empty(names: Vec<String>) -> Result<(), Error> {
    if names.iter().any(|name| name == STORE_NAME) {
        return Ok(());
    }
    let found = names.into_iter().find(|name| name != NAME);
    found.map_or(Ok(()), |found| Err(Error::Foreign { found }))
}

fn unfit(why: &'static str) -> Result<(), Error> {
    Err(Error::io(NAME, io::Error::new(io::ErrorKind::Unsupported, why)))
}
