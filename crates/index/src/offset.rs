//! The place of a point in its segment.

/// A point's number inside a segment. Rows lie in the order of the point ids, so comparing offsets compares ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u32);

impl Offset {
    /// The offset of row `row`. Segments hold fewer than 2^32 rows, which their builder checks.
    pub fn from_row(row: usize) -> Self {
        Self(u32::try_from(row).unwrap_or(u32::MAX))
    }

    /// The row as an index.
    pub fn row(self) -> usize {
        self.0 as usize
    }
}
