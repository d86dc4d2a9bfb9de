//! Step *collect* of the protocol (rule 6): finding and deleting the objects that a checkpoint has made superfluous.
//! The journal says what is garbage; any thread may collect it at any later time.
//!
//! INVARIANT: what is garbage once stays so. The starts of epochs, the newest manifest and the own epoch only grow, and
//! a fenced writer can no longer commit the segments that it has made. So no clock says when deleting is safe.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
use crate::log::{log_prefix, parse_hex, parse_slot};
use crate::manifest::Manifest;
use crate::numbered::Numbered;
use crate::store::Store;

/// How many objects of one collection may refuse to go before the rest is left for later.
const MAX_FAILURES: usize = 4;

/// Objects that nothing needs any more. Dropped uncollected they stay until the next opening finds them.
#[must_use = "what is not collected stays in the store until the next opening"]
pub struct Garbage {
    store: Arc<dyn Store>,
    names: Vec<String>,
}

impl Garbage {
    /// Exactly these objects; nothing is checked. For a segment that the running process has made and knows to be
    /// superfluous (a job was cancelled, or its result not committed): never for one that an attempted checkpoint has
    /// named, unless that gave [`Error::Full`] or [`Error::TooLarge`].
    pub fn of(store: Arc<dyn Store>, names: Vec<String>) -> Garbage {
        Garbage { store, names }
    }

    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names of the objects, each once.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Deletes the objects and says how many names it went through; one that is absent already is no error. Who has an
    /// object open goes on reading it.
    ///
    /// An error (the first one) leaves some of them. That breaks nothing, and the next opening finds them.
    pub fn collect(self) -> Result<u64, Error> {
        let mut count = 0;
        let mut failures = Vec::new();
        for name in &self.names {
            match self.store.delete(name) {
                Ok(()) => count += 1,
                Err(error) => failures.push(error),
            }
            if failures.len() == MAX_FAILURES {
                break;
            }
        }
        failures.into_iter().next().map_or(Ok(count), Err)
    }
}

impl fmt::Debug for Garbage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Garbage").field(&self.names).finish()
    }
}

pub(crate) fn segment_prefix(shard: &str) -> String {
    format!("{shard}seg/")
}

pub(crate) fn segment_name(shard: &str, epoch: u64, number: u64) -> String {
    format!("{shard}seg/{epoch:016x}-{number:016x}.seg")
}

/// The epoch of the writer that made a segment below `prefix`, from its name.
pub(crate) fn parse_segment(prefix: &str, name: &str) -> Option<u64> {
    let (epoch, number) = name.strip_prefix(prefix)?.strip_suffix(".seg")?.split_once('-')?;
    parse_hex(number)?;
    parse_hex(epoch)
}

/// Everything superfluous in the shard, by listing it.
///
/// [`Error::Fenced`]: `newest`, of this version, is not the newest manifest.
pub(crate) fn find(
    store: &Arc<dyn Store>,
    shard: &str,
    manifests: &Numbered,
    version: u64,
    newest: &Manifest,
) -> Result<Garbage, Error> {
    // The manifest comes first: what is written while this lists belongs to an epoch that this manifest does not know
    // yet, or is a slot behind the starts that it names.
    manifests.confirm(version)?;
    let mut names = manifests.older_than(version)?;
    names.extend(covered_slots(store.list(&log_prefix(shard))?, shard, newest));
    names.extend(stray_segments(store.list(&segment_prefix(shard))?, shard, newest));
    Ok(Garbage::of(Arc::clone(store), names))
}

/// Slots below the start of their epoch, and of an epoch that left the manifest all but the last, which is its seal. (A
/// sealer that slept may have put a seal into a collected slot below it: that one fences nobody and goes.)
fn covered_slots(listed: Vec<String>, shard: &str, newest: &Manifest) -> Vec<String> {
    let prefix = log_prefix(shard);
    let mut starts: BTreeMap<u64, u64> = BTreeMap::new();
    for (epoch, seq) in listed.iter().filter_map(|name| parse_slot(&prefix, name)) {
        let last = starts.entry(epoch).or_default();
        *last = seq.max(*last);
    }
    starts.extend(newest.epochs.iter().map(|listed| (listed.epoch, listed.start)));
    let is_covered = |name: &String| {
        parse_slot(&prefix, name).is_some_and(|(epoch, seq)| {
            epoch <= newest.epoch && starts.get(&epoch).is_some_and(|start| seq < *start)
        })
    };
    listed.into_iter().filter(is_covered).collect()
}

/// Segments of writers before the newest that it does not name. Those of its own epoch may be about to be committed.
fn stray_segments(listed: Vec<String>, shard: &str, newest: &Manifest) -> Vec<String> {
    let prefix = segment_prefix(shard);
    let named: BTreeSet<&String> = newest.segments.iter().collect();
    let is_stray = |name: &String| {
        parse_segment(&prefix, name).is_some_and(|epoch| epoch < newest.epoch) && !named.contains(name)
    };
    listed.into_iter().filter(is_stray).collect()
}
