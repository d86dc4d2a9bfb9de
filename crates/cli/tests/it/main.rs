//! The program itself: real processes, real ports, real signals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod process;

use process::{Served, fails, output, run};
use std::path::Path;

/// Writes `count` points of two dimensions, `{"id": i, "t": "point i"}` and `[i, 1]`, as files for an import.
fn write_points(folder: &Path, count: u32) -> [String; 2] {
    let lines: String = (0..count)
        .map(|i| format!("{{\"id\": {i}, \"t\": \"point {i}\"}}\n"))
        .collect();
    let mut npy = b"\x93NUMPY\x01\x00".to_vec();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({count}, 2), }}\n");
    npy.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    npy.extend(header.as_bytes());
    npy.extend(
        (0..count)
            .flat_map(|i| [i as f32, 1.0])
            .flat_map(f32::to_le_bytes),
    );
    let files = ["points.jsonl", "points.npy"].map(|name| folder.join(name));
    std::fs::write(&files[0], lines).unwrap();
    std::fs::write(&files[1], npy).unwrap();
    files.map(|path| path.to_string_lossy().into_owned())
}

/// The arguments that import those files.
fn import_args<'a>(files: &'a [String; 2], more: &[&'a str]) -> Vec<&'a str> {
    let mut args = vec![
        "import",
        &files[0],
        "--vectors",
        &files[1],
        "--id-field",
        "id",
        "--collection",
        "c",
    ];
    args.extend(["--distance", "dot", "--batch", "100"]);
    args.extend(more);
    args
}

const QUERY: &str = r#"{"query": [1.0, 0.0], "limit": 2}"#;
const TABLE: &str = "\
\x20id     score  t
───  ────────  ─────────
999  999.0000  point 999
998  998.0000  point 998
";

#[test]
fn a_folder_is_filled_served_and_asked() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage").to_string_lossy().into_owned();
    let files = write_points(folder.path(), 1000);
    let first = run(&import_args(&files, &["--storage", &storage]));
    assert!(
        first.stderr.contains("1,000 points written to `c`"),
        "{}",
        first.stderr
    );
    assert_eq!(
        output(&["query", "c", QUERY, "--show", "t", "--storage", &storage]),
        TABLE
    );

    let served = Served::start(&storage, &[]);
    assert_eq!(
        output(&["query", "c", QUERY, "--show", "t", "--url", &served.url]),
        TABLE
    );
    // The folder is the server's now.
    fails(&["query", "c", QUERY, "--storage", &storage], "in use");
    let again = run(&import_args(&files, &["--url", &served.url]));
    assert!(
        again.stderr.contains("1,000 were already there"),
        "{}",
        again.stderr
    );
    assert!(served.stop("TERM").success());
    assert_eq!(
        output(&["query", "c", QUERY, "--show", "t", "--storage", &storage]),
        TABLE
    );
}

#[test]
fn an_import_survives_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage").to_string_lossy().into_owned();
    let files = write_points(folder.path(), 1000);
    let served = Served::start(&storage, &[]);
    // The first half, and then the server is gone without a word.
    let half = folder.path().join("half");
    std::fs::create_dir(&half).unwrap();
    let half = write_points(&half, 500);
    run(&import_args(&half, &["--url", &served.url]));
    assert!(!served.stop("KILL").success());

    let served = Served::start(&storage, &[]);
    let rest = run(&import_args(&files, &["--url", &served.url]));
    assert!(rest.stderr.contains("500 points written"), "{}", rest.stderr);
    assert!(rest.stderr.contains("500 were already there"), "{}", rest.stderr);
    assert_eq!(
        output(&["query", "c", QUERY, "--show", "t", "--url", &served.url]),
        TABLE
    );
}

#[test]
fn keys_open_the_door() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage").to_string_lossy().into_owned();
    let files = write_points(folder.path(), 10);
    let served = Served::start(
        &storage,
        &[
            ("QDRANT__SERVICE__API_KEY", "007"),
            ("KINDRED__SERVICE__HOST", "127.0.0.1"),
        ],
    );
    fails(&import_args(&files, &["--url", &served.url]), "401");
    fails(
        &import_args(&files, &["--url", &served.url, "--api-key", "7"]),
        "401",
    );
    run(&import_args(&files, &["--url", &served.url, "--api-key", "007"]));
}

#[test]
fn strangers_need_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage").to_string_lossy().into_owned();
    fails(
        &[
            "serve",
            "--storage",
            &storage,
            "--host",
            "0.0.0.0",
            "--http-port",
            "0",
        ],
        "--insecure",
    );
    fails(
        &[
            "serve",
            "--storage",
            &storage,
            "--config-path",
            "no-such-file.yaml",
        ],
        "no-such-file.yaml",
    );
}

#[test]
fn what_is_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage").to_string_lossy().into_owned();
    fails(&["query", "c", "{}", "--storage", &storage], "doesn't exist");
    fails(&["query", "c", "[", "--storage", &storage], "not a JSON object");
    fails(
        &["query", "c", "{}", "--url", "https://example.org"],
        "https is not built yet",
    );
    fails(
        &[
            "import",
            "no-such-file",
            "--collection",
            "c",
            "--storage",
            &storage,
        ],
        "no-such-file",
    );
    fails(&["demo", "--once", "--sample", &storage], "--sample");
}
