//! The grammar of object names. Every store checks every name with it, so that no name can leave the store's folder.

use crate::error::Error;

/// The one name with capitals: the object that makes a folder or bucket a store.
pub const STORE_NAME: &str = "STORE";

/// The first segment that belongs to the local store itself: lock, temporary files, caches.
pub(crate) const LOCAL_SEGMENT: &str = "local";

const MAX_SEGMENTS: usize = 16;
const MAX_SEGMENT_BYTES: usize = 128;

/// Whether an object may have this name.
pub(crate) fn is_name(name: &str) -> bool {
    name == STORE_NAME
        || (name.split('/').all(is_segment)
            && name.split('/').count() <= MAX_SEGMENTS
            && name.split('/').next() != Some(LOCAL_SEGMENT))
}

pub(crate) fn check(name: &str) -> Result<(), Error> {
    if is_name(name) {
        Ok(())
    } else {
        Err(Error::BadName {
            name: name.to_owned(),
        })
    }
}

pub(crate) fn check_prefix(prefix: &str) -> Result<(), Error> {
    let is_good = match prefix.strip_suffix('/') {
        Some(name) => name != STORE_NAME && is_name(name),
        None => prefix.is_empty(),
    };
    if is_good {
        Ok(())
    } else {
        Err(Error::BadName {
            name: prefix.to_owned(),
        })
    }
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.len() <= MAX_SEGMENT_BYTES
        && !segment.starts_with('.')
        && segment
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_is_strict() {
        let long = "a".repeat(128);
        let deep = ["a"; 16].join("/");
        let good = ["STORE", "a", "a/b-c_d.e/0", "localx/a", "a/local", &long, &deep];
        for name in good {
            assert!(check(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(129);
        let too_deep = ["a"; 17].join("/");
        let bad = [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "a/../b",
            "a/..",
            "../a",
            ".a",
            "a/.b",
            "A",
            "a b",
            "a\\b",
            "a\0",
            "ä",
            "%2e%2e",
            "a:b",
            "local",
            "local/lock",
            "STORE/a",
            "store\n",
            &too_long,
            &too_deep,
        ];
        for name in bad {
            assert!(matches!(check(name), Err(Error::BadName { .. })), "{name:?}");
        }
    }

    #[test]
    fn a_prefix_ends_with_a_slash_or_is_empty() {
        for (prefix, is_good) in [
            ("", true),
            ("a/", true),
            ("a/b/", true),
            ("a", false),
            ("/", false),
            ("../", false),
            ("STORE/", false),
        ] {
            assert_eq!(check_prefix(prefix).is_ok(), is_good, "{prefix:?}");
        }
    }
}
