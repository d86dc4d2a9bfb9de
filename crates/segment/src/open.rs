//! Opening a segment object. Reads what the rest of the crate has to believe, and leaves vectors and payload blocks
//! where they are; `check` reads those too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kindred_storage::regions::SEGMENT_MAGIC;
use kindred_storage::{Advice, Error, Flaw, Object, Regions};

use crate::buffer::Buffer;
use crate::column::{self, Arrays, Part};
use crate::ids::Ids;
use crate::meta::{META, Meta};
use crate::payloads::{self, Blocks, Payloads};
use crate::segment::{Rows, Segment, Source, VERSIONS};
use crate::tombstones::Tombstones;

/// What of a mapped segment is to stay on disk until it is asked for; the rest is read ahead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Residence {
    /// Names of vector fields.
    pub columns_on_disk: BTreeSet<String>,
    /// Payloads.
    pub payload_on_disk: bool,
}

impl Segment {
    /// Opens a segment object, or one that is embedded in another object. Tail, table, the shape of every array, and
    /// the checksums of all but vectors and payload blocks are checked: whatever the bytes are, reading the segment
    /// afterwards gives answers or errors, never a panic. Nothing is buried yet.
    ///
    /// # Errors
    /// [`Error::Corrupt`], or [`Error::Version`] for an object of a newer program.
    pub fn open(name: &str, object: Object, residence: &Residence) -> Result<Self, Error> {
        let regions = Regions::open(name, object, SEGMENT_MAGIC)?;
        let meta = regions.region(META);
        let meta = meta.ok_or_else(|| Error::corrupt(name, 0, Flaw::Value("the list of regions")))?;
        meta.check()?;
        let meta = Meta::decode(&meta)?;
        let numbers = meta.columns.iter().enumerate();
        let source = Source {
            numbers: numbers
                .map(|(number, column)| (column.name.clone(), number))
                .collect(),
            regions,
        };
        advise(&source, residence);
        let regions = &source.regions;
        let count = meta.rows();
        let mut columns = BTreeMap::new();
        for (number, column) in meta.columns.into_iter().enumerate() {
            let arrays = Arrays {
                regions,
                column: number,
            };
            let opened = column::open(column.spec, count, column.stored, arrays)?;
            columns.insert(column.name, opened);
        }
        let rows = Rows {
            ids: Ids::open(regions, meta.numbers, meta.uuids)?,
            versions: Buffer::read_checked(regions, VERSIONS, Some(count))?,
            payloads: Payloads::Stored(Blocks::open(regions, count)?),
            tombstones: Tombstones::new(count),
            source: Some(source),
        };
        Ok(Self {
            rows: Arc::new(rows),
            columns,
        })
    }

    /// Reads everything that opening left unread: every checksum, every vector, every payload. Never panics, and
    /// takes no more memory than one block of payloads. A segment in memory has nothing to check.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for the first damage.
    pub fn check(&self) -> Result<(), Error> {
        let Some(source) = &self.rows.source else {
            return Ok(());
        };
        source.regions.check()?;
        for column in self.columns.values() {
            column.check(source.regions.name())?;
        }
        self.payload_reader().check()
    }
}

/// Tells the operating system what will be needed. Small arrays always are: opening reads them.
fn advise(source: &Source, residence: &Residence) {
    let advise = |region: &str, is_on_disk: bool| {
        if let Some(region) = source.regions.region(region) {
            region.advise(if is_on_disk {
                Advice::Random
            } else {
                Advice::WillNeed
            });
        }
    };
    for (name, number) in &source.numbers {
        let is_on_disk = residence.columns_on_disk.contains(name);
        for part in Part::ALL {
            advise(&part.region(*number), is_on_disk && part.is_large());
        }
    }
    advise(payloads::BLOCKS, residence.payload_on_disk);
}
