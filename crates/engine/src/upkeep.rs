//! What happens to the objects of collections as a whole: removing those of dropped collections, and accounting
//! for everything else, so that a lost catalog never looks like an empty database.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::catalog::{Catalog, CatalogStore};
use crate::env::Env;
use crate::error::{Error, ErrorKind};

/// Where all collections lie.
const COLLECTIONS: &str = "c/";

/// Where the objects of a collection lie.
pub(crate) fn prefix(uuid: Uuid) -> String {
    format!("{COLLECTIONS}{}/", uuid.simple())
}

/// Where the objects of its only shard lie.
pub(crate) fn shard(uuid: Uuid) -> String {
    format!("{}s0/", prefix(uuid))
}

/// Removes all objects of a collection.
pub(crate) fn remove(env: &Env, uuid: Uuid) -> Result<(), Error> {
    for name in env.store.list(&prefix(uuid))? {
        env.store.delete(&name)?;
    }
    Ok(())
}

/// Finishes the removal of collections that the catalog says were dropped.
pub(crate) fn sweep(env: &Env, catalog: &mut CatalogStore) -> Result<(), Error> {
    for uuid in catalog.current().dropped.clone() {
        remove(env, uuid)?;
        catalog.forget(uuid);
    }
    Ok(())
}

/// Refuses to go on when the catalog names a collection that is not there, or does not name one that is. A
/// collection that was being made when the process ended has a manifest but no batch yet; it is passed over.
pub(crate) fn account(env: &Env, catalog: &Catalog) -> Result<(), Error> {
    let names = env.store.list(COLLECTIONS)?;
    let known: BTreeSet<String> = catalog
        .collections
        .values()
        .map(|entry| shard(entry.uuid))
        .collect();
    for (name, entry) in &catalog.collections {
        let manifests = format!("{}m/", shard(entry.uuid));
        if !names.iter().any(|object| object.starts_with(&manifests)) {
            let text = format!("the catalog names the collection `{name}`, but {manifests} is empty");
            return Err(Error::new(ErrorKind::Corrupt, text));
        }
    }
    let is_lost = |object: &&String| {
        let batch = object.split_once("log/").map(|(shard, _)| shard);
        batch.is_some_and(|shard| !known.contains(shard))
    };
    match names.iter().find(is_lost) {
        None => Ok(()),
        Some(object) => {
            let text =
                format!("{object} belongs to no collection of the catalog, so a catalog must have been lost");
            Err(Error::new(ErrorKind::Corrupt, text))
        }
    }
}
