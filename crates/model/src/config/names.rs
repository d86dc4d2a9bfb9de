//! Which names a collection or alias may have. Reading is more lenient than creating, so that whatever exists
//! can be reached.

use crate::error::{Check, Invalid};
use crate::limits::COLLECTION_NAME_CHARS_MAX;

/// What no name may hold: it could not be one segment of a URL.
const NEVER: [char; 2] = ['/', '\0'];
/// What the name of a new collection may not hold either: file systems refuse these characters.
const NEVER_NEW: [char; 9] = ['<', '>', ':', '"', '\\', '|', '?', '*', '\u{1F}'];

/// Checks a name in a request about something that should exist. The violation names the field `name`.
pub fn collection_name(name: &str) -> Result<(), Invalid> {
    let mut check = Check::default();
    check_name(&mut check, "name", name);
    check.finish()
}

/// Checks the name of a collection that is to be created. The violation names the field `name`.
pub fn new_collection_name(name: &str) -> Result<(), Invalid> {
    let mut check = Check::default();
    check_new_name(&mut check, "name", name);
    check.finish()
}

pub(super) fn check_name(check: &mut Check, field: &str, name: &str) {
    check_length(check, field, name);
    check_characters(check, field, name, &NEVER);
}

pub(super) fn check_new_name(check: &mut Check, field: &str, name: &str) {
    check_name(check, field, name);
    check_characters(check, field, name, &NEVER_NEW);
    if name == "." || name == ".." {
        check.fail(
            field,
            format!("value {name:?} invalid, must not be a relative path"),
        );
    }
}

fn check_length(check: &mut Check, field: &str, name: &str) {
    // Bytes bound characters: a name of megabytes is not walked.
    let is_short = name.len() <= COLLECTION_NAME_CHARS_MAX * 4
        && (1..=COLLECTION_NAME_CHARS_MAX).contains(&name.chars().count());
    if !is_short {
        let start: String = name.chars().take(COLLECTION_NAME_CHARS_MAX + 1).collect();
        let why =
            format!("value {start:?} invalid, must be from 1 to {COLLECTION_NAME_CHARS_MAX} characters");
        check.fail(field, why);
    }
}

fn check_characters(check: &mut Check, field: &str, name: &str, forbidden: &[char]) {
    if let Some(found) = name.chars().find(|c| forbidden.contains(c)) {
        let start: String = name.chars().take(COLLECTION_NAME_CHARS_MAX + 1).collect();
        check.fail(
            field,
            format!("value {start:?} invalid, must not contain {found:?}"),
        );
    }
}
