//! What only a directory has: the lock, strangers' files, and syncs that fail.

use super::*;
use crate::identity::Identity;
use crate::store::{STORE_NAME, Store};

fn open(path: &Path) -> LocalStore {
    LocalStore::open(path, Durability::Fsync).unwrap()
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
    let store = LocalStore::open_with(folder.path().to_owned(), fail_files).unwrap();
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
    let store = LocalStore::open_with(folder.path().to_owned(), full_for_long).unwrap();
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
    let store = LocalStore::open_with(folder.path().to_owned(), fail_directories).unwrap();
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
    let store = LocalStore::open_with(folder.path().to_owned(), count_directories).unwrap();
    for (name, expected) in [("a/b/1", 3), ("a/b/2", 4), ("a/c/1", 6), ("a/c/2", 7), ("a/1", 8)] {
        store.create(name, b"").unwrap();
        assert_eq!(DIRECTORY_SYNCS.load(Ordering::Relaxed), expected, "{name}");
    }
}
