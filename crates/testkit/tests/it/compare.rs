//! Which lists count as the same answer.

use kindred_model::point::ScoredPoint;
use kindred_testkit::compare::{same_list, same_up_to_ties};

fn list(points: &[(u64, f32)]) -> Vec<ScoredPoint> {
    let point = |(id, score): &(u64, f32)| ScoredPoint {
        id: (*id).into(),
        version: 1,
        score: *score,
        payload: None,
        vector: None,
        order_value: None,
    };
    points.iter().map(point).collect()
}

fn check(want: &[(u64, f32)], got: &[(u64, f32)], is_same: bool, is_same_up_to_ties: bool) {
    let (want, got) = (list(want), list(got));
    assert_eq!(same_list(&want, &got).is_ok(), is_same, "{want:?} {got:?}");
    assert_eq!(
        same_up_to_ties(&want, &got).is_ok(),
        is_same_up_to_ties,
        "{want:?} {got:?}"
    );
}

#[test]
fn ties_may_swap_and_be_cut_apart_and_nothing_else() {
    let want = [(1, 3.0), (2, 2.0), (3, 2.0), (4, 1.0)];
    check(&want, &want, true, true);
    check(&want, &[(1, 3.0), (2, 2.000_001), (3, 2.0), (4, 1.0)], true, true);
    check(&want, &[(1, 3.0), (3, 2.0), (2, 2.0), (4, 1.0)], false, true);
    // Another point of the same score on the cut.
    check(&want, &[(1, 3.0), (2, 2.0), (3, 2.0), (5, 1.0)], false, true);
    check(&want, &[(1, 3.0), (2, 2.0), (5, 2.0), (4, 1.0)], false, false);
    check(&want, &[(2, 2.0), (1, 3.0), (3, 2.0), (4, 1.0)], false, false);
    check(&want, &[(1, 3.0), (2, 2.0), (3, 2.0), (4, 1.001)], false, false);
    check(&want, &want[..3], false, false);
    check(&[], &[], true, true);
    check(&[], &want, false, false);
}

#[test]
fn everything_but_the_score_is_compared_to_the_bit() {
    let want = list(&[(1, 1.0)]);
    let mut other = want.clone();
    other[0].version = 2;
    assert!(same_list(&want, &other).is_err());
    assert!(same_up_to_ties(&want, &other).is_err());
    let mut other = want.clone();
    other[0].payload = Some(Default::default());
    assert!(same_list(&want, &other).is_err());
}
