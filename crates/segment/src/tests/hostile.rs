//! Whatever the bytes are: damage is found, and nothing panics.

use kindred_storage::{RegionWriter, Regions};
use proptest::strategy::ValueTree;

use super::*;
use crate::Offset;

const MAGIC: [u8; 8] = *b"KNDRSEGM";

/// A few points with everything.
fn small() -> Vec<u8> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut changes: Vec<Change> = (0..6)
        .map(|_| change().new_tree(&mut runner).expect("no rejections").current())
        .collect();
    for (number, change) in changes.iter_mut().enumerate() {
        change.id = match number {
            0..4 => PointId::Num(number as u64 * 5),
            _ => PointId::Uuid(Uuid::from_u128(number as u128)),
        };
        change.payload = Payload([("n".to_owned(), number.into())].into_iter().collect());
        // One point lacks everything, so that every column has places.
        if number == 2 {
            change.vectors = NamedVectors::default();
        }
    }
    let world = World::new(changes, &[]);
    world.write(world.first)
}

/// Opened and checked: all that stands between bytes from a stranger and a collection.
fn accepted(bytes: Vec<u8>) -> Result<Segment, Error> {
    let segment = open(bytes)?;
    segment.check()?;
    Ok(segment)
}

#[test]
fn every_flipped_byte_is_found() {
    let sound = small();
    accepted(sound.clone()).expect("sound");
    for at in 0..sound.len() {
        // A newer minor version only adds what may be ignored.
        if (10..12).contains(&at) {
            continue;
        }
        for flip in [1, 0x80, 0xff] {
            let mut bytes = sound.clone();
            bytes[at] ^= flip;
            assert!(accepted(bytes).is_err(), "byte {at} of {}", sound.len());
        }
    }
}

#[test]
fn every_cut_is_refused_at_once() {
    let sound = small();
    for end in 0..sound.len() {
        assert!(open(sound[..end].to_vec()).is_err(), "cut to {end}");
    }
    assert!(open([sound.as_slice(), &[0]].concat()).is_err());
}

/// The regions of an object.
fn regions(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let regions = Regions::open("a.seg", bytes.to_vec().into(), MAGIC).expect("sound");
    let region = |name: &str| regions.region(name).expect("it is named").to_vec();
    regions
        .names()
        .map(|name| (name.to_owned(), region(name)))
        .collect()
}

/// The object again, with checksums that fit.
fn sealed(regions: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = RegionWriter::new(&mut out, MAGIC, "a.seg").expect("a Vec");
    for (name, bytes) in regions {
        writer.begin(name).expect("a name");
        writer.write(bytes).expect("a Vec");
    }
    writer.finish().expect("a Vec");
    out
}

/// Asks everything; only the answers to a segment that `check` accepts have to make sense.
fn exercise(bytes: Vec<u8>) {
    let Ok(segment) = open(bytes) else {
        return;
    };
    let is_sound = segment.check().is_ok();
    assert!(
        segment.rows() < 1000,
        "rows are bounded by the bytes that are there"
    );
    let filter = serde_json::from_str(r#"{"must_not":[{"key":"n","match":{"value":3}}]}"#).expect("a filter");
    assert!(segment.allow(&filter, 0, &()).is_ok() || !is_sound);
    assert!(segment.visible_rows(0).all(|row| row.is_ok()) || !is_sound);
    for row in 0..=segment.rows() {
        let offset = Offset::from_row(row);
        let found = segment.id(offset).and_then(|id| segment.find(id, 0));
        assert_eq!(found, (row < segment.rows()).then_some(offset));
        assert!(segment.row(offset).is_ok() || !is_sound);
    }
    for (name, spec) in schema() {
        let anchor = match spec {
            // The order of sparse indices is what `check` finds out.
            ColumnSpec::Sparse { .. } if !is_sound => continue,
            ColumnSpec::Sparse { .. } => Vector::Sparse(
                kindred_model::vector::SparseVector::new(vec![1, 2, 3], vec![1.0; 3]).expect("they ascend"),
            ),
            ColumnSpec::Dense { .. } => Vector::Dense(vec![1.0; DIM]),
            ColumnSpec::Multi { .. } => Vector::Multi(
                kindred_model::vector::MultiVector::from_flat(DIM, vec![1.0; 2 * DIM]).expect("whole rows"),
            ),
        };
        best(&segment, &name, &anchor);
    }
    let mut out = Vec::new();
    let result = Segment::write(&schema(), &[&segment], 0, "b.seg", &mut out, &());
    assert!(result.is_ok() || !is_sound);
}

#[test]
fn hostile_numbers_do_not_panic() {
    let sound = regions(&small());
    for (index, (name, bytes)) in sound.iter().enumerate() {
        for width in [1, 2, 4, 8] {
            let words = [
                0,
                1,
                2,
                127,
                u64::MAX >> 1,
                u64::MAX - 1,
                u64::MAX,
                1 << 32,
                1 << 40,
            ];
            for (at, word) in (0..bytes.len() / width).flat_map(|at| words.map(|word| (at * width, word))) {
                // Payload blocks have a checksum of their own; their text is the next test's.
                if name.ends_with("blocks") || (bytes.len() > 200 && at % 24 > 8) {
                    continue;
                }
                let mut hostile = sound.clone();
                hostile[index].1[at..at + width].copy_from_slice(&word.to_le_bytes()[..width]);
                exercise(sealed(&hostile));
            }
        }
    }
}

#[test]
fn hostile_sizes_do_not_panic() {
    let sound = regions(&small());
    for index in 0..sound.len() {
        let mut without = sound.clone();
        let (name, bytes) = without.remove(index);
        assert!(accepted(sealed(&without)).is_err(), "without {name}");
        for size in [
            0,
            1,
            7,
            8,
            bytes.len() - 1,
            bytes.len() + 1,
            bytes.len() + 8,
            bytes.len() * 2,
        ] {
            let mut hostile = sound.clone();
            hostile[index].1.resize(size, 0);
            if size != bytes.len() {
                assert!(accepted(sealed(&hostile)).is_err(), "{name} with {size} bytes");
            }
            exercise(sealed(&hostile));
        }
        let mut swapped = sound.clone();
        swapped.swap(0, index);
        exercise(sealed(&swapped));
    }
    let mut more = sound;
    more.push(("a/newer/region".to_owned(), vec![1]));
    accepted(sealed(&more)).expect("what is not known is ignored");
}

/// An object whose payloads are one block of these raw bytes.
fn with_block(raw: &[u8], raw_bytes: u32, rows: u64) -> Vec<u8> {
    let row = |id| Row {
        id: PointId::Num(id),
        version: 1,
        vectors: NamedVectors::default(),
        payload: Arc::default(),
    };
    let memory = Segment::build(&Schema::new(), (0..rows).map(row));
    let mut regions = regions(&written(&Schema::new(), &[&memory], 0));
    let block = lz4_flex::block::compress(raw);
    for (name, bytes) in &mut regions {
        if name == "payload/index" {
            let size = u32::try_from(block.len()).expect("small");
            let entry = [0, 0, size, raw_bytes, 0, kindred_storage::crc32c(&block)];
            *bytes = entry.iter().flat_map(|word| word.to_le_bytes()).collect();
        } else if name == "payload/blocks" {
            bytes.clone_from(&block);
        }
    }
    sealed(&regions)
}

#[test]
fn hostile_payload_blocks_do_not_panic() {
    let raw = |ends: &[u32], texts: &str| -> Vec<u8> {
        let ends = ends.iter().flat_map(|end| end.to_le_bytes());
        ends.chain(texts.bytes()).collect()
    };
    let check = |ends: &[u32], texts: &str, is_sound: bool| {
        let raw = raw(ends, texts);
        let size = u32::try_from(raw.len()).expect("small");
        let bytes = with_block(&raw, size, 2);
        assert_eq!(accepted(bytes.clone()).is_ok(), is_sound, "{ends:?} {texts}");
        exercise(bytes);
        for size in [0, 1, size - 1, size + 1, size * 100, u32::MAX] {
            let bytes = with_block(&raw, size, 2);
            assert!(accepted(bytes.clone()).is_err(), "{size}");
            exercise(bytes);
        }
    };
    check(&[2, 9], r#"{}{"n":1}"#, true);
    check(&[0, 7], r#"{"n":1}"#, true);
    check(&[9, 2], r#"{}{"n":1}"#, false);
    check(&[2, 10], r#"{}{"n":1}"#, false);
    check(&[2, u32::MAX], r#"{}{"n":1}"#, false);
    check(&[2, 8], r#"{}{"n":1}"#, false);
    check(&[2, 9], r#"{}["n", 1"#, false);
    check(&[2, 7], r#"{}["n"]"#, false);
    let deep = r#"{"n":"#.repeat(5000);
    check(
        &[2, u32::try_from(deep.len()).expect("small") + 2],
        &format!("{{}}{deep}"),
        false,
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hostile_bytes_do_not_panic(changes in prop::collection::vec((any::<u16>(), any::<u16>(), any::<u8>()), 1..6)) {
        let mut regions = regions(&small());
        let count = regions.len();
        for (region, at, byte) in changes {
            let bytes = &mut regions[usize::from(region) % count].1;
            let at = usize::from(at) % bytes.len();
            bytes[at] = byte;
        }
        exercise(sealed(&regions));
    }
}
