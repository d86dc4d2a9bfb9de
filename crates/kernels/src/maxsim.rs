//! Late interaction between two multi vectors: for each query row the similarity of its best stored row, summed
//! over the query rows in order. Used by multi vector columns. Larger is closer: distances are negated.
//! Source: Khattab and Zaharia, ColBERT (arXiv 2004.12832), section 3.3.

use crate::dense::{Element, Kernel, Measure};

/// MaxSim between two row-major matrices of the same width `dim`. L2 is squared and has no root, per row and in the
/// sum. Without query rows it is 0; without stored rows negative infinity.
///
/// # Panics
/// If `dim` is 0 or one of the matrices is not a whole number of rows.
pub fn maxsim<T: Element>(measure: Measure, query_rows: &[T], stored_rows: &[T], dim: usize) -> f32 {
    maxsim_with(Kernel::new(measure), query_rows, stored_rows, dim)
}

/// As [`maxsim`], with a kernel that was chosen before: for many points against the same query.
///
/// # Panics
/// If `dim` is 0 or one of the matrices is not a whole number of rows.
pub fn maxsim_with<T: Element>(kernel: Kernel<T>, query_rows: &[T], stored_rows: &[T], dim: usize) -> f32 {
    check_shape(query_rows, stored_rows, dim);
    query_rows
        .chunks_exact(dim)
        .fold(0.0, |sum, query| sum + kernel.best(query, stored_rows))
}

/// As [`maxsim`], with any similarity between two rows, for what is not a [`Measure`] (cosine of byte vectors).
/// A NaN is never the best.
///
/// # Panics
/// If `dim` is 0 or one of the matrices is not a whole number of rows.
pub fn maxsim_by<T>(
    query_rows: &[T],
    stored_rows: &[T],
    dim: usize,
    mut similarity: impl FnMut(&[T], &[T]) -> f32,
) -> f32 {
    check_shape(query_rows, stored_rows, dim);
    let mut sum = 0.0;
    for query in query_rows.chunks_exact(dim) {
        let mut best = f32::NEG_INFINITY;
        for stored in stored_rows.chunks_exact(dim) {
            let similarity = similarity(query, stored);
            if similarity > best {
                best = similarity;
            }
        }
        sum += best;
    }
    sum
}

fn check_shape<T>(query_rows: &[T], stored_rows: &[T], dim: usize) {
    assert!(dim > 0, "rows without dimensions");
    assert_eq!(query_rows.len() % dim, 0, "not a whole number of query rows");
    assert_eq!(stored_rows.len() % dim, 0, "not a whole number of stored rows");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu;
    use half::f16;
    use proptest::prelude::*;

    const QUERY: [u8; 4] = [1, 0, 2, 3];
    const STORED: [u8; 6] = [4, 1, 0, 5, 2, 2];

    /// The same small integers as f32, f16 and u8, at every level, through every function.
    #[track_caller]
    fn check(measure: Measure, query: &[u8], stored: &[u8], expected: f32) {
        let floats = |rows: &[u8]| rows.iter().map(|x| f32::from(*x)).collect::<Vec<_>>();
        let halves = |rows: &[u8]| rows.iter().map(|x| f16::from(*x)).collect::<Vec<_>>();
        for level in cpu::supported() {
            cpu::with_level(level, || {
                assert_eq!(maxsim(measure, query, stored, 2), expected, "{level:?} u8");
                assert_eq!(
                    maxsim(measure, &floats(query), &floats(stored), 2),
                    expected,
                    "{level:?} f32"
                );
                assert_eq!(
                    maxsim(measure, &halves(query), &halves(stored), 2),
                    expected,
                    "{level:?} f16"
                );
            });
        }
    }

    #[test]
    fn golden() {
        // Query rows (1,0) and (2,3); stored rows (4,1), (0,5) and (2,2).
        check(Measure::Dot, &QUERY, &STORED, 4.0 + 15.0);
        check(Measure::L2, &QUERY, &STORED, -5.0 - 1.0);
        check(Measure::L1, &QUERY, &STORED, -3.0 - 1.0);
        check(Measure::L2, &QUERY, &QUERY, 0.0);
        check(Measure::Dot, &[], &STORED, 0.0);
        check(Measure::Dot, &QUERY, &[], f32::NEG_INFINITY);
    }

    #[test]
    fn negative_similarities_are_compared_as_they_are() {
        let (query, stored) = ([1.0f32, 1.0], [-3.0, 0.0, -1.0, -1.0]);
        assert_eq!(maxsim(Measure::Dot, &query, &stored, 2), -2.0);
    }

    #[test]
    fn nan_is_never_the_best() {
        let query = [1.0f32, f32::INFINITY];
        for level in cpu::supported() {
            cpu::with_level(level, || {
                assert_eq!(
                    maxsim(Measure::Dot, &query, &[1.0, 0.0, -1.0, -1.0], 2),
                    f32::NEG_INFINITY
                );
                assert_eq!(
                    maxsim(Measure::Dot, &query, &[1.0, 0.0, 1.0, 1.0], 2),
                    f32::INFINITY
                );
            });
        }
    }

    #[test]
    #[should_panic(expected = "not a whole number of stored rows")]
    fn a_torn_row_is_a_mistake() {
        maxsim(Measure::Dot, &[1.0f32, 2.0], &[1.0, 2.0, 3.0], 2);
    }

    proptest! {
        #[test]
        fn equals_the_sum_of_best_one_to_one_results(
            dim in 1usize..70,
            query in 0usize..5,
            stored in 1usize..5,
            cells in prop::collection::vec(-100.0f32..100.0, 70 * 10),
        ) {
            let (query, stored) = (&cells[..query * dim], &cells[350..350 + stored * dim]);
            for measure in [Measure::Dot, Measure::L2, Measure::L1] {
                let sign = if measure == Measure::Dot { 1.0 } else { -1.0 };
                for level in cpu::supported() {
                    cpu::with_level(level, || {
                        let kernel = Kernel::new(measure);
                        let by = maxsim_by(query, stored, dim, |a, b| sign * kernel.one(a, b));
                        assert_eq!(maxsim(measure, query, stored, dim).to_bits(), by.to_bits());
                    });
                }
            }
        }
    }
}
