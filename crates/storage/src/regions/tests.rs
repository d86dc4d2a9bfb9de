//! Objects of regions: the bytes are those of the format, nothing damaged or crafted passes, and nothing is allocated for
//! what is not there.

use proptest::prelude::*;

use super::*;
use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::store::Object;

const MAGIC: [u8; 8] = *b"KNDRTEST";

type Parts = Vec<(String, Vec<u8>)>;

fn written(parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = RegionWriter::new(&mut bytes, MAGIC, "x").unwrap();
    for (name, part) in parts {
        writer.begin(name).unwrap();
        // In two pieces, of which one may be empty.
        let (front, back) = part.split_at(part.len() / 3);
        writer.write(front).unwrap();
        writer.write(back).unwrap();
        assert_eq!(writer.region_bytes(), part.len() as u64);
    }
    let size = writer.finish().unwrap();
    assert_eq!(size, bytes.len() as u64);
    bytes
}

fn parts(list: &[(&str, &[u8])]) -> Parts {
    list.iter()
        .map(|(name, part)| ((*name).to_owned(), part.to_vec()))
        .collect()
}

fn sample() -> Vec<u8> {
    written(&parts(&[("ids", b"hello"), ("v/0", b""), ("v/1", &[b'x'; 65])]))
}

fn open(bytes: &[u8]) -> Result<Regions, Error> {
    Regions::open("x", bytes.to_vec().into(), MAGIC)
}

/// Opened and every region checked, without [`Regions::check`].
fn read(bytes: &[u8]) -> Result<Parts, Error> {
    let regions = open(bytes)?;
    let region = |name: &str| {
        let region = regions.region(name).expect("every name has a region");
        region.check()?;
        Ok((name.to_owned(), region.to_vec()))
    };
    regions.names().map(region).collect()
}

fn flaw(error: Error) -> (u64, Flaw) {
    let Error::Corrupt { object, offset, flaw } = error else {
        panic!("{error}")
    };
    assert_eq!(object, "x");
    (offset, flaw)
}

/// Fixtures are small.
fn small<T: TryFrom<usize, Error: std::fmt::Debug>>(number: usize) -> T {
    T::try_from(number).unwrap()
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// Where the tail says that the table is.
fn table_at(bytes: &[u8]) -> usize {
    index(u64::from_le_bytes(
        bytes[bytes.len() - 36..][..8].try_into().unwrap(),
    ))
}

#[test]
fn the_bytes_are_those_of_the_format() {
    // Put together by hand from docs/format.md, with a CRC-32C computed bit by bit.
    let bytes = sample();
    assert_eq!(bytes.len(), 308);
    assert_eq!(bytes[..16], *b"KNDRTEST\x01\0\0\0\0\0\0\0");
    assert_eq!(bytes[16..64], [0; 48]);
    assert_eq!(bytes[64..69], *b"hello");
    assert_eq!(bytes[69..128], [0; 59]);
    assert_eq!(bytes[128..193], [b'x'; 65]);
    let entries: [&[u8]; 4] = [
        b"\x03\0\0\0",
        b"\x03\0ids\x40\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0\x4c\xbb\x71\x9a",
        b"\x03\0v/0\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\x03\0v/1\x80\0\0\0\0\0\0\0\x41\0\0\0\0\0\0\0\xea\xf8\x71\xdb",
    ];
    assert_eq!(bytes[193..272], entries.concat());
    assert_eq!(
        bytes[272..],
        *b"\xc1\0\0\0\0\0\0\0\x4f\0\0\0\x35\x2a\xb3\x6d\x34\x01\0\0\0\0\0\0\xa1\xa6\x70\x26KNDRTAIL"
    );
}

#[test]
fn regions_are_found_by_name_and_lie_where_they_say() {
    let regions = open(&sample()).unwrap();
    assert_eq!(regions.names().collect::<Vec<_>>(), ["ids", "v/0", "v/1"]);
    assert_eq!((regions.name(), regions.size_bytes()), ("x", 308));
    assert_eq!(*regions.object(), Object::from(sample()));
    let region = regions.region("v/1").unwrap();
    assert_eq!(
        (region.offset(), region.object_name(), &*region),
        (128, "x", &[b'x'; 65][..])
    );
    assert_eq!(region.object(), Object::from(vec![b'x'; 65]));
    assert!(regions.region("v/2").is_none() && regions.region("").is_none());
    drop(regions);
    region.check().unwrap();
    let none = open(&written(&[])).unwrap();
    assert_eq!((none.names().count(), none.size_bytes()), (0, 16 + 4 + 36));
}

#[test]
fn an_object_within_an_object_is_opened_in_place() {
    let outer = written(&parts(&[("meta", b"{}"), ("c0/seg/0", &sample())]));
    let outer = open(&outer).unwrap();
    let inner = outer.region("c0/seg/0").unwrap();
    let regions = Regions::open("x/c0/seg/0", inner.object(), MAGIC).unwrap();
    regions.check().unwrap();
    let region = regions.region("v/1").unwrap();
    assert_eq!(
        region.as_ptr(),
        outer.object()[index(inner.offset()) + 128..].as_ptr(),
        "no copy"
    );
    assert_eq!(region.as_ptr().align_offset(16), 0, "aligned");
}

#[test]
fn a_writer_refuses_what_no_reader_takes() {
    let mut bytes = Vec::new();
    let mut writer = RegionWriter::new(&mut bytes, MAGIC, "x").unwrap();
    let (longest, too_long) = ("a".repeat(128), "a".repeat(129));
    for name in ["", "A", "a b", "ä", "a\0", &too_long] {
        assert!(
            matches!(writer.begin(name), Err(Error::BadName { .. })),
            "{name:?}"
        );
    }
    for name in ["a", "../-_.9", &longest] {
        writer.begin(name).unwrap();
    }
    assert!(matches!(writer.begin("a"), Err(Error::Exists { .. })));
    for index in 3..MAX_REGIONS {
        writer.begin(&format!("r{index}")).unwrap();
    }
    assert!(matches!(
        writer.begin("more"),
        Err(Error::TooLarge {
            limit_bytes: 65_536,
            ..
        })
    ));
    writer.finish().unwrap();
    assert_eq!(open(&bytes).unwrap().names().count(), MAX_REGIONS);
}

#[test]
fn a_full_device_is_told_from_other_failures() {
    let mut room = [0; 40];
    let mut out: &mut [u8] = &mut room;
    let mut writer = RegionWriter::new(&mut out, MAGIC, "x").unwrap();
    assert!(
        matches!(writer.begin("a"), Err(Error::Io { .. })),
        "no room for the gap"
    );
    assert!(RegionWriter::new(&mut &mut room[..15], MAGIC, "x").is_err());
}

#[test]
fn kind_and_version_come_first() {
    let refused = Regions::open("x", sample().into(), SEGMENT_MAGIC).unwrap_err();
    assert_eq!(flaw(refused), (0, Flaw::Magic));
    for (at, byte, is_newer) in [(8, 2, true), (8, 0, false), (10, 1, false), (12, 1, false)] {
        let mut bytes = sample();
        bytes[at] = byte;
        match open(&bytes) {
            // A newer minor version only adds what may be ignored.
            Ok(_) => assert_eq!(at, 10),
            Err(Error::Version { found: 2, .. }) => assert!(is_newer),
            Err(error) => assert!(!is_newer && [8, 12].contains(&flaw(error).0)),
        }
    }
}

/// An object with this table and, unless given, a tail that fits.
fn crafted(body: &[u8], table: &[u8], tail: Option<(u64, u32, u64)>) -> Vec<u8> {
    let mut bytes = b"KNDRTEST\x01\0\0\0\0\0\0\0".to_vec();
    bytes.extend_from_slice(body);
    let table_at = bytes.len();
    bytes.extend_from_slice(table);
    let total = bytes.len() + TAIL_BYTES;
    let (at, count, total) = tail.unwrap_or((table_at as u64, small(table.len()), total as u64));
    let mut tail = [&at.to_le_bytes()[..], &count.to_le_bytes()].concat();
    let start = usize::try_from(at).unwrap_or(usize::MAX);
    let end = start.saturating_add(index(count.into()));
    tail.extend(crc32c(bytes.get(start..end).unwrap_or(table)).to_le_bytes());
    tail.extend(total.to_le_bytes());
    tail.extend(crc32c(&tail).to_le_bytes());
    tail.extend(b"KNDRTAIL");
    [bytes, tail].concat()
}

fn table(count: u32, entries: &[(&str, u64, u64)]) -> Vec<u8> {
    let mut table = count.to_le_bytes().to_vec();
    for (name, offset, size) in entries {
        table.extend(small::<u16>(name.len()).to_le_bytes());
        table.extend(name.as_bytes());
        table.extend(offset.to_le_bytes());
        table.extend(size.to_le_bytes());
        table.extend([0; 4]);
    }
    table
}

#[test]
fn crafted_tables_are_refused() {
    // 16 of the head and 176 make 192: room for regions at 64 and 128.
    let body = [0; 176];
    let check = |entries: &[(&str, u64, u64)], expected: Option<&'static str>| {
        let count: u32 = small(entries.len());
        let opened = open(&crafted(&body, &table(count, entries), None));
        match expected {
            None => assert_eq!(opened.unwrap().names().count(), entries.len()),
            Some(value) => assert_eq!(flaw(opened.unwrap_err()).1, Flaw::Value(value), "{entries:?}"),
        }
    };
    let (name, offset, size) = (
        "the name of a region",
        "the offset of a region",
        "the size of a region",
    );
    check(&[("a", 64, 64), ("b", 128, 64)], None);
    check(&[("a", 64, 0), ("b", 64, 0), ("c", 64, 128)], None);
    for (entries, expected) in [
        (&[("a", 64, 65), ("b", 128, 64)][..], offset),
        (&[("a", 64, 128), ("b", 64, 128)], offset),
        (&[("b", 128, 64), ("a", 64, 64)], offset),
        (&[("a", 65, 64)], offset),
        (&[("a", 16, 176)], offset),
        (&[("a", 0, 192)], offset),
        (&[("a", 128, 64)], offset),
        (&[("a", 1 << 63, 64)], offset),
        (&[("a", u64::MAX - 63, 64)], offset),
        (&[("a", 64, 129)], size),
        (&[("a", 64, u64::MAX)], size),
        (&[("a", 64, u64::MAX - 64)], size),
        (&[("a", 64, 1 << 63)], size),
        (
            &[("a", 64, 64), ("a", 128, 64)],
            "a region (its name comes twice)",
        ),
        (&[("", 64, 0), ("ab", 64, 128)], name),
        (&[("A", 64, 128)], name),
        (&[("a\0", 64, 128)], name),
        (&[("é", 64, 128)], name),
        (&[(&"a".repeat(129), 64, 128)], name),
        (&[("a", 64, 127)], "the place of the table"),
        (&[], "the place of the table"),
    ] {
        check(entries, Some(expected));
    }
    let all: &[(&str, u64, u64)] = &[("a", 64, 128)];
    for count in [2, 65_537, u32::MAX] {
        let refused = open(&crafted(&body, &table(count, all), None)).unwrap_err();
        assert_eq!(flaw(refused), (192, Flaw::Length), "{count}");
    }
    for (bytes, expected) in [
        ([table(1, all), vec![0]].concat(), Flaw::Trailing),
        (table(0, all), Flaw::Trailing),
        (table(1, all)[..26].to_vec(), Flaw::Length),
        (vec![1, 0], Flaw::Short),
        (Vec::new(), Flaw::Short),
    ] {
        assert_eq!(
            flaw(open(&crafted(&body, &bytes, None)).unwrap_err()).1,
            expected,
            "{bytes:?}"
        );
    }
    let mut long_name = table(1, all);
    long_name[4..6].copy_from_slice(&[0xff, 0xff]);
    assert_eq!(
        flaw(open(&crafted(&body, &long_name, None)).unwrap_err()).1,
        Flaw::Short
    );
}

#[test]
fn crafted_tails_are_refused() {
    let table = table(1, &[("a", 64, 128)]);
    let count: u32 = small(table.len());
    let total = 16 + 176 + u64::from(count) + 36;
    let place = Flaw::Value("the place of the table");
    let size = Flaw::Value("the size of the object");
    for (tail, expected) in [
        ((191, count, total), place),
        ((193, count, total), place),
        ((191, count + 1, total), Flaw::Length),
        ((0, 192 + count, total), place),
        ((15, 177 + count, total), place),
        ((192, count - 1, total), place),
        ((192, count + 1, total), place),
        ((192, u32::MAX, total), place),
        ((u64::MAX, count, total), place),
        ((u64::MAX - u64::from(count) + 1, count, total), place),
        ((total, 0, total), place),
        ((192 + (1 << 32), count, total), place),
        ((192, count, total - 1), size),
        ((192, count, total + 1), size),
        ((192, count, u64::MAX), size),
        ((192, count, 0), size),
    ] {
        let refused = open(&crafted(&[0; 176], &table, Some(tail))).unwrap_err();
        assert_eq!(flaw(refused).1, expected, "{tail:?}");
    }
    open(&crafted(&[0; 176], &table, Some((192, count, total)))).unwrap();
}

fn any_parts() -> impl Strategy<Value = Parts> {
    let part = prop::collection::vec(any::<u8>(), 0..150);
    prop::collection::hash_map("[a-z0-9._/-]{1,9}", part, 0..5).prop_map(|parts| parts.into_iter().collect())
}

proptest! {
    #[test]
    fn regions_read_back_and_no_flip_or_cut_passes(parts in any_parts(), mask in 1_u8..) {
        let bytes = written(&parts);
        prop_assert_eq!(&read(&bytes).unwrap(), &parts);
        let regions = open(&bytes).unwrap();
        regions.check().unwrap();
        for (name, part) in &parts {
            let region = regions.region(name).unwrap();
            prop_assert!(region.offset().is_multiple_of(ALIGNMENT_BYTES) && *region == **part);
        }
        let table_at = table_at(&bytes);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= mask;
            let opened = open(&flipped);
            let is_minor_version = (10..12).contains(&at);
            if is_minor_version {
                prop_assert!(opened.is_ok());
            } else if !(16..table_at).contains(&at) {
                prop_assert!(opened.is_err(), "flip at {} is in head, table or tail", at);
            } else {
                let opened = opened.unwrap();
                prop_assert!(opened.check().is_err(), "flip at {}", at);
                let hit = parts.iter().any(|(name, _)| opened.region(name).unwrap().check().is_err());
                // Or it is in a gap, which is no region's.
                prop_assert_eq!(hit, read(&flipped).is_err());
                prop_assert!(hit || bytes[at] == 0);
            }
            prop_assert!(open(&bytes[..at]).is_err(), "cut at {}", at);
            prop_assert!(open(&bytes[at + 1..]).is_err(), "without the first {}", at + 1);
        }
        prop_assert!(open(&[&bytes[..], b"x"].concat()).is_err());
    }

    /// Any four bytes of table and tail, with checksums that fit again: read or refused, and never beyond the object.
    #[test]
    fn nothing_in_table_or_tail_is_believed(
        parts in any_parts(), from_end in 4_usize..150, value in prop_oneof![any::<u32>(), 0_u32..300],
    ) {
        let mut bytes = written(&parts);
        let len = bytes.len();
        let table_at = table_at(&bytes);
        let at = len.saturating_sub(from_end).max(table_at);
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let crc = crc32c(&bytes[table_at..len - 36]).to_le_bytes();
        bytes[len - 24..len - 20].copy_from_slice(&crc);
        let crc = crc32c(&bytes[len - 36..len - 12]).to_le_bytes();
        bytes[len - 12..len - 8].copy_from_slice(&crc);
        if let Ok(regions) = open(&bytes) {
            for name in regions.names() {
                let region = regions.region(name).unwrap();
                prop_assert!(index(region.offset()) + region.len() <= table_at);
                region.check().ok();
            }
            regions.check().ok();
        }
    }

    #[test]
    fn noise_is_refused(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(open(&noise).is_err());
        prop_assert!(open(&[&sample()[..16], &noise].concat()).is_err());
        prop_assert!(open(&[&sample()[..16], &noise, b"KNDRTAIL"].concat()).is_err());
    }
}
