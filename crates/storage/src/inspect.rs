//! A shard as somebody sees it who takes no part in it: for `verify`, which writes nothing, and for its repair, which
//! takes the shard over though not all of it can be read.
//!
//! INVARIANT: only [`Takeover`] and [`make_identity`] write. A takeover fences older writers exactly as a claim does,
//! and until it commits, the shard is as damaged as before and has lost nothing.

use std::sync::Arc;

use crate::error::{Error, Flaw};
use crate::fields::offset;
use crate::garbage::{self, segment_name, segment_prefix};
use crate::identity::{self, Identity};
use crate::log::{EpochStart, Lsn, fence, log_prefix, look, parse_slot};
use crate::manifest::{self, Manifest};
use crate::numbered::{MAX_NUMBERED_BYTES, Numbered};
use crate::put::{Put, PutIds, Urgency, put};
use crate::store::{STORE_NAME, Store};

pub use crate::log::{Accept, Break, LogFound};

/// Manifests by the names of their objects, newest first: read, or the reason why not.
pub type Manifests = Vec<(String, Result<Found, Error>)>;

/// Epochs that newer manifests than the one that can be read may have claimed: each is looked at and fenced.
const MAX_VERSIONS_BACK: u64 = 10_000;

/// What the store says of itself; `None` without a `STORE`. Writes nothing.
pub fn identity(store: &dyn Store) -> Result<Option<Identity>, Error> {
    identity::read(store)
}

/// Makes a `STORE` where there is none, without the checks of a first opening: other objects are there already.
///
/// [`Error::Exists`]: there is one.
pub fn make_identity(store: &dyn Store, uuid: u128) -> Result<(), Error> {
    let bytes = identity::encode(uuid);
    match put(store, STORE_NAME, &bytes, bytes.len(), Urgency::Urgent)? {
        Put::Done => Ok(()),
        Put::Taken(_) => Err(Error::exists(STORE_NAME)),
    }
}

/// The versions of a numbered object that exist, newest first. Names and errors as for [`Numbered::open`].
pub fn versions(store: &Arc<dyn Store>, prefix: &str, suffix: &'static str) -> Result<Vec<u64>, Error> {
    let numbered = Numbered::open(Arc::clone(store), prefix, suffix)?;
    let names = store.list(prefix)?;
    let mut versions: Vec<u64> = names.iter().filter_map(|name| numbered.version(name)).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    Ok(versions)
}

/// A manifest that can be read.
#[derive(Debug, Clone)]
pub struct Found {
    name: String,
    version: u64,
    manifest: Manifest,
}

impl Found {
    /// The name of the object.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first lsn to replay.
    pub fn replay_from(&self) -> Lsn {
        self.manifest.from
    }

    /// The names that the checkpoint was given.
    pub fn segments(&self) -> &[String] {
        &self.manifest.segments
    }

    /// The bytes that the checkpoint was given.
    pub fn body(&self) -> &[u8] {
        &self.manifest.body
    }
}

/// A shard that is only looked at.
#[derive(Clone)]
pub struct Shard {
    store: Arc<dyn Store>,
    prefix: String,
    manifests: Numbered,
}

impl Shard {
    /// `prefix` is that of [`crate::Journal::open`]. Touches nothing.
    pub fn new(store: Arc<dyn Store>, prefix: &str) -> Result<Shard, Error> {
        let manifests = Numbered::open(Arc::clone(&store), &format!("{prefix}m/"), ".mf")?;
        Ok(Shard {
            store,
            prefix: prefix.to_owned(),
            manifests,
        })
    }

    /// All manifests that are there, newest first, each by its name, and read or the reason why not. An error is a
    /// store that cannot be read.
    pub fn manifests(&self) -> Result<Manifests, Error> {
        let mut found = Vec::new();
        for version in versions(&self.store, &format!("{}m/", self.prefix), ".mf")? {
            let name = self.manifests.name(version);
            let read = match self.store.get(&name, Some(0..MAX_NUMBERED_BYTES as u64 + 1)) {
                Ok(bytes) => Manifest::decode(&name, version, &bytes),
                Err(error @ Error::NotFound { .. }) => Err(error),
                Err(error) => return Err(error),
            };
            let read = read.map(|manifest| Found {
                name: name.clone(),
                version,
                manifest,
            });
            found.push((name, read));
        }
        Ok(found)
    }

    /// Reads the log behind a manifest: `accept` is called for every record in order, up to the first damage. What it
    /// refuses is damage, too. An error is a store that cannot be read.
    pub fn log(&self, manifest: &Found, accept: Accept<'_>) -> Result<LogFound, Error> {
        let epochs = self.epochs(manifest)?;
        look(
            &*self.store,
            &self.prefix,
            &epochs,
            manifest.manifest.from,
            accept,
        )
    }

    /// How many objects nothing needs any more, if this manifest is the newest; the next opening collects them.
    pub fn superfluous(&self, newest: &Found) -> Result<u64, Error> {
        let Found {
            version, manifest, ..
        } = newest;
        let garbage = garbage::find(&self.store, &self.prefix, &self.manifests, *version, manifest)?;
        // With the next opening the segments of the present epoch are those of an older one.
        let segments = segment_prefix(&self.prefix);
        let own = self.store.list(&segments)?;
        let own = own.iter().filter(|name| {
            garbage::parse_segment(&segments, name) == Some(manifest.epoch)
                && !manifest.segments.contains(name)
        });
        Ok(offset(garbage.names().len() + own.count()))
    }

    /// Takes the shard over from `base`, whatever else of it is damaged: older writers are fenced. `seed` is a random
    /// number that no opening ever used.
    ///
    /// [`Error::Exists`] or [`Error::Fenced`]: another opening does the same.
    pub fn take_over(&self, base: &Found, seed: u128) -> Result<Takeover, Error> {
        let mut ids = PutIds::new(seed);
        let mut manifest = base.manifest.clone();
        let older = self.epochs(base)?;
        let last = older.last().map_or(manifest.epoch, |last| last.epoch);
        manifest.epoch = last.saturating_add(1);
        manifest.epochs = older.clone();
        manifest.epochs.push(EpochStart {
            epoch: manifest.epoch,
            start: 0,
        });
        let version = self.newest_version(base)?.saturating_add(1);
        let name = self.manifests.name(version);
        let bytes = manifest.encode(&name, version, ids.draw())?;
        self.manifests.commit(version, &bytes)?;
        fence(&*self.store, &self.prefix, &older, &mut ids)?;
        Ok(Takeover {
            shard: self.clone(),
            ids,
            epoch: manifest.epoch,
            segment_count: 0,
        })
    }

    fn newest_version(&self, base: &Found) -> Result<u64, Error> {
        let listed = versions(&self.store, &format!("{}m/", self.prefix), ".mf")?;
        Ok(listed.first().copied().unwrap_or(base.version))
    }

    /// The epochs that may hold records behind `base`: those that it lists, and when newer manifests are damaged or
    /// lost, all that those can have claimed, or that left anything behind.
    fn epochs(&self, base: &Found) -> Result<Vec<EpochStart>, Error> {
        let own = base.manifest.epoch;
        let back = self.newest_version(base)?.saturating_sub(base.version);
        let log = log_prefix(&self.prefix);
        let slots = self.store.list(&log)?;
        let slots = slots.iter().filter_map(|name| parse_slot(&log, name));
        let segments = segment_prefix(&self.prefix);
        let sealed = self.store.list(&segments)?;
        let sealed = sealed
            .iter()
            .filter_map(|name| garbage::parse_segment(&segments, name));
        let seen = slots.map(|(epoch, _)| epoch).chain(sealed).max().unwrap_or(0);
        let last = seen.max(own.saturating_add(back));
        if last.saturating_sub(own) > MAX_VERSIONS_BACK {
            return Err(Error::corrupt(&base.name, 48, Flaw::Value("the epoch")));
        }
        let mut epochs = base.manifest.epochs.clone();
        let newer = own.saturating_add(1)..=last;
        epochs.extend(newer.map(|epoch| EpochStart { epoch, start: 0 }));
        Ok(epochs)
    }
}

/// A shard that is being repaired.
pub struct Takeover {
    shard: Shard,
    ids: PutIds,
    epoch: u64,
    segment_count: u64,
}

impl Takeover {
    /// As [`crate::Journal::segment_name`].
    pub fn segment_name(&mut self) -> String {
        self.segment_count += 1;
        segment_name(&self.shard.prefix, self.epoch, self.segment_count)
    }

    /// Ends the repair: from now on the shard is what `segments` and `body` hold, and its next record has the lsn
    /// `next`. All that the log held until now is garbage.
    pub fn commit(mut self, next: Lsn, segments: Vec<String>, body: Vec<u8>) -> Result<(), Error> {
        let own = EpochStart {
            epoch: self.epoch,
            start: 0,
        };
        let manifest = Manifest {
            epoch: self.epoch,
            from: next,
            epochs: vec![own],
            segments,
            body,
        };
        manifest::checkpoint(&self.shard.manifests, &manifest, &mut self.ids)?;
        Ok(())
    }
}
