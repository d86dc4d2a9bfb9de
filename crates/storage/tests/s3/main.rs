//! The object store against a real S3 API, at the address in `KINDRED_TEST_S3`. Not part of `cargo test`, which has no
//! such server: `cargo xtask test` starts one (clients/python/s3_server.py) and runs this with `--test s3`.

#[cfg(test)]
#[path = "../it/conformance.rs"]
mod conformance;

#[cfg(test)]
use kindred_storage::{CloudOptions, Error, Identity, ObjectStore, Store};

/// The address and, by bucket, stores below a prefix that no other run uses.
#[cfg(test)]
fn open(bucket: &str, cache: &std::path::Path) -> ObjectStore {
    let endpoint = std::env::var("KINDRED_TEST_S3").unwrap_or_else(|_| {
        panic!(
            "KINDRED_TEST_S3 must hold the address of an S3 API; `cargo xtask test` starts one and sets it"
        )
    });
    let mut options = CloudOptions::new(cache);
    (options.endpoint, options.region, options.allow_http) =
        (Some(endpoint), Some("us-east-1".to_owned()), true);
    let run = cache
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap()
        .replace('.', "");
    ObjectStore::open(&format!("s3://{bucket}/test/{run}"), &options).unwrap()
}

#[test]
fn a_real_s3_api_conforms() {
    let cache = tempfile::tempdir().unwrap();
    conformance::check(&open("kindred", cache.path()));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "reports how long a probe takes; nothing depends on it"
)]
fn the_first_opener_makes_the_store_and_the_next_finds_it() {
    let cache = tempfile::tempdir().unwrap();
    let store = open("kindred", cache.path());
    let started = std::time::Instant::now();
    let identity = Identity::open(&store, 7).unwrap();
    eprintln!("probe and first opening: {} ms", started.elapsed().as_millis());
    assert_eq!(identity.uuid, 7);
    assert_eq!(
        Identity::open(&open("kindred", cache.path()), 8).unwrap(),
        identity
    );
    assert_eq!(store.list("").unwrap(), ["STORE"]);
}

/// Eight processes' worth of first openers at once: all get one identity.
#[test]
fn first_openers_at_once_agree() {
    let cache = tempfile::tempdir().unwrap();
    let path = cache.path();
    let found: Vec<Identity> = std::thread::scope(|scope| {
        let openers: Vec<_> = (1..=4)
            .map(|uuid| scope.spawn(move || Identity::open(&open("kindred", path), uuid).unwrap()))
            .collect();
        openers.into_iter().map(|opener| opener.join().unwrap()).collect()
    });
    assert!(found.iter().all(|identity| *identity == found[0]), "{found:?}");
}

#[test]
fn a_server_without_create_if_absent_is_refused() {
    for bucket in ["overwrites", "two-steps"] {
        let cache = tempfile::tempdir().unwrap();
        let store = open(bucket, cache.path());
        let refused = Identity::open(&store, 7).unwrap_err().to_string();
        assert!(
            refused.contains("this object store cannot be used"),
            "{bucket}: {refused}"
        );
        assert!(store.list("").unwrap().is_empty(), "{bucket}");
    }
}

#[test]
fn a_bucket_that_is_not_there_is_an_error_with_its_name() {
    let cache = tempfile::tempdir().unwrap();
    let refused = Identity::open(&open("no-such-bucket", cache.path()), 7).unwrap_err();
    assert!(matches!(refused, Error::Io { .. }), "{refused:?}");
    assert!(refused.to_string().contains("no-such-bucket"), "{refused}");
}
