//! What a stored segment promises: it answers as the rows it was written from, and damage in it is found.

mod equal;
mod hostile;

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_model::config::Column as ColumnSpec;
use kindred_model::distance::Distance;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::query::scoring::Linear;
use kindred_model::vector::{Datatype, Measure, NamedVectors, Vector};
use kindred_storage::{Error, Object};
use kindred_testkit::strategies::{Grain, payload, vector};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{Hit, Residence, Row, Scan, Schema, Segment, Ties};

const DIM: usize = 5;

/// Every kind of column, in several stored forms.
fn schema() -> Schema {
    let measure = |distance, datatype| Measure { distance, datatype };
    let dense = |distance, datatype| ColumnSpec::Dense {
        dim: DIM,
        measure: measure(distance, datatype),
    };
    let multi = |distance, datatype| ColumnSpec::Multi {
        dim: DIM,
        measure: measure(distance, datatype),
    };
    let columns = [
        ("", dense(Distance::Cosine, Datatype::Float32)),
        ("bytes", dense(Distance::Cosine, Datatype::Uint8)),
        ("half", multi(Distance::Dot, Datatype::Float16)),
        ("multi", multi(Distance::Cosine, Datatype::Uint8)),
        ("second", dense(Distance::Euclid, Datatype::Float16)),
        ("words", ColumnSpec::Sparse { idf: true }),
    ];
    columns
        .into_iter()
        .map(|(name, spec)| (name.to_owned(), spec))
        .collect()
}

/// A few ids that repeat, numbers and UUIDs.
fn id() -> BoxedStrategy<PointId> {
    prop_oneof![
        6 => (0_u64..30).prop_map(PointId::Num),
        1 => Just(PointId::Num(u64::MAX)),
        3 => (0_u128..12).prop_map(|bits| PointId::Uuid(Uuid::from_u128(bits << 100 | bits))),
    ]
    .boxed()
}

fn all_ids() -> impl Iterator<Item = PointId> {
    let uuids = (0_u128..12).map(|bits| PointId::Uuid(Uuid::from_u128(bits << 100 | bits)));
    (0_u64..31).chain([u64::MAX]).map(PointId::Num).chain(uuids)
}

/// The columns of [`schema`], each of which a point may lack.
fn vectors() -> BoxedStrategy<NamedVectors> {
    let mut all = Just(NamedVectors::default()).boxed();
    for (name, spec) in schema() {
        // Most columns that any point lacks keep places; the default one often has all its vectors.
        let share = if name.is_empty() { 0.99 } else { 0.7 };
        all = (all, prop::option::weighted(share, vector(spec, Grain::Fine)))
            .prop_map(move |(mut vectors, vector)| {
                if let Some(vector) = vector {
                    vectors.insert(name.clone(), canonical(spec, vector));
                }
                vectors
            })
            .boxed();
    }
    all
}

fn canonical(spec: ColumnSpec, vector: Vector) -> Vector {
    spec.canonical(vector).expect("the generators fit their columns")
}

fn any_payload() -> BoxedStrategy<Payload> {
    prop_oneof![
        1 => Just(Payload::default()),
        6 => payload(),
        // A few that fill blocks, and now and then one that is larger than a block.
        1 => (1_usize..40).prop_map(|kilobytes| {
            let text = "lorem ipsum ".repeat(kilobytes * 80);
            Payload([("text".to_owned(), text.into())].into_iter().collect())
        }),
    ]
    .boxed()
}

/// One change of a made-up history, whose number in the history is its position.
#[derive(Debug, Clone)]
struct Change {
    id: PointId,
    segment: usize,
    vectors: NamedVectors,
    payload: Payload,
}

const SEGMENTS: usize = 3;

fn change() -> impl Strategy<Value = Change> {
    (id(), 0..SEGMENTS, vectors(), any_payload()).prop_map(|(id, segment, vectors, payload)| Change {
        id,
        segment,
        vectors,
        payload,
    })
}

/// A history: points are put into segments, and some leave afterwards.
#[derive(Debug)]
struct World {
    segments: Vec<Segment>,
    /// The last position at which something came.
    first: u64,
    /// The position at which each point left, if it did; after `first`.
    leavers: BTreeMap<PointId, u64>,
    /// The last row of each point.
    rows: BTreeMap<PointId, Row>,
}

impl World {
    fn new(changes: Vec<Change>, leavers: &[PointId]) -> Self {
        let mut segments = vec![BTreeMap::<PointId, Row>::new(); SEGMENTS];
        let mut places = BTreeMap::<PointId, usize>::new();
        let mut burials = Vec::new();
        let mut lsn = 0;
        for Change {
            id,
            segment,
            vectors,
            payload,
        } in changes
        {
            if segments[segment].contains_key(&id) {
                continue;
            }
            lsn += 1;
            let row = Row {
                id,
                version: lsn,
                vectors,
                payload: Arc::new(payload),
            };
            segments[segment].insert(id, row);
            burials.extend(places.insert(id, segment).map(|before| (before, id, lsn)));
        }
        let rows = places
            .iter()
            .map(|(id, segment)| (*id, segments[*segment][id].clone()));
        let mut world = Self {
            rows: rows.collect(),
            segments: segments
                .into_iter()
                .map(|rows| Segment::build(&schema(), rows.into_values()))
                .collect(),
            first: lsn,
            leavers: BTreeMap::new(),
        };
        for id in leavers {
            if let (Some(segment), false) = (places.get(id), world.leavers.contains_key(id)) {
                lsn += 1;
                burials.push((*segment, *id, lsn));
                world.leavers.insert(*id, lsn);
            }
        }
        for (segment, id, lsn) in burials {
            world.segments[segment].bury(world.segments[segment].position(id), lsn);
        }
        world
    }

    /// The rows of the moment `lsn`, ascending by id.
    fn at(&self, lsn: u64) -> Vec<Row> {
        let rows = self.rows.iter();
        rows.filter(|(id, _)| self.leavers.get(id).is_none_or(|left| *left > lsn))
            .map(|(_, row)| row.clone())
            .collect()
    }

    fn write(&self, lsn: u64) -> Vec<u8> {
        written(&schema(), &self.segments.iter().collect::<Vec<_>>(), lsn)
    }
}

fn world() -> impl Strategy<Value = World> {
    let changes = prop::collection::vec(change(), 0..25);
    let leavers = prop::collection::vec(id(), 0..8);
    (changes, leavers).prop_map(|(changes, leavers)| World::new(changes, &leavers))
}

fn written(schema: &Schema, inputs: &[&Segment], lsn: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    Segment::write(schema, inputs, lsn, "a.seg", &mut bytes, &()).expect("inputs are sound");
    bytes
}

fn open(bytes: impl Into<Object>) -> Result<Segment, Error> {
    Segment::open("a.seg", bytes.into(), &Residence::default())
}

fn read(bytes: &[u8]) -> Segment {
    open(bytes.to_vec()).expect("a sound segment")
}

/// The best of a plain search.
fn best(segment: &Segment, using: &str, anchor: &Vector) -> Vec<Hit> {
    let scan = Scan {
        using,
        anchors: std::slice::from_ref(anchor),
        fold: &Linear::new(vec![1.0]),
        overlapping: matches!(anchor, Vector::Sparse(_)),
        ties: Ties::LargerFirst,
    };
    let allow = segment.visible(u64::MAX - 1);
    segment.search(&scan, allow, 7, &()).expect("nobody interrupts")
}
