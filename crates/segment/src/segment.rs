//! The segment: rows in the order of their ids, their columns and payloads.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_index::{Allow, Offset};
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::vector::{NamedVectors, Vector};

use crate::column::Column;
use crate::tombstones::Tombstones;

/// A self-contained set of points. Ids are unique within it, and offsets ascend with them.
#[derive(Debug)]
pub struct Segment {
    pub(crate) ids: Vec<PointId>,
    pub(crate) versions: Vec<u64>,
    pub(crate) payloads: Vec<Arc<Payload>>,
    pub(crate) columns: BTreeMap<String, Box<dyn Column>>,
    pub(crate) tombstones: Tombstones,
}

/// One row, borrowed.
#[derive(Debug, Clone, Copy)]
pub struct PointRef<'a> {
    /// The point's identity.
    pub id: PointId,
    /// The operation that wrote this row.
    pub version: u64,
    /// Its payload.
    pub payload: &'a Arc<Payload>,
    segment: &'a Segment,
    offset: Offset,
}

impl Segment {
    /// Number of rows, those with a tombstone included.
    pub fn rows(&self) -> usize {
        self.ids.len()
    }

    /// Number of rows without a tombstone.
    pub fn live(&self) -> usize {
        self.rows().saturating_sub(self.tombstones.count())
    }

    /// Where the point is, if a reader at position `lsn` sees it here.
    pub fn find(&self, id: PointId, lsn: u64) -> Option<Offset> {
        let offset = Offset::from_row(self.ids.binary_search(&id).ok()?);
        self.tombstones.is_visible(offset, lsn).then_some(offset)
    }

    /// Where the row of `id` is, visible or not; and otherwise where it would be.
    pub fn position(&self, id: PointId) -> Offset {
        Offset::from_row(self.ids.partition_point(|other| *other < id))
    }

    /// Marks a point as gone for every reader at position `lsn` or later.
    pub fn bury(&self, offset: Offset, lsn: u64) {
        self.tombstones.bury(offset, lsn);
    }

    /// Every row that a reader at position `lsn` sees.
    pub fn visible(&self, lsn: u64) -> Allow {
        self.tombstones.visible(lsn)
    }

    /// The row at `offset`.
    pub fn point(&self, offset: Offset) -> Option<PointRef<'_>> {
        Some(PointRef {
            id: *self.ids.get(offset.row())?,
            version: *self.versions.get(offset.row())?,
            payload: self.payloads.get(offset.row())?,
            segment: self,
            offset,
        })
    }

    /// The column of the vector field `name`.
    pub fn column(&self, name: &str) -> Option<&dyn Column> {
        self.columns.get(name).map(Box::as_ref)
    }
}

impl PointRef<'_> {
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
