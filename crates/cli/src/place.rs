//! Where a database lives: a folder, or a prefix of a bucket in object storage. Used by the commands that open one.

use anyhow::{Context, Result, bail};
use clap::Args;
#[cfg(feature = "cloud")]
use kindred::{CloudOptions, Env, ObjectStore};
use kindred::{Database, Durability, Tuning};
use std::fmt;
use std::path::{Path, PathBuf};
#[cfg(feature = "cloud")]
use std::sync::Arc;

use crate::settings::{Opening, Storage};

const DEFAULT_FOLDER: &str = "./storage";

/// The options that say where the database lives.
#[derive(Debug, Default, Args)]
pub(crate) struct PlaceArgs {
    /// The data: a folder, made when absent, or s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX
    /// [default: ./storage]
    #[arg(long, value_name = "PLACE")]
    storage: Option<String>,
    /// Object storage: a folder for copies of large objects, which may be removed at any time when nothing runs
    /// [default: kindred in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Object storage: the URL of a service that is not the provider's own
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Object storage: the region of the bucket
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Object storage: let the endpoint be http://, so that all but the keys crosses the network readable
    #[arg(long)]
    allow_http: bool,
}

/// Where a database lives.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    Folder(PathBuf),
    #[cfg(feature = "cloud")]
    Cloud {
        url: String,
        options: CloudOptions,
    },
}

impl PlaceArgs {
    /// The place, where what is not an option comes from the settings.
    pub(crate) fn place(self, settings: &Storage) -> Result<Place> {
        let text = self
            .storage
            .or_else(|| settings.storage_path.clone())
            .unwrap_or_else(|| DEFAULT_FOLDER.to_owned());
        let merged = Self {
            storage: None,
            cache: self.cache.or_else(|| settings.cache_path.clone()),
            endpoint: self.endpoint.or_else(|| settings.endpoint.clone()),
            region: self.region.or_else(|| settings.region.clone()),
            allow_http: self.allow_http || settings.allow_http.unwrap_or(false),
        };
        match text.split_once("://") {
            None => Ok(Place::Folder(PathBuf::from(text))),
            Some(("file", path)) if path.starts_with('/') => Ok(Place::Folder(PathBuf::from(path))),
            Some(("file", _)) => {
                bail!("`{text}`: the path of a file:// address begins with a slash, as in file:///data")
            }
            Some(("s3" | "gs" | "az", _)) => merged.cloud(text),
            Some((scheme, _)) => {
                bail!("`{text}`: {scheme}:// is not known; s3://, gs://, az:// and file:// are")
            }
        }
    }

    #[cfg(feature = "cloud")]
    fn cloud(self, url: String) -> Result<Place> {
        let mut options = CloudOptions::new(self.cache.unwrap_or_else(default_cache));
        options.endpoint = self.endpoint;
        options.region = self.region;
        options.allow_http = self.allow_http;
        Ok(Place::Cloud { url, options })
    }

    #[cfg(not(feature = "cloud"))]
    fn cloud(self, url: String) -> Result<Place> {
        bail!("`{url}`: this program was built without object storage (the feature `cloud`)")
    }
}

impl Place {
    /// A folder.
    pub(crate) fn folder(path: &Path) -> Self {
        Self::Folder(path.to_owned())
    }

    /// Opens or makes the database.
    pub(crate) fn open(&self, Opening { tuning, durability }: Opening) -> Result<Database> {
        let opened = match self {
            Self::Folder(folder) => {
                Database::open_tuned(folder, tuning, durability).map_err(anyhow::Error::new)
            }
            #[cfg(feature = "cloud")]
            Self::Cloud { .. } if durability != Durability::Fsync => {
                bail!("storage.durability is about a folder; object storage is durable when it answers")
            }
            #[cfg(feature = "cloud")]
            Self::Cloud { url, options } => open_cloud(url, options, tuning),
        };
        opened.with_context(|| format!("cannot open {self}"))
    }
}

#[cfg(feature = "cloud")]
fn open_cloud(url: &str, options: &CloudOptions, tuning: Tuning) -> Result<Database> {
    let store = ObjectStore::open(url, options)?;
    tracing::info!(place = store.place(), cache = %options.cache.display(), "object storage");
    let mut env = Env::new(Arc::new(store));
    env.tuning = tuning;
    Ok(Database::open_with(env)?)
}

/// The user's cache folder, as far as the environment names it, else a folder beside the data of a server.
#[cfg(feature = "cloud")]
fn default_cache() -> PathBuf {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    match (variable("XDG_CACHE_HOME"), variable("HOME")) {
        (Some(cache), _) => cache.join("kindred"),
        (None, Some(home)) => home.join(".cache").join("kindred"),
        (None, None) => PathBuf::from("./cache"),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "the folder {}", folder.display()),
            #[cfg(feature = "cloud")]
            Self::Cloud { url, .. } => f.write_str(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(storage: Option<&str>, in_settings: Option<&str>, expected: Result<&str, &str>) {
        let args = PlaceArgs {
            storage: storage.map(str::to_owned),
            ..PlaceArgs::default()
        };
        let settings = Storage {
            storage_path: in_settings.map(str::to_owned),
            ..Storage::default()
        };
        let found = args.place(&settings).map(|place| place.to_string());
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
            (found, expected) => panic!("{storage:?}: {found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_place_is_a_folder_or_an_address() {
        check(None, None, Ok("the folder ./storage"));
        check(None, Some("./art"), Ok("the folder ./art"));
        check(Some("x"), Some("./art"), Ok("the folder x"));
        check(Some("file:///data/art"), None, Ok("the folder /data/art"));
        check(Some("file://data/art"), None, Err("begins with a slash"));
        check(Some("ftp://host/x"), None, Err("ftp:// is not known"));
    }

    #[cfg(feature = "cloud")]
    #[test]
    fn options_win_over_settings() {
        check(Some("s3://b/p"), None, Ok("s3://b/p"));
        check(None, Some("gs://b/p"), Ok("gs://b/p"));
        let args = PlaceArgs {
            storage: Some("s3://b/p".to_owned()),
            endpoint: Some("https://one".to_owned()),
            ..PlaceArgs::default()
        };
        let settings = Storage {
            endpoint: Some("https://two".to_owned()),
            region: Some("r".to_owned()),
            cache_path: Some(PathBuf::from("c")),
            allow_http: Some(true),
            ..Storage::default()
        };
        let Place::Cloud { options, .. } = args.place(&settings).unwrap() else {
            panic!("not an address")
        };
        assert_eq!(
            (options.endpoint.as_deref(), options.region.as_deref()),
            (Some("https://one"), Some("r"))
        );
        assert_eq!((options.cache, options.allow_http), (PathBuf::from("c"), true));
    }

    #[cfg(feature = "cloud")]
    #[test]
    fn what_cannot_be_opened_is_named() {
        let args = PlaceArgs {
            storage: Some("s3://bucket/p".to_owned()),
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..PlaceArgs::default()
        };
        let error = args
            .place(&Storage::default())
            .unwrap()
            .open(Opening::default())
            .map(|_| ())
            .unwrap_err();
        let text = format!("{error:#}");
        assert!(
            text.contains("s3://bucket/p") && text.contains("not encrypted"),
            "{text}"
        );
    }
}
