//! Names of collections and aliases.

use super::super::{AliasActions, collection_name, new_collection_name};
use super::{assert_refused, outcome};
use crate::error::Check;

/// Whether a name is refused for reading and for creating, and with which text.
fn check(name: &str, read: &str, create: &str) {
    assert_refused(
        collection_name(name).map_err(|error| error.to_string()),
        read,
        name,
    );
    assert_refused(
        new_collection_name(name).map_err(|error| error.to_string()),
        create,
        name,
    );
}

#[test]
fn creating_is_stricter_than_reading() {
    check("art", "", "");
    check("Kunst & Ölbilder 2", "", "");
    check(&"é".repeat(255), "", "");
    let long = "name: value \"aaaa";
    check(
        &"a".repeat(256),
        long,
        "invalid, must be from 1 to 255 characters",
    );
    check(
        &"a".repeat(1_000_000),
        "invalid, must be from 1 to 255 characters",
        long,
    );
    check(
        "",
        "name: value \"\" invalid, must be from 1 to 255 characters",
        "must be from 1 to 255 characters",
    );
    check(
        "a/b",
        "name: value \"a/b\" invalid, must not contain '/'",
        "must not contain '/'",
    );
    check("a\0b", "must not contain '\\0'", "must not contain '\\0'");
    for character in ['<', '>', ':', '"', '\\', '|', '?', '*', '\u{1F}'] {
        check(
            &format!("a{character}b"),
            "",
            &format!("must not contain {character:?}"),
        );
    }
    check(".", "", "must not be a relative path");
    check("..", "", "must not be a relative path");
}

#[test]
fn alias_actions_check_their_names() {
    let check = |json: &str, want: &str| {
        let got = outcome(json, |actions: AliasActions| Check::all("", &actions));
        assert_refused(got, want, json);
    };
    check(r#"{"actions":[]}"#, "");
    check(
        r#"{"actions":[{"create_alias":{"collection_name":"a","alias_name":"b"}},{"delete_alias":{"alias_name":"b"}},
            {"rename_alias":{"old_alias_name":"b","new_alias_name":"c"}}]}"#,
        "",
    );
    check(
        r#"{"actions":[{"create_alias":{"collection_name":"a","alias_name":"b?"}}]}"#,
        "422 actions[0].create_alias.alias_name: value \"b?\" invalid, must not contain '?'",
    );
    check(
        r#"{"actions":[{"rename_alias":{"old_alias_name":"","new_alias_name":"c"}}]}"#,
        "422 actions[0].rename_alias.old_alias_name: value \"\" invalid, must be from 1 to 255 characters",
    );
    check(
        r#"{"actions":[{"delete_alias":{}}]}"#,
        "400 missing field `alias_name`",
    );
    check(
        r#"{"actions":[{"make_alias":{}}]}"#,
        "400 unknown variant `make_alias`",
    );
    check("{}", "400 missing field `actions`");
}
