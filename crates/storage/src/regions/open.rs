//! Opening an object of regions: the table is checked in whole, the bytes of the regions not at all until somebody asks.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use super::{HEAD_BYTES, MAX_REGIONS, MIN_ENTRY_BYTES, TAIL_BYTES, TAIL_CHECKED_BYTES, TAIL_MAGIC};
use super::{gap, is_name};
use crate::checksum::crc32c;
use crate::error::{Error, Flaw};
use crate::fields::{Fields, PRELUDE_BYTES, offset};
use crate::store::{Advice, Object};

/// An object of regions whose table was read and found right.
#[derive(Clone, Debug)]
pub struct Regions {
    name: Arc<str>,
    object: Object,
    /// Ascending by offset.
    entries: Vec<Entry>,
    by_name: BTreeMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    range: Range<usize>,
    crc: u32,
}

/// What the tail says, checked against the object.
struct Tail {
    table: Range<usize>,
    table_crc: u32,
}

impl Regions {
    /// `name` is for errors. Checks the first bytes, the tail and the table: that it is of the kind `magic`, and every
    /// name, offset and size, so that every region is where it says. Any other part of the object stays unread.
    ///
    /// [`Error::Corrupt`], or [`Error::Version`] for an object of a newer program.
    pub fn open(name: &str, object: Object, magic: [u8; 8]) -> Result<Regions, Error> {
        let mut head = Fields::new(name, &object);
        head.prelude(&magic)?;
        if head.u32()? != 0 {
            let at = offset(PRELUDE_BYTES);
            return Err(Error::corrupt(
                name,
                at,
                Flaw::Value("the zeros behind the prelude"),
            ));
        }
        let tail = read_tail(name, &object)?;
        let entries = read_table(name, &object, &tail)?;
        let mut by_name = BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if by_name.insert(entry.name.clone(), index).is_some() {
                let at = offset(tail.table.start);
                return Err(Error::corrupt(
                    name,
                    at,
                    Flaw::Value("a region (its name comes twice)"),
                ));
            }
        }
        let name = name.into();
        Ok(Regions {
            name,
            object,
            entries,
            by_name,
        })
    }

    /// The names of all regions, in the order of their bytes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The region of this name, unchecked.
    pub fn region(&self, name: &str) -> Option<Region> {
        let entry = self.entries.get(*self.by_name.get(name)?)?;
        Some(Region {
            object_name: Arc::clone(&self.name),
            bytes: self.object.slice(entry.range.clone())?,
            offset: offset(entry.range.start),
            crc: entry.crc,
        })
    }

    /// The whole object.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The object's name as it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of the whole object.
    pub fn size_bytes(&self) -> u64 {
        offset(self.object.len())
    }

    /// Reads everything that `open` has not: that each region is as it was written, and that there are only zeros
    /// between them.
    pub fn check(&self) -> Result<(), Error> {
        let mut end = HEAD_BYTES;
        for entry in &self.entries {
            let zeros = self.object.get(end..entry.range.start).unwrap_or_default();
            if let Some(at) = zeros.iter().position(|byte| *byte != 0) {
                let flaw = Flaw::Value("a byte between regions (it is not zero)");
                return Err(Error::corrupt(&self.name, offset(end + at), flaw));
            }
            self.region(&entry.name).map_or(Ok(()), |region| region.check())?;
            end = entry.range.end;
        }
        Ok(())
    }
}

fn read_tail(name: &str, object: &Object) -> Result<Tail, Error> {
    let total = object.len();
    let short = || Error::corrupt(name, offset(total), Flaw::Short);
    let tail_at = total
        .checked_sub(TAIL_BYTES)
        .filter(|at| *at >= HEAD_BYTES)
        .ok_or_else(short)?;
    let tail = object.get(tail_at..).ok_or_else(short)?;
    let mut fields = Fields::at(name, tail, offset(tail_at));
    let table_at = fields.u64()?;
    let table_bytes = fields.count()?;
    let table_crc = fields.u32()?;
    let stored_total = fields.u64()?;
    let crc = fields.u32()?;
    // What was cut ends anywhere, so nothing but these eight bytes tells that the end is the end.
    if fields.array()? != TAIL_MAGIC {
        return Err(short());
    }
    let value = |flaw| Err(Error::corrupt(name, offset(tail_at), flaw));
    if tail.get(..TAIL_CHECKED_BYTES).map(crc32c) != Some(crc) {
        return value(Flaw::Checksum);
    }
    if stored_total != offset(total) {
        return value(Flaw::Value("the size of the object"));
    }
    let table_start = usize::try_from(table_at).ok().filter(|at| *at >= HEAD_BYTES);
    let table_end = table_start.and_then(|at| at.checked_add(table_bytes));
    match (table_start, table_end) {
        (Some(start), Some(end)) if end == tail_at => Ok(Tail {
            table: start..end,
            table_crc,
        }),
        _ => value(Flaw::Value("the place of the table")),
    }
}

fn read_table(name: &str, object: &Object, tail: &Tail) -> Result<Vec<Entry>, Error> {
    let table_at = offset(tail.table.start);
    let table = object.get(tail.table.clone()).unwrap_or_default();
    if crc32c(table) != tail.table_crc {
        return Err(Error::corrupt(name, table_at, Flaw::Checksum));
    }
    let mut fields = Fields::at(name, table, table_at);
    let count = fields.count()?;
    if count > MAX_REGIONS || count > fields.remaining() / MIN_ENTRY_BYTES {
        return Err(Error::corrupt(name, table_at, Flaw::Length));
    }
    let mut entries = Vec::with_capacity(count);
    let mut end = offset(HEAD_BYTES);
    for _ in 0..count {
        let entry = read_entry(name, &mut fields, end, table_at)?;
        end = offset(entry.range.end);
        entries.push(entry);
    }
    fields.end()?;
    if end != table_at {
        let flaw = Flaw::Value("the place of the table");
        return Err(Error::corrupt(name, table_at, flaw));
    }
    Ok(entries)
}

/// `end`: of the region before. A region begins at the next multiple of the alignment and nowhere else, so regions
/// cannot overlap, and no bytes are anybody's but the gaps.
fn read_entry(name: &str, fields: &mut Fields<'_, '_>, end: u64, table_at: u64) -> Result<Entry, Error> {
    let at = fields.position();
    let bad = |flaw| Error::corrupt(name, at, Flaw::Value(flaw));
    let name_bytes = fields.u16()?;
    let region = fields.take(name_bytes.into())?;
    let region = str::from_utf8(region).ok().filter(|region| is_name(region));
    let region = region.ok_or_else(|| bad("the name of a region"))?.to_owned();
    let start = fields.u64()?;
    let size = fields.u64()?;
    let crc = fields.u32()?;
    if end.checked_add(gap(end)) != Some(start) {
        return Err(bad("the offset of a region"));
    }
    let end = start.checked_add(size).filter(|end| *end <= table_at);
    let range = end.and_then(|end| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?));
    Ok(Entry {
        name: region,
        range: range.ok_or_else(|| bad("the size of a region"))?,
        crc,
    })
}

/// The bytes of one region, aligned as in the object; cheap to clone, and it keeps the object's bytes alive.
#[derive(Clone)]
pub struct Region {
    object_name: Arc<str>,
    bytes: Object,
    offset: u64,
    crc: u32,
}

impl Region {
    /// Reads all bytes; [`Error::Corrupt`] with the object and the region's offset if they are not those written.
    pub fn check(&self) -> Result<(), Error> {
        if crc32c(self) == self.crc {
            Ok(())
        } else {
            Err(Error::corrupt(&self.object_name, self.offset, Flaw::Checksum))
        }
    }

    /// The region as an object of its own, without a copy: an embedded object is opened so.
    pub fn object(&self) -> Object {
        self.bytes.clone()
    }

    /// The name of the object that the region is in, for errors.
    pub fn object_name(&self) -> &str {
        &self.object_name
    }

    /// A hint to the operating system, if the object is mapped.
    pub fn advise(&self, advice: Advice) {
        self.bytes.advise(advice);
    }

    /// Bytes from the start of the object to the start of the region.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}

impl Deref for Region {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Region({} at {}, {} bytes)",
            self.object_name,
            self.offset,
            self.len()
        )
    }
}
