//! Writing a segment object: the visible rows of some segments, merged by id. Each region is one pass over the rows,
//! which copies the bytes of their vectors as they are. docs/format.md describes the regions.

use std::io;

use kindred_index::{Offset, Work};
use kindred_model::config::Column as ColumnSpec;
use kindred_model::id::PointId;
use kindred_storage::regions::SEGMENT_MAGIC;
use kindred_storage::{Error, Flaw, RegionWriter};

use crate::build::Schema;
use crate::column::{self, Layout, NONE, Part, is_same_layout};
use crate::ids;
use crate::meta::{ColumnMeta, META, Meta};
use crate::order::Order;
use crate::payloads::{self, BlockWriter};
use crate::segment::{Segment, VERSIONS};

/// Bytes gathered before they go to the object.
const CHUNK_BYTES: usize = 64 * 1024;

impl Segment {
    /// Writes one object with the rows of `inputs` that a reader at position `lsn` sees, ascending by id, and of them
    /// the columns of `schema`. What is read from stored inputs is compared with its checksums first. Takes eight
    /// bytes of memory a row, and one block of payloads. The same rows give the same bytes.
    ///
    /// # Errors
    /// Those of `out`; [`Error::Corrupt`] for a damaged input, or for two inputs that show one id; when `work` says
    /// stop, an [`Error::Io`] of the kind [`io::ErrorKind::Interrupted`]. What was written then is no object.
    pub fn write(
        schema: &Schema,
        inputs: &[&Self],
        lsn: u64,
        name: &str,
        out: &mut dyn io::Write,
        work: &dyn Work,
    ) -> Result<(), Error> {
        let order = Order::new(inputs, lsn, name, work)?;
        check_inputs(schema, &order)?;
        let columns: Vec<Sources<'_>> = schema
            .iter()
            .map(|(name, spec)| Sources::new(name, *spec, inputs))
            .collect();
        let mut sink = Sink {
            regions: RegionWriter::new(out, SEGMENT_MAGIC, name)?,
            region: None,
            pending: Vec::with_capacity(CHUNK_BYTES),
        };
        let meta = meta_of(&order, &columns)?;
        sink.region(META, |sink| sink.put(&meta.encode(name)?))?;
        write_rows(&order, &mut sink)?;
        for (number, (column, meta)) in columns.iter().zip(&meta.columns).enumerate() {
            write_column(&order, &mut sink, number, column, meta.stored)?;
        }
        write_payloads(&order, &mut sink)?;
        sink.regions.finish().map(drop)
    }
}

/// A region at a time, in large pieces. A region without bytes is left out.
struct Sink<'o> {
    regions: RegionWriter<'o>,
    /// The region that begins with the next piece.
    region: Option<String>,
    pending: Vec<u8>,
}

impl Sink<'_> {
    fn region(&mut self, name: &str, fill: impl FnOnce(&mut Self) -> Result<(), Error>) -> Result<(), Error> {
        self.region = Some(name.to_owned());
        fill(self)?;
        self.flush()
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.pending.len() + bytes.len() > CHUNK_BYTES {
            self.flush()?;
        }
        if bytes.len() > CHUNK_BYTES {
            return self.pass(bytes);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        if !pending.is_empty() {
            self.pass(&pending)?;
        }
        self.pending = pending;
        self.pending.clear();
        Ok(())
    }

    fn pass(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if let Some(region) = self.region.take() {
            self.regions.begin(&region)?;
        }
        self.regions.write(bytes)
    }
}

/// Compares what will be read of stored inputs with its checksums. Payload blocks are compared when they are read.
fn check_inputs(schema: &Schema, order: &Order<'_>) -> Result<(), Error> {
    let sources = order
        .inputs
        .iter()
        .filter_map(|input| input.rows.source.as_ref().map(|source| (input, source)));
    for (input, source) in sources {
        let rows = [ids::NUMBERS, ids::UUIDS, VERSIONS]
            .map(str::to_owned)
            .into_iter();
        let columns = source
            .numbers
            .iter()
            .filter(|(name, _)| schema.contains_key(*name) && input.columns.contains_key(*name))
            .flat_map(|(_, number)| Part::ALL.map(|part| part.region(*number)));
        for region in rows
            .chain(columns)
            .filter_map(|name| source.regions.region(&name))
        {
            order.go_on()?;
            region.check()?;
        }
    }
    Ok(())
}

/// One column to be written, and where its vectors come from.
struct Sources<'a> {
    name: &'a str,
    spec: ColumnSpec,
    /// Per input.
    columns: Vec<Option<&'a dyn Layout>>,
}

impl<'a> Sources<'a> {
    fn new(name: &'a str, spec: ColumnSpec, inputs: &[&'a Segment]) -> Self {
        let column = |input: &&'a Segment| {
            input
                .columns
                .get(name)
                .map(|column| -> &'a dyn Layout { &**column })
        };
        Self {
            name,
            spec,
            columns: inputs.iter().map(column).collect(),
        }
    }

    /// Shows a point's vector as it is to be stored; `None` without one.
    fn with<R>(
        &self,
        input: usize,
        offset: Offset,
        show: impl FnOnce(Option<(&dyn Layout, Offset)>) -> R,
    ) -> R {
        let column = self.columns.get(input).copied().flatten();
        match column.filter(|column| column.has(offset)) {
            Some(column) if is_same_layout(column.spec(), self.spec) => show(Some((column, offset))),
            // The field was made anew, with another shape: what fits it is kept.
            Some(column) => {
                let mut builder = column::builder(self.spec);
                builder.push(column.vector(offset).as_ref());
                let column = builder.finish();
                let first = Offset(0);
                show(column.has(first).then_some((&*column, first)))
            }
            None => show(None),
        }
    }
}

fn meta_of(order: &Order<'_>, columns: &[Sources<'_>]) -> Result<Meta, Error> {
    let mut numbers = 0;
    each_id(order, |id| {
        numbers += usize::from(matches!(id, PointId::Num(_)));
        Ok(())
    })?;
    let mut meta = Meta {
        numbers,
        uuids: order.len() - numbers,
        columns: Vec::with_capacity(columns.len()),
    };
    for column in columns {
        let mut stored = 0;
        order.each(|input, offset| {
            stored += usize::from(column.with(input, offset, |vector| vector.is_some()));
            Ok(())
        })?;
        meta.columns.push(ColumnMeta {
            name: column.name.to_owned(),
            spec: column.spec,
            stored,
        });
    }
    Ok(meta)
}

fn each_id(order: &Order<'_>, mut visit: impl FnMut(PointId) -> Result<(), Error>) -> Result<(), Error> {
    order.each(|input, offset| {
        let id = order.inputs.get(input).and_then(|input| input.id(offset));
        visit(id.ok_or_else(|| lost(order))?)
    })
}

/// An input does not have what it had when the rows were put in order.
fn lost(order: &Order<'_>) -> Error {
    Error::corrupt(order.name, 0, Flaw::Value("a row of an input"))
}

fn write_rows(order: &Order<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
    sink.region(ids::NUMBERS, |sink| {
        each_id(order, |id| match id {
            PointId::Num(number) => sink.put(&number.to_le_bytes()),
            PointId::Uuid(_) => Ok(()),
        })
    })?;
    sink.region(ids::UUIDS, |sink| {
        each_id(order, |id| match id {
            PointId::Num(_) => Ok(()),
            PointId::Uuid(uuid) => sink.put(uuid.as_bytes()),
        })
    })?;
    sink.region(VERSIONS, |sink| {
        order.each(|input, offset| {
            let point = order.inputs.get(input).and_then(|input| input.point(offset));
            sink.put(&point.ok_or_else(|| lost(order))?.version.to_le_bytes())
        })
    })
}

fn write_column(
    order: &Order<'_>,
    sink: &mut Sink<'_>,
    number: usize,
    column: &Sources<'_>,
    stored: usize,
) -> Result<(), Error> {
    if stored < order.len() {
        sink.region(&Part::Places.region(number), |sink| {
            let mut next = 0_u32;
            order.each(|input, offset| {
                let has_vector = column.with(input, offset, |vector| vector.is_some());
                sink.put(&if has_vector { next } else { NONE }.to_le_bytes())?;
                next += u32::from(has_vector);
                Ok(())
            })
        })?;
    }
    if Part::has_ends(column.spec) {
        sink.region(&Part::Ends.region(number), |sink| {
            let mut end = 0_u64;
            order.each(|input, offset| {
                column.with(input, offset, |vector| {
                    let Some((column, offset)) = vector else {
                        return Ok(());
                    };
                    end += column.length(offset).ok_or_else(|| lost(order))? as u64;
                    sink.put(&end.to_le_bytes())
                })
            })
        })?;
    }
    for part in Part::of(column.spec) {
        sink.region(&part.region(number), |sink| {
            order.each(|input, offset| {
                column.with(input, offset, |vector| match vector {
                    Some((column, offset)) => {
                        sink.put(column.bytes(*part, offset).ok_or_else(|| lost(order))?)
                    }
                    None => Ok(()),
                })
            })
        })?;
    }
    Ok(())
}

fn write_payloads(order: &Order<'_>, sink: &mut Sink<'_>) -> Result<(), Error> {
    let mut readers: Vec<_> = order.inputs.iter().map(|input| input.payload_reader()).collect();
    let mut blocks = BlockWriter::default();
    sink.region(payloads::BLOCKS, |sink| {
        order.each(|input, offset| {
            let reader = readers.get_mut(input).ok_or_else(|| lost(order))?;
            if let Some(block) = blocks.push(order.name, &reader.text(offset)?)? {
                sink.put(&block)?;
            }
            Ok(())
        })?;
        blocks.finish().map_or(Ok(()), |block| sink.put(&block))
    })?;
    sink.region(payloads::INDEX, |sink| sink.put(blocks.index()))
}
