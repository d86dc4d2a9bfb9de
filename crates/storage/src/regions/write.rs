//! Writing an object of regions in one pass; used below `Store::create_with`, so that no object has to fit into memory.

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use super::{ALIGNMENT_BYTES, MAX_REGIONS, TAIL_MAGIC, gap, is_name};
use crate::checksum;
use crate::error::Error;
use crate::fields::{offset, write_prelude};

const ZEROS: [u8; 64] = [0; 64];
const _: () = assert!(ALIGNMENT_BYTES == 64, "a gap is shorter than ZEROS");

/// Writes regions one after the other. After an error, and without `finish`, what was written is no object.
pub struct RegionWriter<'a> {
    out: &'a mut dyn io::Write,
    object: String,
    at: u64,
    done: Vec<Entry>,
    names: BTreeSet<String>,
    current: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    offset: u64,
    size: u64,
    crc: u32,
}

impl<'a> RegionWriter<'a> {
    /// Begins an object of the kind `magic`; `object_name` is for errors.
    pub fn new(
        out: &'a mut dyn io::Write,
        magic: [u8; 8],
        object_name: &str,
    ) -> Result<RegionWriter<'a>, Error> {
        let mut head = Vec::with_capacity(super::HEAD_BYTES);
        write_prelude(&mut head, &magic);
        head.resize(super::HEAD_BYTES, 0);
        let mut writer = RegionWriter {
            out,
            object: object_name.to_owned(),
            at: 0,
            done: Vec::new(),
            names: BTreeSet::new(),
            current: None,
        };
        writer.put(&head)?;
        Ok(writer)
    }

    /// Ends the region before it, if any, and begins the next; a region may stay empty.
    ///
    /// [`Error::BadName`]: outside `[a-z0-9._/-]{1,128}`. [`Error::Exists`]: the object has a region of this name.
    /// [`Error::TooLarge`] (counted in regions): it has [`MAX_REGIONS`] already.
    pub fn begin(&mut self, region: &str) -> Result<(), Error> {
        if !is_name(region) {
            let name = region.to_owned();
            return Err(Error::BadName { name });
        }
        if self.names.len() >= MAX_REGIONS {
            return Err(Error::TooLarge {
                object: self.object.clone(),
                size_bytes: offset(MAX_REGIONS + 1),
                limit_bytes: offset(MAX_REGIONS),
            });
        }
        if !self.names.insert(region.to_owned()) {
            return Err(Error::exists(&format!("{}: region {region}", self.object)));
        }
        self.done.extend(self.current.take());
        let zeros = usize::try_from(gap(self.at))
            .ok()
            .and_then(|count| ZEROS.get(..count));
        self.put(zeros.unwrap_or_default())?;
        self.current = Some(Entry {
            name: region.to_owned(),
            offset: self.at,
            size: 0,
            crc: 0,
        });
        Ok(())
    }

    /// Appends to the current region.
    ///
    /// # Panics
    /// Before the first `begin`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        assert!(self.current.is_some(), "bytes outside a region");
        self.put(bytes)?;
        if let Some(entry) = &mut self.current {
            entry.size += offset(bytes.len());
            entry.crc = checksum::append(entry.crc, bytes);
        }
        Ok(())
    }

    /// Bytes written to the current region so far; zero before the first.
    pub fn region_bytes(&self) -> u64 {
        self.current.as_ref().map_or(0, |entry| entry.size)
    }

    /// Writes the table and the tail; gives the bytes of the whole object. The caller makes them durable.
    pub fn finish(mut self) -> Result<u64, Error> {
        self.done.extend(self.current.take());
        let table_at = self.at;
        let mut table = Vec::new();
        crate::fields::write_count(&mut table, &self.object, self.done.len())?;
        for entry in &self.done {
            // At most `MAX_NAME_BYTES`, see `begin`.
            let name_bytes = u16::try_from(entry.name.len()).unwrap_or(u16::MAX);
            table.extend_from_slice(&name_bytes.to_le_bytes());
            table.extend_from_slice(entry.name.as_bytes());
            table.extend_from_slice(&entry.offset.to_le_bytes());
            table.extend_from_slice(&entry.size.to_le_bytes());
            table.extend_from_slice(&entry.crc.to_le_bytes());
        }
        self.put(&table)?;
        let total = self.at + offset(super::TAIL_BYTES);
        let mut tail = Vec::with_capacity(super::TAIL_BYTES);
        tail.extend_from_slice(&table_at.to_le_bytes());
        crate::fields::write_count(&mut tail, &self.object, table.len())?;
        tail.extend_from_slice(&checksum::crc32c(&table).to_le_bytes());
        tail.extend_from_slice(&total.to_le_bytes());
        let crc = checksum::crc32c(&tail);
        tail.extend_from_slice(&crc.to_le_bytes());
        tail.extend_from_slice(&TAIL_MAGIC);
        self.put(&tail)?;
        Ok(self.at)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let written = self.out.write_all(bytes);
        written.map_err(|source| Error::io(&self.object, source))?;
        self.at += offset(bytes.len());
        Ok(())
    }
}

impl fmt::Debug for RegionWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "RegionWriter({}, {} regions, {} bytes)",
            self.object,
            self.names.len(),
            self.at
        )
    }
}
