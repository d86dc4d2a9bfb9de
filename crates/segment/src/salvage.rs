//! What can be read of a damaged segment object, for its repair. Everybody else opens a segment whole or not at all.
//!
//! INVARIANT: what is salvaged has been compared with its checksums, every byte of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_index::{Allow, Offset};
use kindred_model::limits::PAYLOAD_DEPTH_MAX;
use kindred_storage::regions::SEGMENT_MAGIC;
use kindred_storage::{Error, Flaw, Object, Region, Regions};

use crate::buffer::Buffer;
use crate::column::{self, Arrays, Layout, Part};
use crate::ids::Ids;
use crate::meta::{ColumnMeta, META, Meta};
use crate::payloads::{Blocks, Payloads};
use crate::segment::{Rows, Segment, Source, VERSIONS};
use crate::tombstones::Tombstones;

/// A damaged segment, as far as it can be read.
#[derive(Debug)]
pub struct Salvage {
    /// All rows, and the columns without damage. Nothing is buried yet.
    pub segment: Segment,
    /// The columns that it lacks.
    pub columns: Vec<LostColumn>,
    /// The rows whose payloads cannot be read.
    pub rows: Vec<Offset>,
}

/// A column that cannot be believed: its checksum covers all of its vectors together.
#[derive(Debug)]
pub struct LostColumn {
    /// The name of the vector field.
    pub name: String,
    /// The rows that had a vector; `None` when nobody can say which.
    pub rows: Option<Allow>,
    /// How many had.
    pub stored: usize,
}

impl Segment {
    /// Reads all of a segment object and leaves out what is damaged.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when that leaves nothing: without its table, its ids, its versions or the index of its
    /// payloads no row can be told. [`Error::Version`] for an object of a newer program.
    pub fn salvage(name: &str, object: Object) -> Result<Salvage, Error> {
        let regions = Regions::open(name, object, SEGMENT_MAGIC)?;
        let meta = regions.region(META);
        let meta = meta.ok_or_else(|| Error::corrupt(name, 0, Flaw::Value("the list of regions")))?;
        meta.check()?;
        let meta = Meta::decode(&meta)?;
        let count = meta.rows();
        let mut columns: BTreeMap<String, Arc<dyn Layout>> = BTreeMap::new();
        let mut lost = Vec::new();
        let mut numbers = BTreeMap::new();
        for (column, found) in meta.columns.into_iter().enumerate() {
            numbers.insert(found.name.clone(), column);
            let regions = &regions;
            match open_column(Arrays { regions, column }, &found, count) {
                Ok(layout) => drop(columns.insert(found.name, layout)),
                Err(rows) => lost.push(LostColumn {
                    name: found.name,
                    rows,
                    stored: found.stored,
                }),
            }
        }
        let rows = Rows {
            ids: Ids::open(&regions, meta.numbers, meta.uuids)?,
            versions: Buffer::read_checked(&regions, VERSIONS, Some(count))?,
            payloads: Payloads::Stored(Blocks::open(&regions, count)?),
            tombstones: Tombstones::new(count),
            source: Some(Source { regions, numbers }),
        };
        let segment = Self {
            rows: Arc::new(rows),
            columns,
        };
        Ok(Salvage {
            rows: segment.unreadable_rows(),
            segment,
            columns: lost,
        })
    }

    /// The rows whose payloads cannot be read.
    fn unreadable_rows(&self) -> Vec<Offset> {
        let mut reader = self.payload_reader();
        let rows = (0..self.rows()).map(Offset::from_row);
        rows.filter(|offset| {
            let payload = reader.read(*offset, None);
            !payload.is_ok_and(|payload| payload.depth() <= PAYLOAD_DEPTH_MAX)
        })
        .collect()
    }
}

/// The column, all of it checked; else the rows that have a vector in it, if that can be told.
fn open_column(
    arrays: Arrays<'_>,
    meta: &ColumnMeta,
    count: usize,
) -> Result<Arc<dyn Layout>, Option<Allow>> {
    let layout = column::open(meta.spec, count, meta.stored, arrays).map_err(|_| None)?;
    let mut regions = Part::ALL
        .into_iter()
        .filter_map(|part| arrays.regions.region(&part.region(arrays.column)));
    if regions.all(|region: Region| region.check().is_ok()) && layout.check(arrays.regions.name()).is_ok() {
        return Ok(layout);
    }
    let mut rows = Allow::none(count);
    let offsets = (0..count).map(Offset::from_row);
    offsets
        .filter(|offset| layout.has(*offset))
        .for_each(|offset| rows.insert(offset));
    Err(Some(rows))
}
