//! The object store over the client library's own memory: everything but a network. The same suite runs on a real S3
//! API in `tests/s3`.

use super::*;
use object_store::memory::InMemory;
use std::net::TcpListener;
use std::path::Path;

#[path = "../../../tests/it/conformance.rs"]
mod conformance;

fn options(cache: &Path) -> CloudOptions {
    CloudOptions::new(cache)
}

fn open(client: &Arc<InMemory>, prefix: &str, cache: &Path) -> ObjectStore {
    let client = Arc::clone(client) as Arc<dyn object_store::ObjectStore>;
    ObjectStore::with_client(
        client,
        format!("memory://{prefix}"),
        prefix.to_owned(),
        &options(cache),
    )
    .unwrap()
}

fn copies(cache: &Path) -> usize {
    let mut open = vec![cache.to_owned()];
    let mut count = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else if entry.file_name() != "lock" {
                count += 1;
            }
        }
    }
    count
}

#[test]
fn it_conforms_with_and_without_a_prefix() {
    let cache = tempfile::tempdir().unwrap();
    let client = Arc::new(InMemory::new());
    conformance::check(&open(&client, "", cache.path()));
    conformance::check(&open(&client, "some/prefix/", cache.path()));
    assert_eq!(copies(cache.path()), 0, "what is deleted leaves the cache");
}

#[test]
fn stores_below_different_prefixes_do_not_see_each_other() {
    let cache = tempfile::tempdir().unwrap();
    let client = Arc::new(InMemory::new());
    let (one, two) = (
        open(&client, "one/", cache.path()),
        open(&client, "two/", cache.path()),
    );
    let longer = open(&client, "one/more/", cache.path());
    one.create("a", b"1").unwrap();
    two.create("a", b"2").unwrap();
    assert_eq!(*one.get("a", None).unwrap(), *b"1");
    assert_eq!(two.list("").unwrap(), ["a"]);
    assert!(longer.list("").unwrap().is_empty());
}

#[test]
fn strangers_in_the_bucket_are_refused_and_left_alone() {
    let cache = tempfile::tempdir().unwrap();
    let client = Arc::new(InMemory::new());
    let strange = open(&client, "p/", cache.path());
    strange
        .remote
        .create("Holiday Photos/1.JPG", b"theirs".to_vec())
        .unwrap();
    let refused = strange.probe().unwrap_err();
    assert!(
        matches!(&refused, Error::Foreign { found } if found == "Holiday Photos/1.JPG"),
        "{refused}"
    );
    assert_eq!(strange.remote.keys("").unwrap().len(), 1);
    assert!(strange.list("").unwrap().is_empty());
    // What a probe that was killed has left is not foreign.
    let crashed = open(&client, "q/", cache.path());
    crashed.create("probe/race-0123456789abcdef/07", b"x").unwrap();
    crashed.probe().unwrap();
}

#[test]
fn a_large_object_comes_from_its_copy_and_a_damaged_copy_is_not_used() {
    let cache = tempfile::tempdir().unwrap();
    let client = Arc::new(InMemory::new());
    let store = open(&client, "p/", cache.path());
    let bytes = vec![3; 3 << 20];
    store.create("c/big", &bytes).unwrap();
    assert_eq!(copies(cache.path()), 0);
    let first = store.get("c/big", None).unwrap();
    assert!(first.is_mapped() && first[..] == bytes[..]);
    assert_eq!(copies(cache.path()), 1);
    assert!(!store.get("c/big", Some(0..10)).unwrap().is_mapped());
    // A cut copy is replaced.
    let Look::Large(version) = store.remote.look("c/big", MAP_FROM_BYTES).unwrap() else {
        panic!("not large")
    };
    let mut cut = store.cache.draft("c/big").unwrap();
    cut.file.write_all(b"cut").unwrap();
    store.cache.keep("c/big", &version, cut).unwrap();
    assert!(store.get("c/big", None).unwrap()[..] == bytes[..]);
    assert_eq!(copies(cache.path()), 1);
    // Removing the whole folder costs a download, nothing else.
    std::fs::remove_dir_all(cache.path().read_dir().unwrap().next().unwrap().unwrap().path()).unwrap();
    drop(store);
    let store = open(&client, "p/", cache.path());
    assert!(store.get("c/big", None).unwrap()[..] == bytes[..]);
    // Deleted behind our back, then opened again: the copy goes.
    store.remote.delete("c/big").unwrap();
    drop(store);
    let store = open(&client, "p/", cache.path());
    assert_eq!(copies(cache.path()), 0);
    assert!(matches!(store.get("c/big", None), Err(Error::NotFound { .. })));
}

#[test]
fn what_was_written_here_is_not_fetched_again() {
    let cache = tempfile::tempdir().unwrap();
    let store = open(&Arc::new(InMemory::new()), "p/", cache.path());
    for (name, size) in [("c/1", 2 << 20), ("c/2", 17 << 20)] {
        let bytes = vec![5; size];
        store
            .create_with(name, &mut |out| {
                out.write_all(&bytes).map_err(|e| Error::io(name, e))
            })
            .unwrap();
        let Look::Large(version) = store.remote.look(name, MAP_FROM_BYTES).unwrap() else {
            panic!("not large")
        };
        assert!(store.cache.find(name, &version).unwrap()[..] == bytes[..]);
    }
}

#[test]
fn threads_of_another_runtime_may_call_and_drop() {
    let cache = tempfile::tempdir().unwrap();
    let client = Arc::new(InMemory::new());
    for _ in 0..2 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let store = open(&client, "p/", cache.path());
        let worker = runtime.spawn(async move {
            store.delete("a").unwrap();
            store.create("a", b"x").unwrap();
            drop(store);
        });
        runtime.block_on(worker).unwrap();
    }
}

/// Takes connections and never answers; or, dropped at once, a port where nobody listens.
fn dead_end(is_listening: bool) -> (String, Option<TcpListener>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    (address, is_listening.then_some(listener))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the bound is in time")]
fn a_dead_endpoint_fails_in_bounded_time_and_says_where() {
    rustls::crypto::ring::default_provider().install_default().ok();
    let cache = tempfile::tempdir().unwrap();
    for is_listening in [false, true] {
        let (endpoint, _listener) = dead_end(is_listening);
        let mut options = options(cache.path());
        (options.endpoint, options.allow_http) = (Some(endpoint.clone()), true);
        options.timeout = Duration::from_millis(300);
        let client = object_store::aws::AmazonS3Builder::new()
            .with_bucket_name("bucket")
            .with_access_key_id("key")
            .with_secret_access_key("secret")
            .with_region("r")
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .build()
            .unwrap();
        let store = ObjectStore::with_client(
            Arc::new(client),
            "s3://bucket/p/".to_owned(),
            "p/".to_owned(),
            &options,
        )
        .unwrap();
        let started = std::time::Instant::now();
        let mut write = |out: &mut dyn Write| out.write_all(&[0; 9 << 20]).map_err(|e| Error::io("c/x", e));
        let errors = [
            store.get("a", None).unwrap_err(),
            store.get("a", Some(0..9)).unwrap_err(),
            store.create("a", b"x").unwrap_err(),
            store.create_with("a", &mut write).unwrap_err(),
            store.list("").unwrap_err(),
            store.delete("a").unwrap_err(),
            store.probe().unwrap_err(),
        ];
        // Sixteen requests of 0.3 s, and one that is allowed 8 s more for its size.
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "{:?}",
            started.elapsed()
        );
        for error in errors {
            let Error::Io { source, .. } = &error else {
                panic!("{error:?}")
            };
            let kind = source.kind();
            assert!(
                [std::io::ErrorKind::TimedOut, std::io::ErrorKind::NotConnected].contains(&kind),
                "{kind:?}"
            );
            assert!(error.to_string().contains("s3://bucket/p/"), "{error}");
        }
    }
}
