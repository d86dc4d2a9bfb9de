//! Equality of answers, as far as arithmetic allows: scores within a tolerance, and points of nearly equal score in
//! any order and on either side of a cut.

use kindred_model::point::ScoredPoint;
use kindred_model::query::groups::PointGroup;

/// Relative tolerance of a score. A sum of some dozens of single-precision products is good to about 1e-6 whatever
/// the order of adding; sorting out pairs and dividing costs another digit.
pub const RELATIVE: f32 = 1e-5;
/// Absolute tolerance of a score: what is left when terms of magnitude one cancel out.
pub const ABSOLUTE: f32 = 5e-6;

/// Whether two scores can be the same number, computed in another order.
pub fn is_close(a: f32, b: f32) -> bool {
    a == b || (a - b).abs() <= ABSOLUTE + RELATIVE * a.abs().max(b.abs())
}

/// Whether two scores are so close that their order may differ between two correct answers. Wider than
/// [`is_close`], because formulas and fusion spread errors.
pub fn is_near(a: f32, b: f32) -> bool {
    a == b || (a - b).abs() <= 20.0 * (ABSOLUTE + RELATIVE * a.abs().max(b.abs()))
}

/// Compares two lists point for point: same ids in the same order, scores close, everything else equal.
pub fn same_list(want: &[ScoredPoint], got: &[ScoredPoint]) -> Result<(), String> {
    let is_same = want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same_point(want, got));
    if is_same { Ok(()) } else { Err(describe(want, got)) }
}

/// Compares two lists up to ties: scores close place by place; a point that only one list has is close to the first
/// or the last score of the other, where a cut may have split a tie; common points equal in everything else.
pub fn same_up_to_ties(want: &[ScoredPoint], got: &[ScoredPoint]) -> Result<(), String> {
    let has_same_scores = want.len() == got.len()
        && want
            .iter()
            .zip(got)
            .all(|(want, got)| is_close(want.score, got.score));
    if has_same_scores && is_covered(want, got) && is_covered(got, want) {
        Ok(())
    } else {
        Err(describe(want, got))
    }
}

fn is_covered(these: &[ScoredPoint], those: &[ScoredPoint]) -> bool {
    let is_at_edge = |score| {
        [those.first(), those.last()]
            .into_iter()
            .flatten()
            .any(|edge| is_near(edge.score, score))
    };
    these
        .iter()
        .all(|point| match those.iter().find(|other| other.id == point.id) {
            Some(other) => same_point(point, other),
            None => is_at_edge(point.score),
        })
}

fn same_point(want: &ScoredPoint, got: &ScoredPoint) -> bool {
    want.id == got.id
        && is_close(want.score, got.score)
        && want.version == got.version
        && want.payload == got.payload
        && want.vector == got.vector
        && want.order_value == got.order_value
}

/// Compares two lists of groups: same groups in the same order, with the same points.
pub fn same_groups(want: &[PointGroup], got: &[PointGroup]) -> Result<(), String> {
    let is_same = want.len() == got.len()
        && want.iter().zip(got).all(|(want, got)| {
            want.id == got.id && want.lookup == got.lookup && same_list(&want.hits, &got.hits).is_ok()
        });
    if is_same {
        Ok(())
    } else {
        Err(format!("{}\n{}", groups("want", want), groups("got", got)))
    }
}

fn groups(which: &str, groups: &[PointGroup]) -> String {
    let lines: Vec<String> = groups.iter().map(|group| format!("  {group:?}")).collect();
    format!("{which}:\n{}", lines.join("\n"))
}

fn describe(want: &[ScoredPoint], got: &[ScoredPoint]) -> String {
    let line = |point: &ScoredPoint| format!("  {point:?}\n");
    let (want, got): (String, String) = (want.iter().map(line).collect(), got.iter().map(line).collect());
    format!("want:\n{want}got:\n{got}")
}
