//! Choices worked out from the formula alone; all numbers are exact, so that ties are ties.

use super::Mmr;
use crate::distance::Distance;

const POINTS: [[f32; 2]; 6] = [
    [1.0, 0.0],
    [0.0, 1.0],
    [3.0, 4.0],
    [-4.0, 3.0],
    [1.0, 1.0],
    [2.0, -1.0],
];

/// The first choices among points 1 to 6, around (2, 1.25).
#[track_caller]
fn check(distance: Distance, diversity: f32, want: &[usize]) {
    let canonical = |mut vector: [f32; 2]| {
        distance.normalise(&mut vector);
        vector
    };
    let points = POINTS.map(canonical);
    let query = canonical([2.0, 1.25]);
    let relevance = points.map(|point| distance.similarity(&query, &point));
    let similarity = |a: usize, b: usize| Ok::<f32, ()>(distance.similarity(&points[a], &points[b]));
    let mmr = Mmr {
        diversity: Some(diversity),
        candidates_limit: None,
    };
    let chosen = Mmr::select(mmr.lambda(), &relevance, &similarity, want.len()).unwrap();
    let numbers: Vec<usize> = chosen.into_iter().map(|index| index + 1).collect();
    assert_eq!(numbers, want, "{distance:?} with diversity {diversity}");
}

#[test]
fn chosen_in_order() {
    check(Distance::Cosine, 0.0, &[5, 3, 1, 2, 6]);
    check(Distance::Cosine, 0.25, &[5, 1, 3, 2, 6]);
    check(Distance::Cosine, 0.5, &[5, 6, 1, 3, 2]);
    check(Distance::Cosine, 1.0, &[5, 4, 6, 2, 1]);
    check(Distance::Dot, 0.0, &[3, 5, 6, 1, 2]);
    check(Distance::Dot, 0.25, &[3, 6, 1, 5, 2]);
    check(Distance::Dot, 0.5, &[3, 6, 1, 2, 5]);
    check(Distance::Dot, 1.0, &[3, 4, 6, 1, 2]);
    check(Distance::Euclid, 0.0, &[5, 1, 2, 6, 3]);
    check(Distance::Euclid, 0.25, &[5, 1, 2, 3, 6]);
    check(Distance::Euclid, 0.5, &[5, 3, 6, 1, 2]);
    check(Distance::Euclid, 1.0, &[5, 4, 3, 6, 1]);
    check(Distance::Manhattan, 0.0, &[5, 1, 2, 6, 3]);
    check(Distance::Manhattan, 0.25, &[5, 6, 1, 2, 3]);
    check(Distance::Manhattan, 0.5, &[5, 3, 6, 4, 1]);
    check(Distance::Manhattan, 1.0, &[5, 4, 3, 6, 1]);
}

#[test]
fn stops_when_nothing_is_left_or_asked() {
    let select =
        |relevance: &[f32], limit| Mmr::select(0.5, relevance, &|_, _| Ok::<f32, ()>(0.0), limit).unwrap();
    assert_eq!(select(&[], 3), [0; 0]);
    assert_eq!(select(&[1.0, 2.0], 0), [0; 0]);
    assert_eq!(select(&[1.0, 2.0, 2.0], usize::MAX), [1, 2, 0]);
}

#[test]
fn defaults() {
    let mmr = Mmr::default();
    assert_eq!(mmr.lambda(), 0.5);
    assert_eq!(mmr.candidates(10), 10);
    assert_eq!(mmr.candidates(u64::MAX), 16_384);
    assert_eq!(
        Mmr {
            candidates_limit: Some(100),
            ..mmr
        }
        .candidates(10),
        100
    );
}

#[test]
fn an_error_ends_the_choice() {
    let similarity = |_: usize, b: usize| if b == 1 { Err("stopped") } else { Ok(0.0) };
    assert_eq!(Mmr::select(0.5, &[1.0, 2.0, 3.0], &similarity, 3), Err("stopped"));
    assert_eq!(Mmr::select(0.5, &[1.0, 0.0, 3.0], &similarity, 2), Ok(vec![2, 0]));
}
