//! Every level against `scalar.rs`, bit by bit; `scalar.rs` against exact arithmetic and numbers worked out by hand.

use super::*;
use proptest::prelude::*;

const MEASURES: [Measure; 3] = [Measure::Dot, Measure::L2, Measure::L1];

/// Equal bits, or both NaN.
fn is_same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

/// All forms at all levels give what the scalar one-to-one form gives.
#[track_caller]
fn check_equal<T: Element + std::fmt::Debug>(a: &[T], b: &[T]) {
    for measure in MEASURES {
        let expected = cpu::with_level(Level::Scalar, || Kernel::new(measure).one(a, b));
        for level in cpu::supported() {
            let kernel = cpu::with_level(level, || Kernel::<T>::new(measure));
            let one = kernel.one(a, b);
            assert!(
                is_same(one, expected),
                "{measure:?} {level:?} {}: {one} {expected}",
                a.len()
            );
            assert!(
                is_same(kernel.one(b, a), expected),
                "{measure:?} {level:?} is not symmetric"
            );
            let mut out = [0.0; 4];
            let rows = [b, a, b].concat();
            kernel.many(a, &rows, &[2, 0, 1, 2], &mut out);
            let same = kernel.one(a, a);
            for (i, (got, want)) in out.iter().zip([expected, expected, same, expected]).enumerate() {
                assert!(
                    is_same(*got, want),
                    "{measure:?} {level:?} many {i}: {got} {want}"
                );
            }
            if !a.is_empty() && !expected.is_nan() {
                let similarity = if measure == Measure::Dot {
                    expected
                } else {
                    -expected
                };
                assert!(
                    is_same(kernel.best(a, b), similarity),
                    "{measure:?} {level:?} best"
                );
            }
        }
    }
}

/// The scalar results lie within 1e-5 of f64 arithmetic, relative to the sum of the terms' sizes.
#[track_caller]
fn check_accuracy(a: &[f32], b: &[f32]) {
    let sum = |term: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(x, y)| term(f64::from(*x), f64::from(*y)))
            .sum()
    };
    let cases = [
        (Measure::Dot, sum(&|x, y| x * y), sum(&|x, y| (x * y).abs())),
        (
            Measure::L2,
            sum(&|x, y| (x - y).powi(2)),
            sum(&|x, y| (x - y).powi(2)),
        ),
        (
            Measure::L1,
            sum(&|x, y| (x - y).abs()),
            sum(&|x, y| (x - y).abs()),
        ),
    ];
    for (measure, exact, size) in cases {
        let got = cpu::with_level(Level::Scalar, || Kernel::new(measure).one(a, b));
        let error = (f64::from(got) - exact).abs();
        assert!(error <= 1e-5 * size, "{measure:?} at {}: {got} {exact}", a.len());
    }
}

/// Numbers in -1..1 that repeat from run to run (a multiplicative hash of the position).
fn floats(count: usize, seed: u32) -> Vec<f32> {
    let mixed = |i: u32| {
        (i ^ seed)
            .wrapping_mul(0x9E37_79B1)
            .rotate_left(13)
            .wrapping_mul(0x85EB_CA6B)
    };
    (0..u32::try_from(count).unwrap())
        .map(|i| (mixed(i) >> 8) as f32 / (1 << 23) as f32 - 1.0)
        .collect()
}

fn bytes(count: usize, seed: u32) -> Vec<u8> {
    floats(count, seed)
        .iter()
        .map(|x| x.to_bits().to_le_bytes()[1])
        .collect()
}

fn halves(values: &[f32]) -> Vec<f16> {
    values.iter().map(|x| f16::from_f32(*x)).collect()
}

#[test]
fn golden() {
    let cases: [(&[u8], &[u8], [f32; 3]); 5] = [
        (&[], &[], [0.0, 0.0, 0.0]),
        (&[3], &[5], [15.0, 4.0, 2.0]),
        (&[1, 2, 3], &[4, 5, 6], [32.0, 27.0, 9.0]),
        (&[255; 40], &[0; 40], [0.0, 2_601_000.0, 10_200.0]),
        (&[2; 99], &[5; 99], [990.0, 891.0, 297.0]),
    ];
    for (a, b, expected) in cases {
        let (af, bf): (Vec<f32>, Vec<f32>) = (
            a.iter().map(|x| f32::from(*x)).collect(),
            b.iter().map(|x| f32::from(*x)).collect(),
        );
        for level in cpu::supported() {
            cpu::with_level(level, || {
                assert_eq!([dot(a, b), l2(a, b), l1(a, b)], expected, "{level:?} u8");
                assert_eq!(
                    [dot(&af, &bf), l2(&af, &bf), l1(&af, &bf)],
                    expected,
                    "{level:?} f32"
                );
                let (ah, bh) = (halves(&af), halves(&bf));
                assert_eq!(
                    [dot(&ah, &bh), l2(&ah, &bh), l1(&ah, &bh)],
                    expected,
                    "{level:?} f16"
                );
            });
        }
    }
    assert_eq!(norm_sq_u8(&[3, 4]), 25.0);
}

#[test]
fn every_half_is_widened_to_its_value() {
    let one = [f16::ONE; 1];
    for bits in 0..=u16::MAX {
        let half = f16::from_bits(bits);
        for level in cpu::supported() {
            let widened = cpu::with_level(level, || dot(&[half], &one));
            // Sums start at +0.0, which swallows the sign of a zero.
            assert!(
                is_same(widened, 0.0 + half.to_f32_const()),
                "{level:?} {bits:#x}: {widened}"
            );
        }
    }
}

#[test]
fn one_to_many_gathers_rows_in_the_order_asked() {
    let rows = [1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0];
    for level in cpu::supported() {
        cpu::with_level(level, || {
            let mut out = [0.0; 4];
            dot_many(&[1.0, 10.0], &rows, 2, &[2, 0, 0, 1], &mut out);
            assert_eq!(out, [65.0, 21.0, 21.0, 43.0]);
            l2_many(&[1.0, 10.0], &rows, 2, &[2, 0, 0, 1], &mut out);
            assert_eq!(out, [32.0, 64.0, 64.0, 40.0]);
            l1_many(&[1.0, 10.0], &rows, 2, &[2, 0, 0, 1], &mut out);
            assert_eq!(out, [8.0, 8.0, 8.0, 8.0]);
            dot_many(&[1.0, 10.0], &rows, 2, &[], &mut []);
        });
    }
}

#[test]
fn all_lengths_and_alignments_agree() {
    let lengths = (0..=300).chain([383, 384, 767, 768, 1000, 1023, 1536, 4096, 4099, 65_536]);
    for length in lengths {
        // A shift of one to seven elements moves a slice off every alignment that a register has.
        let (i, j) = (length % 8, (length / 8) % 8);
        let (a, b) = (floats(length + 8, 1), floats(length + 8, 2));
        check_equal(&a[i..i + length], &b[j..j + length]);
        let (ah, bh) = (halves(&a), halves(&b));
        check_equal(&ah[i..i + length], &bh[j..j + length]);
        let (au, bu) = (bytes(length + 8, 3), bytes(length + 8, 4));
        check_equal(&au[i..i + length], &bu[j..j + length]);
    }
}

#[test]
fn extreme_floats_agree() {
    let special = [
        0.0,
        -0.0,
        f32::from_bits(1),
        -f32::from_bits(1),
        f32::MIN_POSITIVE / 2.0,
        1e-30,
        1e18,
        -1e18,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    for length in [1, 7, 8, 9, 31, 32, 33, 40, 100] {
        for at in [0, length / 2, length - 1] {
            for x in special {
                for y in special {
                    let (mut a, mut b) = (floats(length, 5), floats(length, 6));
                    (a[at], b[at]) = (x, y);
                    check_equal(&a, &b);
                    check_equal(&halves(&a), &halves(&b));
                    check_equal(&vec![x; length], &vec![y; length]);
                }
            }
        }
    }
}

#[test]
fn extremes_mean_what_ieee_says() {
    for level in cpu::supported() {
        cpu::with_level(level, || {
            for length in [1, 8, 33, 100] {
                let full = |x: f32| vec![x; length];
                let count = length as f32;
                assert_eq!(dot(&full(1e30), &full(1e30)), f32::INFINITY);
                assert_eq!(l2(&full(1e30), &full(-1e30)), f32::INFINITY);
                assert_eq!(l1(&full(f32::INFINITY), &full(0.0)), f32::INFINITY);
                assert!(dot(&full(f32::INFINITY), &full(0.0)).is_nan());
                assert!(l1(&full(f32::INFINITY), &full(f32::INFINITY)).is_nan());
                assert_eq!(
                    l1(&full(f32::from_bits(1)), &full(0.0)),
                    count * f32::from_bits(1)
                );
                let denormal = halves(&full(2f32.powi(-24)));
                assert_eq!(dot(&denormal, &halves(&full(1024.0))), count * 2f32.powi(-14));
                for at in 0..length {
                    let mut a = full(1.0);
                    a[at] = f32::NAN;
                    assert!(
                        dot(&a, &full(0.0)).is_nan() && l2(&a, &a).is_nan() && l1(&a, &full(0.0)).is_nan()
                    );
                }
            }
        });
    }
}

#[test]
fn bytes_are_exact_at_any_length() {
    for length in [65_536usize, 65_537, 200_003] {
        let (high, low) = (vec![255u8; length], vec![0u8; length]);
        let count = length as u64;
        for level in cpu::supported() {
            cpu::with_level(level, || {
                assert_eq!(dot(&high, &high), (count * 65_025) as f32);
                assert_eq!(norm_sq_u8(&high), (count * 65_025) as f32);
                assert_eq!(l2(&high, &low), (count * 65_025) as f32);
                assert_eq!(l1(&low, &high), (count * 255) as f32);
            });
        }
    }
}

#[test]
fn scalar_is_accurate_up_to_4096_dimensions() {
    for length in [1, 3, 31, 32, 33, 100, 384, 768, 1536, 4095, 4096] {
        let (a, b) = (floats(length, 7), floats(length, 8));
        check_accuracy(&a, &b);
        // All terms of one sign and of very different sizes: rounding errors do not cancel.
        let positive: Vec<f32> = a.iter().map(|x| x.abs() + 0.1).collect();
        let steep: Vec<f32> = b.iter().map(|x| (x * 12.0).exp()).collect();
        check_accuracy(&positive, &steep);
        check_accuracy(&vec![0.1; length], &vec![0.7; length]);
    }
}

#[test]
fn mistakes_of_the_caller_are_caught() {
    let panics = |run: &(dyn Fn() -> f32 + std::panic::RefUnwindSafe)| std::panic::catch_unwind(run).is_err();
    let many = |dim: usize, rows: &[f32], offsets: &[u32], slots: usize| {
        dot_many(&[1.0f32], rows, dim, offsets, &mut [0.0; 8][..slots]);
        0.0
    };
    for level in cpu::supported() {
        cpu::with_level(level, || {
            assert!(panics(&|| dot(&[1.0f32], &[1.0, 2.0])));
            assert!(panics(&|| l1(&[1u8; 40], &[1; 39])));
            assert!(panics(&|| many(2, &[1.0], &[0], 1)));
            assert!(panics(&|| many(1, &[1.0], &[0], 0)));
            assert!(panics(&|| many(1, &[1.0], &[1], 1)));
            assert!(panics(&|| many(1, &[1.0; 3], &[0, 0, 0, u32::MAX], 4)));
            assert!(!panics(&|| many(1, &[1.0; 3], &[0, 0, 0, 2], 4)));
            assert!(panics(&|| Kernel::<f32>::new(Measure::L2).best(&[], &[])));
            assert!(panics(
                &|| Kernel::<f32>::new(Measure::L2).best(&[1.0, 2.0], &[1.0])
            ));
        });
    }
}

fn two_of<T: std::fmt::Debug>(
    element: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = (Vec<T>, Vec<T>)> {
    (0usize..400).prop_flat_map(move |length| {
        (
            prop::collection::vec(element.clone(), length),
            prop::collection::vec(element.clone(), length),
        )
    })
}

proptest! {
    #[test]
    fn levels_agree_on_any_f32((a, b) in two_of(any::<u32>().prop_map(f32::from_bits))) {
        check_equal(&a, &b);
    }

    #[test]
    fn levels_agree_on_ordinary_f32((a, b) in two_of(-10.0f32..10.0)) {
        check_equal(&a, &b);
        check_accuracy(&a, &b);
    }

    #[test]
    fn levels_agree_on_any_f16((a, b) in two_of(any::<u16>().prop_map(f16::from_bits))) {
        check_equal(&a, &b);
    }

    #[test]
    fn levels_agree_on_any_u8_and_are_exact((a, b) in two_of(any::<u8>())) {
        check_equal(&a, &b);
        let sum = |term: &dyn Fn(i64, i64) -> i64| -> f32 {
            a.iter().zip(&b).map(|(x, y)| term(i64::from(*x), i64::from(*y))).sum::<i64>() as f32
        };
        prop_assert_eq!(dot(&a, &b), sum(&|x, y| x * y));
        prop_assert_eq!(l2(&a, &b), sum(&|x, y| (x - y) * (x - y)));
        prop_assert_eq!(l1(&a, &b), sum(&|x, y| (x - y).abs()));
    }
}
