//! What happens to the objects of collections as a whole: removing those of dropped collections, and accounting
//! for everything else, so that a lost catalog never looks like an empty database.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use crate::catalog::{Catalog, CatalogStore, Entry};
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

/// Refuses a collection of which nothing is there: its manifest was lost, or everything.
pub(crate) fn check_present(env: &Env, entry: &Entry) -> Result<(), Error> {
    let manifests = format!("{}m/", shard(entry.uuid));
    if env.store.list(&manifests)?.is_empty() {
        let text = format!("the catalog names the collection, but {manifests} is empty");
        return Err(Error::new(ErrorKind::Corrupt, text));
    }
    Ok(())
}

/// Tells of objects that belong to no collection of the catalog. Without any collection in the catalog, log slots
/// mean that a catalog was lost, and that is an error.
pub(crate) fn account(env: &Env, catalog: &Catalog) -> Result<Vec<String>, Error> {
    let known: BTreeSet<String> = catalog
        .collections
        .values()
        .map(|entry| prefix(entry.uuid))
        .collect();
    let mut strays: BTreeMap<String, String> = BTreeMap::new();
    for object in env.store.list(COLLECTIONS)? {
        let Some(end) = object.get(COLLECTIONS.len()..).and_then(|rest| rest.find('/')) else {
            continue;
        };
        let own = object.get(..=COLLECTIONS.len() + end).unwrap_or_default();
        // A collection that was being made when the process ended has a manifest but no batch yet.
        let has_points = object.contains("/log/") || object.contains("/seg/");
        if has_points && !known.contains(own) {
            strays.entry(own.to_owned()).or_insert(object);
        }
    }
    if let Some(object) = strays.values().next().filter(|_| catalog.is_new()) {
        let text =
            format!("{object} belongs to no collection of the catalog, so a catalog must have been lost");
        return Err(Error::new(ErrorKind::Corrupt, text));
    }
    let told = strays
        .values()
        .map(|object| format!("{object} belongs to no collection of the catalog; it is left alone"));
    Ok(told.collect())
}
