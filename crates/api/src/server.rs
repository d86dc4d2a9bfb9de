//! Binds the port and answers HTTP/1 on it until asked to stop. Everything that a stranger can make grow is bounded
//! here: connections, the time for a head, and the buffer that holds it.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use kindred::Database;
use kindred_model::limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, HEAD_BYTES_MAX, HEAD_TIMEOUT_S, SHUTDOWN_S};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use crate::auth::Keys;
use crate::metrics::Metrics;
use crate::rest;
use crate::rest::app::App;
use crate::rest::body::BodyLimits;

/// How the server listens, and to whom.
#[derive(Clone)]
pub struct ServerSettings {
    /// A name or an address. Anything but a loopback address needs a key, or `insecure`.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    /// The key that may do everything.
    pub api_key: Option<String>,
    /// The key that may only read.
    pub read_only_api_key: Option<String>,
    /// Lets web pages of any origin call the server.
    pub cors: bool,
    /// Largest request body, in bytes.
    pub max_request_bytes: usize,
    /// Most connections at once; further ones wait to be accepted.
    pub max_connections: usize,
    /// Allows other machines in without a key.
    pub insecure: bool,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 6333,
            api_key: None,
            read_only_api_key: None,
            cors: false,
            max_request_bytes: BODY_BYTES_MAX,
            max_connections: CONNECTIONS_MAX,
            insecure: false,
        }
    }
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The port is taken, or the host is not ours.
    #[error("cannot listen on {address}")]
    Address {
        /// Host and port as asked.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Other machines could do everything.
    #[error("{host} can be reached from other machines: set an API key, or allow it with `insecure`")]
    Open {
        /// The host as asked.
        host: String,
    },
    /// A key that everyone can guess.
    #[error("an API key must not be empty")]
    EmptyKey,
}

/// What answers requests, for a program that brings its own listener, and for tests in process. Host, port,
/// connections and `insecure` are then that program's affair.
pub fn service(
    settings: &ServerSettings,
    db: Arc<Database>,
) -> impl Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    let app = App {
        db,
        keys: Keys::new(settings.api_key.clone(), settings.read_only_api_key.clone()),
        bodies: BodyLimits::new(settings.max_request_bytes),
        metrics: Metrics::default(),
        openapi: rest::document().into(),
    };
    rest::service(Arc::new(app), settings.cors)
}

/// A server that holds its port and has not answered yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    settings: ServerSettings,
    db: Arc<Database>,
    connections: Arc<Semaphore>,
}

impl Server {
    /// Takes the port; requests wait until [`Server::run`].
    ///
    /// # Errors
    /// When the address cannot be had, or the settings would open the database to strangers.
    pub async fn bind(settings: ServerSettings, db: Arc<Database>) -> Result<Self, BindError> {
        let ServerSettings {
            host,
            port,
            api_key,
            read_only_api_key,
            ..
        } = &settings;
        let keys = [api_key, read_only_api_key];
        if keys.into_iter().flatten().any(String::is_empty) {
            return Err(BindError::EmptyKey);
        }
        let failed = |source| BindError::Address {
            address: format!("{host}:{port}"),
            source,
        };
        let addresses: Vec<SocketAddr> = lookup_host((host.as_str(), *port))
            .await
            .map_err(failed)?
            .collect();
        let is_local = addresses.iter().all(|address| address.ip().is_loopback());
        if !is_local && !settings.insecure && keys.into_iter().all(Option::is_none) {
            return Err(BindError::Open { host: host.clone() });
        }
        let listener = TcpListener::bind(addresses.as_slice()).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let connections = Arc::new(Semaphore::new(
            settings.max_connections.clamp(1, Semaphore::MAX_PERMITS),
        ));
        Ok(Self {
            listener,
            address,
            settings,
            db,
            connections,
        })
    }

    /// Where the server listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `shutdown` is ready; then accepts no more, and gives running requests some seconds.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let service = service(&self.settings, Arc::clone(&self.db));
        let service = service.map_request(|request: Request<Incoming>| request.map(Body::new));
        let service = TowerToHyperService::new(service);
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(Duration::from_secs(HEAD_TIMEOUT_S))
            .max_buf_size(HEAD_BYTES_MAX);
        let graceful = GracefulShutdown::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let (stream, permit) = tokio::select! {
                () = &mut shutdown => break,
                accepted = self.accept() => accepted,
            };
            let connection = http.serve_connection(TokioIo::new(stream), service.clone());
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // Clients that vanish or send nonsense are no fault of ours.
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection closed");
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if timeout(Duration::from_secs(SHUTDOWN_S), graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not end in time");
        }
    }

    /// The next connection, together with its place among the allowed ones.
    async fn accept(&self) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        // The semaphore is never closed, so a place is always had in the end.
        let permit = Arc::clone(&self.connections).acquire_owned().await.ok();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Answers are written whole: waiting to fill a packet only costs time.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "no TCP_NODELAY");
                    }
                    return (stream, permit);
                }
                Err(error) => {
                    // Out of file descriptors, most likely: give others time to end.
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }
}
