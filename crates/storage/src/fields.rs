//! Reading and writing fixed-width little-endian fields, and the twelve bytes that all binary objects begin with. Used
//! for every binary format, also those of the floors above.
//! INVARIANT: a read beyond the end is an error with object and offset, and no length is believed before it was
//! compared with the bytes that are there.

use crate::error::{Error, Flaw};

/// Raised when an older program could no longer read what is written.
pub const FORMAT_MAJOR: u16 = 1;
/// Raised when something is added that an older program may ignore.
pub const FORMAT_MINOR: u16 = 0;

/// Magic, major and minor version.
pub const PRELUDE_BYTES: usize = 12;

/// Appends the first [`PRELUDE_BYTES`] of a binary object.
pub fn write_prelude(out: &mut Vec<u8>, magic: &[u8; 8]) {
    out.extend_from_slice(magic);
    out.extend_from_slice(&FORMAT_MAJOR.to_le_bytes());
    out.extend_from_slice(&FORMAT_MINOR.to_le_bytes());
}

/// Appends a number of items or bytes as a `u32`, which [`Fields::count`] reads.
///
/// [`Error::TooLarge`]: it does not fit, so `object` cannot be written.
pub fn write_count(out: &mut Vec<u8>, object: &str, count: usize) -> Result<(), Error> {
    let fitting = u32::try_from(count).map_err(|_| Error::TooLarge {
        object: object.to_owned(),
        size_bytes: offset(count),
        limit_bytes: u32::MAX.into(),
    })?;
    out.extend_from_slice(&fitting.to_le_bytes());
    Ok(())
}

/// Appends the length of a text as a `u32` and its UTF-8, which [`Fields::text`] reads. Errors as [`write_count`].
pub fn write_text(out: &mut Vec<u8>, object: &str, text: &str) -> Result<(), Error> {
    write_count(out, object, text.len())?;
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

/// A reader of the bytes of a named object, which are not trusted. Each read takes bytes or is [`Error::Corrupt`] with
/// [`Flaw::Short`] at the position where it began.
#[derive(Debug)]
pub struct Fields<'n, 'a> {
    object: &'n str,
    bytes: &'a [u8],
    base: u64,
    at: usize,
}

impl<'n, 'a> Fields<'n, 'a> {
    /// At the first of `bytes`, which begin the object `object`.
    pub fn new(object: &'n str, bytes: &'a [u8]) -> Fields<'n, 'a> {
        Fields::at(object, bytes, 0)
    }

    /// As `new` for bytes that begin at `base` in the object; errors count from the start of the object.
    pub fn at(object: &'n str, bytes: &'a [u8], base: u64) -> Fields<'n, 'a> {
        let at = 0;
        Fields {
            object,
            bytes,
            base,
            at,
        }
    }

    /// Bytes from the start of the object to what is read next.
    pub fn position(&self) -> u64 {
        self.base.saturating_add(offset(self.at))
    }

    /// How many bytes were not read yet: the bound for every count before it sizes an allocation.
    pub fn remaining(&self) -> usize {
        self.bytes.len().saturating_sub(self.at)
    }

    /// Damage at the current position.
    pub fn corrupt(&self, flaw: Flaw) -> Error {
        Error::corrupt(self.object, self.position(), flaw)
    }

    /// That nothing is left; [`Flaw::Trailing`] if there is.
    pub fn end(&self) -> Result<(), Error> {
        if self.remaining() == 0 {
            Ok(())
        } else {
            Err(self.corrupt(Flaw::Trailing))
        }
    }

    /// Checks magic and major version; gives the minor one: a newer one only adds what may be ignored.
    pub fn prelude(&mut self, magic: &[u8; 8]) -> Result<u16, Error> {
        let start = self.position();
        if self.array()? != *magic {
            return Err(Error::corrupt(self.object, start, Flaw::Magic));
        }
        let at = self.position();
        let major = self.u16()?;
        if major > FORMAT_MAJOR {
            return Err(Error::Version {
                object: self.object.to_owned(),
                found: major,
                supported: FORMAT_MAJOR,
            });
        }
        if major != FORMAT_MAJOR {
            let flaw = Flaw::Value("the format version");
            return Err(Error::corrupt(self.object, at, flaw));
        }
        self.u16()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(count);
        let taken = end
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or_else(|| self.corrupt(Flaw::Short))?;
        self.at += count;
        Ok(taken)
    }

    /// All bytes that are left.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.bytes.len();
        rest
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>());
        let array = *rest.ok_or_else(|| self.corrupt(Flaw::Short))?;
        self.at += N;
        Ok(array)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(|[byte]| byte)
    }

    /// The next two bytes as a number.
    pub fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes as a number.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes as a number.
    pub fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next sixteen bytes as a number.
    pub fn u128(&mut self) -> Result<u128, Error> {
        self.array().map(u128::from_le_bytes)
    }

    /// A `u32` that counts bytes or items in memory. Not compared with anything yet: `take` does that for bytes, and
    /// the reader of items compares with `remaining` before it reserves memory.
    pub fn count(&mut self) -> Result<usize, Error> {
        let count = self.u32()?;
        usize::try_from(count).map_err(|_| self.corrupt(Flaw::Length))
    }
    /// A text as [`write_text`] writes it; [`Flaw::Value`] if it is not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Error> {
        let len = self.count()?;
        let start = self.position();
        str::from_utf8(self.take(len)?)
            .map_err(|_| Error::corrupt(self.object, start, Flaw::Value("a text (it is not UTF-8)")))
    }
}

/// Widens; no machine has addresses of more than 64 bits.
pub(crate) fn offset(at: usize) -> u64 {
    u64::try_from(at).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw_at<T: std::fmt::Debug>(result: Result<T, Error>) -> (u64, Flaw) {
        let Err(Error::Corrupt { object, offset, flaw }) = result else {
            panic!("{result:?}")
        };
        assert_eq!(object, "x");
        (offset, flaw)
    }

    #[test]
    fn fields_read_back_in_order_and_the_end_is_known() {
        let mut bytes = Vec::new();
        write_prelude(&mut bytes, b"KNDRTEST");
        write_text(&mut bytes, "x", "né").unwrap();
        write_count(&mut bytes, "x", 7).unwrap();
        bytes.extend([1, 2, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        bytes.extend(5_u128.to_le_bytes());
        assert_eq!(bytes[12..19], [3, 0, 0, 0, b'n', 0xc3, 0xa9]);
        let mut fields = Fields::at("x", &bytes, 100);
        assert_eq!(fields.prelude(b"KNDRTEST").unwrap(), 0);
        assert_eq!(fields.text().unwrap(), "né");
        assert_eq!(fields.count().unwrap(), 7);
        assert_eq!((fields.u8().unwrap(), fields.u16().unwrap()), (1, 2));
        assert_eq!(fields.u64().unwrap(), 3);
        assert_eq!((fields.position(), fields.remaining()), (134, 16));
        assert_eq!(flaw_at(fields.end()), (134, Flaw::Trailing));
        assert_eq!(fields.u128().unwrap(), 5);
        fields.end().unwrap();
        assert_eq!(flaw_at(fields.u8()), (150, Flaw::Short));
    }

    #[test]
    fn damage_is_placed_in_the_object() {
        let fields = |bytes| Fields::at("x", bytes, 8);
        assert_eq!(
            flaw_at(fields(b"KNDRTESX....").prelude(b"KNDRTEST")),
            (8, Flaw::Magic)
        );
        assert_eq!(
            flaw_at(fields(b"KNDRTEST\0\0\0\0").prelude(b"KNDRTEST")),
            (16, Flaw::Value("the format version"))
        );
        assert_eq!(
            flaw_at(fields(b"KNDRTEST\x01").prelude(b"KNDRTEST")),
            (16, Flaw::Short)
        );
        assert_eq!(flaw_at(fields(b"\xff\xff\xff\xff").text()), (12, Flaw::Short));
        let bad = flaw_at(fields(b"\x01\0\0\0\xff").text());
        assert_eq!(bad, (12, Flaw::Value("a text (it is not UTF-8)")));
        assert!(matches!(
            write_count(&mut Vec::new(), "x", 1 << 32),
            Err(Error::TooLarge { size_bytes, .. }) if size_bytes == 1 << 32
        ));
    }
}
