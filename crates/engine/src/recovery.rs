//! Opening the collections of a database: side by side, and each for itself. One that cannot be opened is kept by
//! name, with the reason, and stops no other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use crate::catalog::{Catalog, CatalogStore, Entry};
use crate::collection::Collection;
use crate::env::{Env, Upkeep};
use crate::error::{Error, ErrorKind};
use crate::query::{Broken, Names, Slot};
use crate::upkeep;

/// Most collections that are opened at once.
const THREADS_MAX: usize = 16;

/// Takes over one collection.
pub(crate) fn open(env: &Env, entry: &Entry, seed: u128) -> Result<Collection, Error> {
    Collection::open(env, &upkeep::shard(entry.uuid), seed, entry.settings())
}

/// All collections of the catalog.
pub(crate) fn open_all(env: &Env, catalog: &Catalog) -> BTreeMap<String, Slot> {
    let wanted: Vec<(&String, &Entry, u128)> = catalog
        .collections
        .iter()
        .map(|(name, entry)| (name, entry, env.random_u128()))
        .collect();
    let next = AtomicUsize::new(0);
    let opened = Mutex::new(BTreeMap::new());
    let open_some = || {
        while let Some((name, entry, seed)) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let slot = slot(env, entry, *seed);
            opened.lock().insert((*name).clone(), slot);
        }
    };
    let threads = match env.upkeep {
        Upkeep::Background => std::thread::available_parallelism().map_or(1, usize::from),
        // One after the other, so that a test sees the same calls every time.
        Upkeep::Manual => 1,
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(THREADS_MAX).min(wanted.len()) {
            scope.spawn(open_some);
        }
        open_some();
    });
    opened.into_inner()
}

fn slot(env: &Env, entry: &Entry, seed: u128) -> Slot {
    let opened = upkeep::check_present(env, entry).and_then(|()| open(env, entry, seed));
    match opened {
        Ok(collection) => Slot::Open(Arc::new(collection)),
        Err(error) => Slot::Broken(Arc::new(Broken {
            settings: entry.settings(),
            kind: error.kind(),
            why: error.to_string(),
        })),
    }
}

/// Tries again to open what failed for another reason than damage, and what has stopped writing after a failure: the
/// store may answer by now. Once another process has taken the database over, all is
/// left to it.
pub(crate) fn retry(env: &Env, names: &ArcSwap<Names>, catalog: &Mutex<CatalogStore>) {
    let may_heal = |slot: &Slot| match slot {
        Slot::Open(collection) => collection.may_recover(),
        Slot::Broken(broken) => broken.kind != ErrorKind::Corrupt,
    };
    if !names.load().collections.values().any(may_heal) {
        return;
    }
    // Nobody changes names meanwhile.
    let catalog = catalog.lock();
    if catalog.confirm().is_err() {
        // Another process has the database now, or nobody can say.
        return;
    }
    let mut next = Names::clone(&names.load());
    for (name, slot) in next.collections.iter_mut().filter(|(_, slot)| may_heal(slot)) {
        let Some(entry) = catalog.current().collections.get(name) else {
            continue;
        };
        // Until it is open again the old one goes on answering.
        if let Slot::Open(collection) = self::slot(env, entry, env.random_u128()) {
            if let Slot::Open(old) = slot {
                old.close();
            }
            *slot = Slot::Open(collection);
        }
    }
    names.store(Arc::new(next));
}

/// What is wrong with which collection.
pub(crate) fn notices(names: &Names) -> Vec<String> {
    let mut notices = Vec::new();
    for (name, slot) in &names.collections {
        match slot {
            Slot::Open(collection) => {
                let damage = collection.damaged().iter();
                notices.extend(damage.map(|why| format!("collection `{name}` is damaged: {why}")));
            }
            Slot::Broken(broken) => {
                notices.push(format!("collection `{name}` could not be opened: {}", broken.why));
            }
        }
    }
    notices
}
