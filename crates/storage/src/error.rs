//! What can go wrong with stored bytes; every variant names the object it happened to. Used by all of this crate and
//! mapped by the engine: a variant exists only where a caller acts differently.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A failure of the store or of what is kept in it. Cheap to clone, so that a poisoned writer can repeat it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The operating system or the network failed. After a create the object may or may not be there.
    #[error("{object}: {source}")]
    Io {
        /// The object, or the folder when the store itself could not be opened.
        object: String,
        /// The failure below.
        source: Arc<io::Error>,
    },
    /// The object is there, and its bytes cannot be what was written.
    #[error("{object} is damaged at byte {offset}: {flaw}")]
    Corrupt {
        /// The object.
        object: String,
        /// Bytes from its start to the first thing that is known to be wrong.
        offset: u64,
        /// What is wrong there.
        flaw: Flaw,
    },
    /// The object was written by a newer program.
    #[error("{object} has format version {found}, this program reads up to {supported}: use a newer program")]
    Version {
        /// The object.
        object: String,
        /// Its major format version.
        found: u16,
        /// The newest major format version that this program knows.
        supported: u16,
    },
    /// Another process, or another store in this one, has the folder open.
    #[error("the folder {folder} is in use by another process")]
    Locked {
        /// The folder as it was given.
        folder: String,
    },
    /// No room on the device, or over the quota. The object is certainly not there.
    #[error("no space left for {object}: {source}")]
    Full {
        /// The object that was not written.
        object: String,
        /// The failure below.
        source: Arc<io::Error>,
    },
    /// Create-if-absent lost: an object of that name was there first.
    #[error("{object} exists already")]
    Exists {
        /// The object.
        object: String,
    },
    /// There is no such object.
    #[error("{object} does not exist")]
    NotFound {
        /// The object.
        object: String,
    },
    /// Another writer has taken over: this one must stop, and what it had in flight was not written by it.
    #[error("another writer has taken over: found at {object}")]
    Fenced {
        /// The slot or the manifest in which the other writer was found.
        object: String,
    },
    /// More bytes than one object of this kind may have. Nothing was written.
    #[error("{object} would have {size_bytes} bytes, the limit is {limit_bytes}")]
    TooLarge {
        /// The object that was not written.
        object: String,
        /// The size that it would have.
        size_bytes: u64,
        /// The size that it may have.
        limit_bytes: u64,
    },
    /// What is to become a store holds something else already. None of it was touched.
    #[error("the folder holds `{found}` but no STORE: it is not a Kindred database")]
    Foreign {
        /// One of the files or objects that are there, by its path in the folder.
        found: String,
    },
    /// The name is outside the grammar of object names.
    #[error("{name:?} cannot name an object")]
    BadName {
        /// The name as it was given.
        name: String,
    },
}

impl Error {
    /// Sorts a failure of the operating system: a full device or quota is [`Error::Full`], all else [`Error::Io`].
    pub fn io(object: &str, source: io::Error) -> Error {
        let is_full = matches!(
            source.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let (object, source) = (object.to_owned(), Arc::new(source));
        if is_full {
            Error::Full { object, source }
        } else {
            Error::Io { object, source }
        }
    }

    /// An [`Error::Corrupt`]; for readers of bytes kept here whose format belongs to a higher floor, too.
    pub fn corrupt(object: &str, offset: u64, flaw: Flaw) -> Error {
        Error::Corrupt {
            object: object.to_owned(),
            offset,
            flaw,
        }
    }

    pub(crate) fn exists(object: &str) -> Error {
        Error::Exists {
            object: object.to_owned(),
        }
    }

    pub(crate) fn not_found(object: &str) -> Error {
        Error::NotFound {
            object: object.to_owned(),
        }
    }

    pub(crate) fn fenced(object: &str) -> Error {
        Error::Fenced {
            object: object.to_owned(),
        }
    }
}

/// What is wrong with a damaged object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The first bytes are not those of this kind of object.
    Magic,
    /// The stored checksum is not that of the bytes.
    Checksum,
    /// It ends before its own lengths say so.
    Short,
    /// It goes on after its own lengths say that it ends.
    Trailing,
    /// A stored length is over the limit for it.
    Length,
    /// A field has a value that no writer writes; the text names the field.
    Value(&'static str),
    /// The records do not continue where those before them end.
    Gap {
        /// The lsn that had to come next.
        expected: u64,
        /// The lsn that came.
        found: u64,
    },
    /// The whole object is gone, though its neighbours prove that it was written.
    Missing,
    /// A seal stands before slots that hold batches.
    Seal,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Magic => f.write_str("it does not begin as an object of this kind"),
            Flaw::Checksum => f.write_str("the checksum does not match"),
            Flaw::Short => f.write_str("it ends too early"),
            Flaw::Trailing => f.write_str("it goes on after its end"),
            Flaw::Length => f.write_str("a length is over its limit"),
            Flaw::Value(field) => write!(f, "the value of {field} is impossible"),
            Flaw::Gap { expected, found } => write!(f, "lsn {expected} is missing, lsn {found} follows"),
            Flaw::Missing => f.write_str("it is missing"),
            Flaw::Seal => f.write_str("a seal stands before written slots"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn a_full_device_is_told_from_other_failures_and_the_source_is_kept() {
        for (kind, is_full) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::QuotaExceeded, true),
            (io::ErrorKind::PermissionDenied, false),
            (io::ErrorKind::FileTooLarge, false),
        ] {
            let error = Error::io("a/b", io::Error::new(kind, "below"));
            assert_eq!(matches!(error, Error::Full { .. }), is_full, "{kind:?}");
            assert!(error.to_string().contains("a/b"), "{error}");
            assert_eq!(error.source().expect("kept").to_string(), "below");
        }
    }

    #[test]
    fn damage_names_object_and_offset() {
        let text = Error::corrupt(
            "log/1/2",
            68,
            Flaw::Gap {
                expected: 7,
                found: 9,
            },
        )
        .to_string();
        assert_eq!(
            text,
            "log/1/2 is damaged at byte 68: lsn 7 is missing, lsn 9 follows"
        );
    }
}
