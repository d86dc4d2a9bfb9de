//! The engine answers the whole corpus, with the points as they come and with each in a change of its own.

use kindred_model::update::UpdateOp;
use kindred_testkit::corpus;
use kindred_testkit::subject::{Change, Subject};

use crate::engine::Engine;
use crate::restless::{Home, Restless};

#[test]
fn the_engine_agrees_with_the_corpus() {
    let entries = corpus::load().unwrap();
    assert!(entries.len() >= 12, "{} files", entries.len());
    let wrong: String = entries
        .iter()
        .filter_map(|entry| entry.run(&mut Engine::in_memory()).err())
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_engine_agrees_when_every_point_came_alone_after_another_life() {
    // Versions differ, so files that state whole answers are left out.
    let has_versions = ["prefetch", "groups", "update"];
    let entries = corpus::load().unwrap();
    for entry in entries
        .iter()
        .filter(|entry| !has_versions.contains(&entry.name.as_str()))
    {
        let mut engine = Engine::in_memory();
        for change in entry.setup().unwrap().iter().flat_map(scattered) {
            engine.change(&change).unwrap();
        }
        entry.check(&engine).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

/// An upsert taken apart: backwards every point once without anything, then forwards every point as it is.
fn scattered(change: &Change) -> Vec<Change> {
    let Change::Update {
        collection,
        op: UpdateOp::Upsert {
            points,
            filter: None,
            mode,
        },
    } = change
    else {
        return vec![change.clone()];
    };
    let empty = points.iter().rev().map(|point| {
        let mut empty = point.clone();
        (empty.vectors, empty.payload) = Default::default();
        empty
    });
    let bring = |point| Change::Update {
        collection: collection.clone(),
        op: UpdateOp::Upsert {
            points: vec![point],
            filter: None,
            mode: *mode,
        },
    };
    empty.chain(points.iter().cloned()).map(bring).collect()
}

/// Every question of the corpus, after every change of which everything was sealed, merged or opened again; and once
/// more with every point in a change of its own.
fn check_restless(home: fn() -> Home) {
    for entry in corpus::load().unwrap() {
        let has_versions = ["prefetch", "groups", "update"].contains(&entry.name.as_str());
        let setup = entry.setup().unwrap();
        let single: Vec<Change> = setup.iter().flat_map(scattered).collect();
        for changes in [Some(setup), Some(single).filter(|_| !has_versions)]
            .into_iter()
            .flatten()
        {
            let mut restless = Restless::new(home());
            for (number, change) in (0..).zip(&changes) {
                restless.engine_mut().change(change).unwrap();
                restless.stir(number);
            }
            for stirring in [0, 1, 2] {
                restless.stir(stirring);
                entry
                    .check(restless.engine())
                    .unwrap_or_else(|wrong| panic!("{wrong}"));
            }
        }
    }
}

#[test]
fn the_corpus_with_small_segments_and_reopenings() {
    check_restless(Home::memory);
}

#[test]
fn the_corpus_with_small_segments_in_mapped_files() {
    check_restless(Home::folder);
}
