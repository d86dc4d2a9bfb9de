//! A store that cannot be reached for a while, and a database whose upkeep runs in the background: writes are refused,
//! reads go on, and everything recovers by itself; but not once another process has taken over.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kindred::{Clock, Ctx, Database, Env, ErrorKind, Status, Upkeep};
use kindred_model::config::CreateCollection;
use kindred_model::update::json::UpsertBody;
use kindred_storage::{Error, MemoryStore, Object, Store};

/// A memory store behind a wire that can be cut.
#[derive(Default)]
struct Wire {
    store: Arc<MemoryStore>,
    is_cut: AtomicBool,
}

impl Wire {
    fn reach(&self, name: &str) -> Result<(), Error> {
        if self.is_cut.load(Ordering::Relaxed) {
            return Err(Error::io(name, io::ErrorKind::NotConnected.into()));
        }
        Ok(())
    }
}

impl Store for Wire {
    fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        self.reach(name)?;
        self.store.create(name, bytes)
    }
    fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
        self.reach(name)?;
        self.store.get(name, range)
    }
    fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.reach(prefix)?;
        self.store.list(prefix)
    }
    fn delete(&self, name: &str) -> Result<(), Error> {
        self.reach(name)?;
        self.store.delete(name)
    }
}

/// A minute passes between two looks at it, so nobody has to wait for the next attempt.
#[derive(Default)]
struct Hasty(AtomicU64);

impl Clock for Hasty {
    fn now(&self) -> Duration {
        Duration::from_secs(60 * self.0.fetch_add(1, Ordering::Relaxed))
    }
}

fn open(wire: &Arc<Wire>, seed: u64) -> Database {
    let mut env = Env::with_seed(Arc::clone(wire) as Arc<dyn Store>, seed);
    env.upkeep = Upkeep::Background;
    env.clock = Arc::new(Hasty::default());
    Database::open_with(env).unwrap()
}

fn write(database: &Database, id: u64) -> Result<u64, ErrorKind> {
    let text = format!(r#"{{"points": [{{"id": {id}, "vector": [1]}}]}}"#);
    let points: UpsertBody = serde_json::from_str(&text).unwrap();
    let outcome = database.update(&Ctx::unlimited(), "art", points.into_op().unwrap());
    outcome
        .map(|done| done.operation_id)
        .map_err(|error| error.kind())
}

fn count(database: &Database) -> u64 {
    database.info("art").unwrap().points_count
}

/// Asks again until the answer is yes.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of the database is at work, in real time"
)]
fn wait_until(mut is_so: impl FnMut() -> bool, what: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come about");
        std::thread::yield_now();
    }
}

fn art() -> (Arc<Wire>, Database) {
    let wire = Arc::new(Wire::default());
    let database = open(&wire, 1);
    let config: CreateCollection =
        serde_json::from_str(r#"{"vectors": {"size": 1, "distance": "Dot"}}"#).unwrap();
    database
        .create_collection("art", config.into_config().unwrap())
        .unwrap();
    write(&database, 1).unwrap();
    (wire, database)
}

#[test]
fn writes_come_back_by_themselves() {
    let (wire, database) = art();
    wire.is_cut.store(true, Ordering::Relaxed);
    assert_eq!(write(&database, 2), Err(ErrorKind::Busy));
    assert_eq!(count(&database), 1);
    assert_eq!(database.info("art").unwrap().status, Status::Red);
    wire.is_cut.store(false, Ordering::Relaxed);
    wait_until(|| write(&database, 3).is_ok(), "a write");
    assert_eq!(count(&database), 2);
    drop(database);
    assert_eq!(count(&open(&wire, 2)), 2);
}

#[test]
fn a_collection_that_could_not_be_opened_is_tried_again() {
    let (wire, database) = art();
    drop(database);
    // The catalog can be read, the collection cannot: its objects are behind the wire when they are asked for.
    struct Once(Arc<Wire>);
    impl Store for Once {
        fn create(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
            self.0.create(name, bytes)
        }
        fn get(&self, name: &str, range: Option<Range<u64>>) -> Result<Object, Error> {
            if name.contains("/m/") {
                self.0.reach(name)?;
            }
            self.0.store.get(name, range)
        }
        fn list(&self, prefix: &str) -> Result<Vec<String>, Error> {
            self.0.store.list(prefix)
        }
        fn delete(&self, name: &str) -> Result<(), Error> {
            self.0.delete(name)
        }
        fn create_urgent(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
            self.0.store.create(name, bytes)
        }
    }
    wire.is_cut.store(true, Ordering::Relaxed);
    let mut env = Env::with_seed(Arc::new(Once(Arc::clone(&wire))), 3);
    env.upkeep = Upkeep::Background;
    env.clock = Arc::new(Hasty::default());
    let database = Database::open_with(env).unwrap();
    assert_eq!(database.notices().len(), 1, "{:?}", database.notices());
    assert_eq!(database.info("art").unwrap().status, Status::Red);
    wire.is_cut.store(false, Ordering::Relaxed);
    wait_until(|| write(&database, 2).is_ok(), "the opening");
    assert_eq!(count(&database), 2);
}

#[test]
fn what_another_process_has_is_left_to_it() {
    let (wire, first) = art();
    wire.is_cut.store(true, Ordering::Relaxed);
    assert_eq!(write(&first, 2), Err(ErrorKind::Busy));
    let direct = Arc::new(Wire {
        store: Arc::clone(&wire.store),
        is_cut: AtomicBool::new(false),
    });
    let second = open(&direct, 2);
    write(&second, 3).unwrap();
    wire.is_cut.store(false, Ordering::Relaxed);
    for id in 10..40 {
        // The first looks after its collections all the while.
        assert_eq!(write(&first, id), Err(ErrorKind::Busy));
        write(&second, 100 + id).unwrap();
        wait_until(
            || first.info("art").unwrap().status == Status::Red,
            "the first's status",
        );
    }
    assert_eq!(count(&second), 32);
}
