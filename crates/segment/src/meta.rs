//! The first region of a segment object: how many rows there are, and what its columns are.
//!
//! INVARIANT: what `decode` gives fits the format: names ascend, dimensions are within their limits, ids add up.

use kindred_model::config::Column as ColumnSpec;
use kindred_model::distance::Distance;
use kindred_model::limits::{VECTOR_DIM_MAX, VECTORS_PER_COLLECTION_MAX};
use kindred_model::vector::{Datatype, Measure};
use kindred_storage::fields::{Fields, write_count, write_text};
use kindred_storage::{Error, Flaw, Region};

/// The name of the region.
pub(crate) const META: &str = "meta";

/// Raised when what follows it changes.
const VERSION: u16 = 1;

/// What a segment object holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Meta {
    pub(crate) numbers: usize,
    pub(crate) uuids: usize,
    /// Ascending by name; the position of a column is its number in the names of its regions.
    pub(crate) columns: Vec<ColumnMeta>,
}

/// One column of a segment object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnMeta {
    pub(crate) name: String,
    pub(crate) spec: ColumnSpec,
    /// Number of vectors, at most that of the rows.
    pub(crate) stored: usize,
}

impl Meta {
    pub(crate) fn rows(&self) -> usize {
        self.numbers + self.uuids
    }

    /// # Errors
    /// [`Error::TooLarge`] for counts that need more than 32 bits.
    pub(crate) fn encode(&self, object: &str) -> Result<Vec<u8>, Error> {
        let mut out = VERSION.to_le_bytes().to_vec();
        out.extend_from_slice(&0_u16.to_le_bytes());
        write_count(&mut out, object, self.rows())?;
        write_count(&mut out, object, self.numbers)?;
        write_count(&mut out, object, self.uuids)?;
        write_count(&mut out, object, self.columns.len())?;
        for ColumnMeta { name, spec, stored } in &self.columns {
            write_text(&mut out, object, name)?;
            let (kind, dim, idf) = match spec {
                ColumnSpec::Dense { dim, .. } => (0, *dim, false),
                ColumnSpec::Multi { dim, .. } => (1, *dim, false),
                ColumnSpec::Sparse { idf } => (2, 0, *idf),
            };
            let Measure { distance, datatype } = spec.measure();
            out.extend_from_slice(&[
                kind,
                distance_code(distance),
                datatype_code(datatype),
                u8::from(idf),
            ]);
            write_count(&mut out, object, dim)?;
            write_count(&mut out, object, *stored)?;
        }
        Ok(out)
    }

    /// # Errors
    /// [`Error::Corrupt`], or [`Error::Version`] for a segment of a newer program.
    pub(crate) fn decode(region: &Region) -> Result<Self, Error> {
        let object = region.object_name();
        let mut fields = Fields::at(object, region, region.offset());
        let version = fields.u16()?;
        if version > VERSION {
            return Err(Error::Version {
                object: object.to_owned(),
                found: version,
                supported: VERSION,
            });
        }
        if version != VERSION || fields.u16()? != 0 {
            return Err(fields.corrupt(Flaw::Value("the version of a segment")));
        }
        let rows = fields.count()?;
        let (numbers, uuids) = (fields.count()?, fields.count()?);
        // The last place of 32 bits means that there is none.
        if numbers.checked_add(uuids) != Some(rows) || rows >= u32::MAX as usize {
            return Err(fields.corrupt(Flaw::Value("the number of rows")));
        }
        let count = fields.count()?;
        if count > VECTORS_PER_COLLECTION_MAX {
            return Err(fields.corrupt(Flaw::Length));
        }
        let mut columns: Vec<ColumnMeta> = Vec::new();
        for _ in 0..count {
            let column = decode_column(&mut fields)?;
            let is_next = columns.last().is_none_or(|last| last.name < column.name);
            if !is_next || column.stored > rows {
                return Err(fields.corrupt(Flaw::Value("a column of a segment")));
            }
            columns.push(column);
        }
        fields.end()?;
        Ok(Self {
            numbers,
            uuids,
            columns,
        })
    }
}

fn decode_column(fields: &mut Fields<'_, '_>) -> Result<ColumnMeta, Error> {
    let name = fields.text()?.to_owned();
    let bad = fields.corrupt(Flaw::Value("the kind of a column"));
    let [kind, distance, datatype, idf] = fields.array()?;
    let dim = fields.count()?;
    let spec = spec_of(kind, distance, datatype, idf, dim).ok_or(bad)?;
    Ok(ColumnMeta {
        name,
        spec,
        stored: fields.count()?,
    })
}

fn spec_of(kind: u8, distance: u8, datatype: u8, idf: u8, dim: usize) -> Option<ColumnSpec> {
    let distances = [
        Distance::Cosine,
        Distance::Euclid,
        Distance::Dot,
        Distance::Manhattan,
    ];
    let datatypes = [Datatype::Float32, Datatype::Float16, Datatype::Uint8];
    let measure = Measure {
        distance: distances
            .into_iter()
            .find(|known| distance_code(*known) == distance)?,
        datatype: datatypes
            .into_iter()
            .find(|known| datatype_code(*known) == datatype)?,
    };
    let is_dim = dim > 0 && dim as u64 <= VECTOR_DIM_MAX;
    match (kind, idf) {
        (0, 0) if is_dim => Some(ColumnSpec::Dense { dim, measure }),
        (1, 0) if is_dim => Some(ColumnSpec::Multi { dim, measure }),
        (2, 0 | 1) => {
            let spec = ColumnSpec::Sparse { idf: idf == 1 };
            (dim == 0 && measure == spec.measure()).then_some(spec)
        }
        _ => None,
    }
}

fn distance_code(distance: Distance) -> u8 {
    match distance {
        Distance::Cosine => 0,
        Distance::Euclid => 1,
        Distance::Dot => 2,
        Distance::Manhattan => 3,
    }
}

fn datatype_code(datatype: Datatype) -> u8 {
    match datatype {
        Datatype::Float32 => 0,
        Datatype::Float16 => 1,
        Datatype::Uint8 => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindred_storage::{RegionWriter, Regions};

    const MAGIC: [u8; 8] = *b"KNDRSEGM";

    /// Two numbers and one UUID; a dense column of bytes, and a sparse one that has no name.
    const GOLDEN: &[u8] = b"\x01\0\0\0\
        \x03\0\0\0\x02\0\0\0\x01\0\0\0\
        \x02\0\0\0\
        \0\0\0\0\x02\x02\0\x01\0\0\0\0\x01\0\0\0\
        \x04\0\0\0wide\0\x01\x02\0\0\x01\0\0\x03\0\0\0";

    fn golden() -> Meta {
        let wide = ColumnSpec::Dense {
            dim: 256,
            measure: Measure {
                distance: Distance::Euclid,
                datatype: Datatype::Uint8,
            },
        };
        let column = |name: &str, spec, stored| ColumnMeta {
            name: name.to_owned(),
            spec,
            stored,
        };
        Meta {
            numbers: 2,
            uuids: 1,
            columns: vec![
                column("", ColumnSpec::Sparse { idf: true }, 1),
                column("wide", wide, 3),
            ],
        }
    }

    fn decode(bytes: &[u8]) -> Result<Meta, Error> {
        let mut out = Vec::new();
        let mut writer = RegionWriter::new(&mut out, MAGIC, "a.seg").expect("a Vec");
        writer.begin(META).expect("a name");
        writer.write(bytes).expect("a Vec");
        writer.finish().expect("a Vec");
        let regions = Regions::open("a.seg", out.into(), MAGIC).expect("sound");
        Meta::decode(&regions.region(META).expect("it was written"))
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        assert_eq!(golden().encode("a.seg").expect("small"), GOLDEN);
        assert_eq!(decode(GOLDEN).expect("sound"), golden());
    }

    /// The golden bytes with `byte` at `at`.
    #[track_caller]
    fn check(at: usize, byte: u8, refused: &str) {
        let mut bytes = GOLDEN.to_vec();
        bytes[at] = byte;
        assert!(
            matches!(decode(&bytes), Err(Error::Corrupt { object, .. }) if object == "a.seg"),
            "{refused}"
        );
    }

    #[test]
    fn refuses_what_no_writer_writes() {
        check(0, 0, "version 0");
        check(2, 1, "not zero");
        check(4, 4, "rows that are not the sum of both kinds");
        check(16, 1, "bytes behind the last column");
        check(16, 3, "a column that is not there");
        check(25, 0, "a sparse column compared by cosine");
        check(26, 1, "a sparse column of f16");
        check(27, 2, "neither idf nor not");
        check(28, 1, "a sparse column with a dimension");
        check(32, 4, "more vectors than rows");
        check(44, 3, "an unknown kind");
        check(45, 4, "an unknown distance");
        check(46, 3, "an unknown datatype");
        check(47, 1, "idf of a dense column");
        check(49, 0, "no dimension");
        check(50, 2, "more dimensions than the limit");
        for end in 0..GOLDEN.len() {
            assert!(decode(&GOLDEN[..end]).is_err(), "cut to {end}");
        }
        let mut newer = GOLDEN.to_vec();
        newer[0] = 2;
        assert!(matches!(decode(&newer), Err(Error::Version { found: 2, .. })));
        // The same name twice: the second column becomes the first one.
        let twice = [&GOLDEN[..36], &GOLDEN[20..36]].concat();
        assert!(decode(&twice).is_err());
    }
}
