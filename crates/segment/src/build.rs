//! Building segments in memory: from rows, and from older segments.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_index::Offset;
use kindred_model::config::Column as ColumnSpec;
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::vector::NamedVectors;
use kindred_storage::Error;

use crate::column::{self, Builder};
use crate::ids::Ids;
use crate::order::Order;
use crate::payloads::{PayloadReader, Payloads};
use crate::segment::{Rows, Segment};
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
            u32::try_from(ids.len()).is_ok_and(|rows| rows < u32::MAX),
            "a segment holds fewer than 2^32 - 1 rows"
        );
        let columns = builders
            .into_iter()
            .map(|(name, builder)| (name.clone(), builder.finish()))
            .collect();
        let rows = Rows {
            tombstones: Tombstones::new(ids.len()),
            ids: Ids::new(ids),
            versions: versions.into(),
            payloads: Payloads::Memory(payloads),
            source: None,
        };
        Self {
            rows: Arc::new(rows),
            columns,
        }
    }

    /// One segment in memory in place of two, with the rows that a reader at position `lsn` sees.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when a stored payload is damaged, or when both have a visible row of one id.
    pub fn merge(schema: &Schema, a: &Self, b: &Self, lsn: u64) -> Result<Self, Error> {
        let inputs = [a, b];
        let order = Order::new(&inputs, lsn, "a merge in memory", &())?;
        let mut readers = inputs.map(Self::payload_reader);
        let mut failure = None;
        let rows = order.iter().map_while(|(input, offset)| {
            let row = inputs.get(input)?.row_with(readers.get_mut(input)?, offset);
            row.unwrap_or_else(|error| {
                failure = Some(error);
                None
            })
        });
        let merged = Self::build(schema, rows);
        failure.map_or(Ok(merged), Err)
    }

    /// The rows that a reader at position `lsn` sees, ascending by id. An item is an error when a stored payload is
    /// damaged.
    pub fn visible_rows(&self, lsn: u64) -> impl Iterator<Item = Result<Row, Error>> + '_ {
        let mut reader = self.payload_reader();
        let rows = (0..self.rows()).map(Offset::from_row);
        rows.filter(move |offset| self.rows.tombstones.is_visible(*offset, lsn))
            .filter_map(move |offset| self.row_with(&mut reader, offset).transpose())
    }

    /// A copy of the row at `offset`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the stored payload is damaged.
    pub fn row(&self, offset: Offset) -> Result<Option<Row>, Error> {
        self.row_with(&mut self.payload_reader(), offset)
    }

    fn row_with(&self, reader: &mut PayloadReader<'_>, offset: Offset) -> Result<Option<Row>, Error> {
        let Some(point) = self.point(offset) else {
            return Ok(None);
        };
        Ok(Some(Row {
            id: point.id,
            version: point.version,
            vectors: point.vectors(),
            payload: reader.read(offset, None)?,
        }))
    }
}
