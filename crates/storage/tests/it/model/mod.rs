//! The log protocol as a model: every order of every call of two writers that stall, die, come back and lose answers,
//! while garbage is collected at any moment. What the code does is clean, and what is known to be wrong is guilty.
//!
//! What must hold is [`Violation`], read the other way round. `protocol.rs` ties the model to the code.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each step handles its own calls only; the last one of them needs no name"
)]

mod state;

mod rules;

mod opening;
mod writing;

mod search;

use crate::report;
use rules::{Rules, Variant, Violation};
use search::{Found, search};

const RULES: Rules = Rules {
    variant: Variant::Implemented,
    claims: [2, 1],
    ops: [2, 2],
    checkpoints: [2, 1],
    may_leave: true,
    has_late: false,
    forgets: true,
    is_strict: true,
};

fn run(rules: &Rules) -> Found {
    let found = search(rules);
    let verdict = match &found.violation {
        None => "clean".to_owned(),
        Some((violation, trace)) => format!("{violation:?} after {} steps", trace.len()),
    };
    report(&format!("{rules:?}: {} states, {verdict}", found.states));
    for step in found.violation.iter().flat_map(|(_, trace)| trace) {
        eprintln!("  {} {:10} {}", step.writer, step.name, step.call);
    }
    found
}

fn is_clean(rules: &Rules, at_least: usize) {
    let found = run(rules);
    assert_eq!(found.violation, None);
    assert!(found.states >= at_least, "{} states are too few", found.states);
}

#[test]
fn what_is_implemented_holds_in_every_state() {
    is_clean(&RULES, 2_800_000);
}

#[test]
fn two_writers_with_two_operations_and_two_checkpoints_hold() {
    let rules = Rules {
        claims: [1, 1],
        checkpoints: [2, 2],
        ..RULES
    };
    is_clean(&rules, 500_000);
}

#[test]
fn creates_that_get_through_late_break_nothing() {
    let rules = Rules {
        claims: [1, 1],
        checkpoints: [1, 1],
        has_late: true,
        ..RULES
    };
    is_clean(&rules, 900_000);
}

/// The search makes states one that differ in what nobody can meet; here it does not, and finds the same.
#[test]
fn forgetting_hides_nothing() {
    for (variant, expected) in [
        (Variant::Implemented, None),
        (Variant::OneDirectory, Some((Violation::AcknowledgedLost, 14))),
        (Variant::NoRelist, Some((Violation::AcknowledgedLost, 21))),
    ] {
        let found = [true, false].map(|forgets| {
            run(&Rules {
                variant,
                claims: [1, 1],
                ops: [2, 1],
                checkpoints: [1, 1],
                forgets,
                is_strict: variant == Variant::Implemented,
                ..RULES
            })
        });
        assert!(found[0].states < found[1].states);
        for found in found {
            let violation = found.violation.map(|(violation, trace)| (violation, trace.len()));
            assert_eq!(violation, expected);
        }
    }
}

#[test]
fn what_is_known_to_be_wrong_is_found_guilty() {
    for (variant, is_strict, expected) in [
        (Variant::OneDirectory, false, Violation::AcknowledgedLost),
        (Variant::NoRelist, false, Violation::AcknowledgedLost),
        (Variant::SealsCollected, true, Violation::AcknowledgedByFenced),
        (Variant::AnySegmentCollected, true, Violation::SegmentMissing),
        (Variant::NoLookAfterRecovery, true, Violation::RecoveredWithout),
        (Variant::NoLookAfterRecovery, false, Violation::FalseDamage),
    ] {
        let found = run(&Rules {
            variant,
            is_strict,
            ..RULES
        });
        let (violation, trace) = found.violation.expect("guilty");
        assert_eq!(violation, expected, "{variant:?}");
        assert!(trace.len() >= 10, "{} steps are too few to be true", trace.len());
    }
}
