//! The shard manifest: which epoch writes, where replay begins, and what a checkpoint has made durable beside the log.
//! Versions replace each other (`m/<v20>.mf`); the journal claims and checkpoints through this.
//!
//! INVARIANT: epochs only grow from version to version, and a manifest names every epoch that may not be sealed yet.

use std::io;

use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, offset, write_prelude};
use crate::log::{EpochStart, Lsn};
use crate::numbered::Numbered;
use crate::put::PutIds;

const MAGIC: [u8; 8] = *b"KNDRMANI";

/// How many other writers may get ahead of one claim.
const MAX_CLAIM_ATTEMPTS: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The epoch of the writer that made this version; the last of `epochs`.
    pub(crate) epoch: u64,
    /// Replay begins with this record.
    pub(crate) from: Lsn,
    /// Ascending: the epochs to replay, the writer's own last.
    pub(crate) epochs: Vec<EpochStart>,
    /// Names, opaque here, of the objects that hold what comes before `from`.
    pub(crate) segments: Vec<String>,
    /// Whatever else the engine keeps with them.
    pub(crate) body: Vec<u8>,
}

impl Manifest {
    /// Before the first claim.
    fn empty() -> Manifest {
        Manifest {
            epoch: 0,
            from: Lsn(1),
            epochs: Vec::new(),
            segments: Vec::new(),
            body: Vec::new(),
        }
    }

    pub(crate) fn encode(&self, name: &str, version: u64, put_id: u128) -> Result<Vec<u8>, Error> {
        // Only a list or text of more than 4 G items or bytes fails here.
        let too_large = |_| Error::TooLarge {
            object: name.to_owned(),
            size_bytes: u64::MAX,
            limit_bytes: u32::MAX.into(),
        };
        let count = |len: usize| u32::try_from(len).map(u32::to_le_bytes).map_err(too_large);
        let mut out = Vec::new();
        write_prelude(&mut out, &MAGIC);
        out.extend_from_slice(&count(self.epochs.len())?);
        out.extend_from_slice(&put_id.to_le_bytes());
        out.extend_from_slice(&version.to_le_bytes());
        out.extend_from_slice(&self.epoch.to_le_bytes());
        out.extend_from_slice(&self.from.0.to_le_bytes());
        out.extend_from_slice(&count(self.segments.len())?);
        out.extend_from_slice(&count(self.body.len())?);
        for EpochStart { epoch, start } in &self.epochs {
            out.extend_from_slice(&epoch.to_le_bytes());
            out.extend_from_slice(&start.to_le_bytes());
        }
        for segment in &self.segments {
            out.extend_from_slice(&count(segment.len())?);
            out.extend_from_slice(segment.as_bytes());
        }
        out.extend_from_slice(&self.body);
        let crc = crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        Ok(out)
    }

    pub(crate) fn decode(name: &str, version: u64, bytes: &[u8]) -> Result<Manifest, Error> {
        // The version comes first, for a newer one may end otherwise.
        Fields::new(name, bytes).prelude(&MAGIC)?;
        let Some((checked, crc)) = bytes.split_last_chunk::<4>() else {
            return Err(Error::corrupt(name, offset(bytes.len()), Flaw::Short));
        };
        if crc32c(checked) != u32::from_le_bytes(*crc) {
            return Err(Error::corrupt(name, offset(checked.len()), Flaw::Checksum));
        }
        let mut fields = Fields::new(name, checked);
        fields.prelude(&MAGIC)?;
        let epoch_count = fields.count()?;
        let _put_id = fields.u128()?;
        if fields.u64()? != version {
            return Err(fields.corrupt(Flaw::Value("the version (it belongs to another name)")));
        }
        let epoch = fields.u64()?;
        let from = Lsn(fields.u64()?);
        let segment_count = fields.count()?;
        let body_len = fields.count()?;
        let mut epochs: Vec<EpochStart> = Vec::new();
        for _ in 0..epoch_count {
            let next = EpochStart {
                epoch: fields.u64()?,
                start: fields.u64()?,
            };
            if epochs.last().is_some_and(|last| last.epoch >= next.epoch) {
                return Err(fields.corrupt(Flaw::Value("the order of epochs")));
            }
            epochs.push(next);
        }
        if epochs.last().is_none_or(|last| last.epoch != epoch) || from.0 == 0 {
            return Err(fields.corrupt(Flaw::Value("the epoch or the first lsn")));
        }
        let mut segments = Vec::new();
        for _ in 0..segment_count {
            let len = fields.count()?;
            let text = str::from_utf8(fields.take(len)?);
            segments.push(
                text.map_err(|_| fields.corrupt(Flaw::Value("a segment name")))?
                    .to_owned(),
            );
        }
        let body = fields.take(body_len)?.to_vec();
        if !fields.rest().is_empty() {
            return Err(fields.corrupt(Flaw::Trailing));
        }
        Ok(Manifest {
            epoch,
            from,
            epochs,
            segments,
            body,
        })
    }
}

pub(crate) fn newest(manifests: &Numbered) -> Result<Option<(u64, Manifest)>, Error> {
    let Some((version, bytes)) = manifests.newest()? else {
        return Ok(None);
    };
    Manifest::decode(&manifests.name(version), version, &bytes).map(|manifest| Some((version, manifest)))
}

/// Step *claim* of the protocol (rule 1): the next version with the next epoch, which belongs to the caller from then
/// on. The epochs before it are still open to their writers until they are sealed.
///
/// [`Error::Fenced`]: others went on while this slept; it must not retry by itself. The version comes with it.
pub(crate) fn claim(manifests: &Numbered, ids: &mut PutIds) -> Result<(u64, Manifest), Error> {
    for _ in 0..MAX_CLAIM_ATTEMPTS {
        let (version, mut manifest) = newest(manifests)?.unwrap_or((0, Manifest::empty()));
        let next = version.saturating_add(1);
        let name = manifests.name(next);
        let epoch = manifest.epoch.checked_add(1);
        manifest.epoch = epoch.ok_or_else(|| Error::corrupt(&name, 0, Flaw::Value("the epoch")))?;
        manifest.epochs.push(EpochStart {
            epoch: manifest.epoch,
            start: 0,
        });
        match manifests.commit(next, &manifest.encode(&name, next, ids.draw())?) {
            Ok(()) => return Ok((next, manifest)),
            Err(Error::Exists { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::io(
        &manifests.name(0),
        io::Error::other("other writers keep claiming"),
    ))
}

/// Step *checkpoint* of the protocol (rule 5): a new version, if the newest is still of the same epoch. Everything it
/// names must be durable already. Gives the version that was made; the one below it is superfluous.
///
/// [`Error::Fenced`]: another writer has claimed.
pub(crate) fn checkpoint(manifests: &Numbered, manifest: &Manifest, ids: &mut PutIds) -> Result<u64, Error> {
    let Some((version, found)) = newest(manifests)? else {
        return Err(Error::corrupt(&manifests.name(1), 0, Flaw::Missing));
    };
    if found.epoch != manifest.epoch {
        return Err(Error::fenced(&manifests.name(version)));
    }
    let next = version.saturating_add(1);
    let name = manifests.name(next);
    match manifests.commit(next, &manifest.encode(&name, next, ids.draw())?) {
        Err(Error::Exists { object }) => Err(Error::Fenced { object }),
        done => done.map(|()| next),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_manifest() -> impl Strategy<Value = Manifest> {
        let epochs = prop::collection::btree_map(1_u64..9, any::<u64>(), 1..4);
        let segments = prop::collection::vec("[a-z/é]{0,9}", 0..4);
        let body = prop::collection::vec(any::<u8>(), 0..20);
        (epochs, 1_u64.., segments, body).prop_map(|(epochs, from, segments, body)| {
            let epochs: Vec<_> = epochs
                .into_iter()
                .map(|(epoch, start)| EpochStart { epoch, start })
                .collect();
            Manifest {
                epoch: epochs[epochs.len() - 1].epoch,
                from: Lsn(from),
                epochs,
                segments,
                body,
            }
        })
    }

    proptest! {
        #[test]
        fn manifests_read_back_and_no_flip_or_cut_passes(manifest in any_manifest(), mask in 1_u8..) {
            let bytes = manifest.encode("x", 3, 4).unwrap();
            prop_assert_eq!(&Manifest::decode("x", 3, &bytes).unwrap(), &manifest);
            prop_assert!(Manifest::decode("x", 4, &bytes).is_err(), "under another name");
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= mask;
                prop_assert!(Manifest::decode("x", 3, &flipped).is_err(), "flip at {}", at);
                prop_assert!(Manifest::decode("x", 3, &bytes[..at]).is_err(), "cut at {}", at);
            }
        }

        #[test]
        fn counts_are_not_believed(
            at in 12_usize..72, value in any::<u32>(), manifest in any_manifest(),
        ) {
            let mut bytes = manifest.encode("x", 3, 4).unwrap();
            let end = bytes.len() - 4;
            let Some(field) = bytes.get_mut(at..at + 4) else { return Ok(()) };
            field.copy_from_slice(&value.to_le_bytes());
            let crc = crc32c(&bytes[..end]).to_le_bytes();
            bytes[end..].copy_from_slice(&crc);
            // Read or refused, within the memory that the bytes themselves take.
            Manifest::decode("x", 3, &bytes).ok();
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut bytes = Manifest {
            epoch: 1,
            epochs: vec![EpochStart { epoch: 1, start: 0 }],
            ..Manifest::empty()
        }
        .encode("x", 1, 0)
        .unwrap();
        bytes[8] = 2;
        assert!(matches!(
            Manifest::decode("x", 1, &bytes),
            Err(Error::Version { found: 2, .. })
        ));
    }
}
