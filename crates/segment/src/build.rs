//! Building segments: from rows, and from older segments.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::vector::NamedVectors;

use crate::column::{self, Builder};
use crate::segment::Segment;
use crate::tombstones::Tombstones;

/// The vector fields of a collection by name.
pub type Schema = BTreeMap<String, ColumnSpec>;

/// One point to be stored; its vectors are canonical.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The point's identity.
    pub id: PointId,
    /// The operation that wrote it.
    pub version: u64,
    /// Its vectors; names that the schema lacks are left out.
    pub vectors: NamedVectors,
    /// Its payload.
    pub payload: Arc<Payload>,
}

impl Segment {
    /// A segment of these rows. Ids must be strictly ascending.
    pub fn build(schema: &Schema, rows: impl IntoIterator<Item = Row>) -> Self {
        let mut builders: Vec<(&String, Box<dyn Builder>)> = schema
            .iter()
            .map(|(name, spec)| (name, column::builder(*spec)))
            .collect();
        let (mut ids, mut versions, mut payloads) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            for (name, builder) in &mut builders {
                builder.push(row.vectors.find(name));
            }
            ids.push(row.id);
            versions.push(row.version);
            payloads.push(row.payload);
        }
        assert!(ids.is_sorted_by(|a, b| a < b), "rows must ascend by id");
        assert!(
            u32::try_from(ids.len()).is_ok(),
            "a segment holds fewer than 2^32 rows"
        );
        let columns = builders
            .into_iter()
            .map(|(name, builder)| (name.clone(), builder.finish()))
            .collect();
        let tombstones = Tombstones::new(ids.len());
        Self {
            ids,
            versions,
            payloads,
            columns,
            tombstones,
        }
    }

    /// One segment in place of two, with the rows that a reader at position `lsn` sees. Every visible id is in
    /// at most one of the two.
    pub fn merge(schema: &Schema, a: &Self, b: &Self, lsn: u64) -> Self {
        let mut left = a.visible_rows(lsn).peekable();
        let mut right = b.visible_rows(lsn).peekable();
        let rows = std::iter::from_fn(|| match (left.peek(), right.peek()) {
            (Some(x), Some(y)) if y.id < x.id => right.next(),
            (None, _) => right.next(),
            (Some(_), _) => left.next(),
        });
        Self::build(schema, rows)
    }

    /// The rows that a reader at position `lsn` sees, ascending by id.
    pub fn visible_rows(&self, lsn: u64) -> impl Iterator<Item = Row> + '_ {
        let rows = (0..self.rows()).map(Offset::from_row);
        rows.filter(move |offset| self.tombstones.is_visible(*offset, lsn))
            .filter_map(|offset| self.row(offset))
    }

    /// A copy of the row at `offset`.
    pub fn row(&self, offset: Offset) -> Option<Row> {
        let point = self.point(offset)?;
        Some(Row {
            id: point.id,
            version: point.version,
            vectors: point.vectors(),
            payload: Arc::clone(point.payload),
        })
    }
}
