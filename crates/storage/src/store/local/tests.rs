//! What only a directory has: the lock, strangers' files, and syncs that fail.

use super::*;
use crate::identity::Identity;
use crate::store::{STORE_NAME, Store};

fn open(path: &Path) -> LocalStore {
    LocalStore::open(path, Durability::Fsync).unwrap()
}

/// A store whose syncs are these.
fn open_failing(path: &Path, sync: SyncFn) -> LocalStore {
    let allocate = reserve::allocate;
    LocalStore::open_with(path.to_owned(), Device { sync, allocate }).unwrap()
}

#[test]
fn a_second_opener_is_refused_and_told_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a/b");
    let first = open(&root);
    let refused = LocalStore::open(&root, Durability::Os).unwrap_err();
    assert!(
        matches!(&refused, Error::Locked { folder } if *folder == root.display().to_string()),
        "{refused}"
    );
    drop(first);
    open(&root);
}

#[test]
fn objects_outlive_the_opening_and_leftovers_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).create("c/x/1", b"one").unwrap();
    let temp = folder.path().join("local/tmp");
    assert_eq!(
        fs::read_dir(&temp).unwrap().count(),
        0,
        "a create leaves no temporary file"
    );
    fs::write(temp.join("0000000000000000"), b"half").unwrap();
    fs::create_dir(temp.join("odd")).unwrap();
    let store = open(folder.path());
    assert_eq!(*store.get("c/x/1", None).unwrap(), *b"one");
    assert!(!temp.join("0000000000000000").exists());
    store.create("c/x/2", b"two").unwrap();
    assert_eq!(store.list("").unwrap(), ["c/x/1", "c/x/2"]);
}

#[test]
fn strangers_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.create("c/1", b"one").unwrap();
    fs::write(folder.path().join("c/.hidden"), b"").unwrap();
    fs::write(folder.path().join("c/Note (1).txt"), b"").unwrap();
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    fs::create_dir(folder.path().join("c/empty")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/", folder.path().join("c/link")).unwrap();
    assert_eq!(store.list("").unwrap(), ["c/1"]);
    assert!(matches!(store.get("c/empty", None), Err(Error::NotFound { .. })));
    assert!(matches!(
        store.get("c/1/below", None),
        Err(Error::NotFound { .. })
    ));
}

/// All files below the folder with their bytes, and all directories.
fn contents(folder: &Path) -> BTreeSet<(PathBuf, Option<Vec<u8>>)> {
    let mut found = BTreeSet::new();
    let mut pending = vec![folder.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path.clone());
                found.insert((path, None));
            } else {
                let bytes = fs::read(&path).unwrap();
                found.insert((path, Some(bytes)));
            }
        }
    }
    found
}

fn write(folder: &Path, name: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"theirs").unwrap();
}

#[test]
fn the_folder_of_a_stranger_is_refused_and_left_as_it_is() {
    for name in [
        "c/photos/cat.jpg",
        "Holiday 2024/Cat.JPG",
        "notes.txt",
        ".profile",
        "c/.hidden",
        "probe/1",
        "probe/0/deeper",
        "store",
        "STORE/here",
        "local/share/notes",
        "local/reserve.txt",
        "reserve",
        "local/tmp/notes.txt",
        "local/tmp/0/0000000000000000",
        "lost+found.txt",
        "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18",
    ] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), name);
        fs::create_dir_all(folder.path().join("c/empty")).unwrap();
        fs::create_dir_all(folder.path().join("local/tmp")).unwrap();
        fs::write(folder.path().join("local/lock"), b"what is this").unwrap();
        let before = contents(folder.path());
        for uuid in [7, 8] {
            let refused = Identity::open(&open(folder.path()), uuid).unwrap_err();
            assert!(
                matches!(&refused, Error::Foreign { found } if found == name),
                "{refused}"
            );
            assert_eq!(
                refused.to_string(),
                format!("the folder holds `{name}` but no STORE: it is not a Kindred database")
            );
            assert_eq!(contents(folder.path()), before, "{name}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_in_a_folder_is_a_stranger_and_never_followed() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/", folder.path().join("root")).unwrap();
    let refused = Identity::open(&open(folder.path()), 7).unwrap_err();
    assert!(
        matches!(&refused, Error::Foreign { found } if found == "root"),
        "{refused}"
    );
}

#[test]
fn what_file_systems_and_a_first_opening_leave_is_no_stranger() {
    for names in [
        &[][..],
        &["lost+found/#12"],
        &["local/lock"],
        &["local/lock", "local/tmp/0000000000000000"],
        &["local/lock", "local/tmp/0000000000000001", "probe/0"],
        &["local/lock", "local/reserve", "probe/0"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            write(folder.path(), name);
        }
        for directory in ["Empty Folder/below", "c/empty", "probe"] {
            fs::create_dir_all(folder.path().join(directory)).unwrap();
        }
        assert_eq!(
            Identity::open(&open(folder.path()), 7).unwrap().uuid,
            7,
            "{names:?}"
        );
        write(folder.path(), "Notes (1).txt");
        let store = open(folder.path());
        assert_eq!(
            Identity::open(&store, 8).unwrap().uuid,
            7,
            "a store keeps strangers"
        );
        store.probe().unwrap();
        assert_eq!(store.list("").unwrap(), [STORE_NAME]);
    }
}

#[test]
fn an_opening_of_a_store_removes_the_empty_directories_of_objects_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    Identity::open(&store, 7).unwrap();
    store.create("c/x/s0/1", b"one").unwrap();
    drop(store);
    for directory in [
        "c/x/s1/log/0",
        "c/y",
        "d",
        "c/Odd One",
        "lost+found",
        "local/cache",
    ] {
        fs::create_dir_all(folder.path().join(directory)).unwrap();
    }
    let store = open(folder.path());
    let is_kept = |directory: &str| folder.path().join(directory).exists();
    for directory in ["c/x/s1", "c/y", "d"] {
        assert!(!is_kept(directory), "{directory}");
    }
    for directory in ["c/Odd One", "lost+found", "local/cache", "local/tmp"] {
        assert!(is_kept(directory), "{directory}");
    }
    assert_eq!(store.list("").unwrap(), [STORE_NAME, "c/x/s0/1"]);
    store.create("c/y/1", b"two").unwrap();
}

#[test]
fn deleting_the_last_object_removes_its_directories() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.create("c/x/s0/1", b"").unwrap();
    store.create("c/y", b"").unwrap();
    store.delete("c/x/s0/1").unwrap();
    assert!(!folder.path().join("c/x").exists());
    assert!(folder.path().join("c/y").exists());
    store.create("c/x/s0/1", b"again").unwrap();
    assert_eq!(*store.get("c/x/s0/1", None).unwrap(), *b"again");
}

#[test]
fn a_failed_sync_of_the_bytes_stops_the_writer_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let fail_files = |file: &File| {
        if file.metadata()?.is_file() {
            Err(io::Error::other("lost pages"))
        } else {
            Ok(())
        }
    };
    let store = open_failing(folder.path(), fail_files);
    for name in ["c/1", "c/1", "c/2"] {
        assert!(matches!(store.create(name, b"one"), Err(Error::Io { .. })));
        assert!(matches!(store.get(name, None), Err(Error::NotFound { .. })));
    }
    assert_eq!(fs::read_dir(folder.path().join("local/tmp")).unwrap().count(), 0);
}

#[test]
fn a_full_device_at_the_sync_does_not_stop_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let full_for_long = |file: &File| {
        let metadata = file.metadata()?;
        if metadata.is_file() && metadata.len() > 3 {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    };
    let store = open_failing(folder.path(), full_for_long);
    assert!(matches!(store.create("c/1", b"long"), Err(Error::Full { .. })));
    assert!(matches!(store.get("c/1", None), Err(Error::NotFound { .. })));
    store.create("c/1", b"one").unwrap();
}

#[test]
fn an_object_whose_entry_was_not_synced_is_not_taken_for_durable() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).create("c/0", b"zero").unwrap();
    let fail_directories = |file: &File| {
        if file.metadata()?.is_dir() {
            Err(io::Error::other("lost entry"))
        } else {
            Ok(())
        }
    };
    let store = open_failing(folder.path(), fail_directories);
    assert!(matches!(store.create("c/1", b"one"), Err(Error::Io { .. })));
    assert!(
        matches!(store.get("c/1", None), Err(Error::Io { .. })),
        "linked, but perhaps not for long"
    );
    assert!(
        matches!(store.create("c/2", b"two"), Err(Error::Io { .. })),
        "stopped"
    );
    assert_eq!(*store.get("c/0", None).unwrap(), *b"zero", "reading goes on");
}

#[cfg(unix)]
#[test]
fn a_failed_sync_stops_the_scope_that_it_happened_to() {
    use std::os::unix::fs::MetadataExt;
    /// The directory that cannot be synced.
    static BAD: AtomicU64 = AtomicU64::new(0);
    let fail_one = |file: &File| {
        if file.metadata()?.ino() == BAD.load(Ordering::Relaxed) {
            Err(io::Error::other("lost entry"))
        } else {
            Ok(())
        }
    };
    for (directory, expected) in [("c/1/m", [false, true, true]), ("c", [false, false, false])] {
        let folder = tempfile::tempdir().unwrap();
        BAD.store(0, Ordering::Relaxed);
        open(folder.path()).create("c/1/m/0", b"zero").unwrap();
        let store = open_failing(folder.path(), fail_one);
        let bad = folder.path().join(directory).metadata().unwrap();
        BAD.store(bad.ino(), Ordering::Relaxed);
        assert!(matches!(store.create("c/1/m/1", b"one"), Err(Error::Io { .. })));
        BAD.store(0, Ordering::Relaxed);
        for (name, may_go_on) in ["c/1/log/1", "c/2/m/1", "catalog/1"].into_iter().zip(expected) {
            let created = store.create(name, b"new");
            assert_eq!(created.is_ok(), may_go_on, "{directory}: {name}: {created:?}");
            let urgent = store.create_urgent(&format!("{name}u"), b"new");
            assert_eq!(urgent.is_ok(), may_go_on, "{directory}: {name}: {urgent:?}");
            let streamed = store.create_with(&format!("{name}s"), &mut |_| Ok(()));
            assert_eq!(streamed.is_ok(), may_go_on, "{directory}: {name}: {streamed:?}");
        }
        assert!(matches!(store.get("c/1/m/1", None), Err(Error::Io { .. })));
        assert_eq!(*store.get("c/1/m/0", None).unwrap(), *b"zero");
        drop(store);
        open(folder.path()).create("c/1/log/2", b"again").unwrap();
    }
}

#[test]
fn large_objects_are_mapped_and_stay_readable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let large: Vec<u8> = (0..MAP_BYTES).map(|at| (at % 251) as u8).collect();
    store.create("c/x/large", &large).unwrap();
    store.create("c/x/small", &large[1..]).unwrap();
    let small = store.get("c/x/small", None).unwrap();
    let range = store.get("c/x/large", Some(0..u64::MAX)).unwrap();
    let object = store.get("c/x/large", None).unwrap();
    assert!(object.is_mapped() && !small.is_mapped() && !range.is_mapped());
    assert!(*object == *large && *range == *large && *small == large[1..]);
    let part = object.slice(5..9).unwrap();
    store.delete("c/x/large").unwrap();
    store.create("c/x/large", b"another").unwrap();
    drop((store, folder));
    assert!(*object == *large && *part == large[5..9]);
}

#[test]
fn a_stream_that_fails_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let part = vec![7; 1 << 20];
    for failure in [
        Error::io("c/1", io::ErrorKind::Interrupted.into()),
        Error::io("c/1", io::ErrorKind::StorageFull.into()),
        Error::not_found("c/0"),
    ] {
        let failed = store.create_with("c/1", &mut |out| {
            out.write_all(&part).unwrap();
            assert_eq!(fs::read_dir(folder.path().join("local/tmp")).unwrap().count(), 1);
            Err(failure.clone())
        });
        assert_eq!(failed.unwrap_err().to_string(), failure.to_string());
        assert_eq!(fs::read_dir(folder.path().join("local/tmp")).unwrap().count(), 0);
        assert_eq!(store.list("").unwrap(), [""; 0]);
    }
    let written = store.create_with("c/1", &mut |out| {
        (0..5).try_for_each(|_| out.write_all(&part)).unwrap();
        Ok(())
    });
    written.unwrap();
    let object = store.get("c/1", None).unwrap();
    assert!(object.is_mapped() && object.len() == 5 << 20 && object.iter().all(|byte| *byte == 7));
}

#[test]
fn the_reserve_is_for_what_is_urgent() {
    use std::sync::OnceLock;
    use std::sync::atomic::AtomicBool;
    /// The device has no room but for what the reserve gave back.
    static IS_FULL: AtomicBool = AtomicBool::new(false);
    static RESERVE: OnceLock<PathBuf> = OnceLock::new();
    let sync = |file: &File| {
        let is_full = IS_FULL.load(Ordering::Relaxed) && RESERVE.get().unwrap().exists();
        if is_full && file.metadata()?.is_file() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    };
    let allocate = |file: &File, bytes| {
        if IS_FULL.load(Ordering::Relaxed) && file.metadata()?.len() < bytes {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.set_len(bytes)
    };
    let folder = tempfile::tempdir().unwrap();
    let reserve = RESERVE.get_or_init(|| folder.path().join("local/reserve"));
    let reopen = || LocalStore::open_with(folder.path().to_owned(), Device { sync, allocate }).unwrap();
    let store = reopen();
    assert!(!reserve.exists(), "a folder that is only looked at gets none");
    store.create("c/1", b"one").unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), 64 << 20);
    IS_FULL.store(true, Ordering::Relaxed);
    drop(store);
    let store = reopen();
    for _ in 0..2 {
        assert!(matches!(store.create("c/2", b"two"), Err(Error::Full { .. })));
        let streamed = store.create_with("c/2", &mut |_| Ok(()));
        assert!(matches!(streamed, Err(Error::Full { .. })));
        assert!(reserve.exists(), "not for ordinary objects");
    }
    store.create_urgent("c/u/1", b"urgent").unwrap();
    assert!(!reserve.exists());
    assert!(
        matches!(store.create("c/2", b"two"), Err(Error::Full { .. })),
        "not what the reserve has left"
    );
    store.create_urgent("c/u/2", b"urgent").unwrap();
    drop(store);
    let store = reopen();
    store.create_urgent("c/u/3", b"urgent").unwrap();
    assert!(matches!(store.create("c/2", b"two"), Err(Error::Full { .. })));
    assert_eq!(store.list("").unwrap(), ["c/1", "c/u/1", "c/u/2", "c/u/3"]);
    assert_eq!(*store.get("c/u/1", None).unwrap(), *b"urgent");
    IS_FULL.store(false, Ordering::Relaxed);
    store.create("c/2", b"two").unwrap();
    assert!(reserve.exists());
}

#[test]
fn an_earlier_opening_is_not_trusted_to_have_synced_directories() {
    use std::sync::atomic::AtomicUsize;
    static DIRECTORY_SYNCS: AtomicUsize = AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("a/b")).unwrap();
    let count_directories = |file: &File| {
        if file.metadata()?.is_dir() {
            DIRECTORY_SYNCS.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let store = open_failing(folder.path(), count_directories);
    for (name, expected) in [("a/b/1", 3), ("a/b/2", 4), ("a/c/1", 6), ("a/c/2", 7), ("a/1", 8)] {
        store.create(name, b"").unwrap();
        assert_eq!(DIRECTORY_SYNCS.load(Ordering::Relaxed), expected, "{name}");
    }
}
