//! Reading and writing fixed-width little-endian fields, and the twelve bytes that all binary objects begin with.
//! A read beyond the end is an error with object and offset, and no length is believed before it was compared with
//! the bytes that are there.

use crate::error::{Error, Flaw};

/// Raised when an older program could no longer read what is written.
pub(crate) const FORMAT_MAJOR: u16 = 1;
/// Raised when something is added that an older program may ignore.
pub(crate) const FORMAT_MINOR: u16 = 0;

/// Magic, major and minor version.
pub(crate) const PRELUDE_BYTES: usize = 12;

pub(crate) fn write_prelude(out: &mut Vec<u8>, magic: &[u8; 8]) {
    out.extend_from_slice(magic);
    out.extend_from_slice(&FORMAT_MAJOR.to_le_bytes());
    out.extend_from_slice(&FORMAT_MINOR.to_le_bytes());
}

/// A position in the bytes of a named object.
#[derive(Debug)]
pub(crate) struct Fields<'n, 'a> {
    object: &'n str,
    bytes: &'a [u8],
    at: usize,
}

impl<'n, 'a> Fields<'n, 'a> {
    pub(crate) fn new(object: &'n str, bytes: &'a [u8]) -> Fields<'n, 'a> {
        Fields { object, bytes, at: 0 }
    }

    /// Damage at the current position.
    pub(crate) fn corrupt(&self, flaw: Flaw) -> Error {
        Error::corrupt(self.object, offset(self.at), flaw)
    }

    /// Checks magic and major version; gives the minor one: a newer one only adds what may be ignored.
    pub(crate) fn prelude(&mut self, magic: &[u8; 8]) -> Result<u16, Error> {
        if self.array()? != *magic {
            return Err(Error::corrupt(self.object, 0, Flaw::Magic));
        }
        let major = self.u16()?;
        if major > FORMAT_MAJOR {
            return Err(Error::Version {
                object: self.object.to_owned(),
                found: major,
                supported: FORMAT_MAJOR,
            });
        }
        if major != FORMAT_MAJOR {
            return Err(Error::corrupt(self.object, 8, Flaw::Value("the format version")));
        }
        self.u16()
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(count);
        let taken = end
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| self.corrupt(Flaw::Short))?;
        self.at += count;
        Ok(taken)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *rest.ok_or_else(|| self.corrupt(Flaw::Short))?;
        self.at += N;
        Ok(array)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Error> {
        self.array().map(u128::from_le_bytes)
    }

    /// A `u32` that counts bytes or items in memory.
    pub(crate) fn count(&mut self) -> Result<usize, Error> {
        let count = self.u32()?;
        usize::try_from(count).map_err(|_| self.corrupt(Flaw::Length))
    }
}

/// Widens; no machine has addresses of more than 64 bits.
pub(crate) fn offset(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}
