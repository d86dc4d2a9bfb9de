//! A crash, an error, a lost answer and a full store at every call of the workload.

use kindred_storage::Fault;
use kindred_testkit::crash::{sweep, workload};

use crate::engine::Engine;

fn check(fault: Fault, seeds: u64) {
    let swept = sweep::<Engine>(&workload(), fault, seeds).unwrap_or_else(|error| panic!("{error}"));
    assert!(swept.calls > 60, "the workload makes {} calls", swept.calls);
    assert_eq!(swept.runs, swept.calls * seeds);
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
    check(Fault::Full, 2);
}
