//! Stores that do not keep their promises, each in one way, must be refused; one that does must pass.

use super::*;
use crate::store::{MemoryStore, Object};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a store does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vice {
    None,
    /// Every create succeeds, the last one stays.
    Overwrites,
    /// Looks, waits until the other writers have looked, and then writes.
    LooksThenWrites,
    /// Says "exists" (409) to each writer the first time, though nothing is there.
    Conflicts,
    /// The answer to every successful create of a race is lost.
    LosesAnswers,
    /// Says "exists" always, and writes never.
    NeverCreates,
    /// The newest object is missing in the first list after it.
    ListsLate,
    /// A deleted object stays in lists.
    ListsDeleted,
    /// A deleted object can be read.
    ReadsDeleted,
    /// Gives whole objects for ranges.
    IgnoresRanges,
    /// Lists with a limit, and no further pages.
    OnePage,
    /// Deletes nothing.
    KeepsAll,
}

struct Fake {
    vice: Vice,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    deleted: MemoryStore,
    unlisted: Mutex<Option<String>>,
    looked: Barrier,
    conflicts: Mutex<BTreeSet<(String, Vec<u8>)>>,
}

impl Fake {
    fn new(vice: Vice) -> Self {
        Fake {
            vice,
            objects: Mutex::default(),
            deleted: MemoryStore::new(),
            unlisted: Mutex::default(),
            looked: Barrier::new(usize::from(WRITERS)),
            conflicts: Mutex::default(),
        }
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        self.objects.lock().insert(name.to_owned(), bytes.to_vec());
        *self.unlisted.lock() = Some(name.to_owned());
    }

    fn put_if_absent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let mut objects = self.objects.lock();
        if objects.contains_key(name) {
            return Err(Error::exists(name));
        }
        objects.insert(name.to_owned(), bytes.to_vec());
        *self.unlisted.lock() = Some(name.to_owned());
        Ok(())
    }
}

impl Store for Fake {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let is_race = !name.ends_with("object");
        let is_there = self.objects.lock().contains_key(name);
        if self.vice == Vice::Overwrites {
            self.put(name, bytes);
            return Ok(());
        }
        if self.vice == Vice::LooksThenWrites && is_race {
            self.looked.wait();
            if is_there {
                return Err(Error::exists(name));
            }
            self.put(name, bytes);
            return Ok(());
        }
        if self.vice == Vice::Conflicts && is_race {
            let is_first = self.conflicts.lock().insert((name.to_owned(), bytes.to_vec()));
            if is_first {
                return Err(Error::exists(name));
            }
        }
        if self.vice == Vice::LosesAnswers && is_race {
            self.put_if_absent(name, bytes)?;
            return Err(Error::io(name, io::Error::other("lost")));
        }
        if self.vice == Vice::NeverCreates {
            return Err(Error::exists(name));
        }
        self.put_if_absent(name, bytes)
    }

    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        let range = range.filter(|_| self.vice != Vice::IgnoresRanges);
        if self.vice == Vice::ReadsDeleted && !self.objects.lock().contains_key(name) {
            return self.deleted.get(name, range);
        }
        let copy = MemoryStore::new();
        if let Some(bytes) = self.objects.lock().get(name) {
            copy.create(name, bytes)?;
        }
        copy.get(name, range)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let mut names: Vec<String> = self.objects.lock().keys().cloned().collect();
        names.retain(|name| name.starts_with(prefix));
        if self.vice == Vice::ListsDeleted {
            names.extend(self.deleted.list(prefix)?);
        }
        if self.vice == Vice::ListsLate
            && let Some(late) = self.unlisted.lock().take()
        {
            names.retain(|name| *name != late);
        }
        if self.vice == Vice::OnePage {
            names.truncate(10);
        }
        Ok(names)
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        if self.vice == Vice::KeepsAll {
            return Ok(());
        }
        if let Some(bytes) = self.objects.lock().remove(name) {
            self.deleted.create(name, &bytes)?;
        }
        Ok(())
    }
}

#[track_caller]
fn check_vice(vice: Vice, expected: Option<&str>) {
    let fake = Fake::new(vice);
    match (check(&fake), expected) {
        (Ok(()), None) => {
            assert!(fake.objects.lock().is_empty(), "{vice:?} leaves something");
        }
        (Err(error), Some(part)) => {
            let text = error.to_string();
            assert!(text.contains(part), "{vice:?}: {text}");
        }
        (outcome, expected) => panic!("{vice:?}: {outcome:?}, expected {expected:?}"),
    }
}

#[test]
fn a_store_that_keeps_its_promises_passes() {
    check(&MemoryStore::new()).unwrap();
    check_vice(Vice::None, None);
}

#[test]
fn conflicts_and_lost_answers_are_no_vice() {
    check_vice(Vice::Conflicts, None);
    check_vice(Vice::LosesAnswers, None);
}

#[test]
fn a_store_without_create_if_absent_is_refused() {
    check_vice(Vice::Overwrites, Some("several writers at once"));
    check_vice(Vice::LooksThenWrites, Some("several writers at once"));
    check_vice(Vice::NeverCreates, Some("create finds the object"));
}

#[test]
fn a_store_whose_reads_are_late_or_wrong_is_refused() {
    check_vice(Vice::ListsLate, Some("does not show an object that was written"));
    check_vice(Vice::OnePage, Some("does not show an object that was written"));
    check_vice(Vice::ListsDeleted, Some("shows an object that was deleted"));
    check_vice(Vice::ReadsDeleted, Some("can still be read"));
    check_vice(Vice::IgnoresRanges, Some("does not read ranges"));
    check_vice(Vice::KeepsAll, Some("can still be read"));
}

#[test]
fn whatever_is_wrong_nothing_is_left_that_can_be_deleted() {
    for vice in [
        Vice::Overwrites,
        Vice::LooksThenWrites,
        Vice::IgnoresRanges,
        Vice::ReadsDeleted,
    ] {
        let fake = Fake::new(vice);
        check(&fake).unwrap_err();
        assert!(fake.objects.lock().is_empty(), "{vice:?}");
    }
}
