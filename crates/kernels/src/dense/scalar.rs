//! Plain Rust kernels: the definition of what every other level computes, to the last bit.
//! Floats are added in 32 lanes (element `i` in lane `i % 32`), and the lanes are added as a tree: this is what
//! four 8-lane registers do, and its error stays below `dim / 32 + 7` roundings, 1e-5 at 4096 dimensions.
//! Products are rounded before they are added (no fused multiply-add), because not every processor can fuse.

use half::f16;

use super::rows::{negated, row, same};

const LANES: usize = 32;

/// Integers are summed in u32 for so many elements, then widened: 4096 * 255 * 255 fits with room to spare.
const INTEGER_BLOCK: usize = 4096;

#[inline(always)]
fn sum_floats<T: Copy>(a: &[T], b: &[T], widen: impl Fn(T) -> f32, term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        for i in 0..LANES {
            lanes[i] += term(widen(x[i]), widen(y[i]));
        }
    }
    for ((lane, x), y) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += term(widen(*x), widen(*y));
    }
    add_lanes(&lanes)
}

#[inline(always)]
fn add_lanes(lanes: &[f32; LANES]) -> f32 {
    let mut eight = [0.0f32; 8];
    for i in 0..8 {
        eight[i] = (lanes[i] + lanes[8 + i]) + (lanes[16 + i] + lanes[24 + i]);
    }
    let four = [
        eight[0] + eight[4],
        eight[1] + eight[5],
        eight[2] + eight[6],
        eight[3] + eight[7],
    ];
    (four[0] + four[2]) + (four[1] + four[3])
}

#[inline(always)]
fn sum_bytes(a: &[u8], b: &[u8], term: impl Fn(u32, u32) -> u32) -> f32 {
    let mut total = 0u64;
    for (x, y) in a.chunks(INTEGER_BLOCK).zip(b.chunks(INTEGER_BLOCK)) {
        let block: u32 = x
            .iter()
            .zip(y)
            .map(|(x, y)| term(u32::from(*x), u32::from(*y)))
            .sum();
        total += u64::from(block);
    }
    total as f32
}

fn product(x: f32, y: f32) -> f32 {
    x * y
}

fn squared_difference(x: f32, y: f32) -> f32 {
    (x - y) * (x - y)
}

fn absolute_difference(x: f32, y: f32) -> f32 {
    (x - y).abs()
}

/// The exact value of a half, without branches, so that a loop over it can be vectorised. The half's exponent and
/// fraction, read as those of a float, are 2^112 too small; this also holds for denormals.
fn widen(half: f16) -> f32 {
    const SCALE: f32 = f32::from_bits((127 + 112) << 23);
    const INFINITE: u32 = 0x7c00 << 13;
    let bits = u32::from(half.to_bits());
    let magnitude = (bits & 0x7fff) << 13;
    let finite = (f32::from_bits(magnitude) * SCALE).to_bits();
    let magnitude = if magnitude < INFINITE {
        finite
    } else {
        magnitude | f32::INFINITY.to_bits()
    };
    f32::from_bits(magnitude | (bits & 0x8000) << 16)
}

fn byte_product(x: u32, y: u32) -> u32 {
    x * y
}

fn squared_byte_difference(x: u32, y: u32) -> u32 {
    x.abs_diff(y).pow(2)
}

/// Makes a module with the three forms of one measure on one element type.
macro_rules! kernel {
    ($name:ident, $elem:ty, $closeness:ident, $sum:ident($($how:path),+)) => {
        pub(super) mod $name {
            use super::*;

            pub(in super::super) fn one(a: &[$elem], b: &[$elem]) -> f32 {
                $sum(a, b, $($how),+)
            }

            pub(in super::super) fn many(query: &[$elem], rows: &[$elem], offsets: &[u32], out: &mut [f32]) {
                for (slot, offset) in out.iter_mut().zip(offsets) {
                    *slot = one(query, row(rows, query.len(), *offset));
                }
            }

            pub(in super::super) fn best(query: &[$elem], rows: &[$elem]) -> f32 {
                let mut best = f32::NEG_INFINITY;
                for row in rows.chunks_exact(query.len()) {
                    let similarity = $closeness(one(query, row));
                    if similarity > best {
                        best = similarity;
                    }
                }
                best
            }
        }
    };
}

kernel!(dot_f32, f32, same, sum_floats(same, product));
kernel!(l2_f32, f32, negated, sum_floats(same, squared_difference));
kernel!(l1_f32, f32, negated, sum_floats(same, absolute_difference));
kernel!(dot_f16, f16, same, sum_floats(widen, product));
kernel!(l2_f16, f16, negated, sum_floats(widen, squared_difference));
kernel!(l1_f16, f16, negated, sum_floats(widen, absolute_difference));
kernel!(dot_u8, u8, same, sum_bytes(byte_product));
kernel!(l2_u8, u8, negated, sum_bytes(squared_byte_difference));
kernel!(l1_u8, u8, negated, sum_bytes(u32::abs_diff));
