//! The folder of a local store as a whole: what an ended process left in it, and whose it is. Used when a folder is
//! opened and when it is to become a store.
//!
//! INVARIANT: what no store has written is never removed.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::reserve;
use crate::error::Error;
use crate::store::name::{self, LOCAL_SEGMENT, STORE_NAME};
use crate::store::probe;

/// The directory that many file systems begin with; only their own repair writes into it.
const LOST_AND_FOUND: &str = "lost+found";

/// The name of a temporary file.
pub(super) fn temp_name(number: u64) -> String {
    format!("{number:016x}")
}

/// Removes the temporary files of unfinished creates and, in a folder that is a store, the directories that were left
/// empty: by a create that made them and never linked, or by a delete that never came to them.
pub(super) fn sweep(root: &Path) -> io::Result<()> {
    // What cannot be removed is in nobody's way, here and below.
    for entry in fs::read_dir(root.join(LOCAL_SEGMENT).join("tmp"))? {
        let entry = entry?;
        if is_temp_name(&entry.file_name()) {
            fs::remove_file(entry.path()).ok();
        }
    }
    if is_store(root) {
        prune_empty(root, "");
    }
    Ok(())
}

/// The first file found below the root that no store writes, by its path from there, if this is not a store yet.
/// Directories without files do not count, nor does what a crash during the first opening leaves.
pub(super) fn foreign(root: &Path) -> Result<Option<String>, Error> {
    if is_store(root) {
        return Ok(None);
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        let entries = match fs::read_dir(root.join(&directory)) {
            Ok(entries) => entries,
            // Whoever shuts a directory keeps something in it.
            Err(source) if source.kind() == io::ErrorKind::PermissionDenied => {
                return Ok(Some(text(&directory)));
            }
            Err(source) => return Err(Error::io(&text(&directory), source)),
        };
        let mut strangers = BTreeSet::new();
        for entry in entries {
            let entry = entry.map_err(|source| Error::io(&text(&directory), source))?;
            let path = directory.join(entry.file_name());
            let kind = entry
                .file_type()
                .map_err(|source| Error::io(&text(&path), source))?;
            if !kind.is_dir() {
                if !is_own(&path) {
                    strangers.insert(path);
                }
            } else if path != Path::new(LOST_AND_FOUND) {
                pending.push(path);
            }
        }
        if let Some(first) = strangers.first() {
            return Ok(Some(text(first)));
        }
    }
    Ok(None)
}

fn is_store(root: &Path) -> bool {
    root.join(STORE_NAME).is_file()
}

/// Whether a store without a `STORE` has files of this path.
fn is_own(path: &Path) -> bool {
    let local = Path::new(LOCAL_SEGMENT);
    path == Path::new(probe::NAME)
        || path == local.join("lock")
        || path == local.join(reserve::NAME)
        || (path.parent() == Some(&local.join("tmp")) && path.file_name().is_some_and(is_temp_name))
}

fn is_temp_name(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        let number = u64::from_str_radix(name, 16);
        number.is_ok_and(|number| temp_name(number) == name)
    })
}

/// Removes the empty directories below this one whose names are those of objects; says whether nothing is left here.
/// As deep as the grammar of names allows.
fn prune_empty(directory: &Path, prefix: &str) -> bool {
    let Ok(entries) = fs::read_dir(directory) else {
        return false;
    };
    let mut is_empty = true;
    for entry in entries {
        let is_gone = entry.is_ok_and(|entry| {
            let name = entry.file_name().to_str().map(|last| format!("{prefix}{last}"));
            // Symbolic links are no directories here.
            let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
            name.is_some_and(|name| {
                is_directory
                    && name::is_name(&name)
                    && prune_empty(&entry.path(), &format!("{name}/"))
                    && fs::remove_dir(entry.path()).is_ok()
            })
        });
        is_empty &= is_gone;
    }
    is_empty
}
