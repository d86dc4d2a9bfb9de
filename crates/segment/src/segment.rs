//! The segment: rows in the order of their ids, their columns and payloads; in memory, or opened from an object.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_index::{Allow, Offset};
use kindred_model::config::Column as ColumnSpec;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::vector::{NamedVectors, Vector};
use kindred_storage::{Error, Object, Regions};

use crate::buffer::Buffer;
use crate::column::{Column, Layout, is_same_layout};
use crate::ids::Ids;
use crate::payloads::{PayloadReader, Payloads};
use crate::tombstones::Tombstones;

/// The region of the versions.
pub(crate) const VERSIONS: &str = "versions";

/// A self-contained set of points. Ids are unique within it, and offsets ascend with them.
#[derive(Debug)]
pub struct Segment {
    pub(crate) rows: Arc<Rows>,
    pub(crate) columns: BTreeMap<String, Arc<dyn Layout>>,
}

/// Everything but the columns; handles that hide a column share it.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) ids: Ids,
    pub(crate) versions: Buffer<u64>,
    pub(crate) payloads: Payloads,
    pub(crate) tombstones: Tombstones,
    pub(crate) source: Option<Source>,
}

/// The object that a sealed segment was opened from.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) regions: Regions,
    /// The number of each of its columns, hidden ones included.
    pub(crate) numbers: BTreeMap<String, usize>,
}

/// One row, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct PointRef<'a> {
    /// The point's identity.
    pub id: PointId,
    /// The operation that wrote this row.
    pub version: u64,
    segment: &'a Segment,
    offset: Offset,
}

impl Segment {
    /// Number of rows, those with a tombstone included.
    pub fn rows(&self) -> usize {
        self.rows.ids.len()
    }

    /// Number of rows without a tombstone.
    pub fn live(&self) -> usize {
        self.rows().saturating_sub(self.rows.tombstones.count())
    }

    /// Where the point is, if a reader at position `lsn` sees it here.
    pub fn find(&self, id: PointId, lsn: u64) -> Option<Offset> {
        let offset = Offset::from_row(self.rows.ids.find(id)?);
        self.rows.tombstones.is_visible(offset, lsn).then_some(offset)
    }

    /// Where the row of `id` is, visible or not; and otherwise where it would be.
    pub fn position(&self, id: PointId) -> Offset {
        Offset::from_row(self.rows.ids.rank(id))
    }

    /// The smallest and the largest id, visible or not; `None` without rows.
    pub fn min_max(&self) -> Option<(PointId, PointId)> {
        self.rows.ids.min_max()
    }

    /// The id of the row at `offset`.
    pub fn id(&self, offset: Offset) -> Option<PointId> {
        self.rows.ids.get(offset.row())
    }

    /// Marks a point as gone for every reader at position `lsn` or later.
    pub fn bury(&self, offset: Offset, lsn: u64) {
        self.rows.tombstones.bury(offset, lsn);
    }

    /// Every row that a reader at position `lsn` sees.
    pub fn visible(&self, lsn: u64) -> Allow {
        self.rows.tombstones.visible(lsn)
    }

    /// The rows that left at a position above `after` and not above `until`, ascending, each with its position.
    pub fn departed(&self, after: u64, until: u64) -> Vec<(Offset, u64)> {
        self.rows.tombstones.departed(after, until)
    }

    /// The row at `offset`.
    pub fn point(&self, offset: Offset) -> Option<PointRef<'_>> {
        Some(PointRef {
            id: self.id(offset)?,
            version: *self.rows.versions.get(offset.row())?,
            segment: self,
            offset,
        })
    }

    /// A walk over the payloads: for more than one, cheaper than [`PointRef::payload`].
    pub fn payload_reader(&self) -> PayloadReader<'_> {
        PayloadReader::new(&self.rows.payloads)
    }

    /// The column of the vector field `name`.
    pub fn column(&self, name: &str) -> Option<&dyn Column> {
        self.columns.get(name).map(|column| -> &dyn Column { &**column })
    }

    /// The names of all columns that are not hidden, ascending.
    pub fn column_names(&self) -> impl Iterator<Item = &str> {
        self.columns.keys().map(String::as_str)
    }

    /// Whether it has the column, and stores vectors of this kind, dimension and form there.
    pub fn column_fits(&self, name: &str, spec: ColumnSpec) -> bool {
        let column = self.columns.get(name);
        column.is_some_and(|column| is_same_layout(column.spec(), spec))
    }

    /// The same segment without a column. Everything is shared, tombstones too.
    #[must_use]
    pub fn without(&self, column: &str) -> Self {
        let mut columns = self.columns.clone();
        columns.remove(column);
        Self {
            rows: Arc::clone(&self.rows),
            columns,
        }
    }

    /// Whether both are handles of the same rows, whatever columns they show.
    pub fn has_rows_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows)
    }

    /// The name of its object; `None` in memory.
    pub fn name(&self) -> Option<&str> {
        self.rows.source.as_ref().map(|source| source.regions.name())
    }

    /// The object that it was opened from; `None` in memory.
    pub fn object(&self) -> Option<&Object> {
        self.rows.source.as_ref().map(|source| source.regions.object())
    }

    /// Whether it was opened from an object.
    pub fn is_sealed(&self) -> bool {
        self.rows.source.is_some()
    }

    /// Bytes of its object; for a segment in memory an estimate of what it takes, which visits every payload.
    pub fn size_bytes(&self) -> u64 {
        if let Some(source) = &self.rows.source {
            return source.regions.size_bytes();
        }
        let columns: usize = self.columns.values().map(|column| column.memory_bytes()).sum();
        let rows = &self.rows;
        let arrays = rows.ids.memory_bytes() + rows.versions.memory_bytes() + rows.tombstones.memory_bytes();
        (columns + arrays + rows.payloads.memory_bytes()) as u64
    }
}

impl PointRef<'_> {
    /// The payload; a stored one is read and decompressed.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the stored payload is damaged.
    pub fn payload(&self) -> Result<Arc<Payload>, Error> {
        self.segment.payload_reader().read(self.offset, None)
    }

    /// The vector called `name`, in its canonical form.
    pub fn vector(&self, name: &str) -> Option<Vector> {
        self.segment.column(name)?.vector(self.offset)
    }

    /// All vectors of the point.
    pub fn vectors(&self) -> NamedVectors {
        let columns = self.segment.columns.iter();
        columns
            .filter_map(|(name, column)| Some((name.clone(), column.vector(self.offset)?)))
            .collect()
    }

    /// Whether the point has a vector called `name`.
    pub fn has_vector(&self, name: &str) -> bool {
        self.segment
            .column(name)
            .is_some_and(|column| column.has(self.offset))
    }
}
