//! Fused scores worked out in double precision from the formulas alone.

use super::Fusion;
use crate::id::PointId;

type List = Vec<(u64, f32)>;

fn a() -> List {
    vec![(1, 0.9), (2, 0.8), (3, 0.1)]
}

fn b() -> List {
    vec![(3, 12.0), (1, 7.0), (4, 1.0)]
}

fn c() -> List {
    vec![(5, 3.0)]
}

#[track_caller]
fn check(fusion: &Fusion, lists: &[List], want: &[(u64, f64)]) {
    let id = |(id, score): &(u64, f32)| (PointId::Num(*id), *score);
    let lists: Vec<Vec<(PointId, f32)>> = lists.iter().map(|list| list.iter().map(id).collect()).collect();
    let got = fusion.fuse(&lists);
    let ids: Vec<PointId> = got.iter().map(|(id, _)| *id).collect();
    let want_ids: Vec<PointId> = want.iter().map(|(id, _)| PointId::Num(*id)).collect();
    assert_eq!(ids, want_ids, "{got:?}");
    for ((id, got), (_, want)) in got.iter().zip(want) {
        assert!((f64::from(*got) - want).abs() < 1e-6, "{id}: {got} is not {want}");
    }
}

fn rrf(k: u64, weights: Option<&[f32]>) -> Fusion {
    Fusion::Rrf {
        k,
        weights: weights.map(<[f32]>::to_vec),
    }
}

#[test]
fn reciprocal_ranks() {
    // By default 1/2 for the first place, 1/3 for the second, 1/4 for the third.
    let third = 1.0 / 3.0;
    check(
        &Fusion::default(),
        &[a(), b()],
        &[(1, 0.5 + third), (3, 0.75), (2, third), (4, 0.25)],
    );
    let sixty = [
        (1, 0.033_060_109_3),
        (3, 0.032_795_698_9),
        (2, 0.016_393_442_6),
        (4, 0.016_129_032_3),
    ];
    check(&rrf(60, None), &[a(), b()], &sixty);
    // Weight 3: 1/(1/3+1), 1/(2/3+1), 1/(3/3+1); weight one half: 1/(2+1), 1/(4+1), 1/(6+1).
    let weighted = [(1, 0.75 + 0.2), (3, 0.5 + third), (2, 0.6), (4, 1.0 / 7.0)];
    check(&rrf(2, Some(&[3.0, 0.5])), &[a(), b()], &weighted);
    check(
        &rrf(2, Some(&[1.0, 0.0])),
        &[a(), b()],
        &[(1, 0.5), (2, third), (3, 0.25), (4, 0.0)],
    );
    let negative = [(1, 1.5), (3, 1.0 + third), (2, 0.5), (4, third), (5, 0.0)];
    check(&rrf(1, Some(&[1.0, 1.0, -2.0])), &[a(), b(), c()], &negative);
    check(&rrf(2, None), &[vec![], c()], &[(5, 0.5)]);
    check(&rrf(2, None), &[], &[]);
}

#[test]
fn a_point_counts_once_in_a_list() {
    check(
        &rrf(2, None),
        &[vec![(1, 1.0), (2, 1.0), (1, 1.0)]],
        &[(1, 0.5), (2, 1.0 / 3.0)],
    );
}

#[test]
fn ties_go_to_the_larger_id() {
    check(
        &rrf(2, None),
        &[vec![(1, 1.0)], vec![(9, 1.0)], vec![(4, 1.0)]],
        &[(9, 0.5), (4, 0.5), (1, 0.5)],
    );
}

#[test]
fn scaled_scores() {
    let two = [
        (1, 1.124_794_99),
        (3, 0.970_214_23),
        (2, 0.576_471_911),
        (4, 0.328_518_866),
    ];
    check(&Fusion::Dbsf, &[a(), b()], &two);
    // A list of one, and a list of equals, are in the middle.
    let three = [
        (1, 1.124_794_99),
        (3, 0.970_214_23),
        (2, 0.576_471_911),
        (5, 0.5),
        (4, 0.328_518_866),
    ];
    check(&Fusion::Dbsf, &[a(), b(), c()], &three);
    check(
        &Fusion::Dbsf,
        &[vec![(1, 2.0), (2, 2.0)], vec![(3, 5.0)]],
        &[(3, 0.5), (2, 0.5), (1, 0.5)],
    );
}

#[test]
fn outliers_are_not_clamped() {
    let list: List = std::iter::once((100, 100.0))
        .chain((0..20).map(|id| (id, 0.0)))
        .collect();
    let rest = (0..20).rev().map(|id| (id, 0.463_630_351_6));
    let want: Vec<(u64, f64)> = std::iter::once((100, 1.227_392_967_5)).chain(rest).collect();
    check(&Fusion::Dbsf, &[list], &want);
}

/// In single precision the mean of these scores has no room for their spread.
#[test]
fn close_scores_far_from_zero_keep_their_spread() {
    let spread = |base: f32| vec![(1, base + 2.0), (2, base + 1.0), (3, base)];
    // Deviation 1: from -2 to 4 around the mean of 1.
    let want = [(1, 4.0 / 6.0), (2, 0.5), (3, 2.0 / 6.0)];
    check(&Fusion::Dbsf, &[spread(0.0)], &want);
    check(&Fusion::Dbsf, &[spread(8_388_608.0)], &want);
}
