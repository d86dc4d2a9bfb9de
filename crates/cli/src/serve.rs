//! `kindred serve`: opens a database and answers on a port until it is told to stop.
//! Nothing but the address goes to stdout, so that a program that starts it can wait for the line.

use anyhow::{Context, Result};
use clap::Args;
use kindred_api::{BindError, Server, ServerSettings};
use std::future::Future;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::place::{Place, PlaceArgs};
use crate::settings::{Opening, Settings};

/// Seconds that work in the background may take after the last connection was closed.
const LAST_WORK_S: u64 = 5;

/// Where snapshots are kept when nobody says where.
pub(crate) const DEFAULT_SNAPSHOTS: &str = "./snapshots";

pub(crate) const AFTER_HELP: &str = "\
Settings come from the config file, then the environment, then the flags; later ones win. The file has the keys of
Qdrant's config.yaml, and every key is also a variable (QDRANT__ works in the place of KINDRED__):

  service.host                  KINDRED__SERVICE__HOST
  service.http_port             KINDRED__SERVICE__HTTP_PORT              6333; 0 takes any free port
  service.api_key               KINDRED__SERVICE__API_KEY                may do everything
  service.read_only_api_key     KINDRED__SERVICE__READ_ONLY_API_KEY      may only read
  service.enable_cors           KINDRED__SERVICE__ENABLE_CORS            false: no web page of another origin may call
  service.max_request_size_mb   KINDRED__SERVICE__MAX_REQUEST_SIZE_MB    32
  storage.storage_path          KINDRED__STORAGE__STORAGE_PATH           ./storage; or s3://bucket/prefix, gs://, az://
  storage.snapshots_path        KINDRED__STORAGE__SNAPSHOTS_PATH         ./snapshots
  storage.cache_path            KINDRED__STORAGE__CACHE_PATH             ~/.cache/kindred; for object storage only
  storage.endpoint              KINDRED__STORAGE__ENDPOINT               the provider's own
  storage.region                KINDRED__STORAGE__REGION                 AWS_REGION
  storage.allow_http            KINDRED__STORAGE__ALLOW_HTTP             false: endpoints must be https://
  storage.durability            KINDRED__STORAGE__DURABILITY             fsync; os survives kill -9, not a power cut
  storage.seal_bytes            KINDRED__STORAGE__SEAL_BYTES             67108864: bytes of log that become a segment
  storage.seal_age_s            KINDRED__STORAGE__SEAL_AGE_S             60: and so does what is older, in seconds
  storage.tier_factor           KINDRED__STORAGE__TIER_FACTOR            4: segments of one size that become one
  log_level                     KINDRED__LOG_LEVEL                       info; RUST_LOG wins

Without an API key the server listens on 127.0.0.1 only; with one, on all addresses. Keys are not taken as flags,
because other users of a machine can read those.

Object storage needs credentials in the provider's own variables: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY,
GOOGLE_APPLICATION_CREDENTIALS, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY. A second server on the
same prefix takes over, and the first answers writes with 503 from then on.

Examples:
  kindred serve
  kindred serve --storage ./art --http-port 7000
  KINDRED__SERVICE__API_KEY=secret kindred serve --host 0.0.0.0
  kindred serve --config-path config.yaml
  kindred serve --storage s3://bucket/art --region eu-central-1
  kindred serve --storage s3://bucket/art --endpoint https://minio.example:9000

When it is ready it prints one line on stdout, `listening on http://HOST:PORT`; the log goes to stderr.
SIGTERM or Ctrl-C lets running requests end. An acknowledged write survives any end of the process, kill -9 included.";

/// The options of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// The folder of snapshots; made with the first one [default: ./snapshots]
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// The address to listen on [default: 127.0.0.1 without an API key, 0.0.0.0 with one]
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// The port to listen on; 0 takes any free one [default: 6333]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    /// A YAML file with settings
    #[arg(long, value_name = "FILE")]
    config_path: Option<PathBuf>,
    /// Let other machines in without an API key
    #[arg(long)]
    insecure: bool,
}

/// Serves until a signal.
pub(crate) fn run(args: ServeArgs) -> Result<()> {
    let mut settings = Settings::load(args.config_path.as_deref())?;
    settings.service.host = args.host.or(settings.service.host);
    settings.service.http_port = args.http_port.or(settings.service.http_port);
    start_log(settings.log_level.as_deref().unwrap_or("info"))?;
    if !settings.unused.is_empty() {
        tracing::warn!(keys = settings.unused.join(", "), "settings without effect here");
    }
    let place = args.place.place(&settings.storage)?;
    let snapshots = args
        .snapshots
        .or_else(|| settings.storage.snapshots_path.clone())
        .unwrap_or_else(|| PathBuf::from(DEFAULT_SNAPSHOTS));
    let opening = settings.storage.opening();
    let running = Running::start(settings.server(args.insecure), &place, opening, &snapshots)?;
    println!("listening on http://{}", running.address());
    running.until(stop_signal())
}

/// Writes the log to stderr; `RUST_LOG` wins over `level`.
pub(crate) fn start_log(level: &str) -> Result<()> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(filter) if !filter.is_empty() => filter,
        _ => level.to_lowercase(),
    };
    let filter = EnvFilter::try_new(&filter).with_context(|| format!("`{filter}` is not a log level"))?;
    let is_terminal = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_terminal)
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

/// A server that holds its port, with the runtime that drives it.
pub(crate) struct Running {
    runtime: Runtime,
    server: Server,
}

impl Running {
    /// Opens the database, then takes the port.
    pub(crate) fn start(
        settings: ServerSettings,
        place: &Place,
        opening: Opening,
        snapshots: &Path,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let database = place.open(opening)?.with_snapshots(snapshots);
        for notice in database.notices() {
            tracing::warn!("{notice}");
        }
        tracing::info!(%place, collections = database.collections().len(), "opened");
        let bound = runtime.block_on(Server::bind(settings, Arc::new(database)));
        let server = bound.map_err(|error| {
            let is_open = matches!(error, BindError::Open { .. });
            let error = anyhow::Error::new(error);
            if is_open {
                error.context("set KINDRED__SERVICE__API_KEY, or start with --insecure")
            } else {
                error
            }
        })?;
        Ok(Self { runtime, server })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Answers requests until `stop`, then lets running ones end.
    pub(crate) fn until(self, stop: impl Future<Output = ()>) -> Result<()> {
        self.runtime.block_on(self.server.run(stop));
        // A request that was given up may still be computing; it changes nothing any more that was acknowledged.
        self.runtime.shutdown_timeout(Duration::from_secs(LAST_WORK_S));
        tracing::info!("stopped");
        Ok(())
    }
}

/// Ready when the process is asked to end.
pub(crate) async fn stop_signal() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
