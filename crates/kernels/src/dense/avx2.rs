//! Kernels for x86-64 with AVX2 and F16C. They give the bits of `scalar.rs`: same lanes, same tree, no fusing.
//! PERF: fusing would save a fifth of a 384-d dot in cache (16 for 20 ns), and nothing when rows come from memory.
//! INVARIANT: the safe functions of the `kernel!` modules are reached only through the table of `Level::Avx2`,
//! which `cpu` hands out only on a processor that has these instructions.
#![expect(
    unsafe_code,
    reason = "loads from memory, and calls into functions that need AVX2"
)]

use std::arch::x86_64::*;

use half::f16;

use super::rows::{negated, row, same};

/// While a row is measured, the row so many places later in the batch is fetched.
/// PERF: rows in random order, 384-d f32, main memory: 140 ns per row, against 175 without.
const PREFETCH_ROWS: usize = 2;
/// Bytes of such a row that are fetched; the processor's own prefetcher follows from there.
const PREFETCH_BYTES: usize = 2048;
const LINE_BYTES: usize = 64;

/// A window of eight of these, starting at `8 - count`, selects the first `count` floats.
static FIRST_FLOATS: [i32; 16] = {
    let mut mask = [0; 16];
    let mut i = 0;
    while i < 8 {
        mask[i] = -1;
        i += 1;
    }
    mask
};

/// A window of 32 of these, starting at `count`, selects the last `count` bytes.
static LAST_BYTES: [u8; 64] = {
    let mut mask = [0; 64];
    let mut i = 32;
    while i < 64 {
        mask[i] = 0xff;
        i += 1;
    }
    mask
};

/// A window of 16 of these, starting at `start`, moves the bytes from `start` on to the front and clears the others.
static TO_FRONT: [u8; 32] = {
    let mut order = [0x80; 32];
    let mut i = 0;
    while i < 16 {
        order[i as usize] = i;
        i += 1;
    }
    order
};

/// Bytes whose products may be summed in 32-bit lanes: 2^15 / 32 * 2 * 2 * 255^2 is an eighth of the range.
const INTEGER_BLOCK: usize = 1 << 15;

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_f32(x: &[f32; 8]) -> __m256 {
    // SAFETY: the array has the 32 bytes that are read; no alignment is needed.
    unsafe { _mm256_loadu_ps(x.as_ptr()) }
}

/// The last `x.len() % 8` elements, then zeros.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_part_f32(x: &[f32]) -> __m256 {
    let part = x.as_chunks::<8>().1;
    let window = &FIRST_FLOATS[8 - part.len()..16 - part.len()];
    // SAFETY: the window has eight integers, and the mask selects only the lanes that lie inside `part`.
    unsafe { _mm256_maskload_ps(part.as_ptr(), _mm256_loadu_si256(window.as_ptr().cast())) }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_f16(x: &[f16; 8]) -> __m256 {
    // SAFETY: the array has the 16 bytes that are read (`f16` is a transparent u16); no alignment is needed.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(x.as_ptr().cast()) })
}

/// The last `x.len() % 8` elements, then zeros.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_part_f16(x: &[f16]) -> __m256 {
    let Some(last) = x.last_chunk::<8>() else {
        let mut padded = [f16::ZERO; 8];
        padded[..x.len()].copy_from_slice(x);
        return load_f16(&padded);
    };
    let start = 16 - x.len() % 8 * 2;
    let window = &TO_FRONT[start..start + 16];
    // SAFETY: the array and the window have the 16 bytes that are read; no alignment is needed.
    let (last, order) = unsafe {
        (
            _mm_loadu_si128(last.as_ptr().cast()),
            _mm_loadu_si128(window.as_ptr().cast()),
        )
    };
    _mm256_cvtph_ps(_mm_shuffle_epi8(last, order))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_product(sum: __m256, x: __m256, y: __m256) -> __m256 {
    _mm256_add_ps(sum, _mm256_mul_ps(x, y))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_squared_difference(sum: __m256, x: __m256, y: __m256) -> __m256 {
    let difference = _mm256_sub_ps(x, y);
    _mm256_add_ps(sum, _mm256_mul_ps(difference, difference))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_absolute_difference(sum: __m256, x: __m256, y: __m256) -> __m256 {
    _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0), _mm256_sub_ps(x, y)))
}

/// The tree of `scalar::add_lanes`.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_lanes(s0: __m256, s1: __m256, s2: __m256, s3: __m256) -> f32 {
    let eight = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
    let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

/// Makes a function that sums over two float slices. Chunk `k` of the last, incomplete block goes to sum `k`, so
/// that element `i` is always added in lane `i % 32`.
macro_rules! sum_floats {
    ($name:ident, $elem:ty, $load:ident, $load_part:ident, $add:ident) => {
        #[inline]
        #[target_feature(enable = "avx2,f16c")]
        fn $name(a: &[$elem], b: &[$elem]) -> f32 {
            let zero = _mm256_setzero_ps();
            let (mut s0, mut s1, mut s2, mut s3) = (zero, zero, zero, zero);
            let (a_blocks, a_rest) = a.as_chunks::<32>();
            let (b_blocks, b_rest) = b.as_chunks::<32>();
            for (x, y) in a_blocks.iter().zip(b_blocks) {
                let (x, y) = (x.as_chunks::<8>().0, y.as_chunks::<8>().0);
                s0 = $add(s0, $load(&x[0]), $load(&y[0]));
                s1 = $add(s1, $load(&x[1]), $load(&y[1]));
                s2 = $add(s2, $load(&x[2]), $load(&y[2]));
                s3 = $add(s3, $load(&x[3]), $load(&y[3]));
            }
            if !a_rest.is_empty() {
                let (x_part, y_part) = ($load_part(a), $load_part(b));
                match (a_rest.as_chunks::<8>().0, b_rest.as_chunks::<8>().0) {
                    ([], []) => s0 = $add(s0, x_part, y_part),
                    ([x0], [y0]) => {
                        s0 = $add(s0, $load(x0), $load(y0));
                        s1 = $add(s1, x_part, y_part);
                    }
                    ([x0, x1], [y0, y1]) => {
                        s0 = $add(s0, $load(x0), $load(y0));
                        s1 = $add(s1, $load(x1), $load(y1));
                        s2 = $add(s2, x_part, y_part);
                    }
                    ([x0, x1, x2], [y0, y1, y2]) => {
                        s0 = $add(s0, $load(x0), $load(y0));
                        s1 = $add(s1, $load(x1), $load(y1));
                        s2 = $add(s2, $load(x2), $load(y2));
                        s3 = $add(s3, x_part, y_part);
                    }
                    _ => unreachable!("both slices have the same length, and the rest is below 32"),
                }
            }
            add_lanes(s0, s1, s2, s3)
        }
    };
}

sum_floats!(sum_dot_f32, f32, load_f32, load_part_f32, add_product);
sum_floats!(sum_l2_f32, f32, load_f32, load_part_f32, add_squared_difference);
sum_floats!(sum_l1_f32, f32, load_f32, load_part_f32, add_absolute_difference);
sum_floats!(sum_dot_f16, f16, load_f16, load_part_f16, add_product);
sum_floats!(sum_l2_f16, f16, load_f16, load_part_f16, add_squared_difference);
sum_floats!(sum_l1_f16, f16, load_f16, load_part_f16, add_absolute_difference);

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_u8(x: &[u8; 32]) -> __m256i {
    // SAFETY: the array has the 32 bytes that are read; no alignment is needed.
    unsafe { _mm256_loadu_si256(x.as_ptr().cast()) }
}

/// The last `x.len() % 32` bytes, and zeros, which add nothing in any of the three measures.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn load_part_u8(x: &[u8]) -> __m256i {
    let Some(last) = x.last_chunk::<32>() else {
        let mut padded = [0; 32];
        padded[..x.len()].copy_from_slice(x);
        return load_u8(&padded);
    };
    let start = x.len() % 32;
    let window = &LAST_BYTES[start..start + 32];
    // SAFETY: the window has the 32 bytes that are read; no alignment is needed.
    let mask = unsafe { _mm256_loadu_si256(window.as_ptr().cast()) };
    _mm256_and_si256(load_u8(last), mask)
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn byte_distances(x: __m256i, y: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_subs_epu8(x, y), _mm256_subs_epu8(y, x))
}

/// Eight 32-bit sums of four products each.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn byte_products(x: __m256i, y: __m256i) -> __m256i {
    let zero = _mm256_setzero_si256();
    let low = _mm256_madd_epi16(_mm256_unpacklo_epi8(x, zero), _mm256_unpacklo_epi8(y, zero));
    let high = _mm256_madd_epi16(_mm256_unpackhi_epi8(x, zero), _mm256_unpackhi_epi8(y, zero));
    _mm256_add_epi32(low, high)
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn byte_squares(x: __m256i, y: __m256i) -> __m256i {
    let distances = byte_distances(x, y);
    byte_products(distances, distances)
}

/// Eight unsigned 32-bit numbers to four 64-bit sums.
#[inline]
#[target_feature(enable = "avx2,f16c")]
fn widen_sums(sums: __m256i) -> __m256i {
    let low = _mm256_cvtepu32_epi64(_mm256_castsi256_si128(sums));
    _mm256_add_epi64(low, _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(sums)))
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn add_wide_lanes(sums: __m256i) -> f32 {
    let two = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
    let total = _mm_cvtsi128_si64(two) + _mm_extract_epi64::<1>(two);
    total as f32
}

/// Makes a function that sums 32-bit terms over two byte slices of any length, exactly.
macro_rules! sum_bytes {
    ($name:ident, $terms:ident) => {
        #[inline]
        #[target_feature(enable = "avx2,f16c")]
        fn $name(a: &[u8], b: &[u8]) -> f32 {
            let mut total = _mm256_setzero_si256();
            for (a, b) in a.chunks(INTEGER_BLOCK).zip(b.chunks(INTEGER_BLOCK)) {
                let (a_blocks, a_rest) = a.as_chunks::<32>();
                let b_blocks = b.as_chunks::<32>().0;
                let mut sums = _mm256_setzero_si256();
                for (x, y) in a_blocks.iter().zip(b_blocks) {
                    sums = _mm256_add_epi32(sums, $terms(load_u8(x), load_u8(y)));
                }
                if !a_rest.is_empty() {
                    sums = _mm256_add_epi32(sums, $terms(load_part_u8(a), load_part_u8(b)));
                }
                total = _mm256_add_epi64(total, widen_sums(sums));
            }
            add_wide_lanes(total)
        }
    };
}

sum_bytes!(sum_dot_u8, byte_products);
sum_bytes!(sum_l2_u8, byte_squares);

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn sum_l1_u8(a: &[u8], b: &[u8]) -> f32 {
    let (a_blocks, a_rest) = a.as_chunks::<32>();
    let b_blocks = b.as_chunks::<32>().0;
    let mut total = _mm256_setzero_si256();
    for (x, y) in a_blocks.iter().zip(b_blocks) {
        total = _mm256_add_epi64(total, _mm256_sad_epu8(load_u8(x), load_u8(y)));
    }
    if !a_rest.is_empty() {
        total = _mm256_add_epi64(total, _mm256_sad_epu8(load_part_u8(a), load_part_u8(b)));
    }
    add_wide_lanes(total)
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn prefetch<T>(row: &[T]) {
    let start: *const i8 = row.as_ptr().cast();
    for at in (0..size_of_val(row).min(PREFETCH_BYTES)).step_by(LINE_BYTES) {
        // SAFETY: a prefetch is a hint and reads nothing; the address lies inside `row`.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(at)) };
    }
}

/// Makes a module with the three forms of one measure on one element type.
macro_rules! kernel {
    ($name:ident, $elem:ty, $closeness:ident, $sum:ident) => {
        pub(super) mod $name {
            use super::*;

            #[target_feature(enable = "avx2,f16c")]
            fn many_rows(query: &[$elem], rows: &[$elem], offsets: &[u32], out: &mut [f32]) {
                for (i, (slot, offset)) in out.iter_mut().zip(offsets).enumerate() {
                    if let Some(next) = offsets.get(i + PREFETCH_ROWS) {
                        prefetch(row(rows, query.len(), *next));
                    }
                    *slot = $sum(query, row(rows, query.len(), *offset));
                }
            }

            #[target_feature(enable = "avx2,f16c")]
            fn best_row(query: &[$elem], rows: &[$elem]) -> f32 {
                let mut best = f32::NEG_INFINITY;
                for row in rows.chunks_exact(query.len()) {
                    let similarity = $closeness($sum(query, row));
                    if similarity > best {
                        best = similarity;
                    }
                }
                best
            }

            pub(in super::super) fn one(a: &[$elem], b: &[$elem]) -> f32 {
                // SAFETY: reached only when `cpu` found AVX2 and F16C (see the top of this file).
                unsafe { $sum(a, b) }
            }

            pub(in super::super) fn many(query: &[$elem], rows: &[$elem], offsets: &[u32], out: &mut [f32]) {
                // SAFETY: as for `one`.
                unsafe { many_rows(query, rows, offsets, out) }
            }

            pub(in super::super) fn best(query: &[$elem], rows: &[$elem]) -> f32 {
                // SAFETY: as for `one`.
                unsafe { best_row(query, rows) }
            }
        }
    };
}

kernel!(dot_f32, f32, same, sum_dot_f32);
kernel!(l2_f32, f32, negated, sum_l2_f32);
kernel!(l1_f32, f32, negated, sum_l1_f32);
kernel!(dot_f16, f16, same, sum_dot_f16);
kernel!(l2_f16, f16, negated, sum_l2_f16);
kernel!(l1_f16, f16, negated, sum_l1_f16);
kernel!(dot_u8, u8, same, sum_dot_u8);
kernel!(l2_u8, u8, negated, sum_l2_u8);
kernel!(l1_u8, u8, negated, sum_l1_u8);
