//! The engine answers the whole corpus, in one segment and scattered over several.

use kindred_model::update::UpdateOp;
use kindred_testkit::corpus;
use kindred_testkit::subject::{Change, Failure, Subject};

use crate::engine::Engine;

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
    let entries = corpus::load().unwrap();
    let entries = entries
        .iter()
        .filter(|entry| !["prefetch", "groups", "update"].contains(&entry.name.as_str()));
    let wrong: String = entries
        .filter_map(|entry| entry.run(&mut Scattered(Engine::in_memory())).err())
        .collect();
    assert!(wrong.is_empty(), "{wrong}");
}

/// Takes an upsert apart, and brings every point once empty and once as it is.
struct Scattered(Engine);

impl Scattered {
    fn scatter(&mut self, change: &Change) -> Result<(), Failure> {
        let Change::Update {
            collection,
            op:
                UpdateOp::Upsert {
                    points,
                    filter: None,
                    mode,
                },
        } = change
        else {
            return self.0.change(change);
        };
        let bring = |point| Change::Update {
            collection: collection.clone(),
            op: UpdateOp::Upsert {
                points: vec![point],
                filter: None,
                mode: *mode,
            },
        };
        for point in points.iter().rev() {
            let mut empty = point.clone();
            (empty.vectors, empty.payload) = Default::default();
            self.0.change(&bring(empty))?;
        }
        points
            .iter()
            .try_for_each(|point| self.0.change(&bring(point.clone())))
    }
}

impl Subject for Scattered {
    fn change(&mut self, change: &Change) -> Result<(), Failure> {
        self.scatter(change)
    }

    fn query(
        &self,
        collection: &str,
        request: &kindred_model::query::request::QueryRequest,
    ) -> Result<Vec<kindred_model::point::ScoredPoint>, Failure> {
        self.0.query(collection, request)
    }

    fn groups(
        &self,
        collection: &str,
        request: &kindred_model::query::groups::GroupsRequest,
    ) -> Result<Vec<kindred_model::query::groups::PointGroup>, Failure> {
        self.0.groups(collection, request)
    }

    fn retrieve(
        &self,
        collection: &str,
        request: &kindred_model::query::lists::RetrieveRequest,
    ) -> Result<Vec<kindred_model::point::Record>, Failure> {
        self.0.retrieve(collection, request)
    }

    fn scroll(
        &self,
        collection: &str,
        request: &kindred_model::query::lists::ScrollRequest,
    ) -> Result<kindred_model::query::lists::ScrollPage, Failure> {
        self.0.scroll(collection, request)
    }

    fn count(
        &self,
        collection: &str,
        request: &kindred_model::query::lists::CountRequest,
    ) -> Result<u64, Failure> {
        self.0.count(collection, request)
    }

    fn facet(
        &self,
        collection: &str,
        request: &kindred_model::query::lists::FacetRequest,
    ) -> Result<Vec<kindred_model::query::lists::FacetHit>, Failure> {
        self.0.facet(collection, request)
    }

    fn contents(&self) -> Result<kindred_testkit::subject::Contents, Failure> {
        self.0.contents()
    }
}
