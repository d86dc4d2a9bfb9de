//! The folder on a real disk: names, drafts that end in every way, checksums, links.

use super::*;
use std::io::Write;

fn folder() -> (tempfile::TempDir, Arc<Snapshots>) {
    let root = tempfile::tempdir().unwrap();
    let snapshots = Arc::new(Snapshots::open(root.path().join("snapshots")));
    (root, snapshots)
}

fn write(snapshots: &Arc<Snapshots>, collection: Option<&str>, name: &str, bytes: &[u8]) -> SnapshotFile {
    let mut draft = snapshots.draft().unwrap();
    draft.write_all(bytes).unwrap();
    assert_eq!(*draft.finish().unwrap(), *bytes);
    draft.publish(collection, name).unwrap()
}

/// All files below, by their path from there.
fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.is_symlink() {
                pending.push(path);
            } else {
                found.push(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn a_file_is_published_listed_read_and_deleted() {
    let (root, snapshots) = folder();
    for bytes in [&b"123456789"[..], &vec![7; 3 << 20]] {
        for collection in [Some("art"), None] {
            let made = write(&snapshots, collection, "a.snapshot", bytes);
            assert_eq!(snapshots.list(collection).unwrap(), std::slice::from_ref(&made));
            if bytes.len() == 9 {
                // `printf 123456789 | sha256sum`
                let known = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
                assert_eq!(made.checksum.as_deref(), Some(known));
            }
            let mut reader = snapshots.read(collection, "a.snapshot").unwrap();
            assert_eq!(reader.size_bytes(), bytes.len() as u64);
            let mut read = Vec::new();
            loop {
                let part = reader.next(1 << 20).unwrap();
                assert!(part.len() <= 1 << 20);
                if part.is_empty() {
                    break;
                }
                read.extend(part);
            }
            assert_eq!(read, bytes);
            snapshots.delete(collection, "a.snapshot").unwrap();
            assert_eq!(snapshots.list(collection).unwrap(), []);
            assert!(matches!(
                snapshots.delete(collection, "a.snapshot"),
                Err(Error::NotFound { .. })
            ));
        }
    }
    assert_eq!(files(root.path()), [""; 0]);
}

#[test]
fn a_draft_that_is_given_up_leaves_nothing() {
    let (root, snapshots) = folder();
    let mut draft = snapshots.draft().unwrap();
    draft.write_all(b"x").unwrap();
    assert_eq!(files(root.path()).len(), 1);
    // Another process that starts now sees that this one is still at work.
    drop(Snapshots::open(snapshots.root()));
    assert_eq!(files(root.path()).len(), 1);
    drop(draft);
    assert_eq!(files(root.path()), [""; 0]);
}

#[test]
fn a_draft_of_an_ended_process_is_swept_and_nothing_else() {
    let (root, snapshots) = folder();
    let drafts = snapshots.root().join(DRAFTS);
    fs::create_dir_all(&drafts).unwrap();
    for name in ["00000001-0000000000000001", "notes", "00000001-000000000000000g"] {
        fs::write(drafts.join(name), "x").unwrap();
    }
    drop(Snapshots::open(snapshots.root()));
    assert_eq!(
        files(root.path()),
        [
            "snapshots/.drafts/00000001-000000000000000g",
            "snapshots/.drafts/notes"
        ]
    );
}

#[test]
fn a_name_is_taken_once_and_a_finished_draft_is_not_written() {
    let (_root, snapshots) = folder();
    write(&snapshots, Some("art"), "a.snapshot", b"one");
    let mut draft = snapshots.draft().unwrap();
    draft.finish().unwrap();
    assert!(draft.write_all(b"late").is_err() && draft.finish().is_err());
    let lost = draft.publish(Some("art"), "a.snapshot");
    assert!(matches!(lost, Err(Error::Exists { .. })), "{lost:?}");
    let one = snapshots.read(Some("art"), "a.snapshot").unwrap().next(10);
    assert_eq!(one.unwrap(), b"one");
}

#[test]
fn hostile_names_are_of_no_file() {
    let (root, snapshots) = folder();
    write(&snapshots, None, "a.snapshot", b"x");
    fs::write(root.path().join("secret.snapshot"), "secret").unwrap();
    let long = format!("{}.snapshot", "a".repeat(250));
    for name in [
        "",
        ".",
        "..",
        ".snapshot",
        "..snapshot",
        "../secret.snapshot",
        "..\\secret.snapshot",
        "/etc/passwd",
        "/secret.snapshot",
        "a.snapshot/",
        "a.snapshot\0",
        "\0.snapshot",
        "a/../a.snapshot",
        "%2e%2e%2fsecret.snapshot",
        "C:\\a.snapshot",
        "CON",
        "a.snapshot:stream",
        "a.snapshot.checksum",
        "ä.snapshot",
        &long,
    ] {
        assert!(!is_snapshot_name(name), "{name:?}");
        for collection in [None, Some(".."), Some("../.."), Some("art")] {
            let read = snapshots.read(collection, name);
            assert!(matches!(read, Err(Error::NotFound { .. })), "{name:?}");
            let deleted = snapshots.delete(collection, name);
            assert!(matches!(deleted, Err(Error::NotFound { .. })), "{name:?}");
        }
        let published = snapshots.draft().unwrap().publish(None, name);
        assert!(matches!(published, Err(Error::BadName { .. })), "{name:?}");
    }
    assert_eq!(
        files(root.path()),
        [
            "secret.snapshot",
            "snapshots/a.snapshot",
            "snapshots/a.snapshot.checksum"
        ]
    );
}

#[test]
fn folders_stay_one_step_below_the_root_and_differ() {
    let (root, snapshots) = folder();
    let long = "é".repeat(255);
    let longer = format!("{}e", "é".repeat(254));
    let collections = [
        "art",
        "..",
        ".",
        "a/b",
        "a%2Fb",
        "../../etc",
        "/etc",
        "\0",
        "C:\\",
        "CON",
        ".drafts",
        &long,
        &longer,
        "a b",
    ];
    let mut folders: Vec<String> = collections.map(names::folder_name).into();
    for folder in &folders {
        assert!(folder.len() <= 255 && !folder.starts_with('.'), "{folder}");
        assert!(!folder.contains(['/', '\\', '\0']), "{folder}");
    }
    folders.sort();
    folders.dedup();
    assert_eq!(folders.len(), collections.len());
    assert_eq!(names::folder_name("art-1_b.c"), "art-1_b.c");
    assert_eq!(names::folder_name("x.snapshot"), "x%2Esnapshot");
    assert_eq!(names::folder_name("x.snapshot.checksum"), "x.snapshot%2Echecksum");
    assert_eq!(names::folder_name(".a/é"), "%2Ea%2F%C3%A9");
    for collection in collections {
        write(&snapshots, Some(collection), "a.snapshot", collection.as_bytes());
    }
    for collection in collections {
        let read = snapshots.read(Some(collection), "a.snapshot").unwrap().next(1000);
        assert_eq!(read.unwrap(), collection.as_bytes());
    }
    assert!(files(root.path()).iter().all(|path| path.split('/').count() == 3));
}

#[cfg(unix)]
#[test]
fn links_are_not_followed_out_of_the_folder() {
    let (root, snapshots) = folder();
    write(&snapshots, Some("art"), "a.snapshot", b"x");
    let secret = root.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let link = snapshots.root().join("art/l.snapshot");
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    assert_eq!(snapshots.list(Some("art")).unwrap().len(), 1);
    assert!(matches!(
        snapshots.read(Some("art"), "l.snapshot"),
        Err(Error::NotFound { .. })
    ));
    let locate =
        |path: &Path| -> Result<Object, Error> { snapshots.take_in(path.to_str().unwrap())?.finish() };
    let good = snapshots.root().join("art/a.snapshot");
    assert_eq!(*locate(&good).unwrap(), *b"x");
    let round_about = snapshots.root().join("art/../art/a.snapshot");
    assert_eq!(*locate(&round_about).unwrap(), *b"x");
    let draft = snapshots.draft().unwrap();
    let drafts = fs::read_dir(snapshots.root().join(DRAFTS)).unwrap();
    let draft_path = drafts.flatten().next().unwrap().path();
    let outside = snapshots.root().join("art/../../secret");
    for bad in [&link, &secret, &outside, &draft_path] {
        assert!(matches!(locate(bad), Err(Error::BadName { .. })), "{bad:?}");
    }
    drop(draft);
    for absent in [snapshots.root().join("b.snapshot"), snapshots.root().join("art")] {
        assert!(
            matches!(locate(&absent), Err(Error::NotFound { .. })),
            "{absent:?}"
        );
    }
    assert!(matches!(snapshots.take_in("/a\0b"), Err(Error::NotFound { .. })));
}
