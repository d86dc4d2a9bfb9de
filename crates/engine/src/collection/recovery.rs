//! From what the store holds of a collection to its state in memory: the manifest, the segments that it names, then
//! the log behind it, replayed through the same `apply` as live changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kindred_segment::Segment;
use kindred_storage::{Claimed, Error as StorageError, Flaw, Journal};

use super::apply::{Applier, narrowed};
use super::backlog::Backlog;
use super::body::{self, Kept};
use super::jobs::residence;
use super::record;
use super::view::Settings;
use crate::env::Env;
use crate::error::{Error, ErrorKind};

/// Changed points after which replayed changes become segments, as batches of live ones do.
const PUBLISHED_POINTS: usize = 8_192;

/// A collection as the store holds it.
pub(super) struct Recovered {
    pub(super) journal: Journal,
    pub(super) applier: Applier,
    /// By segment: columns that must not be found again.
    pub(super) hidden: BTreeMap<String, BTreeSet<String>>,
    /// Segments that cannot be read, each with the reason.
    pub(super) damaged: Vec<String>,
}

/// Takes the shard over and recovers it. A damaged segment is left out and named; all else that is wrong is an error.
pub(super) fn recover(
    env: &Env,
    shard: &str,
    seed: u128,
    settings: &Settings,
    backlog: &Backlog,
) -> Result<Recovered, Error> {
    let claimed = Journal::claim(Arc::clone(&env.store), shard, seed)?;
    let position = claimed.replay_from().0.saturating_sub(1);
    let mut hidden = BTreeMap::new();
    let mut damaged = Vec::new();
    let mut sealed = Vec::new();
    for (name, kept) in named(shard, &claimed)? {
        match open(env, &name, &kept, settings, position) {
            Ok(segment) => sealed.push(Arc::new(segment)),
            Err(error) if is_damage(&error) => damaged.push(error.to_string()),
            Err(error) => return Err(error.into()),
        }
        if !kept.hidden.is_empty() {
            hidden.insert(name, kept.hidden);
        }
    }
    let mut applier = Applier::new(settings.schema(), sealed, position);
    let journal = claimed.recover(|lsn, bytes| {
        let op = record::decode(bytes).map_err(|malformed| {
            Error::new(ErrorKind::Corrupt, format!("{shard}: record {lsn}: {malformed}"))
        })?;
        backlog.add(bytes.len());
        match applier.apply(lsn.0, op) {
            // The log goes on; what it says about rows that cannot be read waits for a repair.
            Err(error) if is_damage(&error) => damaged.push(error.to_string()),
            applied => applied?,
        }
        if applier.unpublished() >= PUBLISHED_POINTS {
            applier.publish();
        }
        Ok::<(), Error>(())
    })?;
    applier.publish();
    Ok(Recovered {
        journal,
        applier,
        hidden,
        damaged,
    })
}

/// The segments of the manifest, with what it says about each.
fn named(shard: &str, claimed: &Claimed) -> Result<Vec<(String, Kept)>, Error> {
    let manifest = format!("{shard}m/");
    let kept = body::decode(&manifest, claimed.body())?;
    if kept.len() != claimed.segments().len() {
        return Err(StorageError::corrupt(&manifest, 0, Flaw::Value("the number of segments")).into());
    }
    Ok(claimed.segments().iter().cloned().zip(kept).collect())
}

fn open(
    env: &Env,
    name: &str,
    kept: &Kept,
    settings: &Settings,
    position: u64,
) -> Result<Segment, StorageError> {
    let object = env.store.get(name, None)?;
    let segment = Segment::open(name, object, &residence(&settings.config))?;
    if u32::try_from(segment.rows()) != Ok(kept.rows) {
        return Err(StorageError::corrupt(
            name,
            0,
            Flaw::Value("the number of rows (it is not the segment of the manifest)"),
        ));
    }
    for row in &kept.gone {
        segment.bury(kindred_segment::Offset(row), position);
    }
    let shown = kept
        .hidden
        .iter()
        .fold(segment, |segment, column| segment.without(column));
    Ok(narrowed(&shown, &settings.schema()).unwrap_or(shown))
}

/// Whether the object itself is at fault, rather than the way to it.
fn is_damage(error: &StorageError) -> bool {
    matches!(
        error,
        StorageError::Corrupt { .. } | StorageError::NotFound { .. } | StorageError::Version { .. }
    )
}
