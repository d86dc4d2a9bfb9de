//! Archives of strangers: every one is refused, with a reason, and leaves nothing.

use std::path::Path;
use std::sync::Arc;

use kindred_model::config::CreateCollection;
use kindred_model::update::json::{DeleteBody, UpsertBody};
use kindred_storage::regions::SEGMENT_MAGIC;
use kindred_storage::{MemoryStore, Object, Regions, Store, crc32c};
use serde_json::{Value, json};

use super::*;
use crate::collection::body;
use crate::env::Env;

fn database(store: Arc<MemoryStore>, folder: &Path) -> Database {
    Database::open_with(Env::with_seed(store, 1))
        .unwrap()
        .with_snapshots(folder)
}

/// A collection `art` of vectors of `dim` components with three segments: points 1 to 4, 3 to 6, one with a UUID; some
/// of them gone.
fn fill(database: &Database, dim: usize) {
    let ctx = Ctx::unlimited();
    let create = json!({"vectors": {"size": dim, "distance": "Dot"}, "sparse_vectors": {"s": {}}});
    let create: CreateCollection = serde_json::from_value(create).unwrap();
    database
        .create_collection("art", create.into_config().unwrap())
        .unwrap();
    let point = |id: Value| {
        let vector = json!({"": vec![1.5; dim], "s": {"indices": [1, 7], "values": [1.0, 2.0]}});
        json!({"id": id, "vector": vector, "payload": {"a": {"b": [1, "two"]}}})
    };
    let uuid = json!("00000000-0000-0000-0000-000000000001");
    for ids in [
        vec![json!(1), json!(2), json!(3), json!(4)],
        vec![json!(3), json!(4), json!(5), json!(6)],
        vec![uuid],
    ] {
        let points: Vec<Value> = ids.into_iter().map(point).collect();
        let upsert: UpsertBody = serde_json::from_value(json!({"points": points})).unwrap();
        database.update(&ctx, "art", upsert.into_op().unwrap()).unwrap();
        database.seal(&ctx, "art").unwrap();
    }
    let delete: DeleteBody = serde_json::from_value(json!({"points": [5]})).unwrap();
    database.update(&ctx, "art", delete.into_op().unwrap()).unwrap();
}

/// A good snapshot of `fill`.
fn good(dim: usize) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let database = database(Arc::default(), folder.path());
    fill(&database, dim);
    let made = database.create_snapshot(&Ctx::unlimited(), "art").unwrap();
    read(&database, Some("art"), &made.name)
}

fn read(database: &Database, collection: Option<&str>, name: &str) -> Vec<u8> {
    let mut reader = database.read_snapshot(collection, name).unwrap();
    let size = usize::try_from(reader.size_bytes()).unwrap();
    reader.next(size).unwrap()
}

type Parts = Vec<(String, Vec<u8>)>;

/// The regions of an object, in order.
fn parts(bytes: &[u8], magic: [u8; 8]) -> Parts {
    let regions = Regions::open("x", Object::from(bytes.to_vec()), magic).unwrap();
    let names: Vec<String> = regions.names().map(str::to_owned).collect();
    let part = |name: String| {
        let bytes = regions.region(&name).unwrap().to_vec();
        (name, bytes)
    };
    names.into_iter().map(part).collect()
}

/// An object of these regions with right checksums, under names that the writer would refuse, too.
fn object(magic: [u8; 8], parts: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut out = magic.to_vec();
    out.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    let mut table = u32::try_from(parts.len()).unwrap().to_le_bytes().to_vec();
    for (name, bytes) in parts {
        out.resize(out.len().next_multiple_of(64), 0);
        table.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        table.extend(name.as_bytes());
        table.extend((out.len() as u64).to_le_bytes());
        table.extend((bytes.len() as u64).to_le_bytes());
        table.extend(crc32c(bytes).to_le_bytes());
        out.extend(bytes);
    }
    finish(out, &table)
}

/// The bytes before the table, with the table and the tail.
fn finish(mut out: Vec<u8>, table: &[u8]) -> Vec<u8> {
    let table_at = out.len() as u64;
    out.extend(table);
    let mut tail = table_at.to_le_bytes().to_vec();
    tail.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
    tail.extend(crc32c(table).to_le_bytes());
    tail.extend((out.len() as u64 + 36).to_le_bytes());
    let crc = crc32c(&tail);
    tail.extend(crc.to_le_bytes());
    tail.extend(b"KNDRTAIL");
    out.extend(tail);
    out
}

fn with(parts: &Parts, name: &str, bytes: Vec<u8>) -> Parts {
    let mut parts = parts.clone();
    parts.iter_mut().find(|part| part.0 == name).unwrap().1 = bytes;
    parts
}

fn part<'a>(parts: &'a Parts, name: &str) -> &'a [u8] {
    let found = parts.iter().find(|part| part.0 == name);
    &found.unwrap_or_else(|| panic!("no {name}")).1
}

fn edited(parts: &Parts, pointer: &str, value: Value) -> Parts {
    let mut meta: Value = serde_json::from_slice(part(parts, "meta")).unwrap();
    *meta.pointer_mut(pointer).unwrap() = value;
    with(parts, "meta", serde_json::to_vec(&meta).unwrap())
}

fn verify(bytes: &[u8]) -> Result<u64, Error> {
    let archive = Archive::open(Object::from(bytes.to_vec()), None).map_err(distrusted)?;
    let checked = archive.check(&Ctx::unlimited()).map_err(distrusted)?;
    Ok(checked.iter().map(|part| part.points).sum())
}

#[test]
fn the_good_one_is_good() {
    let bytes = good(2);
    assert_eq!(verify(&bytes).unwrap(), 6, "1 2 3 4 6 and the UUID");
    let parts = parts(&bytes, SNAPSHOT_MAGIC);
    assert_eq!(
        object(SNAPSHOT_MAGIC, &parts),
        bytes,
        "the test writes the same bytes"
    );
}

#[test]
fn every_flipped_byte_and_every_cut_is_noticed() {
    let bytes = good(2);
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x40;
        // The minor version may be anything.
        assert_eq!(
            verify(&flipped).is_ok(),
            (10..12).contains(&at),
            "byte {at} of {}",
            bytes.len()
        );
    }
    for at in (0..bytes.len()).step_by(7) {
        assert!(verify(&bytes[..at]).is_err(), "cut at {at}");
    }
}

/// Tampered archives with right checksums, and what their refusal says.
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn hostile() -> Vec<(Vec<u8>, &'static str)> {
    let bytes = good(2);
    let own = parts(&bytes, SNAPSHOT_MAGIC);
    let other = parts(&good(3), SNAPSHOT_MAGIC);
    let snapshot = |parts: &Parts| object(SNAPSHOT_MAGIC, parts);
    let renamed = |from: &str, to: &str| {
        let mut parts = own.clone();
        parts.iter_mut().find(|part| part.0 == from).unwrap().0 = to.to_owned();
        snapshot(&parts)
    };
    let added = |name: &str| {
        let mut parts = own.clone();
        parts.push((name.to_owned(), b"x".to_vec()));
        snapshot(&parts)
    };
    let segment = part(&own, "c0/seg/0").to_vec();
    let in_segment = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let inner = parts(&segment, SEGMENT_MAGIC);
        let mut bytes = part(&inner, name).to_vec();
        change(&mut bytes);
        let inner = with(&inner, name, bytes);
        snapshot(&with(&own, "c0/seg/0", object(SEGMENT_MAGIC, &inner)))
    };
    let mut newer = bytes.clone();
    newer[8] = 2;
    let body = part(&own, "c0/body").to_vec();
    let changed_body = |at: usize, value: u8| {
        let mut body = body.clone();
        body[at] = value;
        snapshot(&with(&own, "c0/body", body))
    };
    let mut bomb = vec![1];
    bomb.extend(1_u32.to_le_bytes());
    bomb.extend(u32::MAX.to_le_bytes());
    bomb.extend(0_u32.to_le_bytes());
    // Pieces for every row of four thousand million, of a few bytes each.
    let mut pieces = (12_347_u32 | 0xffff << 16).to_le_bytes().to_vec();
    pieces.resize(1 << 20, 0);
    bomb.extend(u32::try_from(pieces.len()).unwrap().to_le_bytes());
    bomb.extend(pieces);
    let one = |parts: &Parts| edited(parts, "/collections/0/segments", json!(1));
    let lone: Parts = one(&own)
        .into_iter()
        .filter(|part| part.0 != "c0/seg/1" && part.0 != "c0/seg/2")
        .collect();
    let twice = {
        let segment_1 = part(&own, "c0/seg/0").to_vec();
        let mut kept = body::decode("x", &body).unwrap();
        kept[0].gone.clear();
        kept[1] = kept[0].clone();
        let parts = with(&own, "c0/seg/1", segment_1);
        snapshot(&with(&parts, "c0/body", body::encode(&kept)))
    };
    vec![
        (b"".to_vec(), "too early"),
        (b"KNDRSNAP".to_vec(), "too early"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(50), "does not begin"),
        ([&b"../../etc/passwd"[..], &[0; 496]].concat(), "does not begin"),
        (vec![0; 4096], "does not begin"),
        (object(SEGMENT_MAGIC, &own), "does not begin"),
        (newer, "newer program"),
        ([&bytes[..], b"x"].concat(), "too early"),
        ([&bytes[..], &bytes[..]].concat(), "the size of the object"),
        (renamed("c0/seg/1", "../../../etc/passwd"), "lacks a segment"),
        (renamed("c0/seg/1", "/etc/passwd"), "lacks a segment"),
        (renamed("c0/seg/1", "C:\\x"), "name of a region"),
        (renamed("c0/seg/1", "c0/seg/1\0"), "name of a region"),
        (renamed("c0/seg/1", ""), "name of a region"),
        (renamed("c0/seg/1", &"a".repeat(129)), "name of a region"),
        (renamed("c0/seg/1", "c0/seg/0"), "comes twice"),
        (renamed("c0/seg/1", "c0/seg/01"), "lacks a segment"),
        (renamed("meta", "c1/body"), "does not describe itself"),
        (added("../x"), "does not name"),
        (added("c1/body"), "does not name"),
        (snapshot(&one(&own)), "does not name"),
        (
            snapshot(&edited(&own, "/collections/0/segments", json!(u32::MAX))),
            "lacks",
        ),
        (
            snapshot(&edited(&own, "/collections/0/position", json!(1))),
            "newer than the snapshot",
        ),
        (
            snapshot(&edited(
                &own,
                "/collections/0/config/params/vectors/size",
                json!(3),
            )),
            "settings",
        ),
        (
            snapshot(&edited(
                &own,
                "/collections/0/config/params/vectors/distance",
                json!("Cosine"),
            )),
            "settings",
        ),
        (
            snapshot(&edited(
                &own,
                "/collections/0/config/params/vectors/size",
                json!(0),
            )),
            "size",
        ),
        (
            snapshot(&with(&own, "c0/seg/0", part(&other, "c0/seg/0").to_vec())),
            "settings",
        ),
        (snapshot(&with(&own, "c0/seg/0", Vec::new())), "too early"),
        (snapshot(&with(&own, "c0/seg/0", bytes.clone())), "does not begin"),
        (snapshot(&with(&own, "meta", b"{}".to_vec())), "cannot be read"),
        (
            snapshot(&with(&own, "c0/body", Vec::new())),
            "is not that of the segments",
        ),
        (snapshot(&with(&own, "c0/body", bomb)), "number of rows"),
        (snapshot(&lone), "number of rows"),
        (changed_body(0, 9), "version of the body"),
        (changed_body(5, 9), "number of rows"),
        (twice, "is in two segments"),
        (in_segment("ids/numbers", &|bytes| bytes.swap(0, 8)), "damaged"),
        (
            in_segment("ids/numbers", &|bytes| bytes.copy_within(8..16, 0)),
            "damaged",
        ),
        (in_segment("ids/numbers", &|bytes| bytes.truncate(8)), "damaged"),
        (
            in_segment("versions", &|bytes| bytes[7] = 0x7f),
            "newer than the snapshot",
        ),
        (
            in_segment("versions", &|bytes| bytes[..8].fill(0)),
            "newer than the snapshot",
        ),
        (
            in_segment("c0/data", &|bytes| {
                bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes())
            }),
            "damaged",
        ),
        (in_segment("c1/indices", &|bytes| bytes.swap(0, 4)), "damaged"),
        (in_segment("payload/blocks", &|bytes| bytes.fill(0)), "damaged"),
        (in_segment("payload/index", &|bytes| bytes.fill(0xff)), "damaged"),
    ]
}

#[test]
fn hostile_archives_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<MemoryStore> = Arc::default();
    let database = database(Arc::clone(&store), folder.path());
    fill(&database, 2);
    let ctx = Ctx::unlimited();
    database.seal(&ctx, "art").unwrap();
    let objects = || {
        let mut names = store.list("").unwrap();
        names.retain(|name| name.starts_with("c/"));
        names
    };
    let before = objects();
    let catalogs = store.list("catalog/").unwrap();
    for (number, (bytes, want)) in hostile().into_iter().enumerate() {
        for collection in ["art", "new"] {
            let mut upload = database.receive_snapshot().unwrap();
            let outcome = bytes
                .chunks(1000)
                .try_for_each(|step| upload.write(step))
                .and_then(|()| database.restore_uploaded(&ctx, collection, upload, None));
            let error = outcome.expect_err(want);
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number} {want}: {text}");
            assert!(
                text.contains(want) && text.contains("refused"),
                "{number} {want}: {text}"
            );
        }
    }
    assert_eq!(objects(), before);
    assert_eq!(store.list("catalog/").unwrap(), catalogs, "not even a commit");
    assert_eq!(database.collections(), ["art"]);
    assert_eq!(database.info("art").unwrap().points_count, 6);
    assert_eq!(files(folder.path()), 0);
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

#[test]
fn regions_that_overlap_are_refused() {
    let own = parts(&good(2), SNAPSHOT_MAGIC);
    let bytes = object(SNAPSHOT_MAGIC, &own);
    let table_at = usize::try_from(u64::from_le_bytes(
        bytes[bytes.len() - 36..bytes.len() - 28].try_into().unwrap(),
    ))
    .unwrap();
    let table = &bytes[table_at..bytes.len() - 36];
    // Every number of the table, pulled to zero, to the start of another region and beyond the end.
    for at in 0..table.len() - 8 {
        for value in [0_u64, 64, u64::MAX, 1 << 40] {
            let mut changed = table.to_vec();
            changed[at..at + 8].copy_from_slice(&value.to_le_bytes());
            if changed != table {
                assert!(
                    verify(&finish(bytes[..table_at].to_vec(), &changed)).is_err(),
                    "{at} {value}"
                );
            }
        }
    }
}

#[test]
fn an_upload_that_is_no_snapshot_ends_at_its_first_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(Arc::default(), folder.path());
    let mut upload = database.receive_snapshot().unwrap();
    upload.write(b"KND").unwrap();
    assert!(upload.write(b"RSTAR").is_err());
    drop(upload);
    // As many at once as are allowed.
    let uploads: Vec<_> = (0..8).map(|_| database.receive_snapshot().unwrap()).collect();
    let busy = database.receive_snapshot().map(drop).unwrap_err();
    assert_eq!(busy.kind(), ErrorKind::Busy);
    drop(uploads);
    drop(database.receive_snapshot().unwrap());
    assert_eq!(files(folder.path()), 0);
}
