//! Why an operation failed. A kind exists only if the caller would act differently.

use std::fmt;
use std::io;

use kindred_model::error::Invalid;
use kindred_model::id::PointId;

/// A failed operation. `Display` gives the reason alone; the doors add what their wire puts in front of it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    text: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What the caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Correct a value that lies outside its limits.
    InvalidValues,
    /// Correct an input that contradicts the collection.
    InvalidInput,
    /// Correct a request whose parts do not go together.
    InvalidRequest,
    /// Name something that exists.
    NotFound,
    /// Name something that this caller may use.
    Forbidden,
    /// Fetch the bytes again: they are not those that were announced.
    Mismatch,
    /// Choose another name.
    AlreadyExists,
    /// Ask for less, or wait longer.
    Timeout,
    /// Nothing: nobody waits for the answer any more.
    Cancelled,
    /// Try again later: another process has the database, or the collection's writer has stopped.
    Busy,
    /// Make room in the store.
    Full,
    /// Repair what is stored.
    Corrupt,
    /// Report it.
    Internal,
}

impl Error {
    /// An error of this kind for this reason.
    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self {
            kind,
            text: text.into(),
            source: None,
        }
    }

    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether what failed to be committed may be there all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        !matches!(
            self.kind,
            ErrorKind::Full | ErrorKind::InvalidInput | ErrorKind::AlreadyExists
        )
    }

    pub(crate) fn no_collection(name: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("Collection `{name}` doesn't exist!"))
    }

    pub(crate) fn no_lookup_collection(name: &str) -> Self {
        Self::new(ErrorKind::NotFound, format!("Collection {name} not found"))
    }

    pub(crate) fn no_point(id: PointId) -> Self {
        Self::new(ErrorKind::NotFound, format!("No point with id {id} found"))
    }

    pub(crate) fn no_vector_name(name: &str) -> Self {
        Self::new(
            ErrorKind::InvalidInput,
            format!("Not existing vector name error: {name}"),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        let kind = match &invalid {
            Invalid::Values(_) => ErrorKind::InvalidValues,
            Invalid::Input(_) => ErrorKind::InvalidInput,
            Invalid::Request(_) => ErrorKind::InvalidRequest,
        };
        Self::new(kind, invalid.to_string())
    }
}

impl From<kindred_storage::Error> for Error {
    fn from(error: kindred_storage::Error) -> Self {
        use kindred_storage::Error as Storage;
        let kind = match &error {
            Storage::Locked { .. } | Storage::Fenced { .. } | Storage::Exists { .. } => ErrorKind::Busy,
            Storage::Full { .. } => ErrorKind::Full,
            Storage::Corrupt { .. } | Storage::Version { .. } | Storage::NotFound { .. } => {
                ErrorKind::Corrupt
            }
            Storage::TooLarge { .. } | Storage::Foreign { .. } => ErrorKind::InvalidInput,
            // The store cannot be reached at the moment.
            Storage::Io { source, .. }
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotConnected | io::ErrorKind::TimedOut
                ) =>
            {
                ErrorKind::Busy
            }
            Storage::Io { .. } | Storage::BadName { .. } => ErrorKind::Internal,
        };
        // The name of an object says nothing to somebody whose change is too large.
        let text = if let Storage::TooLarge {
            size_bytes,
            limit_bytes,
            ..
        } = &error
        {
            format!(
                "the change takes {size_bytes} bytes in the log, which takes {limit_bytes} at once: send it in parts"
            )
        } else {
            error.to_string()
        };
        Self {
            kind,
            text,
            source: Some(Box::new(error)),
        }
    }
}
