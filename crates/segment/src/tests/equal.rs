//! A segment that was written and opened gives exactly what the rows it was written from give.

use std::cell::Cell;
use std::io;

use kindred_index::Allow;
use kindred_model::filter::{Filter, PointView};
use kindred_storage::{Durability, LocalStore, RegionWriter, Regions, Store};
use kindred_testkit::strategies::filter;
use proptest::strategy::ValueTree;

use super::*;
use crate::{Cancelled, Offset, Work};

/// Everything that can be asked about rows.
#[derive(Debug, Clone)]
struct Questions {
    filters: Vec<Filter>,
    anchors: Vec<(String, Vector)>,
}

fn questions() -> impl Strategy<Value = Questions> {
    let anchors: Vec<_> = schema()
        .into_iter()
        .map(|(name, spec)| {
            vector(spec, Grain::Fine).prop_map(move |vector| (name.clone(), canonical(spec, vector)))
        })
        .collect();
    (prop::collection::vec(filter(), 3), anchors)
        .prop_map(|(filters, anchors)| Questions { filters, anchors })
}

/// `segment` gives the rows `want` and nothing else; `memory` was built from them.
#[track_caller]
fn check(segment: &Segment, memory: &Segment, want: &[Row], questions: &Questions) {
    let rows: Vec<Row> = segment.visible_rows(0).map(|row| row.expect("sound")).collect();
    assert_eq!(rows, want);
    assert_eq!((segment.rows(), segment.live()), (want.len(), want.len()));
    let ends = want.first().and_then(|first| Some((first.id, want.last()?.id)));
    assert_eq!(segment.min_max(), ends);
    for id in all_ids() {
        let place = want.iter().position(|row| row.id == id).map(Offset::from_row);
        assert_eq!(segment.find(id, 0), place, "{id}");
        let below = want.iter().filter(|row| row.id < id).count();
        assert_eq!(segment.position(id), Offset::from_row(below), "{id}");
        if let Some(offset) = place {
            assert_eq!(
                segment.row(offset).expect("sound").as_ref(),
                want.get(offset.row())
            );
            let point = segment.point(offset).expect("it was found");
            assert_eq!(&point.payload().expect("sound"), &want[offset.row()].payload);
        }
    }
    assert!(
        segment
            .row(Offset::from_row(want.len()))
            .expect("no read")
            .is_none()
    );
    for filter in &questions.filters {
        let mut passing = Allow::none(want.len());
        for (row, point) in want.iter().enumerate() {
            let view = PointView {
                id: point.id,
                payload: &point.payload,
                has_vector: &|name| point.vectors.find(name).is_some(),
            };
            if filter.matches(&view) {
                passing.insert(Offset::from_row(row));
            }
        }
        assert_eq!(
            segment.allow(filter, 0, &()).expect("sound"),
            passing,
            "{filter:?}"
        );
        for row in (0..want.len()).map(Offset::from_row) {
            assert_eq!(segment.passes(row, filter).expect("sound"), passing.contains(row));
        }
    }
    for (using, anchor) in &questions.anchors {
        let bits =
            |hits: Vec<Hit>| -> Vec<_> { hits.iter().map(|hit| (hit.offset, hit.score.to_bits())).collect() };
        assert_eq!(
            bits(best(segment, using, anchor)),
            bits(best(memory, using, anchor)),
            "{using}"
        );
        let components = |segment: &Segment| {
            let mut seen = Vec::new();
            let mut offsets = (0..segment.rows()).map(Offset::from_row);
            let column = segment.column(using).expect("it is in the schema");
            column.count_components(&mut offsets, &mut |index| seen.push(index));
            seen
        };
        assert_eq!(components(segment), components(memory));
    }
}

/// The bytes as a region in the middle of a larger object.
fn embedded(bytes: &[u8], filler: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = RegionWriter::new(&mut out, *b"KNDRSNAP", "outer").expect("a Vec");
    for (name, bytes) in [("filler", vec![7; filler].as_slice()), ("seg", bytes)] {
        writer.begin(name).expect("a name");
        writer.write(bytes).expect("a Vec");
    }
    writer.finish().expect("a Vec");
    out
}

fn inner(object: Object) -> Object {
    let outer = Regions::open("outer", object, *b"KNDRSNAP").expect("sound");
    outer.region("seg").expect("it was written").object()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_are_the_same_wherever_they_are_read(world in world(), extra in 0_u64..9, questions in questions()) {
        let lsn = world.first + extra;
        let want = world.at(lsn);
        let memory = Segment::build(&schema(), want.clone());
        check(&memory, &memory, &want, &questions);

        let bytes = world.write(lsn);
        let heap = read(&bytes);
        heap.check().expect("sound");
        check(&heap, &memory, &want, &questions);
        prop_assert_eq!((heap.name(), heap.size_bytes()), (Some("a.seg"), bytes.len() as u64));
        prop_assert!(heap.column_names().eq(schema().keys()));

        // The same rows are the same bytes, whatever they are read from.
        prop_assert_eq!(&written(&schema(), &[&memory], lsn), &bytes);
        prop_assert_eq!(&written(&schema(), &[&heap], lsn), &bytes);

        // Bytes that are not aligned are copied.
        let shifted = Object::from([&[0], bytes.as_slice()].concat());
        let shifted = open(shifted.slice(1..bytes.len() + 1).expect("within")).expect("sound");
        shifted.check().expect("sound");
        check(&shifted, &memory, &want, &questions);
    }

    #[test]
    fn a_merge_in_memory_has_the_rows_of_both(world in world(), extra in 0_u64..9) {
        let lsn = world.first + extra;
        let [a, b, c] = world.segments.as_slice() else { unreachable!("three") };
        let (a, c) = (read(&written(&schema(), &[a], lsn)), c);
        let merged = Segment::merge(&schema(), &a, b, lsn).expect("sound");
        let merged = Segment::merge(&schema(), &merged, c, lsn).expect("sound");
        let rows: Vec<Row> = merged.visible_rows(lsn).map(|row| row.expect("sound")).collect();
        prop_assert_eq!(rows, world.at(lsn));
    }

    #[test]
    fn a_point_leaves_a_stored_segment_as_it_leaves_one_in_memory(world in world()) {
        let segment = read(&world.write(world.first));
        let mut want = Vec::new();
        for (id, lsn) in &world.leavers {
            let offset = segment.find(*id, world.first).expect("it left later");
            segment.bury(offset, *lsn);
            want.push((offset, *lsn));
        }
        want.sort_unstable();
        prop_assert_eq!(segment.departed(world.first, u64::MAX - 1), want);
        for lsn in world.first..world.first + 9 {
            let rows: Vec<Row> = segment.visible_rows(lsn).map(|row| row.expect("sound")).collect();
            prop_assert_eq!(rows, world.at(lsn));
            prop_assert_eq!(segment.visible(lsn).count(), world.at(lsn).len());
        }
    }
}

/// A history that does not change from run to run.
fn fixed_world(points: u64) -> World {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let change = change();
    let changes = (0..points).map(|number| {
        let mut change = change.new_tree(&mut runner).expect("no rejections").current();
        change.id = PointId::Num(number * 3);
        change
    });
    World::new(changes.collect(), &[PointId::Num(3), PointId::Num(9)])
}

#[test]
fn a_mapped_object_and_an_embedded_one_answer_alike() {
    let world = fixed_world(60);
    let want = world.at(world.first);
    let memory = Segment::build(&schema(), want.clone());
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let questions = questions()
        .new_tree(&mut runner)
        .expect("no rejections")
        .current();
    let bytes = world.write(world.first);

    check(
        &open(inner(embedded(&bytes, 5).into())).expect("sound"),
        &memory,
        &want,
        &questions,
    );

    let folder = tempfile::tempdir().expect("a folder");
    let store = LocalStore::open(folder.path(), Durability::Os).expect("a new folder");
    store.create("a/outer", &embedded(&bytes, 2 << 20)).expect("room");
    let object = inner(store.get("a/outer", None).expect("it was created"));
    assert!(object.is_mapped());
    for is_on_disk in [false, true] {
        let columns = schema().into_keys().filter(|_| is_on_disk).collect();
        let residence = Residence {
            columns_on_disk: columns,
            payload_on_disk: is_on_disk,
        };
        let segment = Segment::open("a.seg", object.clone(), &residence).expect("sound");
        segment.check().expect("sound");
        check(&segment, &memory, &want, &questions);
        assert_eq!(written(&schema(), &[&segment], 0), bytes);
    }
}

#[test]
fn a_payload_larger_than_a_block_has_its_own() {
    let large = |count: usize| -> Payload {
        let text: String = (0..count).map(|number| format!("{number},")).collect();
        Payload([("t".to_owned(), text.into())].into_iter().collect())
    };
    for sizes in [
        vec![9000, 1, 9000],
        vec![1, 9000, 1, 1],
        vec![3000; 7],
        vec![0; 9000],
    ] {
        let rows: Vec<Row> = sizes
            .iter()
            .zip(1..)
            .map(|(size, id)| Row {
                id: PointId::Num(id),
                version: id,
                vectors: NamedVectors::default(),
                payload: Arc::new(if *size == 0 {
                    Payload::default()
                } else {
                    large(*size)
                }),
            })
            .collect();
        let memory = Segment::build(&Schema::new(), rows.clone());
        let segment = read(&written(&Schema::new(), &[&memory], 0));
        segment.check().expect("sound");
        // Backwards too: each read finds its own block.
        for row in (0..rows.len()).rev().step_by(rows.len().div_ceil(50)) {
            assert_eq!(
                segment.row(Offset::from_row(row)).expect("sound").as_ref(),
                rows.get(row)
            );
        }
        assert!(segment.visible_rows(0).map(|row| row.expect("sound")).eq(rows));
    }
}

#[test]
fn a_column_can_be_hidden_left_out_added_or_made_anew() {
    let world = fixed_world(20);
    let mut want = world.at(world.first);
    let bytes = world.write(world.first);
    let stored = read(&bytes);
    let hidden = stored.without("words");
    assert!(hidden.column("words").is_none() && stored.column("words").is_some());
    assert!(!hidden.column_names().any(|name| name == "words"));
    hidden.bury(Offset(0), 99);
    assert_eq!(stored.live(), want.len() - 1, "tombstones are shared");

    // `words` is hidden in the input, `half` is not asked for, `new` is in no input, `second` has another element type.
    let mut schema = schema();
    schema.remove("half");
    let float = ColumnSpec::Dense {
        dim: DIM,
        measure: Measure {
            distance: Distance::Euclid,
            datatype: Datatype::Float32,
        },
    };
    schema.insert("new".to_owned(), float);
    schema.insert("second".to_owned(), float);
    for row in &mut want {
        row.vectors.remove("half");
        row.vectors.remove("words");
    }
    let again = read(&written(&schema, &[&hidden], 98));
    again.check().expect("sound");
    assert!(again.visible_rows(0).map(|row| row.expect("sound")).eq(want));
    assert!(again.column("new").is_some_and(|column| !column.has(Offset(0))));
    assert!(again.column("half").is_none());
}

#[test]
fn a_segment_without_rows_or_columns_is_one() {
    for (schema, inputs) in [(schema(), vec![]), (Schema::new(), vec![])] {
        let segment = read(&written(&schema, &inputs, 7));
        segment.check().expect("sound");
        assert_eq!((segment.rows(), segment.min_max()), (0, None));
        assert_eq!(segment.find(PointId::Num(0), 0), None);
        assert!(segment.column_names().eq(schema.keys()));
    }
}

#[test]
fn two_inputs_that_show_one_point_are_refused() {
    let world = fixed_world(5);
    let segment = &read(&world.write(world.first));
    let mut out = Vec::new();
    let error = Segment::write(&schema(), &[segment, segment], 0, "b.seg", &mut out, &());
    assert!(matches!(error, Err(Error::Corrupt { object, .. }) if object == "b.seg"));
    assert!(Segment::merge(&schema(), segment, segment, 0).is_err());
}

/// Stops at a question.
struct StopsAfter(Cell<usize>);

impl Work for StopsAfter {
    fn go_on(&self) -> Result<(), Cancelled> {
        let left = self.0.get().checked_sub(1).ok_or(Cancelled)?;
        self.0.set(left);
        Ok(())
    }
}

#[test]
fn a_write_can_be_stopped_at_every_question_and_no_stop_is_lost() {
    let world = fixed_world(12);
    let stored = read(&world.write(world.first));
    let write = |questions| {
        let work = StopsAfter(Cell::new(questions));
        let mut out = Vec::new();
        (
            Segment::write(&schema(), &[&stored], 0, "b.seg", &mut out, &work),
            out,
        )
    };
    let needed = (0..1000)
        .find(|questions| write(*questions).0.is_ok())
        .expect("it ends");
    assert!(needed > 10);
    for questions in 0..needed {
        let (result, out) = write(questions);
        assert!(
            matches!(result, Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::Interrupted),
            "{questions}"
        );
        assert!(open(out).is_err());
    }
}

#[test]
fn damage_in_an_input_is_not_copied() {
    let world = fixed_world(12);
    let bytes = world.write(world.first);
    let regions = Regions::open("a.seg", bytes.clone().into(), *b"KNDRSEGM").expect("sound");
    let large = regions
        .names()
        .filter(|name| name.ends_with("data") || name.ends_with("blocks"));
    for name in large {
        let region = regions.region(name).expect("it is named");
        let at = usize::try_from(region.offset()).expect("small") + region.len() / 2;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        let segment = read(&damaged);
        let result = Segment::write(&schema(), &[&segment], 0, "b.seg", &mut Vec::new(), &());
        assert!(
            matches!(result, Err(Error::Corrupt { object, .. }) if object == "a.seg"),
            "{name}"
        );
    }
}
