//! A list of texts kept in a journal: the smallest engine. Its checkpoint writes the whole list into the body.

use std::sync::Arc;

use kindred_storage::{Error, Journal, Store};

pub(crate) const SHARD: &str = "c/x/s0/";

/// An open shard and the list that its openings and appends have made.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) journal: Journal,
    pub(crate) list: Vec<String>,
}

impl Shard {
    pub(crate) fn open(store: Arc<dyn Store>, seed: u128) -> Result<Shard, Error> {
        let claimed = Journal::claim(store, SHARD, seed)?;
        let body = String::from_utf8(claimed.body().to_vec()).unwrap();
        let mut list: Vec<String> = body.split_terminator('\n').map(str::to_owned).collect();
        assert_eq!(claimed.replay_from().0, count(&list) + 1);
        let journal = claimed.recover(|lsn, record| {
            assert_eq!(lsn.0, count(&list) + 1, "contiguous");
            list.push(String::from_utf8(record.to_vec()).unwrap());
            Ok::<(), Error>(())
        })?;
        assert_eq!(journal.next_lsn().0, count(&list) + 1);
        Ok(Shard { journal, list })
    }

    pub(crate) fn append(&mut self, batch: &[String]) -> Result<(), Error> {
        let first = self.journal.append(batch)?;
        assert_eq!(first.0, count(&self.list) + 1);
        self.list.extend_from_slice(batch);
        Ok(())
    }

    /// Leaves the newest `keep` texts to the log.
    pub(crate) fn checkpoint(&mut self, keep: usize) -> Result<(), Error> {
        let covered = self.list.len().saturating_sub(keep);
        let from = kindred_storage::Lsn(count(&self.list[..covered]) + 1);
        if from < self.journal.replay_from() {
            return Ok(());
        }
        let body: String = self.list[..covered]
            .iter()
            .map(|text| format!("{text}\n"))
            .collect();
        self.journal
            .checkpoint(from, vec![format!("upto-{covered}")], body.into_bytes())
    }
}

fn count(list: &[String]) -> u64 {
    list.len().try_into().unwrap()
}
