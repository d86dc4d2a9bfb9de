//! Columns: which vector fits where, and which one a query measures.

use super::config;
use crate::config::Column;
use crate::distance::Distance;
use crate::vector::input::VectorInput;
use crate::vector::{Datatype, Measure};

const BODY: &str = r#"{
    "vectors": {
        "cos": {"size": 2, "distance": "Cosine"},
        "half": {"size": 1, "distance": "Dot", "datatype": "float16"},
        "byte": {"size": 3, "distance": "Euclid", "datatype": "uint8"},
        "rows": {"size": 2, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}}
    },
    "sparse_vectors": {"idf": {"modifier": "idf"}, "plain": {"modifier": "none"}}
}"#;

/// The stored form of a vector written as JSON, as JSON, or the refusal.
fn check(name: &str, vector: &str, want: &str) {
    let input: VectorInput = serde_json::from_str(vector).unwrap();
    let got = match config(BODY).canonical(name, input.parse().unwrap()) {
        Ok(vector) => serde_json::to_string(&vector).unwrap(),
        Err(invalid) => invalid.to_string(),
    };
    assert_eq!(got, want, "{vector} in {name}");
}

#[test]
fn vectors_take_their_stored_form() {
    // 3-4-5 triangles; one half and one quarter are exact halves; 1/3 as a half is 0.33325195.
    check("cos", "[3,4]", "[0.6,0.8]");
    check("cos", "[0,0]", "[0.0,0.0]");
    check("half", "[0.33333334]", "[0.33325195]");
    check("byte", "[-1,2.9,300]", "[0.0,2.0,255.0]");
    check("rows", "[[3,4],[0,-5]]", "[[0.6,0.8],[0.0,-1.0]]");
    check("rows", "[3,4]", "[[0.6,0.8]]");
    check(
        "idf",
        r#"{"indices":[7,2],"values":[1,-2]}"#,
        r#"{"indices":[2,7],"values":[-2.0,1.0]}"#,
    );
    check(
        "plain",
        r#"{"indices":[],"values":[]}"#,
        r#"{"indices":[],"values":[]}"#,
    );
}

#[test]
fn vectors_that_do_not_fit_are_refused() {
    check("cos", "[1,2,3]", "Vector dimension error: expected dim: 2, got 3");
    check(
        "rows",
        "[1,2,3]",
        "Vector dimension error: expected dim: 2, got 3",
    );
    check(
        "rows",
        "[[1],[2]]",
        "Vector dimension error: expected dim: 2, got 1",
    );
    check(
        "cos",
        "[[1,2]]",
        "Conversion between multi and regular vectors failed",
    );
    let sparse = r#"{"indices":[1],"values":[1]}"#;
    check(
        "cos",
        sparse,
        "Conversion between sparse and regular vectors failed",
    );
    check(
        "rows",
        sparse,
        "Conversion between sparse and regular vectors failed",
    );
    check(
        "idf",
        "[1,2]",
        "Conversion between sparse and regular vectors failed",
    );
    check(
        "idf",
        "[[1,2]]",
        "Conversion between sparse and regular vectors failed",
    );
    check("x", "[1,2]", "Not existing vector name error: x");
    check("", "[1,2]", "Not existing vector name error: ");
    check(
        "half",
        "[70000]",
        "Vector components must be finite numbers that fit the stored datatype",
    );
}

#[test]
fn components_that_are_not_finite_are_refused() {
    use crate::vector::{SparseVector, Vector};
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert!(
            config(BODY)
                .canonical("cos", Vector::Dense(vec![1.0, bad]))
                .is_err(),
            "{bad}"
        );
        let sparse = SparseVector::new(vec![1], vec![bad]).unwrap();
        assert!(
            config(BODY).canonical("plain", Vector::Sparse(sparse)).is_err(),
            "{bad}"
        );
    }
}

#[test]
fn columns_come_dense_first_and_by_name() {
    let made = config(BODY);
    let measure = |distance, datatype| Measure { distance, datatype };
    let want = [
        (
            "byte",
            Column::Dense {
                dim: 3,
                measure: measure(Distance::Euclid, Datatype::Uint8),
            },
        ),
        (
            "cos",
            Column::Dense {
                dim: 2,
                measure: measure(Distance::Cosine, Datatype::Float32),
            },
        ),
        (
            "half",
            Column::Dense {
                dim: 1,
                measure: measure(Distance::Dot, Datatype::Float16),
            },
        ),
        (
            "rows",
            Column::Multi {
                dim: 2,
                measure: measure(Distance::Cosine, Datatype::Float32),
            },
        ),
        ("idf", Column::Sparse { idf: true }),
        ("plain", Column::Sparse { idf: false }),
    ];
    assert_eq!(made.columns().collect::<Vec<_>>(), want);
    for (name, column) in want {
        assert_eq!(made.column(name), Some(column));
    }
    assert_eq!(made.column(""), None);
}

#[test]
fn a_query_measures_the_vector_it_names() {
    let named = r#"{"vectors":{"b":{"size":1,"distance":"Dot"},"a":{"size":1,"distance":"Dot"}}}"#;
    let bare = r#"{"vectors":{"size":1,"distance":"Dot"}}"#;
    let mixed = r#"{"vectors":{"size":1,"distance":"Dot"},"sparse_vectors":{"s":{}}}"#;
    for (body, using, want) in [
        (named, Some("a"), "a"),
        (bare, None, ""),
        (bare, Some(""), ""),
        (mixed, Some("s"), "s"),
        (
            named,
            None,
            "Collection requires specified vector name in the request, available names: a, b",
        ),
        (
            named,
            Some("x"),
            "Vector with name `x` is not configured in this collection, available names: a, b",
        ),
        (
            mixed,
            Some("x"),
            "Vector with name `x` is not configured in this collection, available names: s",
        ),
        (
            bare,
            Some("x"),
            "Vector with name x is not configured in this collection",
        ),
        ("{}", None, "Vectors are not configured in this collection"),
        ("{}", Some("x"), "Vectors are not configured in this collection"),
    ] {
        let got = config(body)
            .query_column(using)
            .map_or_else(|invalid| invalid.to_string(), |(name, _)| name);
        assert_eq!(got, want, "{using:?} of {body}");
    }
}
