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
}

fn step(world: &World) -> BoxedStrategy<Step> {
    prop_oneof![
        8 => strategies::change(world).prop_map(Step::Change),
        16 => strategies::query_request(world).prop_map(Step::Query),
        3 => strategies::groups_request(world).prop_map(Step::Groups),
        1 => strategies::retrieve_request(world).prop_map(Step::Retrieve),
        3 => strategies::scroll_request(world).prop_map(Step::Scroll),
        4 => strategies::count_request().prop_map(Step::Count),
        2 => strategies::facet_request().prop_map(Step::Facet),
        1 => strategies::matrix_request(world).prop_map(Step::Matrix),
    ]
    .boxed()
}

/// The changes that make a world, and a collection name and a step, again and again.
fn history(grain: Grain) -> impl Strategy<Value = (Vec<Change>, Vec<(&'static str, Step)>)> {
    world(grain).prop_flat_map(|world| {
        let setup = world.setup();
        let fills = (strategies::fill(&world, MAIN), strategies::fill(&world, LOOKUP));
        let name = prop_oneof![8 => Just(MAIN), 1 => Just(ALIAS)];
        let steps = prop::collection::vec((name, step(&world)), 1..40);
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
    engine: Engine,
    reference: Reference,
    tally: &'a Tally,
}

impl Pair<'_> {
    fn step(&mut self, name: &str, step: &Step) -> Result<(), String> {
        match step {
            Step::Change(change) => {
                let (want, got) = (self.reference.change(change), self.engine.change(change));
                self.same_outcome(want, got, |(), ()| Ok(()))?;
                let (want, got) = (self.reference.contents(), self.engine.contents());
                match (want, got) {
                    (Ok(want), Ok(got)) if want == got => Ok(()),
                    (Ok(want), Ok(got)) => Err(got.difference(&want)),
                    (want, got) => Err(format!("want {want:?}\ngot {got:?}")),
                }
            }
            Step::Query(request) => self.query(name, request),
            Step::Groups(request) => {
                let (want, got) = (
                    self.reference.judge_groups(name, request),
                    self.engine.groups(name, request),
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
                self.engine.retrieve(name, request),
            ),
            Step::Scroll(request) => self.same(
                self.reference.scroll(name, request),
                self.engine.scroll(name, request),
            ),
            Step::Count(request) => self.same(
                self.reference.count(name, request),
                self.engine.count(name, request),
            ),
            Step::Facet(request) => self.same(
                self.reference.facet(name, request),
                self.engine.facet(name, request),
            ),
            Step::Matrix(request) => {
                let matrix = self.engine.matrix(name, request);
                let found = matrix.clone().unwrap_or_default();
                let want = self.reference.check_matrix(name, request, &found);
                self.same_outcome(want, matrix, |verdict, _| verdict)
            }
        }
    }

    fn query(&self, name: &str, request: &QueryRequest) -> Result<(), String> {
        let (want, got) = (
            self.reference.judge(name, request),
            self.engine.query(name, request),
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

fn check(grain: Grain, cases: u32) -> Tally {
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
    let outcome = runner.run(&history(grain), |(setup, steps)| {
        let mut pair = Pair {
            engine: Engine::in_memory(),
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
                "KINDRED_SEED={seed}\n{why}\nafter {steps:?}\nin {:?}",
                setup.last()
            );
        }
        Err(TestError::Abort(why)) => panic!("KINDRED_SEED={seed}: {why}"),
    }
    tally
}

#[test]
fn exact_arithmetic_gives_the_same_answers() {
    let tally = check(Grain::Coarse, 800);
    // Most questions are answered, and most answers are compared to the bit.
    assert!(tally.exact.get() > 3 * tally.open.get(), "{tally:?}");
    assert!(tally.exact.get() > tally.refused.get(), "{tally:?}");
    assert!(tally.exact.get() > 5_000, "{tally:?}");
}

#[test]
fn rounded_arithmetic_gives_the_same_answers_up_to_ties() {
    let tally = check(Grain::Fine, 500);
    assert!(
        tally.close.get() + tally.exact.get() > 2 * tally.open.get(),
        "{tally:?}"
    );
    assert!(tally.close.get() > 800, "{tally:?}");
}
