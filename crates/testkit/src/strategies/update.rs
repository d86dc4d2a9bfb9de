//! Changes of points: every kind, on ids or filters, conditional or not.

use kindred_model::config::Column;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateMode, UpdateOp};
use kindred_model::vector::NamedVectors;
use proptest::prelude::*;

use super::config::{ALIAS, LOOKUP, MAIN, World};
use super::filter::filter;
use super::payload::{all_ids, field, id, payload};
use super::vector::{Grain, vector};
use crate::subject::Change;

/// Vectors of some of the columns, each there with this probability.
fn vectors(columns: &[(String, Column)], grain: Grain, share: f64) -> BoxedStrategy<NamedVectors> {
    let parts: Vec<_> = columns
        .iter()
        .map(|(name, column)| {
            let name = name.clone();
            prop::option::weighted(share, vector(*column, grain))
                .prop_map(move |vector| Some((name.clone(), vector?)))
        })
        .collect();
    parts
        .prop_map(|vectors| vectors.into_iter().flatten().collect())
        .boxed()
}

fn point(world: &World, id: BoxedStrategy<PointId>) -> BoxedStrategy<Point> {
    (id, vectors(&world.columns(), world.grain, 0.85), payload())
        .prop_map(|(id, vectors, payload)| Point { id, vectors, payload })
        .boxed()
}

/// Fills a collection: most ids of the domain, most vectors of each.
pub fn fill(world: &World, collection: &str) -> BoxedStrategy<Change> {
    let collection = collection.to_owned();
    let points: Vec<_> = all_ids()
        .into_iter()
        .map(|id| prop::option::weighted(0.9, point(world, Just(id).boxed())))
        .collect();
    points
        .prop_map(move |points| Change::Update {
            collection: collection.clone(),
            op: UpdateOp::Upsert {
                points: points.into_iter().flatten().collect(),
                filter: None,
                mode: UpdateMode::Upsert,
            },
        })
        .boxed()
}

/// A change of points of one of the collections.
pub fn change(world: &World) -> BoxedStrategy<Change> {
    let collection = prop_oneof![8 => Just(MAIN), 2 => Just(ALIAS), 2 => Just(LOOKUP)];
    (collection, update_op(world))
        .prop_map(|(collection, op)| Change::Update {
            collection: collection.to_owned(),
            op,
        })
        .boxed()
}

/// A change of points.
pub fn update_op(world: &World) -> BoxedStrategy<UpdateOp> {
    let upsert = (
        prop::collection::vec(point(world, id()), 0..5),
        prop::option::weighted(0.2, filter()),
        prop::sample::select(vec![
            UpdateMode::Upsert,
            UpdateMode::Upsert,
            UpdateMode::InsertOnly,
            UpdateMode::UpdateOnly,
        ]),
    )
        .prop_map(|(points, filter, mode)| UpdateOp::Upsert { points, filter, mode });
    let moved = (id(), vectors(&world.columns(), world.grain, 0.6));
    let update_vectors = (
        prop::collection::vec(moved, 1..3),
        prop::option::weighted(0.2, filter()),
    )
        .prop_map(|(points, filter)| UpdateOp::UpdateVectors { points, filter });
    let mut names: Vec<String> = world.columns().into_iter().map(|(name, _)| name).collect();
    names.push("unknown".to_owned());
    let delete_vectors = (
        selector(),
        prop::collection::vec(prop::sample::select(names), 1..3),
    )
        .prop_map(|(selector, names)| UpdateOp::DeleteVectors { selector, names });
    prop_oneof![
        6 => upsert,
        2 => selector().prop_map(UpdateOp::Delete),
        2 => update_vectors,
        1 => delete_vectors,
        6 => payload_op(),
    ]
    .boxed()
}

fn payload_op() -> BoxedStrategy<UpdateOp> {
    let key = || {
        let keys = prop::sample::select(vec!["o", "o.deep", "list[]", "list[0]", "n"]);
        prop::option::weighted(0.3, keys.prop_map(field))
    };
    let gone = prop::sample::select(vec!["n", "t", "o.n", "list[].n", "list", "none"]).prop_map(field);
    prop_oneof![
        (selector(), part(), key()).prop_map(|(selector, payload, key)| UpdateOp::SetPayload {
            selector,
            payload,
            key
        }),
        (selector(), part(), key()).prop_map(|(selector, payload, key)| UpdateOp::OverwritePayload {
            selector,
            payload,
            key
        }),
        (selector(), prop::collection::vec(gone, 1..3))
            .prop_map(|(selector, keys)| UpdateOp::DeletePayload { selector, keys }),
        selector().prop_map(UpdateOp::ClearPayload),
    ]
    .boxed()
}

/// Some fields of a payload.
fn part() -> BoxedStrategy<Payload> {
    (payload(), any::<u16>())
        .prop_map(|(payload, kept)| {
            let fields = payload.0.into_iter().enumerate();
            Payload(
                fields
                    .filter(|(index, _)| kept >> (index % 16) & 1 == 1)
                    .map(|(_, field)| field)
                    .collect(),
            )
        })
        .boxed()
}

fn selector() -> BoxedStrategy<Selector> {
    prop_oneof![
        3 => prop::collection::vec(id(), 1..3).prop_map(Selector::Ids),
        1 => filter().prop_map(Selector::Filter),
    ]
    .boxed()
}
