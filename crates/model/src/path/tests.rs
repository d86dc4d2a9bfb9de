//! Paths against texts and documents worked out by hand.

use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> JsonPath {
    text.parse().unwrap()
}

fn check(text: &str, document: &Value, values: Value, flattened: Value) {
    let payload = document.as_object().unwrap();
    let list = |found: Vec<&Value>| Value::Array(found.into_iter().cloned().collect());
    let path = read(text);
    assert_eq!(list(path.values(payload)), values, "values of {text}");
    assert_eq!(list(path.flattened(payload)), flattened, "flattened {text}");
}

#[test]
fn selects() {
    let document = json!({
        "a": {"b": 1, "c": null, "": "empty"},
        "a.b": 2,
        "list": [{"b": 1}, {"b": [2, 3]}, 4, {"c": 5}],
        "grid": [[1, 2], [3], []],
        "odd key": {"x[0]": 7},
        "größe": 8,
        "none": [],
        "0": 9,
    });
    for (path, values, flattened) in [
        ("a.b", json!([1]), json!([1])),
        ("a.c", json!([null]), json!([null])),
        ("a.d", json!([]), json!([])),
        (r#"a."""#, json!(["empty"]), json!(["empty"])),
        (r#""a.b""#, json!([2]), json!([2])),
        // Arrays are entered only on demand.
        ("list.b", json!([]), json!([])),
        ("list[].b", json!([1, [2, 3]]), json!([1, 2, 3])),
        ("list[].b[]", json!([2, 3]), json!([2, 3])),
        ("list[0].b", json!([1]), json!([1])),
        ("list[1].b[1]", json!([3]), json!([3])),
        ("list[2]", json!([4]), json!([4])),
        ("list[9]", json!([]), json!([])),
        ("grid", json!([[[1, 2], [3], []]]), json!([[1, 2], [3], []])),
        ("grid[]", json!([[1, 2], [3], []]), json!([1, 2, 3])),
        ("grid[][]", json!([1, 2, 3]), json!([1, 2, 3])),
        ("grid[0][1]", json!([2]), json!([2])),
        (r#""odd key"."x[0]""#, json!([7]), json!([7])),
        ("größe", json!([8]), json!([8])),
        ("none", json!([[]]), json!([])),
        ("none[]", json!([]), json!([])),
        ("0", json!([9]), json!([9])),
        // No index into objects, no key into scalars.
        ("a[0]", json!([]), json!([])),
        ("a[]", json!([]), json!([])),
        ("a.b.c", json!([]), json!([])),
    ] {
        check(path, &document, values, flattened);
    }
}

#[test]
fn prints_the_canonical_text() {
    for (text, want) in [
        ("a", "a"),
        ("a-b_c.d0", "a-b_c.d0"),
        (r#""plain"[ ]"#, ""),
        (r#""plain"[]"#, "plain[]"),
        (r#""a.b"[007].c"#, r#""a.b"[7].c"#),
        (r#"a."".b"#, r#"a."".b"#),
        (r#""x[]".y[][2]"#, r#""x[]".y[][2]"#),
    ] {
        match text.parse::<JsonPath>() {
            Ok(path) => {
                assert_eq!(path.to_string(), want);
                assert_eq!(read(&path.to_string()), path);
                let json = serde_json::to_string(&path).unwrap();
                assert_eq!(serde_json::from_str::<JsonPath>(&json).unwrap(), path);
            }
            Err(_) => assert_eq!(want, "", "{text}"),
        }
    }
}

#[test]
fn refuses() {
    for text in [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a.[0]",
        "[0]",
        "[]",
        "a[",
        "a[1",
        "a[x]",
        "a[-1]",
        "a[+1]",
        "a[1.5]",
        "a[99999999999999999999999]",
        "a]b",
        "a[]b",
        "\"a",
        "a\"b\"",
        "\"a\"b",
        "a/b",
        "a.\"b",
        "$",
    ] {
        let error = text.parse::<JsonPath>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("Invalid json path: '{text}': ")),
            "{error}"
        );
    }
    let error = serde_json::from_str::<JsonPath>("\"a..b\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("Invalid json path: 'a..b'"), "{error}");
    assert!(serde_json::from_str::<JsonPath>("5").is_err());
}

#[test]
fn is_bounded() {
    let path = |segments: usize| vec!["k"; segments].join(".");
    assert_eq!(read(&path(PATH_SEGMENTS_MAX)).segments().len(), PATH_SEGMENTS_MAX);
    assert!(path(PATH_SEGMENTS_MAX + 1).parse::<JsonPath>().is_err());
    assert!(
        format!("a{}", "[]".repeat(PATH_SEGMENTS_MAX))
            .parse::<JsonPath>()
            .is_err()
    );
    assert!("k".repeat(PATH_BYTES_MAX).parse::<JsonPath>().is_ok());
    assert!("k".repeat(PATH_BYTES_MAX + 1).parse::<JsonPath>().is_err());
}
