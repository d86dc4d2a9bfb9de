//! The sweep notices a subject that loses what it acknowledged, keeps what it should not, or forgets on failure.

use std::sync::{Arc, Mutex};

use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;
use kindred_storage::{Fault, Store};
use kindred_testkit::Reference;
use kindred_testkit::crash::{Handle, Shared, sweep, workload};
use kindred_testkit::subject::{Change, Contents, Failure, FailureKind, Subject};

/// Keeps the numbers of the changes that it was told in the store, one object each, and nothing in between.
struct Ledger<const FLAW: u8> {
    store: Arc<dyn Store>,
    live: Reference,
    count: usize,
}

const HONEST: u8 = 0;
/// Answers before the change is durable.
const EARLY: u8 = 1;
/// Makes a change visible that it then reports as failed and does not keep.
const GHOSTLY: u8 = 2;

/// Refuses what makes room when there is none.
const STUBBORN: u8 = 3;

/// Every change that was ever told; its place here is its number.
static TOLD: Mutex<Vec<Change>> = Mutex::new(Vec::new());

fn number(change: &Change) -> usize {
    let mut told = TOLD.lock().unwrap();
    told.iter().position(|other| other == change).unwrap_or_else(|| {
        told.push(change.clone());
        told.len() - 1
    })
}

fn broken(error: kindred_storage::Error) -> Failure {
    let is_full = matches!(error, kindred_storage::Error::Full { .. });
    let kind = if is_full {
        FailureKind::Full
    } else {
        FailureKind::Broken
    };
    Failure::new(kind, error.to_string())
}

impl<const FLAW: u8> Shared for Ledger<FLAW> {
    fn handle(&self) -> Option<Handle> {
        None
    }

    fn left_behind(_: &dyn Store) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }
}

impl<const FLAW: u8> Ledger<FLAW> {
    fn open(store: Arc<dyn Store>, _seed: u64) -> Result<Self, Failure> {
        let mut live = Reference::new();
        let names = store.list("done/").map_err(broken)?;
        for name in &names {
            let number: usize = std::str::from_utf8(&store.get(name, None).map_err(broken)?)
                .unwrap()
                .parse()
                .unwrap();
            // Refused steps are kept too: some of them do a part.
            let change = TOLD.lock().unwrap()[number].clone();
            drop(live.change(&change));
        }
        Ok(Self {
            store,
            live,
            count: names.len(),
        })
    }
}

impl<const FLAW: u8> Subject for Ledger<FLAW> {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        let number = number(change).to_string();
        let mut next = self.live.clone();
        let outcome = next.change(change);
        if FLAW == GHOSTLY {
            self.live = next.clone();
        }
        let name = format!("done/{:04}", self.count);
        let written = if change.makes_room() && FLAW != STUBBORN {
            self.store.create_urgent(&name, number.as_bytes())
        } else {
            self.store.create(&name, number.as_bytes())
        };
        match written {
            Err(_) if FLAW == EARLY => {}
            Err(kindred_storage::Error::Exists { .. }) | Ok(()) => {}
            Err(error) => return Err(broken(error)),
        }
        self.count += 1;
        self.live = next;
        outcome
    }

    fn query(&self, collection: &str, request: &QueryRequest) -> Result<Vec<ScoredPoint>, Failure> {
        self.live.query(collection, request)
    }

    fn groups(&self, collection: &str, request: &GroupsRequest) -> Result<Vec<PointGroup>, Failure> {
        self.live.groups(collection, request)
    }

    fn retrieve(&self, collection: &str, request: &RetrieveRequest) -> Result<Vec<Record>, Failure> {
        self.live.retrieve(collection, request)
    }

    fn scroll(&self, collection: &str, request: &ScrollRequest) -> Result<ScrollPage, Failure> {
        self.live.scroll(collection, request)
    }

    fn count(&self, collection: &str, request: &CountRequest) -> Result<u64, Failure> {
        self.live.count(collection, request)
    }

    fn facet(&self, collection: &str, request: &FacetRequest) -> Result<Vec<FacetHit>, Failure> {
        self.live.facet(collection, request)
    }

    fn contents(&self) -> Result<Contents, Failure> {
        self.live.contents()
    }
}

fn check<const FLAW: u8>(fault: Fault) -> Result<(), String> {
    let swept = sweep(&Ledger::<FLAW>::open, &workload(), fault, 4)?;
    assert_eq!(swept.runs, 4 * swept.points);
    assert!(swept.points > workload().len() as u64);
    Ok(())
}

#[test]
fn an_honest_subject_passes() {
    for fault in [Fault::Crash, Fault::Error, Fault::LostAnswer, Fault::Full] {
        check::<HONEST>(fault).unwrap();
    }
}

#[test]
fn an_early_answer_is_noticed() {
    for fault in [Fault::Crash, Fault::Error] {
        assert!(check::<EARLY>(fault).is_err(), "{fault:?}");
    }
}

#[test]
fn a_change_that_is_seen_and_then_lost_is_noticed() {
    // Seen after the failure by whoever tries again on the same handle, gone after opening.
    assert!(check::<GHOSTLY>(Fault::Error).is_err());
}

#[test]
fn a_deletion_that_is_refused_for_want_of_room_is_noticed() {
    assert!(check::<STUBBORN>(Fault::Full).is_err());
}
