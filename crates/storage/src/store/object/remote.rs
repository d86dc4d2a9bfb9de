//! The object store behind calls that wait: a small runtime of its own runs the requests, and the caller's thread waits
//! on a channel. So any thread may call, also one that belongs to another runtime.
//!
//! INVARIANT: every call ends, in at most a few times its limit, whatever the other side does.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::try_join_all;
use object_store::path::Path;
use object_store::{Error as Failure, GetOptions, GetRange, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::Error;

/// How often a request that can be repeated without harm is begun.
const ATTEMPTS: usize = 2;
/// Bytes that are moved by one request of a large transfer, and how many are under way at once.
pub(super) const PART_BYTES: u64 = 8 << 20;
const PARTS_AT_ONCE: usize = 4;
/// S3 takes at most 10,000 parts.
const MAX_PARTS: u64 = 9_000;
const BYTES_PER_S: u64 = 1 << 20;

/// A bucket's part below a prefix, with the runtime that talks to it.
#[derive(Debug)]
pub(super) struct Remote {
    store: Arc<dyn object_store::ObjectStore>,
    /// Where it is, for errors.
    place: String,
    prefix: String,
    timeout: Duration,
    handle: Handle,
    /// Only `None` while it is dropped.
    runtime: Option<Runtime>,
}

/// What a look at an object brings.
pub(super) enum Look {
    Small(Vec<u8>),
    Large(Version),
}

/// One state of an object that is too large to be held in memory.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) size: u64,
    /// What the service calls it; changes when the object does.
    pub(super) tag: String,
}

impl Remote {
    pub(super) fn new(
        store: Arc<dyn object_store::ObjectStore>,
        place: String,
        prefix: String,
        timeout: Duration,
    ) -> Result<Remote, Error> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("kindred-cloud")
            .enable_all()
            .build()
            .map_err(|source| Error::io(&place, source))?;
        let handle = runtime.handle().clone();
        Ok(Remote {
            store,
            place,
            prefix,
            timeout,
            handle,
            runtime: Some(runtime),
        })
    }

    /// Creates if absent. Told "exists", the object may be absent after all (409), or be ours (a repeated request).
    pub(super) fn create(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        let (store, path) = self.target(name)?;
        let limit = self.limit(bytes.len());
        let payload = PutPayload::from(bytes);
        let options = PutOptions::from(PutMode::Create);
        match self.run(
            limit,
            async move { store.put_opts(&path, payload, options).await },
        ) {
            Ok(_) => Ok(()),
            Err(Failure::AlreadyExists { .. } | Failure::Precondition { .. }) => Err(Error::exists(name)),
            Err(failure) => Err(self.failed(name, failure)),
        }
    }

    /// Reads a part; what of it is beyond the end is not there.
    pub(super) fn read(&self, name: &str, from: u64, until: u64) -> Result<Vec<u8>, Error> {
        if until <= from {
            return self.size(name).map(|_| Vec::new());
        }
        // The largest range that every service can write down.
        let range = if until > u64::from(u32::MAX) << 20 {
            GetRange::Offset(from)
        } else {
            GetRange::Bounded(from..until)
        };
        let (store, path) = self.target(name)?;
        let limit = self.limit(usize::try_from(until - from).unwrap_or(usize::MAX).min(1 << 30));
        let found = self.repeat(limit, || {
            let (store, path) = (Arc::clone(&store), path.clone());
            let options = GetOptions {
                range: Some(range.clone()),
                ..GetOptions::default()
            };
            async move { store.get_opts(&path, options).await?.bytes().await }
        });
        match found {
            Ok(bytes) => Ok(bytes.into()),
            Err(failure @ Failure::NotFound { .. }) => Err(self.absent(name, failure)),
            // Beyond the end services answer with an error (416): ask how long it is.
            Err(failure) => match self.size(name) {
                Ok(size) if from >= size => Ok(Vec::new()),
                Err(error @ Error::NotFound { .. }) => Err(error),
                Ok(_) | Err(_) => Err(self.failed(name, failure)),
            },
        }
    }

    /// Reads the whole object if it has less than `small` bytes, else only says what is there.
    pub(super) fn look(&self, name: &str, small: u64) -> Result<Look, Error> {
        let (store, path) = self.target(name)?;
        let found = self.repeat(self.timeout, || {
            let (store, path) = (Arc::clone(&store), path.clone());
            async move {
                let found = store.get_opts(&path, GetOptions::default()).await?;
                if found.meta.size < small {
                    return Ok(Look::Small(found.bytes().await?.into()));
                }
                let meta = &found.meta;
                let tag = meta
                    .e_tag
                    .clone()
                    .unwrap_or_else(|| meta.last_modified.to_string());
                Ok(Look::Large(Version { size: meta.size, tag }))
            }
        });
        found.map_err(|failure| self.absent(name, failure))
    }

    /// Writes the object's bytes to `out`, in order, a few parts at a time.
    pub(super) fn download(&self, name: &str, size: u64, out: &mut File) -> Result<(), Error> {
        let (store, path) = self.target(name)?;
        let mut from = 0;
        while from < size {
            let mut ranges = Vec::with_capacity(PARTS_AT_ONCE);
            while from < size && ranges.len() < PARTS_AT_ONCE {
                let until = size.min(from + PART_BYTES);
                ranges.push(from..until);
                from = until;
            }
            let bytes = usize::try_from(PART_BYTES).unwrap_or(usize::MAX);
            let limit = self.limit(bytes.saturating_mul(PARTS_AT_ONCE));
            let parts = self.repeat(limit, || {
                let parts = ranges.iter().cloned().map(|range| {
                    let (store, path) = (Arc::clone(&store), path.clone());
                    async move { store.get_range(&path, range).await }
                });
                try_join_all(parts.collect::<Vec<_>>())
            });
            for part in parts.map_err(|failure| self.absent(name, failure))? {
                out.write_all(&part).map_err(|source| Error::io(name, source))?;
            }
        }
        Ok(())
    }

    /// Creates a large object from a file's `size` bytes. Only for names that one writer alone ever uses: services do
    /// not refuse the end of an upload in parts when the object exists, so that is looked up before it begins.
    pub(super) fn upload(&self, name: &str, file: &mut File, size: u64) -> Result<(), Error> {
        match self.size(name) {
            Ok(_) => return Err(Error::exists(name)),
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        let (store, path) = self.target(name)?;
        let begun = self.run(self.timeout, async move { store.put_multipart(&path).await });
        let mut upload = begun.map_err(|failure| self.failed(name, failure))?;
        let ended = self.send_parts(name, file, size, upload.as_mut());
        if let Err(error) = ended {
            // What cannot be aborted is left to the bucket's own rule for unfinished uploads.
            self.run(self.timeout, async move { upload.abort().await }).ok();
            return Err(error);
        }
        // Joining the parts takes services up to minutes for the largest objects.
        let limit = self.limit(usize::try_from(size / 16).unwrap_or(usize::MAX));
        match self.run(limit, async move { upload.complete().await }) {
            Ok(_) => Ok(()),
            // The answer may have got lost. Nobody else writes this name, so the right size means that it is ours.
            Err(failure) => match self.size(name) {
                Ok(found) if found == size => Ok(()),
                Ok(_) | Err(_) => Err(self.failed(name, failure)),
            },
        }
    }

    fn send_parts(
        &self,
        name: &str,
        file: &mut File,
        size: u64,
        upload: &mut dyn object_store::MultipartUpload,
    ) -> Result<(), Error> {
        let part_bytes = PART_BYTES.max(size.div_ceil(MAX_PARTS).next_multiple_of(1 << 20));
        let at_once = if part_bytes > PART_BYTES { 1 } else { PARTS_AT_ONCE };
        let mut left = size;
        while left > 0 {
            let mut parts = Vec::with_capacity(at_once);
            let mut moved = 0;
            while left > 0 && parts.len() < at_once {
                let mut part = Vec::new();
                let wanted = part_bytes.min(left);
                file.take(wanted)
                    .read_to_end(&mut part)
                    .map_err(|source| Error::io(name, source))?;
                if part.len() as u64 != wanted {
                    return Err(Error::io(name, io::ErrorKind::UnexpectedEof.into()));
                }
                left -= wanted;
                moved += part.len();
                parts.push(upload.put_part(part.into()));
            }
            self.run(self.limit(moved), try_join_all(parts))
                .map_err(|failure| self.failed(name, failure))?;
        }
        Ok(())
    }

    /// The object's size in bytes.
    pub(super) fn size(&self, name: &str) -> Result<u64, Error> {
        self.version(name).map(|version| version.size)
    }

    /// What is there, without reading it.
    pub(super) fn version(&self, name: &str) -> Result<Version, Error> {
        let (store, path) = self.target(name)?;
        let found = self.repeat(self.timeout, || {
            let (store, path) = (Arc::clone(&store), path.clone());
            async move { store.head(&path).await }
        });
        let meta = found.map_err(|failure| self.absent(name, failure))?;
        let tag = meta.e_tag.unwrap_or_else(|| meta.last_modified.to_string());
        Ok(Version { size: meta.size, tag })
    }

    /// All keys below the store's prefix and `prefix`, without the former, unsorted; also those of strangers.
    pub(super) fn keys(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let root = format!("{}{prefix}", self.prefix);
        let below = Path::parse(&root).map_err(|_| Error::BadName { name: root.clone() })?;
        let timeout = self.timeout;
        // Pages without end would need names without end; the limit of a call is for each page.
        let listed = self.repeat(Duration::from_secs(3600), || {
            let store = Arc::clone(&self.store);
            let below = below.clone();
            async move {
                let mut pages = store
                    .list((!below.as_ref().is_empty()).then_some(&below))
                    .ready_chunks(1000);
                let mut keys = Vec::new();
                while let Some(page) = within(timeout, async { Ok(pages.next().await) }).await? {
                    for meta in page {
                        keys.push(String::from(meta?.location));
                    }
                }
                Ok(keys)
            }
        });
        let keys = listed
            .map_err(|failure| self.failed(if prefix.is_empty() { &self.place } else { prefix }, failure))?;
        // A key that is the prefix itself is a marker some tools leave.
        let strip = |key: String| key.strip_prefix(&self.prefix).map(str::to_owned);
        Ok(keys.into_iter().filter_map(strip).collect())
    }

    pub(super) fn delete(&self, name: &str) -> Result<(), Error> {
        let (store, path) = self.target(name)?;
        let gone = self.repeat(self.timeout, || {
            let (store, path) = (Arc::clone(&store), path.clone());
            async move { store.delete(&path).await }
        });
        match gone {
            Ok(()) | Err(Failure::NotFound { .. }) => Ok(()),
            Err(failure) => Err(self.failed(name, failure)),
        }
    }

    fn target(&self, name: &str) -> Result<(Arc<dyn object_store::ObjectStore>, Path), Error> {
        let key = format!("{}{name}", self.prefix);
        let path = Path::parse(&key).map_err(|_| Error::BadName { name: key })?;
        Ok((Arc::clone(&self.store), path))
    }

    /// Time for a request that moves so many bytes.
    fn limit(&self, bytes: usize) -> Duration {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.timeout
            .saturating_add(Duration::from_secs(bytes / BYTES_PER_S))
    }

    fn run<T, F>(&self, limit: Duration, task: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.handle.spawn(async move {
            // Nobody is gone: the other end waits below.
            sender.send(within(limit, task).await).ok();
        });
        receiver.recv().unwrap_or_else(|_| {
            Err(own_failure(io::Error::other(
                "the request ended without an answer",
            )))
        })
    }

    /// As `run`, for what may be done twice.
    fn repeat<T, F>(&self, limit: Duration, task: impl Fn() -> F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let mut attempts = 1;
        loop {
            match self.run(limit, task()) {
                Err(failure) if attempts < ATTEMPTS && is_worth_repeating(&failure) => attempts += 1,
                ended => return ended,
            }
        }
    }

    fn absent(&self, name: &str, failure: Failure) -> Error {
        if matches!(failure, Failure::NotFound { .. }) {
            Error::not_found(name)
        } else {
            self.failed(name, failure)
        }
    }

    fn failed(&self, object: &str, failure: Failure) -> Error {
        let kind = if matches!(
            failure,
            Failure::PermissionDenied { .. } | Failure::Unauthenticated { .. }
        ) {
            io::ErrorKind::PermissionDenied
        } else if matches!(failure, Failure::NotFound { .. }) {
            io::ErrorKind::NotFound
        } else if is_timeout(&failure) {
            io::ErrorKind::TimedOut
        } else if matches!(failure, Failure::Generic { .. }) {
            // No connection, or 5xx after all retries: later it may be served.
            io::ErrorKind::NotConnected
        } else {
            io::ErrorKind::Other
        };
        let place = self.place.clone();
        Error::io(object, io::Error::new(kind, Unserved { place, failure }))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // Does not wait, which a thread of another runtime must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A request that was not served, with where it went.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {failure}")]
struct Unserved {
    place: String,
    #[source]
    failure: Failure,
}

async fn within<T>(limit: Duration, task: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match tokio::time::timeout(limit, task).await {
        Ok(ended) => ended,
        Err(_) => {
            let why = format!("no answer within {} s", limit.as_secs_f32());
            Err(own_failure(io::Error::new(io::ErrorKind::TimedOut, why)))
        }
    }
}

fn own_failure(source: io::Error) -> Failure {
    Failure::Generic {
        store: "kindred",
        source: Box::new(source),
    }
}

fn is_timeout(failure: &Failure) -> bool {
    let Failure::Generic { source, .. } = failure else {
        return false;
    };
    source
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
}

/// Not what the service has answered for good.
fn is_worth_repeating(failure: &Failure) -> bool {
    !matches!(
        failure,
        Failure::NotFound { .. }
            | Failure::AlreadyExists { .. }
            | Failure::Precondition { .. }
            | Failure::PermissionDenied { .. }
            | Failure::Unauthenticated { .. }
            | Failure::NotImplemented { .. }
            | Failure::NotSupported { .. }
    )
}
