//! The server on a real port: limits of bodies and heads, and the way it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use kindred::Database;
use kindred_api::{BindError, Server, ServerSettings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Running {
    _folder: TempDir,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

async fn start(settings: ServerSettings) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let db = Arc::new(Database::open(folder.path()).unwrap());
    let server = Server::bind(ServerSettings { port: 0, ..settings }, db)
        .await
        .unwrap();
    let address = server.local_addr();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(server.run(async {
        let _ = stopped.await;
    }));
    Running {
        _folder: folder,
        address,
        stop: Some(stop),
        server,
    }
}

/// Sends raw bytes and reads until the server closes; the request should ask for that.
async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may answer and close before everything is sent.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn put(path: &str, headers: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n{headers}\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

#[tokio::test]
async fn it_answers_on_the_port_it_names_and_stops_when_asked() {
    let mut running = start(ServerSettings::default()).await;
    assert!(running.address.ip().is_loopback() && running.address.port() != 0);
    let answer = exchange(
        running.address,
        b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("healthz check passed"),
        "{answer}"
    );
    // An idle connection does not hold the server up.
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    running.stop.take().unwrap().send(()).unwrap();
    running.server.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

#[tokio::test]
async fn a_body_over_the_limit_is_a_400() {
    let running = start(ServerSettings {
        max_request_bytes: 1000,
        ..ServerSettings::default()
    })
    .await;
    let large = format!("{{\"metadata\":{{\"a\":\"{}\"}}}}", "x".repeat(3_000_000));
    let text =
        "{\"status\":{\"error\":\"Format error in JSON body: larger than allowed (limit: 1000 bytes)\"}";
    let announced = put(
        "/collections/a",
        &format!("content-length: {}\r\n", large.len()),
        &large,
    );
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let chunked = put("/collections/a", "transfer-encoding: chunked\r\n", &chunk);
    let impossible = put("/collections/a", "content-length: 9999999999999999\r\n", "{");
    for request in [&announced, &chunked, &impossible] {
        let answer = exchange(running.address, request).await;
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains(text),
            "{answer}"
        );
    }
    // A client that asks first is refused before it sends anything.
    let polite = put(
        "/collections/a",
        "content-length: 3000000\r\nexpect: 100-continue\r\n",
        "",
    );
    let answer = exchange(running.address, &polite).await;
    assert!(
        answer.starts_with("HTTP/1.1 400") && answer.contains(text),
        "{answer}"
    );
    // Exactly the limit is allowed.
    let fitting = format!("{{\"metadata\":{{\"a\":\"{}\"}}}}", "x".repeat(1000 - 21));
    assert_eq!(fitting.len(), 1000);
    let answer = exchange(
        running.address,
        &put("/collections/a", "content-length: 1000\r\n", &fitting),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn nonsense_and_endless_heads_are_refused() {
    let running = start(ServerSettings::default()).await;
    let endless = format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}", "x".repeat(1_000_000));
    for request in [
        "nonsense\r\n\r\n",
        "GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        endless.as_str(),
    ] {
        let answer = exchange(running.address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4") || answer.is_empty(), "{answer}");
    }
    let answer = exchange(
        running.address,
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn without_a_key_it_stays_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let db = Arc::new(Database::open(folder.path()).unwrap());
    let bind =
        |settings: ServerSettings| Server::bind(ServerSettings { port: 0, ..settings }, Arc::clone(&db));
    let open = ServerSettings {
        host: "0.0.0.0".into(),
        ..ServerSettings::default()
    };
    assert!(matches!(bind(open.clone()).await, Err(BindError::Open { host }) if host == "0.0.0.0"));
    assert!(
        bind(ServerSettings {
            insecure: true,
            ..open.clone()
        })
        .await
        .is_ok()
    );
    assert!(
        bind(ServerSettings {
            api_key: Some("k".into()),
            ..open.clone()
        })
        .await
        .is_ok()
    );
    let empty = ServerSettings {
        api_key: Some(String::new()),
        ..open
    };
    assert!(matches!(bind(empty).await, Err(BindError::EmptyKey)));
    let nowhere = ServerSettings {
        host: "no such host".into(),
        ..ServerSettings::default()
    };
    assert!(matches!(bind(nowhere).await, Err(BindError::Address { .. })));
}
