//! Golden scores of every vector kind on every distance, and of sparse and multi vectors by hand.

use serde_json::{Value, json};

use super::Query;
use crate::distance::Distance;
use crate::error::{Check, Invalid};
use crate::query::scoring::Scoring;
use crate::vector::{Datatype, Measure, MultiVector, SparseVector, Vector};

/// Points 1 to 6 of `golden.jsonl`.
fn points() -> Vec<Vector> {
    let points = [
        [1.0, 0.0],
        [0.0, 1.0],
        [3.0, 4.0],
        [-4.0, 3.0],
        [1.0, 1.0],
        [2.0, -1.0],
    ];
    points.map(|point| Vector::Dense(point.to_vec())).into()
}

fn query(body: Value) -> Query {
    serde_json::from_value(body).unwrap()
}

/// Lowers a query over points with the ids 1, 2, ...
fn lower(measure: Measure, points: &[Vector], body: Value) -> Result<Scoring, Invalid> {
    let query = query(body);
    let kind = query.as_kind().unwrap();
    let fetch = |id: crate::id::PointId| {
        let place: usize = id.to_string().parse().unwrap();
        measure.canonical(points[place - 1].clone())
    };
    let vectors = kind.examples().into_iter().map(|example| match example {
        crate::query::example::Example::Id(id) => fetch(*id),
        crate::query::example::Example::Vector(vector) => vector.clone().parse().unwrap(),
    });
    kind.lower(vectors.collect())
}

/// The reported score of each point.
fn scores(distance: Distance, points: &[Vector], body: Value) -> Vec<f32> {
    let measure = Measure {
        distance,
        datatype: Datatype::Float32,
    };
    let scoring = lower(measure, points, body).unwrap();
    let anchors: Vec<Vector> = scoring
        .anchors
        .into_iter()
        .map(|anchor| measure.canonical(anchor))
        .collect();
    let score = |point: &Vector| {
        let point = measure.canonical(point.clone());
        let sims: Vec<f32> = anchors
            .iter()
            .map(|anchor| anchor.as_ref().similarity(point.as_ref(), measure).unwrap())
            .collect();
        scoring.reported.score(distance, scoring.fold.score(&sims))
    };
    points.iter().map(score).collect()
}

#[track_caller]
fn check(distance: Distance, points: &[Vector], body: Value, want: &[f64]) {
    let got = scores(distance, points, body.clone());
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(want) {
        let tolerance = 1e-6 * want.abs().max(1.0);
        assert!(
            (f64::from(*got) - want).abs() <= tolerance,
            "{distance:?} {body}: {got} is not {want}"
        );
    }
}

#[test]
fn golden_scores() {
    let cases = include_str!("tests/golden.jsonl")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for line in cases {
        let mut case: Value = serde_json::from_str(line).unwrap();
        let distance = serde_json::from_value(case["distance"].take()).unwrap();
        let want: Vec<f64> = serde_json::from_value(case["scores"].take()).unwrap();
        check(distance, &points(), case["query"].take(), &want);
        count += 1;
    }
    assert_eq!(count, 4 + 8 + 16 + 8 + 8 + 12 + 11);
}

#[test]
fn one_judged_result_is_the_plain_search_bit_for_bit() {
    for distance in [Distance::Cosine, Distance::Dot] {
        let strategy = json!({"naive": {"a": 1.0, "b": 100.0, "c": 100.0}});
        let item = json!({"example": 6, "score": 0.3});
        let feedback = json!({"target": [1.0, 0.3], "feedback": [item], "strategy": strategy});
        assert_eq!(
            scores(distance, &points(), json!({"relevance_feedback": feedback})),
            scores(distance, &points(), json!([1.0, 0.3]))
        );
    }
}

/// What a tie does must not depend on the sign of a zero.
#[test]
fn zeros_of_either_sign_tie() {
    let scoring = lower(
        Measure {
            distance: Distance::Dot,
            datatype: Datatype::Float32,
        },
        &points(),
        json!({"discover": {"target": 1, "context": {"positive": 2, "negative": 3}}}),
    )
    .unwrap();
    assert_eq!(scoring.fold.score(&[0.0, 0.0, -0.0]), 0.5);
    assert_eq!(scoring.fold.score(&[0.0, -0.0, 0.0]), 0.5);
}

#[test]
fn order_of_the_result() {
    for (body, is_custom) in [
        (json!([1.0, 1.0]), false),
        (json!({"recommend": {"positive": [1]}}), false),
        (
            json!({"recommend": {"positive": [1], "strategy": "best_score"}}),
            true,
        ),
        (
            json!({"recommend": {"positive": [1], "strategy": "sum_scores"}}),
            true,
        ),
        (json!({"discover": {"target": 1, "context": null}}), true),
        (json!({"context": null}), true),
    ] {
        let measure = Measure {
            distance: Distance::Euclid,
            datatype: Datatype::Float32,
        };
        let reported = lower(measure, &points(), body.clone()).unwrap().reported;
        assert_eq!(reported.passes(Distance::Euclid, 2.0, 1.0), is_custom, "{body}");
    }
}

fn sparse_points() -> Vec<Vector> {
    let points = [
        (vec![1, 5], vec![1.0, 2.0]),
        (vec![5, 9], vec![1.0, -1.0]),
        (vec![2], vec![4.0]),
    ];
    points
        .map(|(indices, values)| Vector::Sparse(SparseVector::new(indices, values).unwrap()))
        .into()
}

/// Means over the union of indices: 2·(½,3 at 5,1 at 7) - (1 at 5, -1 at 9) = 1 at 1, 5 at 5, 2 at 7, 1 at 9.
#[test]
fn sparse() {
    let written = json!({"indices": [7, 5], "values": [2.0, 4.0]});
    let average = json!({"recommend": {"positive": [1, written], "negative": [2]}});
    check(Distance::Dot, &sparse_points(), average, &[11.0, 4.0, 0.0]);
    // Similarities to 1: 5, 2, 0; to 2: 2, 2, 0. Both ties go to the negative side.
    let best = json!({"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}});
    check(
        Distance::Dot,
        &sparse_points(),
        best,
        &[11.0 / 12.0, -5.0 / 6.0, -0.5],
    );
}

fn multi_points() -> Vec<Vector> {
    let rows = [
        vec![vec![1.0, 0.0], vec![0.0, 1.0]],
        vec![vec![3.0, 4.0]],
        vec![vec![-1.0, 2.0], vec![2.0, 2.0], vec![0.0, 0.0]],
    ];
    rows.map(|rows| Vector::Multi(MultiVector::from_rows(&rows).unwrap()))
        .into()
}

#[test]
fn multi_rows_are_joined_and_negated() {
    let body = json!({"recommend": {"positive": [1, [[2.0, -1.0]]], "negative": [2]}});
    check(Distance::Dot, &multi_points(), body.clone(), &[1.0, -16.0, 6.0]);
    check(
        Distance::Euclid,
        &multi_points(),
        body.clone(),
        &[5.830_951_895, 12.806_248_475, 5.656_854_249],
    );
    check(
        Distance::Manhattan,
        &multi_points(),
        body.clone(),
        &[10.0, 32.0, 12.0],
    );
    check(
        Distance::Cosine,
        &multi_points(),
        body,
        &[2.294_427_191, 0.578_885_438, 1.917_761_738],
    );
}

#[test]
fn multi_best_score() {
    let body = json!({"recommend": {"positive": [1], "negative": [2], "strategy": "best_score"}});
    check(
        Distance::Dot,
        &multi_points(),
        body.clone(),
        &[-0.9, -0.980_769_231, -0.966_666_667],
    );
    check(
        Distance::Euclid,
        &multi_points(),
        body.clone(),
        &[0.5, -0.5, 1.0 / 6.0],
    );
    check(
        Distance::Cosine,
        &multi_points(),
        body,
        &[0.833_333_333, 0.791_666_667, 0.807_805_700],
    );
}

#[test]
fn averages_that_do_not_exist() {
    let measure = Measure {
        distance: Distance::Dot,
        datatype: Datatype::Float32,
    };
    for (body, why) in [
        (
            json!({"negative": [1]}),
            "Positive vectors should not be empty with `average` strategy",
        ),
        (
            json!({"positive": [1, [[1.0, 2.0]]]}),
            "Can't average vectors with different types",
        ),
        (
            json!({"positive": [1], "negative": [{"indices": [1], "values": [1.0]}]}),
            "Can't average vectors with different types",
        ),
        (
            json!({"positive": [1, [1.0]]}),
            "Vector dimension error: expected dim: 2, got 1",
        ),
        (
            json!({"positive": [[[1.0]], [[1.0, 2.0]]]}),
            "Vector dimension error: expected dim: 1, got 2",
        ),
    ] {
        let error = lower(measure, &points(), json!({"recommend": body})).unwrap_err();
        assert_eq!(error, Invalid::input(why));
    }
}

#[track_caller]
fn refuse(body: Value, want: &str) {
    let error = Check::all("internal.query", &query(body)).unwrap_err();
    assert_eq!(error.to_string(), want);
}

#[test]
fn limits() {
    let feedback = |items: Value, b: f64| {
        let strategy = json!({"naive": {"a": 1.0, "b": b, "c": 1.0}});
        json!({"relevance_feedback": {"target": 1, "feedback": items, "strategy": strategy}})
    };
    refuse(
        feedback(json!([{"example": 1, "score": 1.0}]), -1.0),
        "internal.query.relevance_feedback.strategy.naive.b: value -1.0 invalid, must be 0.0 or larger",
    );
    refuse(
        feedback(json!([]), 1.0),
        "internal.query.relevance_feedback.feedback: feedback elements must be non-empty",
    );
    refuse(
        feedback(vec![json!({"example": 1, "score": 1.0}); 4097].into(), 1.0),
        "internal.query.relevance_feedback.feedback: at most 4096 feedback elements are accepted",
    );
    refuse(
        json!({"recommend": {"positive": [], "strategy": "best_score"}}),
        "internal.query.recommend: At least one positive or negative vector/id must be provided",
    );
    refuse(
        json!({"recommend": {"positive": [1, []]}}),
        "internal.query.recommend.positive[1].data: dense vector must not be empty",
    );
    refuse(
        json!({"context": [{"positive": 1, "negative": []}]}),
        "internal.query.context[0].negative.data: dense vector must not be empty",
    );
    refuse(
        json!({"discover": {"target": [[]], "context": {"positive": [], "negative": 1}}}),
        "internal.query.discover.target.data: all vectors must be non-empty; \
         internal.query.discover.context[0].positive.data: dense vector must not be empty",
    );
    refuse(
        json!({"nearest": 1, "mmr": {"diversity": 1.5, "candidates_limit": 16385}}),
        "internal.query.mmr.diversity: value 1.5 invalid, must be from 0.0 to 1.0; \
         internal.query.mmr.candidates_limit: value 16385 invalid, must be 16384 or smaller",
    );
    refuse(
        json!({"rrf": {"k": 0}}),
        "internal.query.rrf.k: value 0 invalid, must be 1 or larger",
    );
    refuse(
        json!({"formula": 1.0, "defaults": {"$score[1]": "1"}}),
        "internal.query.defaults.?: default values of scores must be numbers",
    );
}
