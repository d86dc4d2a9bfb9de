//! The names of folders and files: what a stranger chooses becomes a name that is one step down and nothing else.

use sha2::{Digest, Sha256};

use super::CHECKSUM_SUFFIX;

/// What every snapshot file ends with.
const SUFFIX: &str = ".snapshot";

/// Longest name of a snapshot file, in bytes: with the suffix of its checksum every file system takes it.
const NAME_BYTES_MAX: usize = 240;

/// Longest folder name that is only escaped, in bytes.
const FOLDER_BYTES_MAX: usize = 200;

/// Bytes of an escaped name that stay readable when it is too long.
const READABLE_BYTES: usize = 100;

/// Whether a snapshot file may have this name: `[A-Za-z0-9_-][A-Za-z0-9._-]*` with `.snapshot` at the end, up to 240
/// bytes.
pub fn is_snapshot_name(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX
        && name.strip_suffix(SUFFIX).is_some_and(|stem| !stem.is_empty())
        && !name.starts_with('.')
        && name.bytes().all(is_plain)
}

/// The folder of a collection: its name if that is plain; else with everything that is not as `%` and two digits. One
/// that would be too long ends in its SHA-256 instead. No two collections have the same.
pub(super) fn folder_name(collection: &str) -> String {
    let mut name = String::with_capacity(collection.len());
    for (at, byte) in collection.bytes().enumerate() {
        if is_plain(byte) && (at > 0 || byte != b'.') {
            name.push(char::from(byte));
        } else {
            name.push_str(&format!("%{byte:02X}"));
        }
    }
    // Files at the top end so: a folder never does.
    let ends = [SUFFIX, CHECKSUM_SUFFIX];
    let dot = ends.iter().find_map(|end| name.strip_suffix(end).map(str::len));
    if let Some(dot) = dot {
        name.replace_range(dot..=dot, "%2E");
    }
    if name.len() <= FOLDER_BYTES_MAX {
        return name;
    }
    // All of it is ASCII by now, and `%-` is no escape.
    name.truncate(READABLE_BYTES);
    let hash = super::digits(Sha256::new_with_prefix(collection));
    format!("{name}%-{hash}")
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}
