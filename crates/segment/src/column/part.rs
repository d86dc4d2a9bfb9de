//! The arrays that a column is made of, by name, and how they are read from a segment object.

use bytemuck::Pod;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::distance::Distance;
use kindred_model::vector::{Datatype, Measure};
use kindred_storage::{Error, Flaw, Regions};

use crate::buffer::Buffer;

/// One array of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Per point: the place of its vector. Only in columns that some points lack.
    Places,
    /// Per vector: where its elements or components end.
    Ends,
    /// Elements of dense and multi vectors.
    Data,
    /// Per vector: the square of its norm. Only where cosine divides by norms.
    Norms,
    /// Indices of sparse components.
    Indices,
    /// Values of sparse components.
    Values,
}

impl Part {
    /// The arrays that hold bytes of every vector of such a column, in the order in which they are stored.
    pub(crate) fn of(spec: ColumnSpec) -> &'static [Self] {
        match spec {
            ColumnSpec::Dense { measure, .. } if is_by_norms(measure) => &[Self::Norms, Self::Data],
            ColumnSpec::Dense { .. } | ColumnSpec::Multi { .. } => &[Self::Data],
            ColumnSpec::Sparse { .. } => &[Self::Indices, Self::Values],
        }
    }

    /// Whether vectors of such a column differ in length, so that their ends are stored.
    pub(crate) fn has_ends(spec: ColumnSpec) -> bool {
        match spec {
            ColumnSpec::Dense { .. } => false,
            ColumnSpec::Multi { .. } | ColumnSpec::Sparse { .. } => true,
        }
    }

    /// The name of the array's region in column number `column`.
    pub(crate) fn region(self, column: usize) -> String {
        let part = match self {
            Self::Places => "places",
            Self::Ends => "ends",
            Self::Data => "data",
            Self::Norms => "norms",
            Self::Indices => "indices",
            Self::Values => "values",
        };
        format!("c{column}/{part}")
    }

    pub(crate) const ALL: [Self; 6] = [
        Self::Places,
        Self::Ends,
        Self::Data,
        Self::Norms,
        Self::Indices,
        Self::Values,
    ];

    /// Whether it grows with the vectors' sizes, and is left on disk when the column is.
    pub(crate) fn is_large(self) -> bool {
        match self {
            Self::Data | Self::Indices | Self::Values => true,
            Self::Places | Self::Ends | Self::Norms => false,
        }
    }
}

/// Whether the similarity is a dot product divided by two norms: bytes cannot hold a unit vector.
pub(super) fn is_by_norms(measure: Measure) -> bool {
    measure.distance == Distance::Cosine && measure.datatype == Datatype::Uint8
}

/// The arrays of one column of a segment object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrays<'a> {
    pub(crate) regions: &'a Regions,
    /// The number of the column.
    pub(crate) column: usize,
}

impl<'a> Arrays<'a> {
    /// See [`Buffer::read`].
    pub(super) fn read<T: Pod>(self, part: Part, count: Option<usize>) -> Result<Buffer<T>, Error> {
        Buffer::read(self.regions, &part.region(self.column), count)
    }

    /// See [`Buffer::read_checked`].
    pub(super) fn read_checked<T: Pod>(self, part: Part, count: Option<usize>) -> Result<Buffer<T>, Error> {
        Buffer::read_checked(self.regions, &part.region(self.column), count)
    }

    /// Reads where `stored` lists end that fill an array of `items`: each at least `least` long, and a whole number of
    /// `unit`.
    pub(super) fn ends(
        self,
        stored: usize,
        unit: usize,
        least: u64,
        items: usize,
    ) -> Result<Buffer<u64>, Error> {
        let ends: Buffer<u64> = self.read_checked(Part::Ends, Some(stored))?;
        let mut before = 0_u64;
        let unit = u64::try_from(unit).unwrap_or(u64::MAX);
        for (place, end) in ends.iter().enumerate() {
            let length = end.checked_sub(before);
            if length.is_none_or(|length| length < least || !length.is_multiple_of(unit)) {
                return Err(ends.damage(self.object(), place, "the end of a vector"));
            }
            before = *end;
        }
        if usize::try_from(before) == Ok(items) {
            Ok(ends)
        } else {
            Err(ends.damage(
                self.object(),
                stored.saturating_sub(1),
                "the end of the last vector",
            ))
        }
    }

    /// Damage that no single place shows.
    pub(super) fn damage(self, field: &'static str) -> Error {
        Error::corrupt(self.object(), 0, Flaw::Value(field))
    }

    pub(super) fn object(self) -> &'a str {
        self.regions.name()
    }
}
