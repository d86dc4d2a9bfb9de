//! Dot product of sparse vectors, each given as indices (sorted, unique) and as many values.
//! Used for exact scoring. Products are added one by one in the order of the indices, so that a walk over postings
//! in that order gives the same bits.

use std::cmp::Ordering;

/// The sum of products over shared indices, 0 when nothing is shared. Both index slices must be sorted and unique.
///
/// # Panics
/// If a slice of indices and its slice of values differ in length.
pub fn dot_sorted(a_indices: &[u32], a_values: &[f32], b_indices: &[u32], b_values: &[f32]) -> f32 {
    dot_shared(a_indices, a_values, b_indices, b_values).unwrap_or(0.0)
}

/// As [`dot_sorted`], but `None` when the vectors share no index (products that cancel are `Some(0.0)`).
///
/// # Panics
/// If a slice of indices and its slice of values differ in length.
pub fn dot_shared(a_indices: &[u32], a_values: &[f32], b_indices: &[u32], b_values: &[f32]) -> Option<f32> {
    assert_eq!(a_indices.len(), a_values.len(), "one value per index");
    assert_eq!(b_indices.len(), b_values.len(), "one value per index");
    debug_assert!(is_sorted_and_unique(a_indices) && is_sorted_and_unique(b_indices));
    let (mut sum, mut is_shared) = (0.0f32, false);
    let mut a = a_indices.iter().zip(a_values);
    let mut b = b_indices.iter().zip(b_values);
    let (mut x, mut y) = (a.next(), b.next());
    while let (Some((i, v)), Some((j, w))) = (x, y) {
        match i.cmp(j) {
            Ordering::Less => x = a.next(),
            Ordering::Greater => y = b.next(),
            Ordering::Equal => {
                sum += v * w;
                is_shared = true;
                (x, y) = (a.next(), b.next());
            }
        }
    }
    is_shared.then_some(sum)
}

fn is_sorted_and_unique(indices: &[u32]) -> bool {
    indices.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Sparse<'a> = (&'a [u32], &'a [f32]);

    #[track_caller]
    fn check(a: Sparse<'_>, b: Sparse<'_>, expected: Option<f32>) {
        assert_eq!(dot_shared(a.0, a.1, b.0, b.1), expected);
        assert_eq!(dot_shared(b.0, b.1, a.0, a.1), expected);
        assert_eq!(dot_sorted(a.0, a.1, b.0, b.1), expected.unwrap_or(0.0));
    }

    #[test]
    fn golden() {
        check((&[], &[]), (&[], &[]), None);
        check((&[1, 5], &[2.0, 3.0]), (&[], &[]), None);
        check((&[1, 5], &[2.0, 3.0]), (&[2, 4, 6], &[1.0, 1.0, 1.0]), None);
        check(
            (&[1, 5, 9], &[2.0, 3.0, 4.0]),
            (&[0, 5, 9], &[7.0, 0.5, -1.0]),
            Some(-2.5),
        );
        check(
            (&[0, u32::MAX], &[1.0, 2.0]),
            (&[0, u32::MAX], &[3.0, 4.0]),
            Some(11.0),
        );
        check((&[3, 4], &[1.0, -1.0]), (&[3, 4], &[1.0, 1.0]), Some(0.0));
    }

    #[test]
    fn products_are_added_in_the_order_of_the_indices() {
        let ones = [1.0f32; 3];
        check((&[1, 2, 3], &[1e8, 1.0, -1e8]), (&[1, 2, 3], &ones), Some(0.0));
        check((&[1, 2, 3], &[1e8, -1e8, 1.0]), (&[1, 2, 3], &ones), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "one value per index")]
    fn a_missing_value_is_a_mistake() {
        dot_sorted(&[1, 2], &[1.0], &[1], &[1.0]);
    }

    proptest! {
        #[test]
        fn equals_a_lookup_of_every_index(
            a in prop::collection::btree_map(0u32..60, -9i16..9, 0..40),
            b in prop::collection::btree_map(0u32..60, -9i16..9, 0..40),
        ) {
            let split = |m: &BTreeMap<u32, i16>| -> (Vec<u32>, Vec<f32>) {
                m.iter().map(|(i, v)| (*i, f32::from(*v))).unzip()
            };
            let ((ai, av), (bi, bv)) = (split(&a), split(&b));
            let shared: Vec<i32> =
                a.iter().filter_map(|(i, v)| b.get(i).map(|w| i32::from(*v) * i32::from(*w))).collect();
            let expected = if shared.is_empty() { None } else { Some(shared.iter().sum::<i32>() as f32) };
            prop_assert_eq!(dot_shared(&ai, &av, &bi, &bv), expected);
        }
    }
}
