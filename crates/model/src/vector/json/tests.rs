//! The JSON of vectors: what is read as what, what is refused, and that nothing is lost.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::input::{Inference, InferenceSource, VectorInput};

/// Reads `json` as `want`; what is written again is read the same.
fn check(json: &str, want: &VectorInput) {
    let read: VectorInput = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(&read, want, "{json}");
    let value: Value = serde_json::from_str(json).unwrap();
    assert_eq!(
        &serde_json::from_value::<VectorInput>(value).unwrap(),
        want,
        "{json} through a value"
    );
    let written = serde_json::to_string(want).unwrap();
    assert_eq!(
        &serde_json::from_str::<VectorInput>(&written).unwrap(),
        want,
        "{written}"
    );
}

fn inference(source: InferenceSource, options: Option<Value>) -> VectorInput {
    VectorInput::Inference(Inference {
        source,
        model: "m".to_owned(),
        options,
    })
}

#[test]
fn the_first_token_says_what_it_is() {
    check("[]", &VectorInput::Dense(vec![]));
    check(
        "[1, -2, 0.5, 1e-3, -0.0]",
        &VectorInput::Dense(vec![1.0, -2.0, 0.5, 0.001, -0.0]),
    );
    check(
        "[3.4028234663852886e38, 1e-60]",
        &VectorInput::Dense(vec![f32::MAX, 0.0]),
    );
    check(
        "[18446744073709551615, -9223372036854775808]",
        &VectorInput::Dense(vec![1.844_674_4e19, -9.223_372e18]),
    );
    check(
        "[[1,2],[3,4]]",
        &VectorInput::Multi(vec![vec![1.0, 2.0], vec![3.0, 4.0]]),
    );
    check("[[]]", &VectorInput::Multi(vec![vec![]]));
    check(
        "[[1],[2,3]]",
        &VectorInput::Multi(vec![vec![1.0], vec![2.0, 3.0]]),
    );
    let sparse = VectorInput::Sparse {
        indices: vec![5, 2],
        values: vec![1.0, 2.5],
    };
    check(r#"{"indices":[5,2],"values":[1,2.5]}"#, &sparse);
    check(r#"{"values":[1,2.5],"unknown":{},"indices":[5,2]}"#, &sparse);
    check(
        r#"{"text":"a","model":"m"}"#,
        &inference(InferenceSource::Text("a".to_owned()), None),
    );
    check(
        r#"{"text":"a","model":"m","options":null}"#,
        &inference(InferenceSource::Text("a".to_owned()), None),
    );
    let options = Some(json!({"k": 1.2}));
    check(
        r#"{"model":"m","image":"http://x","options":{"k":1.2}}"#,
        &inference(InferenceSource::Image(json!("http://x")), options),
    );
    check(
        r#"{"model":"m","object":{"a":[1,"b"]}}"#,
        &inference(InferenceSource::Object(json!({"a": [1, "b"]})), None),
    );
}

#[test]
fn everything_else_is_refused_with_the_place() {
    for (json, want) in [
        ("1", "expected a vector: a list of numbers"),
        ("\"a\"", "invalid type: string \"a\", expected a vector"),
        ("null", "expected a vector"),
        ("true", "expected a vector"),
        ("{}", "found an object with keys [], expected a vector"),
        (r#"{"a":1}"#, "found an object with keys [a], expected a vector"),
        (
            r#"["a"]"#,
            "invalid type: string \"a\", expected a number or a list of numbers",
        ),
        (
            "[true]",
            "invalid type: boolean `true`, expected a number or a list of numbers",
        ),
        (
            "[null]",
            "invalid type: null, expected a number or a list of numbers",
        ),
        (
            r#"[1,"a"]"#,
            "invalid type: string \"a\", expected a number as component 1 of a vector",
        ),
        ("[1,2,null]", "expected a number as component 2 of a vector"),
        ("[1,false]", "expected a number as component 1 of a vector"),
        ("[1,[2]]", "expected a number as component 1 of a vector"),
        ("[[1],2]", "invalid type: integer `2`, expected a list of numbers"),
        ("[[[1]]]", "expected a number as component 0 of a vector"),
        (r#"[[1],["a"]]"#, "expected a number as component 0 of a vector"),
        (
            "[0,1e39]",
            "component 1 of a vector is 1e39, which no 32-bit float can hold",
        ),
        (
            "[-3.5e38]",
            "component 0 of a vector is -3.5e38, which no 32-bit float can hold",
        ),
        ("[[0],[1,2,1e300]]", "component 2 of a vector is 1e300"),
        ("[1e400]", "number out of range"),
        ("[NaN]", "expected value"),
        ("[0.5,Infinity]", "expected value"),
        (
            r#"{"indices":[1],"values":[1e39]}"#,
            "component 0 of a vector is 1e39",
        ),
        (
            r#"{"indices":[-1],"values":[1]}"#,
            "invalid value: integer `-1`, expected u32",
        ),
        (r#"{"indices":[4294967296],"values":[1]}"#, "expected u32"),
        (r#"{"indices":[1.5],"values":[1]}"#, "expected u32"),
        (
            r#"{"indices":[1],"values":["1"]}"#,
            "expected a number as component 0 of a vector",
        ),
        (r#"{"indices":[1]}"#, "missing field `values`"),
        (r#"{"values":[1]}"#, "missing field `indices`"),
        (r#"{"text":"a"}"#, "missing field `model`"),
        (r#"{"text":5,"model":"m"}"#, "`text` is 5, expected a text"),
        (r#"{"text":"a","model":5}"#, "`model` is 5, expected a text"),
    ] {
        let error = serde_json::from_str::<VectorInput>(json)
            .expect_err(json)
            .to_string();
        assert!(error.contains(want), "{json}: expected {want:?}, got {error:?}");
    }
}

#[test]
fn deep_nesting_and_endless_rows_end_early() {
    assert!(serde_json::from_str::<VectorInput>(&"[".repeat(10_000)).is_err());
    let object = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert!(serde_json::from_str::<VectorInput>(&object).is_err());
    let rows = format!("[{}[1]]", "[],".repeat(crate::limits::MULTI_ROWS_MAX));
    let error = serde_json::from_str::<VectorInput>(&rows)
        .expect_err("too many rows")
        .to_string();
    assert!(
        error.contains("a multi vector has 1048576 rows at most"),
        "{error}"
    );
}

#[test]
fn what_is_read_is_checked_before_it_is_a_vector() {
    use crate::error::Check;
    for (json, want) in [
        ("[]", "v.data: dense vector must not be empty"),
        ("[[1],[]]", "v.data: all vectors must be non-empty"),
        (
            "[[1,2],[1,2,3]]",
            "v.data: all vectors must have the same dimension, found vector with dimension 3",
        ),
        (
            r#"{"indices":[1,2],"values":[1]}"#,
            "v.values: Validation error: must be the same length as indices [{}]",
        ),
        (
            r#"{"indices":[2,1,2],"values":[1,2,3]}"#,
            "v.indices: Validation error: must be unique [{}]",
        ),
        (
            r#"{"text":"a","model":""}"#,
            "v.model: value \"\" invalid, must be at least 1 character long",
        ),
    ] {
        let input: VectorInput = serde_json::from_str(json).unwrap();
        assert_eq!(Check::all("v", &input).unwrap_err().to_string(), want, "{json}");
        assert!(input.parse().is_err(), "{json}");
    }
    let embed: VectorInput = serde_json::from_str(r#"{"text":"a","model":"minilm"}"#).unwrap();
    assert_eq!(Check::all("v", &embed), Ok(()));
    assert_eq!(
        embed.parse().unwrap_err().to_string(),
        "Inference with model `minilm` is not built yet: send vectors instead"
    );
}

proptest! {
    #[test]
    fn every_finite_float_survives(data in prop::collection::vec(any::<u32>().prop_map(f32::from_bits), 1..40)) {
        let data: Vec<f32> = data.into_iter().filter(|x| x.is_finite()).collect();
        let written = serde_json::to_string(&VectorInput::Dense(data.clone())).unwrap();
        let read: VectorInput = serde_json::from_str(&written).unwrap();
        let VectorInput::Dense(read) = read else { panic!("{written}") };
        let bits = |data: &[f32]| data.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&read), bits(&data));
    }
}
