//! Reads JSON objects, one a line, from a file that may be compressed with zstd. Used by `import`.
//! Lines have a limit, so that a file without line ends does not fill the memory.

use anyhow::{Context, Result, bail};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Longest line, in bytes: what a request body may hold.
const LINE_BYTES_MAX: usize = kindred_model::limits::BODY_BYTES_MAX;
/// The first bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The objects of a file, with the number of their line counted from 1.
pub(crate) struct Lines {
    input: Box<dyn BufRead>,
    line: u64,
    buffer: Vec<u8>,
}

impl Lines {
    /// Opens a file; compression is recognised by the content, not by the name.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let open = || -> io::Result<Self> {
            let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
            let is_zstd = file.fill_buf()?.starts_with(&ZSTD_MAGIC);
            Ok(if is_zstd {
                Self::new(BufReader::new(Frames {
                    state: State::Between(file),
                }))
            } else {
                Self::new(file)
            })
        };
        open().with_context(|| format!("cannot read {}", path.display()))
    }

    fn new(input: impl BufRead + 'static) -> Self {
        Self {
            input: Box::new(input),
            line: 0,
            buffer: Vec::new(),
        }
    }

    /// The next object with its line; blank lines are passed over.
    pub(crate) fn next_object(&mut self) -> Result<Option<(u64, Map<String, Value>)>> {
        loop {
            self.buffer.clear();
            let limit = u64::try_from(LINE_BYTES_MAX)? + 1;
            let read = self
                .input
                .by_ref()
                .take(limit)
                .read_until(b'\n', &mut self.buffer)?;
            if read == 0 {
                return Ok(None);
            }
            self.line += 1;
            if self.buffer.len() > LINE_BYTES_MAX {
                bail!("line {} is longer than {LINE_BYTES_MAX} bytes", self.line);
            }
            if self.buffer.trim_ascii().is_empty() {
                continue;
            }
            let object = serde_json::from_slice(&self.buffer);
            let object = object.with_context(|| format!("line {} is not a JSON object", self.line))?;
            return Ok(Some((self.line, object)));
        }
    }

    /// The length of the line read last, in bytes.
    pub(crate) fn line_bytes(&self) -> usize {
        self.buffer.len()
    }
}

/// The content of zstd frames that follow each other in one file.
struct Frames<R: Read> {
    state: State<R>,
}

enum State<R: Read> {
    Inside(Box<StreamingDecoder<R, FrameDecoder>>),
    Between(R),
    Broken,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.state, State::Broken) {
                State::Inside(mut decoder) => {
                    let read = decoder.read(out)?;
                    if read > 0 || out.is_empty() {
                        self.state = State::Inside(decoder);
                        return Ok(read);
                    }
                    self.state = State::Between(decoder.into_inner());
                }
                State::Between(mut input) => {
                    if input.fill_buf()?.is_empty() {
                        self.state = State::Between(input);
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(input).map_err(io::Error::other)?;
                    self.state = State::Inside(Box::new(decoder));
                }
                State::Broken => return Err(io::Error::other("the compressed file is damaged")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn check(content: &[u8], want: Result<&[(u64, &str)], &str>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        std::fs::write(&path, content).unwrap();
        let read = || -> Result<Vec<(u64, String)>> {
            let mut lines = Lines::open(&path)?;
            let mut found = Vec::new();
            while let Some((line, object)) = lines.next_object()? {
                found.push((line, Value::Object(object).to_string()));
            }
            Ok(found)
        };
        match (read(), want) {
            (Ok(found), Ok(want)) => {
                let found: Vec<(u64, &str)> =
                    found.iter().map(|(line, text)| (*line, text.as_str())).collect();
                assert_eq!(found, want);
            }
            (Err(error), Err(part)) => assert!(format!("{error:#}").contains(part), "{error:#}"),
            (found, want) => panic!("found {found:?}, want {want:?}"),
        }
    }

    #[test]
    fn plain_and_compressed_lines() {
        let text = b"{\"a\":1}\n\n  {\"b\":2}";
        let want: &[(u64, &str)] = &[(1, "{\"a\":1}"), (3, "{\"b\":2}")];
        check(text, Ok(want));
        check(
            &compress_to_vec(text.as_slice(), CompressionLevel::Fastest),
            Ok(want),
        );
        let (first, second) = text.split_at(9);
        let frames = [first, second].map(|part| compress_to_vec(part, CompressionLevel::Fastest));
        check(&frames.concat(), Ok(want));
        check(b"", Ok(&[]));
    }

    #[test]
    fn damage_is_an_error() {
        check(b"{\"a\":1}\n[1]\n", Err("line 2 is not a JSON object"));
        check(b"{\"a\":1", Err("line 1 is not a JSON object"));
        let mut cut = compress_to_vec(b"{\"a\":1}\n".repeat(100).as_slice(), CompressionLevel::Fastest);
        cut.truncate(cut.len() / 2);
        check(&cut, Err(""));
    }
}
