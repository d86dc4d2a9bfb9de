//! A list of texts kept in a journal: the smallest engine. Its checkpoint writes the whole list into the body.

use std::fmt;
use std::sync::Arc;

use kindred_storage::{Error, Garbage, Journal, Store};

pub(crate) const SHARD: &str = "c/x/s0/";

/// An open shard and the list that its openings and appends have made.
pub(crate) struct Shard {
    store: Arc<dyn Store>,
    pub(crate) journal: Journal,
    pub(crate) list: Vec<String>,
}

impl Shard {
    pub(crate) fn open(store: Arc<dyn Store>, seed: u128) -> Result<Shard, Error> {
        let claimed = Journal::claim(store.clone(), SHARD, seed)?;
        let body = String::from_utf8(claimed.body().to_vec()).unwrap();
        let mut list: Vec<String> = body.split_terminator('\n').map(str::to_owned).collect();
        assert_eq!(claimed.replay_from().0, count(&list) + 1);
        for segment in claimed.segments() {
            match store.get(segment, None) {
                Ok(bytes) => assert_eq!(*bytes, *claimed.body(), "{segment}"),
                // Collected by a newer opening; else it is lost, which the caller takes for an error of the test.
                Err(error @ Error::NotFound { .. }) => return Err(claimed.check().err().unwrap_or(error)),
                Err(error) => return Err(error),
            }
        }
        let journal = claimed.recover(|lsn, record| {
            assert_eq!(lsn.0, count(&list) + 1, "contiguous");
            list.push(String::from_utf8(record.to_vec()).unwrap());
            Ok::<(), Error>(())
        })?;
        assert_eq!(journal.next_lsn().0, count(&list) + 1);
        Ok(Shard { store, journal, list })
    }

    pub(crate) fn append(&mut self, batch: &[String]) -> Result<(), Error> {
        let first = self.journal.append(batch, false)?;
        assert_eq!(first.0, count(&self.list) + 1);
        self.list.extend_from_slice(batch);
        Ok(())
    }

    /// A checkpoint, and the collection of what it makes superfluous.
    pub(crate) fn checkpoint(&mut self, keep: usize) -> Result<(), Error> {
        match self.commit(keep)? {
            Some(garbage) => garbage.collect().map(drop),
            None => Ok(()),
        }
    }

    /// Collects everything that is superfluous, and sees that only what is needed is left in the store. Nobody else may
    /// be writing.
    pub(crate) fn collect_and_check(&self) {
        self.journal.garbage().unwrap().collect().unwrap();
        assert!(self.journal.garbage().unwrap().is_empty());
        let count = |part: &str| self.store.list(&format!("{SHARD}{part}")).unwrap().len();
        assert_eq!(count("m/"), 1, "the newest manifest");
        let older_epochs = usize::try_from(self.journal.epoch() - 1).unwrap();
        let records = self.journal.next_lsn().0 - self.journal.replay_from().0;
        let slots = count("log/");
        assert!(slots >= older_epochs, "a seal for every older epoch");
        let needed = older_epochs + usize::try_from(records).unwrap();
        assert!(slots <= needed, "and what is to be replayed");
        let own = format!("{SHARD}seg/{:016x}-", self.journal.epoch());
        let segments = self.store.list(&format!("{SHARD}seg/")).unwrap();
        let named = self.journal.segments();
        assert!(
            named.iter().all(|name| segments.contains(name)),
            "named and there"
        );
        let is_needed = |name: &String| named.contains(name) || name.starts_with(&own);
        assert!(segments.iter().all(is_needed), "{segments:?}");
    }

    /// A checkpoint that leaves the newest `keep` texts to the log.
    pub(crate) fn commit(&mut self, keep: usize) -> Result<Option<Garbage>, Error> {
        let covered = self.list.len().saturating_sub(keep);
        let from = kindred_storage::Lsn(count(&self.list[..covered]) + 1);
        if from < self.journal.replay_from() {
            return Ok(None);
        }
        let body: String = self.list[..covered]
            .iter()
            .map(|text| format!("{text}\n"))
            .collect();
        let segment = self.journal.segment_name();
        self.store.create(&segment, body.as_bytes())?;
        let garbage = self
            .journal
            .checkpoint(from, vec![segment.clone()], body.into_bytes());
        if let Err(Error::Full { .. } | Error::TooLarge { .. }) = garbage {
            Garbage::of(self.store.clone(), vec![segment]).collect()?;
        }
        garbage.map(Some)
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shard({:?}, {:?})", self.journal, self.list)
    }
}

fn count(list: &[String]) -> u64 {
    list.len().try_into().unwrap()
}
