//! Objects that belong to nothing. They are told of and left alone: who put them there may want them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kindred_storage::inspect::Shard;
use kindred_storage::{Error as StorageError, STORE_NAME};
use uuid::Uuid;

use super::lost::LOST;
use crate::catalog::Catalog;
use crate::env::Env;
use crate::upkeep;

/// Names of one kind that are told one by one.
const NAMES_MAX: usize = 20;

/// The prefixes of all collections that the store holds anything of.
pub(super) fn collections(env: &Env) -> Result<BTreeSet<String>, StorageError> {
    let names = env.store.list("c/")?;
    Ok(names
        .iter()
        .filter_map(|name| collection(name))
        .map(str::to_owned)
        .collect())
}

/// `c/<uuid>/` of the name of an object.
fn collection(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("c/")?;
    name.get(..name.len() - rest.len() + rest.find('/')? + 1)
}

/// Looks through all names. `known` are the prefixes of the collections of the catalog.
pub(super) fn look(
    env: &Env,
    catalog: Option<&Catalog>,
    known: &BTreeSet<String>,
) -> Result<Vec<String>, StorageError> {
    let mut notes = Vec::new();
    let mut strangers = Vec::new();
    let mut by_collection: BTreeMap<String, u64> = BTreeMap::new();
    let mut kept: BTreeMap<String, u64> = BTreeMap::new();
    for name in env.store.list("")? {
        if let Some(rest) = name.strip_prefix(LOST) {
            let number = rest.split('/').next().unwrap_or_default();
            *kept.entry(format!("{LOST}{number}/")).or_default() += 1;
        } else if let Some(prefix) = collection(&name) {
            if !known.contains(prefix) {
                *by_collection.entry(prefix.to_owned()).or_default() += 1;
            }
        } else if name != STORE_NAME && name != "probe/0" && !is_catalog(&name) {
            strangers.push(name);
        }
    }
    for prefix in known {
        notes.extend(in_collection(env, prefix, &mut strangers)?);
    }
    let dropped: BTreeSet<String> = catalog
        .into_iter()
        .flat_map(|catalog| &catalog.dropped)
        .map(|uuid: &Uuid| upkeep::prefix(*uuid))
        .collect();
    for (prefix, count) in &by_collection {
        notes.push(if dropped.contains(prefix) {
            format!("{prefix}: {count} objects of a dropped collection, which the next opening removes")
        } else {
            format!(
                "{prefix}: {count} objects that belong to no collection of the catalog; they are left alone"
            )
        });
    }
    let more = strangers.len().saturating_sub(NAMES_MAX);
    notes.extend(
        strangers
            .iter()
            .take(NAMES_MAX)
            .map(|name| format!("{name}: not an object of ours; it is left alone")),
    );
    notes.extend((more > 0).then(|| format!("{more} more objects that are not ours")));
    notes.extend(
        kept.iter()
            .map(|(place, count)| format!("{place}: {count} objects kept by a repair")),
    );
    Ok(notes)
}

fn is_catalog(name: &str) -> bool {
    let digits = name
        .strip_prefix("catalog/")
        .and_then(|name| name.strip_suffix(".json"));
    digits.is_some_and(|digits| digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What lies among the objects of a collection without being needed.
fn in_collection(
    env: &Env,
    prefix: &str,
    strangers: &mut Vec<String>,
) -> Result<Option<String>, StorageError> {
    let shard = format!("{prefix}s0/");
    let parts = ["m/", "log/", "seg/"].map(|part| format!("{shard}{part}"));
    let names = env.store.list(prefix)?;
    strangers.extend(
        names
            .into_iter()
            .filter(|name| !parts.iter().any(|part| name.starts_with(part))),
    );
    let manifests = Shard::new(Arc::clone(&env.store), &shard)?;
    let newest = manifests.manifests()?.into_iter().next();
    let Some((_, Ok(newest))) = newest else {
        return Ok(None);
    };
    let count = manifests.superfluous(&newest)?;
    let text =
        format!("{prefix}: {count} objects that nothing needs any more; the next opening removes them");
    Ok((count > 0).then_some(text))
}
