//! Read-only memory maps of the files of a local store: the only unsafe code of this crate. Used by `Object`.
//!
//! INVARIANT: only files are mapped that nobody of ours writes any more: those that a [`LocalStore`](super::LocalStore)
//! has linked under an object's name, snapshot files that are finished, and copies of objects in a cache folder, which
//! are only ever replaced whole.

#![expect(
    unsafe_code,
    reason = "a file cannot be mapped without: it is on the caller that nobody changes it"
)]

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};

use memmap2::Mmap;

/// What a reader is going to do with a part of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// All of it will be read soon: fetch it now, in the background.
    WillNeed,
    /// Small parts here and there will be read: fetch nothing beyond them.
    Random,
}

/// A whole file, mapped. It outlives the file's name and handle.
#[derive(Debug)]
pub(crate) struct Map(Mmap);

impl Map {
    /// The file must be that of an object, and not empty.
    pub(crate) fn open(file: &File) -> io::Result<Map> {
        // SAFETY: the bytes of a map must not change, nor its file be cut, while it is read. The file is an object:
        // it got its name when its bytes were complete, no code of ours opens it for writing after that (objects are
        // immutable), a delete only unlinks it, which leaves the mapped bytes alone, and the lock on the folder keeps
        // other processes of ours away. A stranger who cuts or rewrites files of an open store is out of scope: the
        // process would be ended by SIGBUS or see a checksum fail.
        let map = unsafe { Mmap::map(file) }?;
        Ok(Map(map))
    }

    /// A hint about part of the map; what the system does not know or want is no failure.
    pub(super) fn advise(&self, advice: Advice, range: Range<usize>) {
        #[cfg(unix)]
        {
            let advice = match advice {
                Advice::WillNeed => memmap2::Advice::WillNeed,
                Advice::Random => memmap2::Advice::Random,
            };
            self.0.advise_range(advice, range.start, range.len()).ok();
        }
        #[cfg(not(unix))]
        {
            let _unused = (advice, range);
        }
    }
}

impl Deref for Map {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
