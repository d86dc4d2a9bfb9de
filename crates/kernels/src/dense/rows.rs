//! What the batch loops of every level share: how rows lie in a matrix (one after the other, `dim` elements each),
//! and how a measure becomes a similarity, of which larger is closer.

/// The row with this number; panics (a caller's mistake) when the matrix does not reach that far.
#[inline(always)]
pub(super) fn row<T>(rows: &[T], dim: usize, offset: u32) -> &[T] {
    let start = offset as usize * dim;
    &rows[start..start + dim]
}

/// The similarity of a measure that is one already.
#[inline(always)]
pub(super) fn same(value: f32) -> f32 {
    value
}

/// The similarity of a distance.
#[inline(always)]
pub(super) fn negated(value: f32) -> f32 {
    -value
}
