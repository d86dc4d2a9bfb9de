//! Changes and cuts of payloads, worked out by hand.

use serde_json::json;

use super::*;

fn payload(value: Value) -> Payload {
    serde_json::from_value(value).unwrap()
}

fn check(before: Value, change: impl Fn(&mut Payload), after: Value) {
    let mut changed = payload(before.clone());
    change(&mut changed);
    assert_eq!(changed, payload(after), "{before}");
}

#[test]
fn merges_at_the_top() {
    let cases = [
        (json!({}), json!({"a": 1}), json!({"a": 1})),
        (
            json!({"a": 1, "b": 2}),
            json!({"a": {"x": null}}),
            json!({"a": {"x": null}, "b": 2}),
        ),
        (
            json!({"a": 1, "b": 2}),
            json!({"a": null, "c": null}),
            json!({"b": 2}),
        ),
        // Not deep: an object replaces an object.
        (
            json!({"a": {"x": 1}}),
            json!({"a": {"y": 2}}),
            json!({"a": {"y": 2}}),
        ),
        (json!({"a": 1}), json!({}), json!({"a": 1})),
    ];
    for (before, other, after) in cases {
        check(before, |target| target.merge(payload(other.clone())), after);
    }
}

#[test]
fn merges_at_a_path() {
    let cases = [
        (
            json!({"a": {"x": 1}}),
            "a",
            json!({"y": 2}),
            json!({"a": {"x": 1, "y": 2}}),
        ),
        (
            json!({"a": {"x": 1, "z": 3}}),
            "a",
            json!({"x": null, "y": 2}),
            json!({"a": {"y": 2, "z": 3}}),
        ),
        (
            json!({}),
            "a.b.c",
            json!({"y": 2}),
            json!({"a": {"b": {"c": {"y": 2}}}}),
        ),
        (json!({}), "a", json!({"y": null}), json!({"a": {}})),
        // What is in the way makes room.
        (
            json!({"a": 5}),
            "a",
            json!({"y": 2, "n": null}),
            json!({"a": {"y": 2}}),
        ),
        (
            json!({"a": [1]}),
            "a.b",
            json!({"y": 2}),
            json!({"a": {"b": {"y": 2}}}),
        ),
        (json!({"a": 5}), "a[].b", json!({"y": 2}), json!({"a": []})),
        (json!({}), "a[0]", json!({"y": 2}), json!({"a": []})),
    ];
    for (before, path, other, after) in cases {
        check(
            before,
            |target| target.merge_at(&path.parse().unwrap(), payload(other.clone())),
            after,
        );
    }
}

#[test]
fn merges_into_elements_and_adds_none() {
    let cases = [
        (
            json!({"a": [{"x": 1}, 5]}),
            "a[]",
            json!({"y": 2}),
            json!({"a": [{"x": 1, "y": 2}, {"y": 2}]}),
        ),
        (
            json!({"a": [{"x": 1}, 5]}),
            "a[1].b",
            json!({"y": 2}),
            json!({"a": [{"x": 1}, {"b": {"y": 2}}]}),
        ),
        (
            json!({"a": [{"x": 1}]}),
            "a[7]",
            json!({"y": 2}),
            json!({"a": [{"x": 1}]}),
        ),
        (
            json!({"a": [[1], [2, 3]]}),
            "a[][1]",
            json!({"y": 2}),
            json!({"a": [[1], [2, {"y": 2}]]}),
        ),
        (
            json!({"a.b": {}}),
            r#""a.b""#,
            json!({"y": 2}),
            json!({"a.b": {"y": 2}}),
        ),
    ];
    for (before, path, other, after) in cases {
        check(
            before,
            |target| target.merge_at(&path.parse().unwrap(), payload(other.clone())),
            after,
        );
    }
}

#[test]
fn replaces_at_a_path() {
    let cases = [
        (
            json!({"a": {"x": 1}, "b": 1}),
            "a",
            json!({"y": null}),
            json!({"a": {"y": null}, "b": 1}),
        ),
        (
            json!({"a": [{"x": 1}, 2]}),
            "a[0]",
            json!({"y": 2}),
            json!({"a": [{"y": 2}, 2]}),
        ),
        (
            json!({"a": [{"x": 1}, 2]}),
            "a[].x",
            json!({}),
            json!({"a": [{"x": {}}, {"x": {}}]}),
        ),
        (json!({}), "a.b", json!({"y": 2}), json!({"a": {"b": {"y": 2}}})),
    ];
    for (before, path, other, after) in cases {
        check(
            before,
            |target| target.replace_at(&path.parse().unwrap(), payload(other.clone())),
            after,
        );
    }
}

#[test]
fn removes() {
    let cases = [
        (json!({"a": 1, "b": 2}), "a", json!({"b": 2})),
        (json!({"a": 1}), "b", json!({"a": 1})),
        (json!({"a": {"b": 1, "c": 2}}), "a.b", json!({"a": {"c": 2}})),
        (
            json!({"a.b": 1, "a": {"b": 2}}),
            r#""a.b""#,
            json!({"a": {"b": 2}}),
        ),
        (
            json!({"a": [{"b": 1, "c": 2}, 5, {"b": 3}]}),
            "a[].b",
            json!({"a": [{"c": 2}, 5, {}]}),
        ),
        (
            json!({"a": [{"b": 1}, {"b": 2}]}),
            "a[1].b",
            json!({"a": [{"b": 1}, {}]}),
        ),
        (json!({"a": [1, 2, 3]}), "a[]", json!({"a": []})),
        (json!({"a": [[1], [2]]}), "a[][]", json!({"a": [[], []]})),
        // Removing one element would not be the same when repeated.
        (json!({"a": [1, 2, 3]}), "a[1]", json!({"a": [1, 2, 3]})),
        (json!({"a": [1]}), "a.b", json!({"a": [1]})),
        (json!({"a": 5}), "a[].b", json!({"a": 5})),
        (json!({"a": {"b": 5}}), "a[]", json!({"a": {"b": 5}})),
    ];
    for (before, path, after) in cases {
        let path: JsonPath = path.parse().unwrap();
        check(before.clone(), |target| target.remove(&path), after.clone());
        check(after.clone(), |target| target.remove(&path), after);
    }
}

#[test]
fn includes_and_excludes() {
    let whole = json!({
        "a": {"b": 1, "c": {"d": 2, "e": 3}},
        "aa": {"b": 3},
        "a.b": 4,
        "l": [{"b": 5, "c": 6}, {"b": 7}, 8],
        "n": null,
    });
    let (a, aa, quoted, l, n) = (&whole["a"], &whole["aa"], &whole["a.b"], &whole["l"], &whole["n"]);
    let cases: [(&[&str], Value, Value); 14] = [
        (&[], json!({}), whole.clone()),
        (
            &["a", "a.b", "n"],
            json!({"a": a, "n": n}),
            json!({"aa": aa, "a.b": quoted, "l": l}),
        ),
        (
            &["a.b"],
            json!({"a": {"b": 1}}),
            json!({"a": {"c": {"d": 2, "e": 3}}, "aa": aa, "a.b": quoted, "l": l, "n": n}),
        ),
        (
            &["a.c.d", "a.c.e"],
            json!({"a": {"c": {"d": 2, "e": 3}}}),
            json!({"a": {"b": 1, "c": {}}, "aa": aa, "a.b": quoted, "l": l, "n": n}),
        ),
        (
            &[r#""a.b""#],
            json!({"a.b": 4}),
            json!({"a": a, "aa": aa, "l": l, "n": n}),
        ),
        (
            &["l[].c"],
            json!({"l": [{"c": 6}, {}, 8]}),
            json!({"a": a, "aa": aa, "a.b": quoted, "l": [{"b": 5}, {"b": 7}, 8], "n": n}),
        ),
        (
            &["l[]"],
            json!({"l": l}),
            json!({"a": a, "aa": aa, "a.b": quoted, "l": [], "n": n}),
        ),
        // Only `[]` reaches into arrays.
        (&["l[0]"], json!({"l": []}), whole.clone()),
        (&["l[0].b"], json!({"l": []}), whole.clone()),
        (&["l.b"], json!({"l": []}), whole.clone()),
        (&["missing", "a.x"], json!({"a": {}}), whole.clone()),
        // A path that goes on below a scalar keeps it.
        (&["n.x"], json!({"n": n}), whole.clone()),
        (&["a[]"], json!({"a": {}}), whole.clone()),
        (&["a", "aa", "l", "n", r#""a.b""#], whole.clone(), json!({})),
    ];
    for (paths, included, excluded) in cases {
        let parsed: Vec<JsonPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
        let whole = payload(whole.clone());
        assert_eq!(whole.include(&parsed), payload(included), "include {paths:?}");
        assert_eq!(whole.exclude(&parsed), payload(excluded), "exclude {paths:?}");
    }
}

#[test]
fn knows_its_depth() {
    for (value, want) in [
        (json!({}), 1),
        (json!({"a": 1}), 1),
        (json!({"a": [], "b": 2}), 2),
        (json!({"a": [{"b": {}}]}), 4),
    ] {
        assert_eq!(payload(value.clone()).depth(), want, "{value}");
    }
}
