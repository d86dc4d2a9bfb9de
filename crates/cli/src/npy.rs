//! Reads vectors from NumPy's `.npy` files (format versions 1 and 2), row by row. Used by `import`.
//! The header is checked against limits and against the size of the file before any of it is believed.

use anyhow::{Context, Result, bail};
use half::f16;
use kindred_model::limits::VECTOR_DIM_MAX;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Longest header, in bytes; NumPy's own are aligned to 64 bytes and rarely longer than 128.
const HEADER_BYTES_MAX: usize = 4096;

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    F16,
    F32,
    F64,
    U8,
}

/// A two-dimensional array, read from its first row to its last.
#[derive(Debug)]
pub(crate) struct Npy<R> {
    input: R,
    kind: Kind,
    rows: u64,
    dim: usize,
    left: u64,
    /// One row as stored.
    raw: Vec<u8>,
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    kind: Kind,
    rows: u64,
    dim: usize,
}

impl Kind {
    fn size(self) -> usize {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
            Self::U8 => 1,
        }
    }
}

impl Npy<BufReader<File>> {
    /// Opens a file and checks its header.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let length = file.metadata()?.len();
            Npy::new(BufReader::with_capacity(1 << 20, file), length)
        };
        open().with_context(|| format!("cannot read vectors from {}", path.display()))
    }
}

impl<R: Read> Npy<R> {
    /// Reads the header of `input`, which is `length` bytes long.
    pub(crate) fn new(mut input: R, length: u64) -> Result<Self> {
        let mut start = [0; 8];
        input
            .read_exact(&mut start)
            .context("shorter than any .npy file")?;
        let [b'\x93', b'N', b'U', b'M', b'P', b'Y', version, _] = start else {
            bail!("not an .npy file");
        };
        let (header_length, prefix) = match version {
            1 => {
                let mut bytes = [0; 2];
                input.read_exact(&mut bytes)?;
                (u32::from(u16::from_le_bytes(bytes)), 10)
            }
            2 => {
                let mut bytes = [0; 4];
                input.read_exact(&mut bytes)?;
                (u32::from_le_bytes(bytes), 12)
            }
            other => bail!("version {other} of the .npy format; only 1 and 2 are read"),
        };
        let header_length = usize::try_from(header_length)?;
        if header_length > HEADER_BYTES_MAX {
            bail!("a header of {header_length} bytes is too long, at most {HEADER_BYTES_MAX} are read");
        }
        let mut header = vec![0; header_length];
        input.read_exact(&mut header).context("the header is cut off")?;
        let Header { kind, rows, dim } = Header::parse(&header)?;
        let row_bytes = u64::try_from(dim * kind.size())?;
        let expected = rows
            .checked_mul(row_bytes)
            .and_then(|body| body.checked_add(prefix));
        let expected = expected.and_then(|bytes| bytes.checked_add(u64::try_from(header_length).ok()?));
        if expected != Some(length) {
            bail!("the header promises {rows} rows of {dim} numbers, but the file has {length} bytes");
        }
        Ok(Self {
            input,
            kind,
            rows,
            dim,
            left: rows,
            raw: vec![0; dim * kind.size()],
        })
    }

    /// How many rows the file has.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many numbers a row has, at least one.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// The next row, or `None` after the last.
    pub(crate) fn next_row(&mut self) -> Result<Option<Vec<f32>>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.input
            .read_exact(&mut self.raw)
            .context("the vectors break off")?;
        Ok(Some(self.decode()))
    }

    fn decode(&self) -> Vec<f32> {
        match self.kind {
            Kind::F16 => words(&self.raw)
                .map(|bytes| f16::from_le_bytes(bytes).to_f32())
                .collect(),
            Kind::F32 => words(&self.raw).map(f32::from_le_bytes).collect(),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "vectors are stored as f32; the nearest is meant"
            )]
            Kind::F64 => words(&self.raw)
                .map(|bytes| f64::from_le_bytes(bytes) as f32)
                .collect(),
            Kind::U8 => self.raw.iter().map(|byte| f32::from(*byte)).collect(),
        }
    }
}

/// The bytes of `raw` in words of N; the length is a multiple of N by construction.
fn words<const N: usize>(raw: &[u8]) -> impl Iterator<Item = [u8; N]> {
    raw.chunks_exact(N).map(|chunk| {
        let mut word = [0; N];
        word.copy_from_slice(chunk);
        word
    })
}

impl Header {
    /// Reads the Python dictionary `{'descr': '<f2', 'fortran_order': False, 'shape': (5000, 384), }`.
    fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes).context("the header is not text")?;
        let inner = text
            .trim()
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        let mut rest = inner.context("the header is not a dictionary")?.trim_start();
        let (mut kind, mut is_fortran, mut shape) = (None, None, None);
        while !rest.is_empty() {
            let (key, after) = quoted(rest)?;
            let after = after
                .trim_start()
                .strip_prefix(':')
                .context("a key of the header has no value")?
                .trim_start();
            rest = match key {
                "descr" => {
                    let (descr, after) = quoted(after).context("only plain numbers are read, not records")?;
                    kind = Some(kind_of(descr)?);
                    after
                }
                "fortran_order" => {
                    let value = [("True", true), ("False", false)];
                    let found = value
                        .iter()
                        .find_map(|(word, is)| Some((*is, after.strip_prefix(word)?)));
                    let (is, after) = found.context("`fortran_order` is neither True nor False")?;
                    is_fortran = Some(is);
                    after
                }
                "shape" => {
                    let inner = after.strip_prefix('(').and_then(|rest| rest.split_once(')'));
                    let (numbers, after) = inner.context("`shape` is not a tuple")?;
                    shape = Some(numbers.to_owned());
                    after
                }
                other => bail!("the header has an unknown key `{other}`"),
            };
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        let (Some(kind), Some(is_fortran), Some(shape)) = (kind, is_fortran, shape) else {
            bail!("the header lacks `descr`, `fortran_order` or `shape`");
        };
        if is_fortran {
            bail!("the array is in Fortran order; save it with numpy.ascontiguousarray(array)");
        }
        let parts: Vec<&str> = shape
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .collect();
        let &[rows, dim] = parts.as_slice() else {
            bail!("the array has the shape ({shape}), expected two dimensions: one row per line");
        };
        let (rows, dim): (u64, u64) = (rows.parse()?, dim.parse()?);
        if !(1..=VECTOR_DIM_MAX).contains(&dim) {
            bail!("rows of {dim} numbers; a vector has from 1 to {VECTOR_DIM_MAX}");
        }
        Ok(Self {
            kind,
            rows,
            dim: usize::try_from(dim)?,
        })
    }
}

fn kind_of(descr: &str) -> Result<Kind> {
    match descr {
        "<f2" => Ok(Kind::F16),
        "<f4" => Ok(Kind::F32),
        "<f8" => Ok(Kind::F64),
        "|u1" | "<u1" | "u1" => Ok(Kind::U8),
        other => bail!("numbers of type `{other}`; read are <f2, <f4, <f8 and |u1"),
    }
}

/// A text in single or double quotes at the start of `rest`, and what follows it.
fn quoted(rest: &str) -> Result<(&str, &str)> {
    let quote = rest
        .chars()
        .next()
        .filter(|c| matches!(c, '\'' | '"'))
        .context("expected a quoted text in the header")?;
    let inner = rest.get(1..).unwrap_or_default();
    inner
        .split_once(quote)
        .context("a quoted text in the header does not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(version: u8, header: &str, body: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        if version == 1 {
            bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
        } else {
            bytes.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
        }
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Vec<Vec<f32>>> {
        let mut npy = Npy::new(bytes, bytes.len() as u64)?;
        let mut rows = Vec::new();
        while let Some(row) = npy.next_row()? {
            rows.push(row);
        }
        assert_eq!(npy.rows(), rows.len() as u64);
        Ok(rows)
    }

    #[track_caller]
    fn check(descr: &str, body: &[u8], want: &[f32]) {
        let header = format!(
            "{{'descr': '{descr}', 'fortran_order': False, 'shape': (2, {}), }}  \n",
            want.len() / 2
        );
        for version in [1, 2] {
            let rows = read(&file(version, &header, body)).unwrap();
            assert_eq!(rows.concat(), want);
            assert_eq!(rows.len(), 2);
        }
    }

    #[test]
    fn reads_every_type() {
        check("<f2", &[0x00, 0x3c, 0x00, 0xc0], &[1.0, -2.0]);
        check("<f4", &[0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc1], &[1.0, -10.0]);
        check(
            "<f8",
            &[0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
            &[1.0, 0.5],
        );
        check("|u1", &[0, 255, 1, 2], &[0.0, 255.0, 1.0, 2.0]);
    }

    #[test]
    fn refuses_hostile_headers() {
        let cases = [
            (
                "{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1)}",
                "Fortran",
            ),
            (
                "{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1)}",
                "type `>f4`",
            ),
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': (1, 1)}",
                "type `|O`",
            ),
            (
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1)}",
                "not records",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}",
                "two dimensions",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1)}",
                "two dimensions",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4)}",
                "invalid digit",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 0)}",
                "from 1 to",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 65537)}",
                "from 1 to",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (18446744073709551615, 65536)}",
                "promises",
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1)}",
                "promises 2 rows",
            ),
            ("{'descr': '<f4', 'fortran_order': False}", "lacks"),
            ("{'descr': '<f4', 'x': 1}", "unknown key"),
            ("{'descr", "not a dictionary"),
            ("{'descr}", "does not end"),
            ("[]", "not a dictionary"),
        ];
        for (header, part) in cases {
            let error = format!("{:#}", read(&file(1, header, &[0; 4])).unwrap_err());
            assert!(error.contains(part), "{header}: {error}");
        }
    }

    #[test]
    fn refuses_what_is_no_header() {
        let long = " ".repeat(HEADER_BYTES_MAX + 1);
        assert!(
            read(&file(2, &long, &[]))
                .unwrap_err()
                .to_string()
                .contains("too long")
        );
        let mut huge = file(2, "", &[]);
        huge.truncate(8);
        huge.extend([0xff; 4]);
        assert!(read(&huge).unwrap_err().to_string().contains("too long"));
        for bytes in [
            b"".as_slice(),
            b"PK\x03\x04 and more",
            b"\x93NUMPY\x01\x00",
            b"\x93NUMPY\x03\x00\x00\x00\x00\x00",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
    }
}
