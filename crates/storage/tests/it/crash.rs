//! The sweep: a workload of claims, seals, appends, checkpoints and reopenings, with a fault at the n-th call, for
//! every n. Every acknowledged text is there, in order and once; the batch in flight is whole or absent; nothing else.

use std::sync::Arc;

use kindred_storage::{Error, Fault, FaultyStore, Identity, MemoryStore, Store};

use crate::shard::Shard;

#[derive(Clone, Copy)]
enum Step {
    Open,
    /// A batch of so many texts.
    Append(usize),
    /// Leaves so many texts to the log.
    Checkpoint(usize),
}

const WORKLOAD: [Step; 18] = [
    Step::Open,
    Step::Append(1),
    Step::Append(3),
    Step::Append(2),
    Step::Open,
    Step::Open,
    Step::Append(2),
    Step::Checkpoint(3),
    Step::Append(1),
    Step::Open,
    Step::Append(4),
    Step::Checkpoint(0),
    Step::Open,
    Step::Append(1),
    Step::Checkpoint(1),
    Step::Open,
    Step::Append(2),
    Step::Append(1),
];

/// What the outside world knows.
#[derive(Default)]
struct Known {
    acknowledged: Vec<String>,
    in_flight: Vec<String>,
    batch_count: usize,
    open_count: u128,
}

impl Known {
    /// Opens, and compares what is found with what is known.
    fn open(&mut self, store: Arc<dyn Store>) -> Result<Shard, Error> {
        self.open_count += 1;
        Identity::open(&*store, self.open_count)?;
        let shard = Shard::open(store, self.open_count)?;
        let with_flight = [&self.acknowledged[..], &self.in_flight[..]].concat();
        assert!(
            shard.list == self.acknowledged || shard.list == with_flight,
            "found {:?}, acknowledged {:?}, in flight {:?}",
            shard.list,
            self.acknowledged,
            self.in_flight
        );
        self.acknowledged.clone_from(&shard.list);
        self.in_flight.clear();
        Ok(shard)
    }

    fn append(&mut self, shard: &mut Shard, count: usize) -> Result<(), Error> {
        self.batch_count += 1;
        let batch: Vec<_> = (0..count)
            .map(|at| format!("batch {} text {at}", self.batch_count))
            .collect();
        match shard.append(&batch) {
            Ok(()) => self.acknowledged.extend(batch),
            // By contract certainly not written.
            Err(error @ Error::Full { .. }) => return Err(error),
            Err(error) => {
                self.in_flight = batch;
                return Err(error);
            }
        }
        Ok(())
    }
}

/// Runs the workload; after an error goes on with a new opening, unless the store has crashed.
fn run(store: &Arc<FaultyStore>, known: &mut Known) {
    let mut shard = None;
    for step in WORKLOAD {
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 5, "one fault cannot fail a step for ever");
            let result = match (&mut shard, step) {
                (shard, Step::Open) => {
                    // The old one goes first, as a process ends before the next begins.
                    *shard = None;
                    known.open(store.clone()).map(|opened| *shard = Some(opened))
                }
                (None, Step::Append(_) | Step::Checkpoint(_)) => known
                    .open(store.clone())
                    .map(|opened| shard = Some(opened))
                    .and(Err(again())),
                (Some(shard), Step::Append(count)) => known.append(shard, count),
                (Some(shard), Step::Checkpoint(keep)) => shard.checkpoint(keep),
            };
            match result {
                Ok(()) => break,
                Err(_) if store.has_crashed() => return,
                Err(Error::Full { .. }) => store.free_space(),
                Err(Error::BadName { .. }) => attempts -= 1,
                Err(error @ (Error::Corrupt { .. } | Error::Fenced { .. })) => panic!("{error}"),
                Err(_) => shard = None,
            }
        }
    }
}

/// A sign for `run` to take the step again now that the shard is open.
fn again() -> Error {
    Error::BadName { name: String::new() }
}

fn sweep(fault: Fault, seeds: u64) {
    let whole = Arc::new(FaultyStore::new(Arc::default()));
    run(&whole, &mut Known::default());
    let calls = whole.calls();
    assert!(calls > 100, "the workload makes {calls} calls");
    for at in 1..=calls {
        for seed in 0..seeds {
            let image = Arc::new(MemoryStore::new());
            let store = Arc::new(FaultyStore::with_fault(image, at, fault, seed));
            let mut known = Known::default();
            run(&store, &mut known);
            assert_eq!(store.has_crashed(), fault == Fault::Crash, "call {at} was made");
            let next = Arc::new(store.reopen());
            let mut shard = known
                .open(next.clone())
                .unwrap_or_else(|error| panic!("{fault:?} at {at}/{seed}: {error}"));
            known.append(&mut shard, 2).unwrap();
            drop(shard);
            known.open(next).unwrap().collect_and_check();
        }
    }
}

#[test]
fn a_crash_at_every_call() {
    sweep(Fault::Crash, 6);
}

#[test]
fn an_error_at_every_call() {
    sweep(Fault::Error, 1);
}

#[test]
fn a_lost_answer_at_every_call() {
    sweep(Fault::LostAnswer, 1);
}

#[test]
fn a_full_store_at_every_call() {
    sweep(Fault::Full, 1);
}

#[test]
fn a_second_crash_during_recovery_at_every_call() {
    let first_crash = |at| {
        let store = Arc::new(FaultyStore::with_fault(Arc::default(), at, Fault::Crash, at));
        let mut known = Known::default();
        run(&store, &mut known);
        (store, known)
    };
    let whole = Arc::new(FaultyStore::new(Arc::default()));
    run(&whole, &mut Known::default());
    for at in 1..=whole.calls() {
        for second in 1.. {
            let (store, mut known) = first_crash(at);
            let image = Arc::new(MemoryStore::new());
            let survived = store.reopen();
            for name in survived.list("").unwrap() {
                image.create(&name, &survived.get(&name, None).unwrap()).unwrap();
            }
            let store = Arc::new(FaultyStore::with_fault(image, second, Fault::Crash, at ^ second));
            let opened = known.open(store.clone());
            assert_eq!(opened.is_err(), store.has_crashed());
            let has_crashed = store.has_crashed();
            drop(opened);
            known.open(Arc::new(store.reopen())).unwrap();
            if !has_crashed {
                break;
            }
        }
    }
}
