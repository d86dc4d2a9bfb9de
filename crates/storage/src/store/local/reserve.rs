//! The reserve of a local store: a file of 64 MiB that is given back when the device is full, so that what frees space can
//! still be written (a checkpoint, a catalog without the dropped collection, a batch that only deletes).
//!
//! INVARIANT: an ordinary create begins only while the reserve is there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use parking_lot::Mutex;

/// The name of the file in the store's own directory.
pub(super) const NAME: &str = "reserve";

/// As much as the largest batch of the log.
const RESERVE_BYTES: u64 = 64 << 20;

/// Gives a file blocks on the device for its first so many bytes, and that length.
pub(super) type AllocateFn = fn(&File, u64) -> io::Result<()>;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    allocate: AllocateFn,
    /// Whether this opening has made sure that it is there.
    is_kept: Mutex<bool>,
}

impl Reserve {
    /// Touches nothing: a folder that is not a store gets no reserve.
    pub(super) fn new(path: PathBuf, allocate: AllocateFn) -> Reserve {
        let is_kept = Mutex::new(false);
        Reserve {
            path,
            allocate,
            is_kept,
        }
    }

    /// Makes the reserve unless it is there. A device without room for it is as good as full.
    pub(super) fn keep(&self) -> io::Result<()> {
        let mut is_kept = self.is_kept.lock();
        if !*is_kept {
            let mut open = OpenOptions::new();
            // What an earlier opening left is completed: it may be shorter, or a copy without blocks.
            let file = open.write(true).create(true).truncate(false).open(&self.path)?;
            if let Err(source) = (self.allocate)(&file, RESERVE_BYTES) {
                fs::remove_file(&self.path).ok();
                return Err(source);
            }
            *is_kept = true;
        }
        Ok(())
    }

    /// Gives the space back to the device until the next `keep`; says whether there was any.
    pub(super) fn release(&self) -> bool {
        let mut is_kept = self.is_kept.lock();
        *is_kept = false;
        let Ok(file) = OpenOptions::new().write(true).open(&self.path) else {
            return false;
        };
        // A journaling file system hands freed blocks out again only when it has noted durably that they are free.
        file.set_len(0).and_then(|()| file.sync_all()).ok();
        drop(file);
        fs::remove_file(&self.path).is_ok()
    }
}

/// Instant where the file system can allocate without writing, else writes zeros.
pub(super) fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{FallocateFlags, fallocate};
        use rustix::io::Errno;
        match fallocate(file, FallocateFlags::empty(), 0, bytes) {
            Ok(()) => return Ok(()),
            // This file system cannot, or this kernel.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
            Err(source) => return Err(source.into()),
        }
    }
    write_zeros(file, bytes)
}

/// Completes the file with zeros; one that is long enough is believed.
fn write_zeros(mut file: &File, bytes: u64) -> io::Result<()> {
    if file.metadata()?.len() >= bytes {
        return Ok(());
    }
    // From the start, for a shorter one is what a crash left.
    let zeros = vec![0; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).map_or(zeros.len(), |left| left.min(zeros.len()));
        let part = zeros.get(..count).unwrap_or_default();
        file.write_all(part)?;
        left = left.saturating_sub(1 << 20);
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(folder: &tempfile::TempDir, allocate: AllocateFn) -> Reserve {
        Reserve::new(folder.path().join(NAME), allocate)
    }

    #[test]
    fn it_is_made_completed_and_given_back() {
        for allocate in [allocate as AllocateFn, write_zeros] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(NAME);
            let kept = reserve(&folder, allocate);
            assert!(!kept.release(), "there is none yet");
            fs::write(&path, b"cut").unwrap();
            for _ in 0..2 {
                kept.keep().unwrap();
                assert_eq!(path.metadata().unwrap().len(), RESERVE_BYTES);
                #[cfg(unix)]
                {
                    use std::os::unix::fs::MetadataExt;
                    let blocks = path.metadata().unwrap().blocks();
                    assert!(blocks * 512 >= RESERVE_BYTES, "{blocks} blocks of 512 bytes");
                }
            }
            assert!(
                reserve(&folder, allocate).release(),
                "also that of an earlier opening"
            );
            assert!(!path.exists());
            assert!(!kept.release());
            kept.keep().unwrap();
            assert!(path.exists(), "made again");
        }
    }

    #[test]
    fn what_could_be_had_of_it_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let kept = reserve(&folder, |file, _| {
            file.set_len(10)?;
            Err(io::ErrorKind::StorageFull.into())
        });
        for _ in 0..2 {
            assert_eq!(kept.keep().unwrap_err().kind(), io::ErrorKind::StorageFull);
            assert!(!folder.path().join(NAME).exists());
        }
    }
}
