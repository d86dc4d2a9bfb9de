//! Temporary files: where an object is written before it gets its name.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::Error;

const BUFFER_BYTES: usize = 256 << 10;

/// A temporary file, removed when dropped: after a link the object lives on under its final name.
pub(super) struct Temp {
    path: PathBuf,
    pub(super) file: File,
}

impl Temp {
    pub(super) fn create(path: PathBuf) -> io::Result<Temp> {
        let file = File::create_new(&path)?;
        Ok(Temp { path, file })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the bytes of the object `name`.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let written = (&self.file).write_all(bytes);
        written.map_err(|source| Error::io(name, source))
    }

    /// Fills the file with what `write` writes, of the object `name`.
    pub(super) fn fill(
        &self,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut sink = Sink {
            out: BufWriter::with_capacity(BUFFER_BYTES, &self.file),
            failure: None,
        };
        write(&mut sink)?;
        sink.flush().map_err(|source| Error::io(name, source))
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        // What cannot be removed now is swept at the next opening.
        fs::remove_file(&self.path).ok();
    }
}

/// Repeats the first failure for ever, so that no object lacks bytes because its writer has overlooked it.
struct Sink<'a> {
    out: BufWriter<&'a File>,
    failure: Option<io::ErrorKind>,
}

impl<'a> Sink<'a> {
    fn run<T>(&mut self, act: impl FnOnce(&mut BufWriter<&'a File>) -> io::Result<T>) -> io::Result<T> {
        if let Some(kind) = self.failure {
            return Err(kind.into());
        }
        let result = act(&mut self.out);
        self.failure = result.as_ref().err().map(io::Error::kind);
        if self.failure == Some(io::ErrorKind::Interrupted) {
            // A call to be made again.
            self.failure = None;
        }
        result
    }
}

impl Write for Sink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.run(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.run(BufWriter::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device that is always full stands for one that is full for once.
    #[cfg(target_os = "linux")]
    #[test]
    fn an_overlooked_failure_is_not_forgotten() {
        let full = Temp {
            path: PathBuf::new(),
            file: fs::OpenOptions::new().write(true).open("/dev/full").unwrap(),
        };
        for sizes in [&[1][..], &[BUFFER_BYTES * 2], &[1, BUFFER_BYTES, 0]] {
            let filled = full.fill("x", &mut |out| {
                for size in sizes {
                    out.write_all(&vec![7; *size]).ok();
                }
                Ok(())
            });
            assert!(matches!(filled, Err(Error::Full { .. })), "{sizes:?}: {filled:?}");
        }
        full.fill("x", &mut |_| Ok(())).unwrap();
    }
}
