//! A crash, an error, a lost answer and a full store at every call of the workload; changes while each of its segments
//! is built; and random workloads with random faults. `cargo xtask soak` runs more of those.

use kindred_storage::Fault;
use kindred_testkit::crash::{
    Open, Run, Swept, interleave, intruders, parse, scenario, soak, sweep, workload,
};

use crate::engine::Engine;

/// What random workloads have found, as they were printed.
const FOUND: [(Patience, &str); 0] = [];

/// Who seals.
#[derive(Debug, Clone, Copy)]
enum Patience {
    /// The engine, after every few changes.
    Eager,
    /// The workload; only then may changes come while a segment is built.
    Patient,
}

impl Patience {
    fn open(self) -> Open<'static, Engine> {
        match self {
            Self::Eager => &Engine::open,
            Self::Patient => &Engine::patient,
        }
    }
}

/// Random workloads, without being told otherwise.
const SEEDS: u64 = 40;

fn report(what: &str, swept: Swept) {
    eprintln!("{what}: n = {}, {} runs", swept.points, swept.runs);
}

fn check(fault: Fault, seeds: u64) {
    let changes = workload();
    let swept = sweep(&Engine::open, &changes, fault, seeds).unwrap_or_else(|error| panic!("{error}"));
    report(&format!("{fault:?}, {seeds} seeds"), swept);
    assert!(swept.points > 200, "the workload makes {} calls", swept.points);
    assert_eq!(swept.runs, swept.points * seeds);
}

#[test]
fn a_crash_at_every_call() {
    check(Fault::Crash, 4);
}

#[test]
fn an_error_at_every_call() {
    check(Fault::Error, 2);
}

#[test]
fn a_lost_answer_at_every_call() {
    check(Fault::LostAnswer, 2);
}

#[test]
fn a_full_store_from_every_call_on() {
    check(Fault::Full, 4);
}

#[test]
fn changes_that_come_while_a_segment_is_built() {
    let swept = interleave(&Engine::patient, &workload(), &intruders());
    let swept = swept.unwrap_or_else(|error| panic!("{error}"));
    report("changes from within", swept);
    assert!(
        swept.points >= 10,
        "the workload builds {} segments",
        swept.points
    );
    assert_eq!(swept.runs, swept.points * 2 * intruders().len() as u64);
}

#[test]
fn what_was_found_before() {
    for (patience, text) in FOUND {
        let events = parse(text).unwrap();
        for seed in 0..4 {
            let mut run = Run::new(patience.open(), seed);
            let outcome = run.all(&events).and_then(|()| run.end());
            outcome.unwrap_or_else(|error| panic!("{patience:?}, seed {seed}: {error}\n{text}"));
        }
    }
}

/// `KINDRED_SOAK_FROM` and `KINDRED_SOAK_SEEDS` choose the seeds.
#[test]
#[expect(clippy::print_stdout, reason = "tells `cargo xtask soak` that it has run")]
fn random_workloads_with_random_faults() {
    let number = |name, otherwise| {
        let given = std::env::var(name).ok();
        given.map_or(otherwise, |text| text.parse().unwrap())
    };
    let (from, seeds) = (
        number("KINDRED_SOAK_FROM", 1),
        number("KINDRED_SOAK_SEEDS", SEEDS),
    );
    for seed in from..from + seeds {
        let patience = if scenario(seed).is_patient {
            Patience::Patient
        } else {
            Patience::Eager
        };
        if let Err(error) = soak(patience.open(), seed) {
            panic!("{} seeds passed, then\n{error}", seed - from);
        }
    }
    println!("soak: {seeds} seeds from {from} passed");
}
