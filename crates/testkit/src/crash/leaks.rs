//! What a store holds that nothing needs: found with the layout of docs/format.md alone, not with the code that writes
//! it.

use std::collections::{BTreeMap, BTreeSet};

use kindred_storage::Store;
use serde_json::Value;

/// Catalogs that are kept, so that a mistake can be looked into.
const CATALOGS_KEPT: u64 = 8;
/// The kind of a log slot that is a seal.
const SEAL: u32 = 2;

/// What is wrong with the objects of a store that was opened and left alone: those that no catalog or newest manifest
/// names, and those that are missing though one does. Kept on purpose are the last catalogs, every seal, and the first
/// manifest of a collection that was being made when its process ended.
///
/// # Errors
/// When the store cannot be read.
pub fn left_behind(store: &dyn Store) -> Result<Vec<String>, String> {
    let names = store.list("").map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    let catalogs: BTreeMap<u64, &String> = names
        .iter()
        .filter_map(|name| Some((number(name, "catalog/", ".json")?, name)))
        .collect();
    let Some((newest, catalog)) = catalogs.last_key_value() else {
        return Ok(names);
    };
    wrong.extend(
        catalogs
            .iter()
            .filter(|(version, _)| *version + CATALOGS_KEPT <= *newest)
            .map(|(_, name)| (*name).clone()),
    );
    let mut by_shard: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for name in &names {
        match shard(name) {
            Some(shard) => by_shard.entry(shard).or_default().push(name),
            None if name == "STORE" || number(name, "catalog/", ".json").is_some() => {}
            None => wrong.push(name.clone()),
        }
    }
    let known = collections(&get(store, catalog)?)?;
    for shard in &known {
        match by_shard.remove(shard.as_str()) {
            Some(own) => check_shard(store, shard, &own, &mut wrong)?,
            None => wrong.push(format!("{shard} is missing")),
        }
    }
    for (shard, own) in by_shard {
        let is_half_made = own
            .iter()
            .all(|name| number(name, &format!("{shard}m/"), ".mf") == Some(1));
        if !is_half_made {
            wrong.extend(own.into_iter().cloned());
        }
    }
    Ok(wrong)
}

/// The objects of a collection that is in use.
fn check_shard(
    store: &dyn Store,
    shard: &str,
    names: &[&String],
    wrong: &mut Vec<String>,
) -> Result<(), String> {
    let manifests = format!("{shard}m/");
    let versions = names.iter().filter_map(|name| number(name, &manifests, ".mf"));
    let Some(newest) = versions.max() else {
        wrong.push(format!("{manifests} is empty"));
        return Ok(());
    };
    let manifest = Manifest::read(&get(store, &format!("{manifests}{newest:020}.mf"))?)
        .ok_or_else(|| format!("{manifests}{newest:020}.mf cannot be read"))?;
    for name in names {
        let is_needed = if let Some(version) = number(name, &manifests, ".mf") {
            version == newest
        } else if let Some((epoch, slot)) = slot(name, &format!("{shard}log/")) {
            match manifest.epochs.get(&epoch) {
                Some(start) => slot >= *start,
                None => u32_at(&get(store, name)?, 12) == Some(SEAL),
            }
        } else {
            manifest.segments.contains(*name)
        };
        if !is_needed {
            wrong.push((*name).clone());
        }
    }
    let missing = manifest.segments.iter().filter(|name| !names.contains(name));
    wrong.extend(missing.map(|name| format!("{name} is missing")));
    Ok(())
}

/// What a manifest says about other objects.
struct Manifest {
    /// The first slot to replay of each epoch.
    epochs: BTreeMap<u64, u64>,
    segments: BTreeSet<String>,
}

impl Manifest {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut epochs = BTreeMap::new();
        let mut at = 64;
        for _ in 0..u32_at(bytes, 12)? {
            epochs.insert(u64_at(bytes, at)?, u64_at(bytes, at + 8)?);
            at += 16;
        }
        let mut segments = BTreeSet::new();
        for _ in 0..u32_at(bytes, 56)? {
            let length = usize::try_from(u32_at(bytes, at)?).ok()?;
            let name = bytes.get(at + 4..at + 4 + length)?;
            segments.insert(String::from_utf8(name.to_vec()).ok()?);
            at += 4 + length;
        }
        Some(Self { epochs, segments })
    }
}

/// The shards that the catalog names.
fn collections(catalog: &[u8]) -> Result<Vec<String>, String> {
    let catalog: Value = serde_json::from_slice(catalog).map_err(|error| error.to_string())?;
    let collections = catalog.get("collections").and_then(Value::as_object);
    let uuids = collections
        .into_iter()
        .flatten()
        .map(|(_, entry)| entry.get("uuid").and_then(Value::as_str));
    uuids
        .map(|uuid| {
            let uuid = uuid.ok_or("a collection without a uuid")?;
            Ok(format!("c/{}/s0/", uuid.replace('-', "")))
        })
        .collect()
}

fn get(store: &dyn Store, name: &str) -> Result<Vec<u8>, String> {
    let bytes = store.get(name, None).map_err(|error| error.to_string())?;
    Ok(bytes.to_vec())
}

/// The first three segments of the name of an object of a collection.
fn shard(name: &str) -> Option<&str> {
    let rest = name.strip_prefix("c/")?;
    let end = rest.match_indices('/').nth(1)?.0;
    name.get(..=end + 2)
}

fn number(name: &str, prefix: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_prefix(prefix)?.strip_suffix(suffix)?;
    digits.parse().ok().filter(|_| digits.len() == 20)
}

fn slot(name: &str, prefix: &str) -> Option<(u64, u64)> {
    let (epoch, slot) = name.strip_prefix(prefix)?.split_once('/')?;
    let hex = |digits| u64::from_str_radix(digits, 16).ok();
    Some((hex(epoch)?, hex(slot)?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}
