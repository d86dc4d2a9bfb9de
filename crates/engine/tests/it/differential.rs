//! Random changes and questions on the engine and on the reference. Set `KINDRED_SEED` to a number to draw others;
//! a failure prints the seed, and a corpus file that asks the question again.

use std::cell::Cell;

use kindred_model::query::groups::GroupsRequest;
use kindred_model::query::kinds::Query;
use kindred_model::query::lists::{
    CountRequest, FacetRequest, MatrixRequest, RetrieveRequest, ScrollRequest,
};
use kindred_model::query::request::QueryRequest;
use kindred_testkit::strategies::{self, ALIAS, Grain, LOOKUP, MAIN, World, world};
use kindred_testkit::subject::{Change, Failure, Subject};
use kindred_testkit::{Judged, Reference, Trust, compare, corpus};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use crate::engine::Engine;
use crate::restless::{Home, Restless};

#[derive(Debug, Clone)]
enum Step {
    Change(Change),
    Query(QueryRequest),
    Groups(GroupsRequest),
    Retrieve(RetrieveRequest),
    Scroll(ScrollRequest),
    Count(CountRequest),
    Facet(FacetRequest),
    Matrix(MatrixRequest),
    /// Seal, merge, open again, as the number says.
    Stir(u64),
}

/// How the engine lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// All points in memory, from the first to the last question.
    Calm,
    /// Sealed after every few changes, merged, and opened again.
    Restless,
    /// The same, in files that are mapped.
    Mapped,
}

fn step(world: &World, life: Life) -> BoxedStrategy<Step> {
    let stirring = if life == Life::Calm { 0 } else { 6 };
    prop_oneof![
        8 => strategies::change(world).prop_map(Step::Change),
        16 => strategies::query_request(world).prop_map(Step::Query),
        3 => strategies::groups_request(world).prop_map(Step::Groups),
        1 => strategies::retrieve_request(world).prop_map(Step::Retrieve),
        3 => strategies::scroll_request(world).prop_map(Step::Scroll),
        4 => strategies::count_request().prop_map(Step::Count),
        2 => strategies::facet_request().prop_map(Step::Facet),
        1 => strategies::matrix_request(world).prop_map(Step::Matrix),
        stirring => any::<u64>().prop_map(Step::Stir),
    ]
    .boxed()
}

/// The changes that make a world, and a collection name and a step, again and again.
fn history(grain: Grain, life: Life) -> impl Strategy<Value = (Vec<Change>, Vec<(&'static str, Step)>)> {
    world(grain).prop_flat_map(move |world| {
        let setup = world.setup();
        let fills = (strategies::fill(&world, MAIN), strategies::fill(&world, LOOKUP));
        let name = prop_oneof![8 => Just(MAIN), 1 => Just(ALIAS)];
        let steps = prop::collection::vec((name, step(&world, life)), 1..40);
        (fills, steps).prop_map(move |((main, lookup), steps)| {
            let setup = setup.iter().cloned().chain([main, lookup]);
            (setup.collect(), steps)
        })
    })
}

/// How many questions were compared, and how strictly.
#[derive(Debug, Default)]
struct Tally {
    refused: Cell<u64>,
    exact: Cell<u64>,
    close: Cell<u64>,
    open: Cell<u64>,
}

fn count(cell: &Cell<u64>) {
    cell.set(cell.get() + 1);
}

impl Tally {
    fn judged(&self, trust: Trust) {
        count(match trust {
            Trust::Exact => &self.exact,
            Trust::Close => &self.close,
            Trust::Open => &self.open,
        });
    }
}

struct Pair<'a> {
    subject: Subjects,
    reference: Reference,
    tally: &'a Tally,
}

/// The engine, in one of its lives.
enum Subjects {
    Calm(Engine),
    Restless(Restless),
}

impl Subjects {
    fn new(life: Life) -> Self {
        match life {
            Life::Calm => Self::Calm(Engine::in_memory()),
            Life::Restless => Self::Restless(Restless::new(Home::memory())),
            Life::Mapped => Self::Restless(Restless::new(Home::folder())),
        }
    }

    fn engine(&self) -> &Engine {
        match self {
            Self::Calm(engine) => engine,
            Self::Restless(restless) => restless.engine(),
        }
    }

    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        match self {
            Self::Calm(engine) => engine.change(change),
            Self::Restless(restless) => restless.engine_mut().change(change),
        }
    }

    fn stir(&mut self, dice: u64) {
        match self {
            Self::Calm(_) => {}
            Self::Restless(restless) => restless.stir(dice),
        }
    }
}

impl Pair<'_> {
    fn step(&mut self, name: &str, step: &Step) -> Result<(), String> {
        match step {
            Step::Change(change) => {
                let (want, got) = (self.reference.change(change), self.subject.change(change));
                self.same_outcome(want, got, |(), ()| Ok(()))?;
                self.same_contents()
            }
            Step::Stir(dice) => {
                self.subject.stir(*dice);
                self.same_contents()
            }
            Step::Query(request) => self.query(name, request),
            Step::Groups(request) => {
                let (want, got) = (
                    self.reference.judge_groups(name, request),
                    self.subject.engine().groups(name, request),
                );
                if let Ok((_, Trust::Open)) = &want {
                    count(&self.tally.open);
                    return Ok(());
                }
                self.same_outcome(want, got, |(want, trust), got| {
                    self.tally.judged(trust);
                    compare::same_groups(&want, &got)
                })
            }
            Step::Retrieve(request) => self.same(
                self.reference.retrieve(name, request),
                self.subject.engine().retrieve(name, request),
            ),
            Step::Scroll(request) => self.same(
                self.reference.scroll(name, request),
                self.subject.engine().scroll(name, request),
            ),
            Step::Count(request) => self.same(
                self.reference.count(name, request),
                self.subject.engine().count(name, request),
            ),
            Step::Facet(request) => self.same(
                self.reference.facet(name, request),
                self.subject.engine().facet(name, request),
            ),
            Step::Matrix(request) => {
                let matrix = self.subject.engine().matrix(name, request);
                let found = matrix.clone().unwrap_or_default();
                let want = self.reference.check_matrix(name, request, &found);
                self.same_outcome(want, matrix, |verdict, _| verdict)
            }
        }
    }

    fn same_contents(&self) -> Result<(), String> {
        match (self.reference.contents(), self.subject.engine().contents()) {
            (Ok(want), Ok(got)) if want == got => Ok(()),
            (Ok(want), Ok(got)) => Err(got.difference(&want)),
            (want, got) => Err(format!("want {want:?}\ngot {got:?}")),
        }
    }

    fn query(&self, name: &str, request: &QueryRequest) -> Result<(), String> {
        let (want, got) = (
            self.reference.judge(name, request),
            self.subject.engine().query(name, request),
        );
        let verdict = self.same_query(request, &want, got);
        verdict.map_err(|error| {
            let points = want.map(|judged| judged.points).unwrap_or_default();
            let contents = self.reference.contents().unwrap_or_default();
            format!("{error}\n{}", corpus::render(&contents, name, request, &points))
        })
    }

    fn same_query(
        &self,
        request: &QueryRequest,
        want: &Result<Judged, Failure>,
        got: Result<Vec<kindred_model::point::ScoredPoint>, Failure>,
    ) -> Result<(), String> {
        if let Ok(Judged {
            points,
            trust: Trust::Open,
            pool,
        }) = want
        {
            count(&self.tally.open);
            let is_sample = request.node.prefetch.is_empty() && request.node.query == Some(Query::Sample);
            return match got {
                Ok(got) if is_sample => {
                    let drawn: std::collections::BTreeSet<_> = got.iter().map(|point| point.id).collect();
                    let is_right =
                        drawn.len() == points.len() && drawn.len() == got.len() && drawn.is_subset(pool);
                    if is_right {
                        Ok(())
                    } else {
                        Err(format!("no sample of {pool:?}: {got:?}"))
                    }
                }
                Ok(_) | Err(_) => Ok(()),
            };
        }
        self.same_outcome(want.clone(), got, |want, got| {
            self.tally.judged(want.trust);
            match want.trust {
                Trust::Exact => compare::same_list(&want.points, &got),
                Trust::Close | Trust::Open => compare::same_up_to_ties(&want.points, &got),
            }
        })
    }

    fn same<T: PartialEq + std::fmt::Debug>(
        &self,
        want: Result<T, Failure>,
        got: Result<T, Failure>,
    ) -> Result<(), String> {
        self.same_outcome(want, got, |want, got| {
            count(&self.tally.exact);
            if want == got {
                Ok(())
            } else {
                Err(format!("want {want:?}\ngot {got:?}"))
            }
        })
    }

    fn same_outcome<T: std::fmt::Debug, U: std::fmt::Debug>(
        &self,
        want: Result<T, Failure>,
        got: Result<U, Failure>,
        compare: impl FnOnce(T, U) -> Result<(), String>,
    ) -> Result<(), String> {
        match (want, got) {
            (Ok(want), Ok(got)) => compare(want, got),
            (Err(want), Err(got)) if want.kind == got.kind => {
                count(&self.tally.refused);
                Ok(())
            }
            (want, got) => Err(format!("want {want:?}\ngot {got:?}")),
        }
    }
}

fn check(grain: Grain, life: Life, cases: u32) -> Tally {
    let seed: u64 = std::env::var("KINDRED_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(2024);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tally = Tally::default();
    let outcome = runner.run(&history(grain, life), |(setup, steps)| {
        let mut pair = Pair {
            subject: Subjects::new(life),
            reference: Reference::new(),
            tally: &tally,
        };
        let setup = setup.into_iter().map(|change| (MAIN, Step::Change(change)));
        for (name, step) in setup.chain(steps) {
            pair.step(name, &step)
                .map_err(|error| TestCaseError::fail(format!("{step:?} on {name}\n{error}")))?;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(why, (setup, steps))) => {
            panic!(
                "KINDRED_SEED={seed} ({life:?})\n{why}\nafter {steps:?}\nin {:?}",
                setup.last()
            );
        }
        Err(TestError::Abort(why)) => panic!("KINDRED_SEED={seed}: {why}"),
    }
    tally
}

#[test]
fn exact_arithmetic_gives_the_same_answers() {
    let tally = check(Grain::Coarse, Life::Calm, 800);
    // Most questions are answered, and most answers are compared to the bit.
    assert!(tally.exact.get() > 3 * tally.open.get(), "{tally:?}");
    assert!(tally.exact.get() > tally.refused.get(), "{tally:?}");
    assert!(tally.exact.get() > 5_000, "{tally:?}");
}

#[test]
fn rounded_arithmetic_gives_the_same_answers_up_to_ties() {
    let tally = check(Grain::Fine, Life::Calm, 500);
    assert!(
        tally.close.get() + tally.exact.get() > 2 * tally.open.get(),
        "{tally:?}"
    );
    assert!(tally.close.get() > 800, "{tally:?}");
}

#[test]
fn small_segments_and_reopenings_change_no_answer() {
    let exact = check(Grain::Coarse, Life::Restless, 400);
    assert!(exact.exact.get() > 3 * exact.open.get(), "{exact:?}");
    assert!(exact.exact.get() > 2_500, "{exact:?}");
    let rounded = check(Grain::Fine, Life::Restless, 200);
    assert!(rounded.close.get() > 300, "{rounded:?}");
}

#[test]
fn mapped_files_change_no_answer() {
    let exact = check(Grain::Coarse, Life::Mapped, 120);
    assert!(exact.exact.get() > 700, "{exact:?}");
    let rounded = check(Grain::Fine, Life::Mapped, 60);
    assert!(rounded.close.get() > 80, "{rounded:?}");
}
