//! Snapshots over REST: made, listed, fetched, sent and restored; and what strangers try with them.

use std::path::Path;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use kindred_api::ServerSettings;
use serde_json::{Value, json};

use crate::door::{Answer, Door, ids};

const ART: &str = "/collections/art/snapshots";

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .map(|path| if path.is_dir() { files(&path) } else { 1 })
        .sum()
}

fn form(field: &str, file_name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"other\"\r\n\r\nx\r\n\
         --b\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{file_name}\"\r\n\
         content-type: application/octet-stream\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

async fn upload(door: &Door, path: &str, body: Vec<u8>) -> Answer {
    let request = Request::post(path).header("content-type", "multipart/form-data; boundary=b");
    door.send(request.body(Body::from(body)).unwrap()).await
}

async fn fetch(door: &Door, path: &str) -> Vec<u8> {
    let request = Request::get(path)
        .header("accept-encoding", "gzip")
        .body(Body::empty())
        .unwrap();
    let response = door.raw_send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let headers = response.headers().clone();
    let name = path.rsplit('/').next().unwrap();
    assert_eq!(headers["content-type"], "application/octet-stream");
    assert_eq!(
        headers["content-disposition"],
        format!("attachment; filename=\"{name}\"")
    );
    assert!(!headers.contains_key("content-encoding"));
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert_eq!(headers["content-length"], bytes.len().to_string());
    bytes.to_vec()
}

async fn all_ids(door: &Door, collection: &str) -> Vec<u64> {
    let page = door
        .post(
            &format!("/collections/{collection}/points/scroll"),
            json!({"limit": 100}),
        )
        .await;
    ids(&page["points"])
}

#[tokio::test]
async fn a_snapshot_is_made_listed_fetched_sent_and_deleted() {
    let door = Door::with_art().await;
    assert_eq!(door.get(ART).await.result(), json!([]));
    let made = door.call("POST", ART, Value::Null).await.result();
    let name = made["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("art-") && name.ends_with(".snapshot"), "{name}");
    assert_eq!(
        made["creation_time"].as_str().unwrap().len(),
        "2026-11-21T16:00:00".len()
    );
    let checksum = made["checksum"].as_str().unwrap().to_owned();
    assert_eq!(checksum.len(), 64);
    assert_eq!(door.get(ART).await.result(), json!([made]));
    let bytes = fetch(&door, &format!("{ART}/{name}")).await;
    assert_eq!(json!(bytes.len()), made["size"]);

    door.call(
        "POST",
        "/collections/art/points/delete?wait=true",
        json!({"points": [1, 2]}),
    )
    .await
    .result();
    for (collection, want) in [("art", 5), ("new", 5)] {
        let path = format!(
            "/collections/{collection}/snapshots/upload?priority=snapshot&wait=true&checksum={checksum}"
        );
        let sent = upload(&door, &path, form("snapshot", "../../../x", &bytes)).await;
        assert_eq!(sent.result(), true);
        assert_eq!(all_ids(&door, collection).await.len(), want);
    }
    let location = format!("file://{}/art/{name}", door.snapshots.path().display());
    let recovered =
        json!({"location": location, "priority": "no_sync", "checksum": checksum, "api_key": null});
    assert_eq!(door.put(&format!("{ART}/recover"), recovered).await, true);
    let before = files(door.snapshots.path());
    assert_eq!(before, 2, "the file and its checksum");
    assert_eq!(door.delete(&format!("{ART}/{name}")).await.result(), true);
    assert_eq!(files(door.snapshots.path()), 0);
    door.refuses(
        "DELETE",
        &format!("{ART}/{name}"),
        Value::Null,
        404,
        "Not found: Snapshot",
    )
    .await;
    door.refuses(
        "GET",
        "/collections/none/snapshots",
        Value::Null,
        404,
        "doesn't exist!",
    )
    .await;
}

#[tokio::test]
async fn a_storage_snapshot_has_everything_and_is_not_of_one_collection() {
    let door = Door::with_art().await;
    let made = door.call("POST", "/snapshots", Value::Null).await.result();
    let name = made["name"].as_str().unwrap().to_owned();
    assert!(name.starts_with("full-snapshot-"), "{name}");
    assert_eq!(door.get("/snapshots").await.result(), json!([made]));
    assert_eq!(door.get(ART).await.result(), json!([]));
    let bytes = fetch(&door, &format!("/snapshots/{name}")).await;
    let refused = upload(&door, &format!("{ART}/upload"), form("snapshot", "x", &bytes)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(refused.error().contains("restore-all"), "{}", refused.text);
    assert_eq!(door.delete(&format!("/snapshots/{name}")).await.result(), true);
}

#[tokio::test]
async fn who_does_not_wait_gets_202_and_no_result() {
    let door = Door::with_art().await;
    for path in [ART, "/snapshots"] {
        let accepted = door
            .call("POST", &format!("{path}?wait=false"), Value::Null)
            .await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED);
        let body = accepted.json();
        assert_eq!(body["status"], "accepted");
        assert!(body.get("result").is_none() && body["time"].is_f64(), "{body}");
        let listed = loop {
            let listed = door.get(path).await.result();
            if listed.as_array().is_some_and(|listed| !listed.is_empty()) {
                break listed;
            }
            tokio::task::yield_now().await;
        };
        let name = listed[0]["name"].as_str().unwrap();
        let accepted = door.delete(&format!("{path}/{name}?wait=false")).await;
        assert_eq!(accepted.status, StatusCode::ACCEPTED);
        while door.get(path).await.result() != json!([]) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_cannot_be_recovered_says_why() {
    let door = Door::with_art().await;
    let made = door.call("POST", ART, Value::Null).await.result();
    let good = format!(
        "file://{}/art/{}",
        door.snapshots.path().display(),
        made["name"].as_str().unwrap()
    );
    let checksum = made["checksum"].as_str().unwrap();
    let mismatch = format!("Checksum mismatch: expected: 00, actual: {checksum}");
    const NOT_HERE: &str = "Bad request: Invalid snapshot URI, file path must be absolute or on localhost";
    for (body, code, text) in [
        (
            json!({"location": "file:///x"}),
            400,
            "Bad request: Snapshot file \"/x\" does not exist",
        ),
        (json!({"location": "file://x"}), 400, NOT_HERE),
        (json!({"location": "x"}), 400, NOT_HERE),
        (
            json!({"location": "file:///etc/passwd"}),
            403,
            "Forbidden: Snapshot file path must be inside the snapshots directory",
        ),
        (
            json!({"location": "http://127.0.0.1:1/x"}),
            400,
            "enable_snapshot_url_recovery",
        ),
        (
            json!({"location": "https://169.254.169.254/"}),
            400,
            "enable_snapshot_url_recovery",
        ),
        (json!({"location": good, "checksum": "00"}), 400, &mismatch),
        (
            json!({"location": good, "priority": "mine"}),
            400,
            "Format error in JSON body",
        ),
        (json!({}), 400, "Format error in JSON body"),
        (
            json!({"location": format!("{good}.checksum")}),
            400,
            "the snapshot is refused",
        ),
    ] {
        door.refuses("PUT", &format!("{ART}/recover"), body, code, text)
            .await;
    }
    assert_eq!(all_ids(&door, "art").await.len(), 5);
}

#[tokio::test]
async fn bodies_that_are_no_snapshot_leave_nothing() {
    let door = Door::with_art().await;
    let made = door.call("POST", ART, Value::Null).await.result();
    let good = fetch(&door, &format!("{ART}/{}", made["name"].as_str().unwrap())).await;
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let before = files(door.snapshots.path());
    let path = format!("{ART}/upload");
    let long = vec![b'x'; 3 << 20];
    for (body, want) in [
        (form("snapshot", "x", b""), "too early"),
        (
            form("snapshot", "x", b"\x1f\x8b\x08\0\0\0\0\0"),
            "does not begin as a Kindred snapshot",
        ),
        (
            form("snapshot", "x", &long),
            "does not begin as a Kindred snapshot",
        ),
        (form("snapshot", "x", &flipped), "the snapshot is refused"),
        (
            form("snapshot", "x", &good[..good.len() - 1]),
            "the snapshot is refused",
        ),
        (form("snapshots", "x", &good), "no field `snapshot`"),
        (b"--b--\r\n".to_vec(), "no field `snapshot`"),
        (b"x".to_vec(), "Format error in multipart body"),
        (Vec::new(), "Format error in multipart body"),
        (
            form("snapshot", "x", &good)[..200].to_vec(),
            "Format error in multipart body",
        ),
    ] {
        let refused = upload(&door, &path, body).await;
        assert_eq!(
            refused.status,
            StatusCode::BAD_REQUEST,
            "{want}: {}",
            refused.text
        );
        assert!(refused.error().contains(want), "{want}: {}", refused.text);
        assert_eq!(files(door.snapshots.path()), before, "{want}");
    }
    for (name, value, code) in [
        ("content-type", "application/json", 400),
        ("content-type", "multipart/form-data", 400),
        ("content-encoding", "gzip", 415),
    ] {
        let mut request = Request::post(&path).header(name, value);
        if name != "content-type" {
            request = request.header("content-type", "multipart/form-data; boundary=b");
        }
        let body = Body::from(form("snapshot", "x", &good));
        let refused = door.send(request.body(body).unwrap()).await;
        assert_eq!(refused.status.as_u16(), code, "{name}: {value}: {}", refused.text);
    }
    let wrong = upload(
        &door,
        &format!("{path}?checksum=00"),
        form("snapshot", "x", &good),
    )
    .await;
    assert!(
        wrong.error().starts_with("Checksum mismatch: expected: 00"),
        "{}",
        wrong.text
    );
    assert_eq!(files(door.snapshots.path()), before);
    assert_eq!(all_ids(&door, "art").await.len(), 5);
}

/// S03: the key is looked at before the body.
#[tokio::test]
async fn a_read_only_key_writes_no_byte() {
    let door = Door::with(ServerSettings {
        api_key: Some("full".into()),
        read_only_api_key: Some("look".into()),
        ..ServerSettings::default()
    });
    let bytes = form("snapshot", "x", &[&b"KNDRSNAP"[..], &vec![7; 4 << 20]].concat());
    let send = async |method: &str, path: &str, key: &str, body: Vec<u8>| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("api-key", key)
            .header("content-type", "multipart/form-data; boundary=b");
        door.send(request.body(Body::from(body)).unwrap())
            .await
            .status
            .as_u16()
    };
    for path in [
        "/collections/art/snapshots/upload",
        "/collections/new/snapshots/upload?wait=false",
    ] {
        assert_eq!(send("POST", path, "look", bytes.clone()).await, 403);
        assert_eq!(send("POST", path, "wrong", bytes.clone()).await, 401);
    }
    for (method, path) in [
        ("POST", "/collections/art/snapshots"),
        ("GET", "/collections/art/snapshots/x.snapshot"),
        ("DELETE", "/collections/art/snapshots/x.snapshot"),
        ("PUT", "/collections/art/snapshots/recover"),
        ("POST", "/snapshots"),
        ("GET", "/snapshots/x.snapshot"),
        ("DELETE", "/snapshots/x.snapshot"),
    ] {
        assert_eq!(
            send(method, path, "look", Vec::new()).await,
            403,
            "{method} {path}"
        );
    }
    assert_eq!(send("GET", "/snapshots", "look", Vec::new()).await, 200);
    assert_eq!(
        std::fs::read_dir(door.snapshots.path()).unwrap().count(),
        0,
        "not even a folder"
    );
}

/// S01: names never leave the folder.
#[tokio::test]
async fn hostile_names_reach_no_file() {
    let door = Door::with_art().await;
    let secret = door
        .snapshots
        .path()
        .parent()
        .unwrap()
        .join("kindred-secret.snapshot");
    door.call("POST", ART, Value::Null).await.result();
    let before = files(door.snapshots.path());
    let long = "a".repeat(300);
    for name in [
        "..",
        "%2e%2e",
        "%2e%2e%2fkindred-secret.snapshot",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2fetc%2fpasswd",
        "..%5ckindred-secret.snapshot",
        "%00",
        "x%00.snapshot",
        "%ff.snapshot",
        "CON",
        "NUL.snapshot",
        "C:%5cx.snapshot",
        "x.snapshot:stream",
        ".snapshot",
        ".drafts",
        "x.snapshot.checksum",
        &long,
    ] {
        let upload_path = format!("/collections/{name}/snapshots/upload");
        let of_name = [
            ("GET", format!("{ART}/{name}")),
            ("DELETE", format!("{ART}/{name}")),
            ("GET", format!("/snapshots/{name}")),
            ("DELETE", format!("/snapshots/{name}")),
            ("GET", format!("/collections/{name}/snapshots")),
            ("POST", format!("/collections/{name}/snapshots")),
            ("GET", format!("/collections/{name}/snapshots/x.snapshot")),
            ("DELETE", format!("/collections/{name}/snapshots/x.snapshot")),
        ];
        for (method, path) in of_name {
            let answer = door.call(method, &path, Value::Null).await;
            let code = answer.status.as_u16();
            assert!(
                [400, 404, 422].contains(&code),
                "{method} {path}: {code} {}",
                answer.text
            );
        }
        let recover = json!({"location": "file:///x"});
        let answer = door
            .call("PUT", &format!("/collections/{name}/snapshots/recover"), recover)
            .await;
        assert!(
            [400, 404, 422].contains(&answer.status.as_u16()),
            "{name}: {}",
            answer.text
        );
        let answer = upload(&door, &upload_path, form("snapshot", name, b"KNDRSNAP")).await;
        assert!(
            [400, 404, 422].contains(&answer.status.as_u16()),
            "{name}: {}",
            answer.text
        );
    }
    assert_eq!(files(door.snapshots.path()), before);
    assert!(!secret.exists());
    assert_eq!(door.db.collections(), ["art"]);
}
