//! What `serve` is told by its config file, the environment and its flags, later ones winning.
//! The keys are those of Qdrant's config.yaml, so that existing files and environments work.

use anyhow::{Context, Result, bail};
use config::{Config, Environment, File};
use kindred::{Durability, Tuning};
use kindred_api::ServerSettings;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every key that means something.
const KNOWN: [&str; 17] = [
    "log_level",
    "service.host",
    "service.http_port",
    "service.api_key",
    "service.read_only_api_key",
    "service.enable_cors",
    "service.max_request_size_mb",
    "storage.storage_path",
    "storage.snapshots_path",
    "storage.cache_path",
    "storage.endpoint",
    "storage.region",
    "storage.allow_http",
    "storage.durability",
    "storage.seal_bytes",
    "storage.seal_age_s",
    "storage.tier_factor",
];

/// Keys that must not be passed over when they are switched on: who sets them relies on them.
const NOT_BUILT: [&str; 5] = [
    "service.enable_tls",
    "service.enable_snapshot_url_recovery",
    "service.jwt_rbac",
    "service.alt_api_key",
    "service.verify_https_client_certificate",
];

/// The settings of a server.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    /// A level such as `info`, or a filter such as `warn,kindred_api=debug`.
    pub(crate) log_level: Option<String>,
    pub(crate) service: Service,
    pub(crate) storage: Storage,
    /// Keys that were set and have no effect here.
    #[serde(skip)]
    pub(crate) unused: Vec<String>,
}

/// How the server listens.
#[derive(Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Service {
    pub(crate) host: Option<String>,
    pub(crate) http_port: Option<u16>,
    pub(crate) api_key: Option<String>,
    pub(crate) read_only_api_key: Option<String>,
    pub(crate) enable_cors: Option<bool>,
    pub(crate) max_request_size_mb: Option<usize>,
}

/// Where the data lies.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(crate) struct Storage {
    /// A folder, or an address such as `s3://bucket/prefix`.
    pub(crate) storage_path: Option<String>,
    /// Where snapshots are kept.
    pub(crate) snapshots_path: Option<PathBuf>,
    /// Object storage: where copies of large objects lie.
    pub(crate) cache_path: Option<PathBuf>,
    /// Object storage: a service that is not the provider's own.
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) allow_http: Option<bool>,
    /// What an acknowledged write has survived.
    pub(crate) durability: WrittenDurability,
    /// Bytes of log after which its points become a segment.
    pub(crate) seal_bytes: Option<u64>,
    /// Seconds after which they do, however few they are.
    pub(crate) seal_age_s: Option<u64>,
    /// Segments of about one size that become one.
    pub(crate) tier_factor: Option<usize>,
}

/// How a database is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Opening {
    pub(crate) tuning: Tuning,
    pub(crate) durability: Durability,
}

/// `storage.durability`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WrittenDurability {
    /// The loss of power.
    #[default]
    Fsync,
    /// The end of the process.
    Os,
}

impl From<WrittenDurability> for Durability {
    fn from(written: WrittenDurability) -> Self {
        match written {
            WrittenDurability::Fsync => Self::Fsync,
            WrittenDurability::Os => Self::Os,
        }
    }
}

impl Storage {
    /// How the server opens its database.
    pub(crate) fn opening(&self) -> Opening {
        Opening {
            tuning: self.tuning(),
            durability: self.durability.into(),
        }
    }

    /// When the work on segments is due.
    fn tuning(&self) -> Tuning {
        let defaults = Tuning::default();
        Tuning {
            seal_bytes: self.seal_bytes.unwrap_or(defaults.seal_bytes),
            seal_age: self.seal_age_s.map_or(defaults.seal_age, Duration::from_secs),
            tier_factor: self.tier_factor.unwrap_or(defaults.tier_factor),
            ..defaults
        }
    }
}

/// Keys are secrets and stay out of logs.
impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("host", &self.host)
            .field("http_port", &self.http_port)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Reads the file, then `QDRANT__…`, then `KINDRED__…` variables.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let environments = ["QDRANT", "KINDRED"].map(environment);
        Self::from_sources(file, environments)
    }

    fn from_sources(file: Option<&Path>, environments: [Environment; 2]) -> Result<Self> {
        let mut builder = Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(File::from(path));
        }
        for environment in environments {
            builder = builder.add_source(environment);
        }
        let config = builder.build().context("cannot read the settings")?;
        let all: serde_json::Value = config
            .clone()
            .try_deserialize()
            .context("cannot read the settings")?;
        let mut settings: Self = config.try_deserialize().context("cannot read the settings")?;
        let mut keys = BTreeSet::new();
        collect_keys("", &all, &mut keys);
        for key in NOT_BUILT {
            let value = all.pointer(&format!("/{}", key.replace('.', "/")));
            let is_off = |value: &serde_json::Value| {
                value.is_null()
                    || value.as_bool() == Some(false)
                    || matches!(value.as_str(), Some("" | "false" | "0"))
            };
            if value.is_some_and(|value| !is_off(value)) {
                bail!("`{key}` is set, but not built yet; take it out, if the server is safe without it");
            }
        }
        settings.unused = keys
            .into_iter()
            .filter(|key| !KNOWN.contains(&key.as_str()))
            .collect();
        Ok(settings)
    }

    /// The settings in the words of the server. Without a host: the own machine only, unless there is a key.
    pub(crate) fn server(&self, is_insecure: bool) -> ServerSettings {
        let service = &self.service;
        let defaults = ServerSettings::default();
        let has_key = service.api_key.is_some() || service.read_only_api_key.is_some();
        let host = service.host.clone().unwrap_or_else(|| {
            if has_key {
                "0.0.0.0".to_owned()
            } else {
                defaults.host
            }
        });
        let max_bytes = service
            .max_request_size_mb
            .map(|mb| mb.saturating_mul(1024 * 1024));
        ServerSettings {
            host,
            port: service.http_port.unwrap_or(defaults.port),
            api_key: service.api_key.clone(),
            read_only_api_key: service.read_only_api_key.clone(),
            cors: service.enable_cors.unwrap_or(defaults.cors),
            max_request_bytes: max_bytes.unwrap_or(defaults.max_request_bytes),
            max_connections: defaults.max_connections,
            insecure: is_insecure,
        }
    }
}

/// Variables such as `KINDRED__SERVICE__HTTP_PORT`. They stay texts, so that a key `007` keeps its zeros.
fn environment(prefix: &str) -> Environment {
    Environment::with_prefix(prefix)
        .prefix_separator("__")
        .separator("__")
}

fn collect_keys(prefix: &str, value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            for (key, value) in map {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                collect_keys(&path, value, keys);
            }
        }
        serde_json::Value::Null => {}
        serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_)
        | serde_json::Value::Array(_) => {
            keys.insert(prefix.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(yaml: &str, variables: &[(&str, &str)]) -> Result<Settings> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, yaml)?;
        let set = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let set: config::Map<String, String> = set.collect();
        let environments = ["QDRANT", "KINDRED"].map(|prefix| environment(prefix).source(Some(set.clone())));
        Settings::from_sources(Some(&path), environments)
    }

    #[test]
    fn file_then_qdrant_then_kindred() {
        let yaml = "log_level: warn\nservice:\n  http_port: 1\n  host: a\n  enable_cors: true\n  max_request_size_mb: 2\n\
                    storage:\n  storage_path: ./s\n  wal:\n    wal_capacity_mb: 32\n";
        let variables = [
            ("QDRANT__SERVICE__HTTP_PORT", "2"),
            ("QDRANT__SERVICE__HOST", "b"),
            ("KINDRED__SERVICE__HOST", "c"),
            ("KINDRED__SERVICE__API_KEY", "007"),
            ("KINDRED__STORAGE__SEAL_BYTES", "5"),
        ];
        let settings = load(yaml, &variables).unwrap();
        assert_eq!(settings.log_level.as_deref(), Some("warn"));
        assert_eq!(settings.storage.storage_path.as_deref(), Some("./s"));
        assert_eq!(settings.unused, ["storage.wal.wal_capacity_mb"]);
        let tuning = settings.storage.tuning();
        assert_eq!(
            (tuning.seal_bytes, tuning.tier_factor),
            (5, Tuning::default().tier_factor)
        );
        let server = settings.server(false);
        assert_eq!((server.host.as_str(), server.port, server.cors), ("c", 2, true));
        assert_eq!(server.api_key.as_deref(), Some("007"));
        assert_eq!(server.max_request_bytes, 2 * 1024 * 1024);
        assert!(!format!("{settings:?}").contains("007"));
    }

    #[test]
    fn safe_by_default() {
        let server = load("", &[]).unwrap().server(false);
        assert_eq!(
            (server.host.as_str(), server.port, server.cors),
            ("127.0.0.1", 6333, false)
        );
        let server = load("service:\n  api_key: k", &[]).unwrap().server(false);
        assert_eq!(server.host, "0.0.0.0");
    }

    #[test]
    fn what_is_not_built_is_refused() {
        for yaml in [
            "service:\n  enable_tls: true",
            "service:\n  alt_api_key: k",
            "service:\n  jwt_rbac: 'yes'",
        ] {
            assert!(
                load(yaml, &[]).unwrap_err().to_string().contains("not built yet"),
                "{yaml}"
            );
        }
        assert!(load("", &[("QDRANT__SERVICE__ENABLE_TLS", "true")]).is_err());
        assert!(
            load(
                "service:\n  enable_tls: false",
                &[("QDRANT__SERVICE__JWT_RBAC", "false")]
            )
            .is_ok()
        );
        assert!(load("service:\n  http_port: many", &[]).is_err());
    }
}
