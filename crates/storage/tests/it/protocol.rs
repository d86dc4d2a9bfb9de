//! What ties the model to the code: real journals on one store take the steps of the model in random orders, one call
//! at a time, stalled between any two calls, with answers that get lost; and the model's properties are checked.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex};
use std::{io, panic, thread};

use kindred_storage::{Error, Garbage, MemoryStore, Object, Store};

use crate::report;
use crate::shard::Shard;

const WRITERS: usize = 3;
const SEEDS: u64 = 3000;

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(end).unwrap()).unwrap()
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// Lets one writer run at a time, and decides before each of its calls who runs next.
struct Turns {
    state: Mutex<Turn>,
    changed: Condvar,
}

struct Turn {
    random: Random,
    current: usize,
    is_alive: [bool; WRITERS],
    /// Calls that a writer is left out of, unless all are.
    stalled: [u32; WRITERS],
}

impl Turns {
    fn new(seed: u64) -> Turns {
        let state = Turn {
            random: Random(seed),
            current: 0,
            is_alive: [true; WRITERS],
            stalled: [0; WRITERS],
        };
        Turns {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn wait(&self, me: usize) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |turn| turn.current != me).unwrap());
    }

    /// Gives the turn to somebody, perhaps to the same writer, and waits until it comes back.
    fn pass(&self, me: usize) {
        let mut turn = self.state.lock().unwrap();
        if turn.random.percent(3) {
            turn.stalled[me] = u32::try_from(turn.random.below(60)).unwrap();
        }
        turn.choose();
        if turn.current != me {
            drop(turn);
            self.changed.notify_all();
            self.wait(me);
        }
    }

    fn end(&self, me: usize) {
        let mut turn = self.state.lock().unwrap();
        turn.is_alive[me] = false;
        if turn.is_alive.contains(&true) {
            turn.choose();
        }
        drop(turn);
        self.changed.notify_all();
    }

    fn below(&self, end: usize) -> usize {
        self.state.lock().unwrap().random.below(end)
    }
}

impl Turn {
    fn choose(&mut self) {
        let alive = |turn: &Turn| -> Vec<usize> { (0..WRITERS).filter(|who| turn.is_alive[*who]).collect() };
        let mut ready = alive(self);
        ready.retain(|who| self.stalled[*who] == 0);
        self.stalled = self.stalled.map(|calls| calls.saturating_sub(1));
        if ready.is_empty() {
            ready = alive(self);
        }
        // In runs, so that a writer also gets far while the others stand still.
        if !ready.contains(&self.current) || self.random.percent(40) {
            self.current = ready[self.random.below(ready.len())];
        }
    }
}

/// One writer's way to the store: it stalls before each call, and answers get lost.
struct Unreliable {
    image: Arc<MemoryStore>,
    turns: Arc<Turns>,
    who: usize,
}

impl Unreliable {
    fn call<T>(
        &self,
        name: &str,
        is_create: bool,
        act: impl FnOnce(&MemoryStore) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.turns.pass(self.who);
        let lost = |why| Error::io(name, io::Error::other(why));
        match self.turns.below(100) {
            0..4 => Err(lost("the call is lost")),
            4..9 => act(&self.image).and_then(|_| Err(lost("the answer is lost"))),
            // As S3 answers 409 when another create is going on.
            9..12 if is_create => Err(Error::Exists {
                object: name.to_owned(),
            }),
            12..14 if is_create => Err(Error::io(name, io::ErrorKind::StorageFull.into())),
            _ => act(&self.image),
        }
    }
}

impl Store for Unreliable {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.call(name, true, |image| image.create(name, bytes))
    }
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.call(name, false, |image| image.get(name, range))
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.call(prefix, false, |image| image.list(prefix))
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.call(name, false, |image| image.delete(name))
    }
}

/// What the outside world knows, as in the model's state.
#[derive(Default)]
struct Known {
    acknowledged: BTreeSet<String>,
    /// The newest epoch whose recovery has ended, and what it found.
    opened: u64,
    opened_list: Vec<String>,
    /// How often each thing happened, so that the test cannot miss what it is for.
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    openings: u64,
    appends: u64,
    checkpoints: u64,
    collected: u64,
    fenced_opening: u64,
    fenced_append: u64,
    fenced_checkpoint: u64,
    /// Of batches that a newer opening had recovered, and that an answer was still due for.
    late_acknowledgements: u64,
}

struct Writer {
    who: usize,
    seed: u64,
    store: Arc<Unreliable>,
    turns: Arc<Turns>,
    known: Arc<Mutex<Known>>,
    shard: Option<Shard>,
    /// Collected at some time, perhaps long after the writer was fenced.
    garbage: Vec<Garbage>,
    openings: u128,
    texts: usize,
}

impl Writer {
    fn run(&mut self) {
        self.turns.wait(self.who);
        for _ in 0..12 {
            match (self.turns.below(12), self.shard.take()) {
                (0, _) | (_, None) => self.claim_seal_recover(),
                (1..8, Some(shard)) => self.append(shard),
                (8..11, Some(shard)) => self.checkpoint(shard),
                (_, Some(shard)) => {
                    self.garbage.extend(shard.journal.garbage());
                    self.shard = Some(shard);
                }
            }
            if self.turns.below(3) == 0 && !self.garbage.is_empty() {
                let garbage = self.garbage.swap_remove(0);
                let count = garbage.collect().unwrap_or(0);
                self.known.lock().unwrap().counts.collected += count;
            }
        }
    }

    fn claim_seal_recover(&mut self) {
        self.openings += 1;
        let seed = u128::from(self.seed) << 64 | u128::try_from(self.who).unwrap() << 32 | self.openings;
        let opened = Shard::open(self.store.clone(), seed);
        let mut known = self.known.lock().unwrap();
        match opened {
            Ok(shard) => {
                known.counts.openings += 1;
                check_recovered(&known, &shard.list);
                if shard.journal.epoch() > known.opened {
                    known.opened = shard.journal.epoch();
                    known.opened_list.clone_from(&shard.list);
                }
                self.shard = Some(shard);
            }
            Err(Error::Fenced { .. }) => known.counts.fenced_opening += 1,
            Err(Error::Io { .. } | Error::Full { .. }) => {}
            Err(error) => panic!("reported although nothing is lost: {error}"),
        }
    }

    fn append(&mut self, mut shard: Shard) {
        self.texts += 1;
        let batch: Vec<_> = (0..=self.turns.below(2))
            .map(|at| format!("{}.{}.{at}", self.who, self.texts))
            .collect();
        let done = shard.append(&batch);
        let mut known = self.known.lock().unwrap();
        match done {
            Ok(()) => {
                known.counts.appends += 1;
                if known.opened > shard.journal.epoch() {
                    known.counts.late_acknowledgements += 1;
                    let is_known = |text| known.opened_list.contains(text);
                    assert!(
                        batch.iter().all(is_known),
                        "acknowledged by a fenced writer: {batch:?}"
                    );
                }
                known.acknowledged.extend(batch);
                self.shard = Some(shard);
            }
            Err(Error::Fenced { .. }) => known.counts.fenced_append += 1,
            Err(Error::Full { .. }) => self.shard = Some(shard),
            Err(Error::Io { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn checkpoint(&mut self, mut shard: Shard) {
        match shard.commit(self.turns.below(3)) {
            Ok(garbage) => {
                self.garbage.extend(garbage);
                self.known.lock().unwrap().counts.checkpoints += 1;
                self.shard = Some(shard);
            }
            Err(Error::Fenced { .. }) => self.known.lock().unwrap().counts.fenced_checkpoint += 1,
            Err(Error::Full { .. } | Error::Exists { .. }) => self.shard = Some(shard),
            Err(Error::Io { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Everything acknowledged is there, and nothing twice.
fn check_recovered(known: &Known, list: &[String]) {
    let found: BTreeSet<&String> = list.iter().collect();
    assert_eq!(found.len(), list.len(), "applied twice: {list:?}");
    let lost: Vec<_> = known
        .acknowledged
        .iter()
        .filter(|text| !found.contains(text))
        .collect();
    assert!(lost.is_empty(), "acknowledged, but not recovered: {lost:?}");
}

fn run(seed: u64) -> Known {
    let image = Arc::new(MemoryStore::new());
    let turns = Arc::new(Turns::new(seed));
    let known = Arc::new(Mutex::new(Known::default()));
    thread::scope(|scope| {
        for who in 0..WRITERS {
            let mut writer = Writer {
                who,
                seed,
                store: Arc::new(Unreliable {
                    image: image.clone(),
                    turns: turns.clone(),
                    who,
                }),
                turns: turns.clone(),
                known: known.clone(),
                shard: None,
                garbage: Vec::new(),
                openings: 0,
                texts: 0,
            };
            scope.spawn(move || {
                let ended = panic::catch_unwind(panic::AssertUnwindSafe(|| writer.run()));
                writer.turns.end(writer.who);
                if let Err(cause) = ended {
                    eprintln!("seed {seed}, writer {}", writer.who);
                    panic::resume_unwind(cause);
                }
            });
        }
    });
    let known = Arc::into_inner(known).unwrap().into_inner().unwrap();
    let shard = Shard::open(image.clone(), u128::MAX - u128::from(seed)).unwrap();
    check_recovered(&known, &shard.list);
    shard.collect_and_check();
    known
}

#[test]
fn random_orders_of_the_steps_keep_what_the_model_promises() {
    let mut sum = Counts::default();
    for seed in 0..SEEDS {
        let counts = run(seed).counts;
        sum.openings += counts.openings;
        sum.appends += counts.appends;
        sum.checkpoints += counts.checkpoints;
        sum.collected += counts.collected;
        sum.fenced_opening += counts.fenced_opening;
        sum.fenced_append += counts.fenced_append;
        sum.fenced_checkpoint += counts.fenced_checkpoint;
        sum.late_acknowledgements += counts.late_acknowledgements;
    }
    report(&format!("{SEEDS} seeds: {sum:?}"));
    let rarest = [
        sum.openings,
        sum.appends,
        sum.checkpoints,
        sum.collected,
        sum.fenced_opening,
        sum.fenced_append,
        sum.fenced_checkpoint,
    ];
    assert!(
        rarest.iter().all(|count| *count > SEEDS / 10),
        "too rare to show anything"
    );
}
