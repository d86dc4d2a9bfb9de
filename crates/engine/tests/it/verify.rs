//! Damage of every kind: verify names it and writes nothing, repair mends it, the database opens, and its contents are
//! those of before without exactly what was reported as lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred::{Ctx, Database, Env, ErrorKind, Outcome, Problem, Report, Sureness, verify, verify_folder};
use kindred_model::config::CreateCollection;
use kindred_model::id::PointId;
use kindred_model::query::lists::ScrollRequest;
use kindred_model::query::request::{PayloadSelector, VectorSelector};
use kindred_model::update::json::UpdateOperation;
use kindred_storage::{Fault, FaultyStore, MemoryStore, Store};
use kindred_testkit::crash::workload;
use kindred_testkit::subject::Subject;

use crate::engine::Engine;

/// What a collection shows of each point: its record as JSON.
type Points = BTreeMap<PointId, String>;

/// Two sealed segments, one with a point that has left, and a log behind them with one change per slot.
struct Art {
    store: Arc<MemoryStore>,
    points: Points,
    /// The points after every change of the log, those before it first.
    history: Vec<Points>,
}

fn update(database: &Database, op: &str) {
    let op: UpdateOperation = serde_json::from_str(op).unwrap();
    database
        .update(&Ctx::unlimited(), "art", op.into_op().unwrap())
        .unwrap();
}

fn upsert(database: &Database, ids: std::ops::RangeInclusive<u64>) {
    let points = ids.map(|id| {
        let text = "lorem ipsum dolor ".repeat(200);
        format!(
            r#"{{"id": {id}, "vector": {{"a": [{id}, 1], "words": {{"indices": [{id}], "values": [1.5]}}}},
                "payload": {{"n": {id}, "t": "{id} {text}"}}}}"#
        )
    });
    let points: Vec<String> = points.collect();
    update(
        database,
        &format!(r#"{{"upsert": {{"points": [{}]}}}}"#, points.join(",")),
    );
}

impl Art {
    fn new() -> Self {
        let store = Arc::new(MemoryStore::new());
        let database = open(&store, 1);
        let config: CreateCollection = serde_json::from_str(
            r#"{"vectors": {"a": {"size": 2, "distance": "Dot"}}, "sparse_vectors": {"words": {}}}"#,
        )
        .unwrap();
        database
            .create_collection("art", config.into_config().unwrap())
            .unwrap();
        let ctx = Ctx::unlimited();
        upsert(&database, 1..=20);
        database.seal(&ctx, "art").unwrap();
        upsert(&database, 21..=30);
        update(&database, r#"{"delete": {"points": [2]}}"#);
        database.seal(&ctx, "art").unwrap();
        let mut history = vec![points(&database)];
        for id in 31..=36 {
            upsert(&database, id..=id);
            history.push(points(&database));
        }
        update(&database, r#"{"delete": {"points": [3]}}"#);
        let points = points(&database);
        assert_eq!(points.len(), 34);
        history.push(points.clone());
        drop(database);
        Self {
            store,
            points,
            history,
        }
    }

    /// The only name with all these parts.
    fn named(&self, parts: &[&str]) -> String {
        let names = self.store.list("").unwrap();
        let mut names = names
            .into_iter()
            .filter(|name| parts.iter().all(|part| name.contains(part)));
        let name = names.next().unwrap();
        assert_eq!(names.next(), None, "{parts:?}");
        name
    }

    fn segments(&self) -> Vec<String> {
        let names = self.store.list("c/").unwrap();
        names.into_iter().filter(|name| name.ends_with(".seg")).collect()
    }

    fn slots(&self) -> Vec<String> {
        let names = self.store.list("c/").unwrap();
        names.into_iter().filter(|name| name.contains("/log/")).collect()
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = self.store.get(name, None).unwrap().to_vec();
        change(&mut bytes);
        self.store.delete(name).unwrap();
        self.store.create(name, &bytes).unwrap();
    }

    fn verify(&self, is_repair: bool) -> Report {
        verify(&Env::with_seed(self.store.clone(), 77), is_repair).unwrap()
    }

    /// Whether these are the points of that moment, but for those that are gone.
    fn is_part(&self, now: &Points, moment: &Points, report: &Report) -> bool {
        let has_all_vectors = report.problems.iter().all(|problem| problem.loss.vectors == 0);
        now.iter().all(|(id, point)| {
            let before = moment.get(id);
            before.is_some_and(|before| before == point || !has_all_vectors)
        })
    }

    /// Verifies, repairs, opens; gives the ids that are gone. `want`: a part of the one line that tells of it.
    #[track_caller]
    fn mend(&self, want: &str) -> (Report, Vec<PointId>) {
        let before = bytes(&self.store);
        let found = self.verify(false);
        assert_eq!(bytes(&self.store), before, "verify has written something");
        let line = found
            .problems
            .iter()
            .map(ToString::to_string)
            .find(|line| line.contains(want));
        assert!(line.is_some(), "no line with {want}:\n{found}");
        assert!(
            found.problems.iter().all(|problem| problem.remedy.is_some()),
            "{found}"
        );

        let repaired = self.verify(true);
        assert!(
            repaired
                .problems
                .iter()
                .all(|problem| problem.outcome == Outcome::Repaired),
            "{repaired}"
        );
        let losses = |report: &Report| {
            report
                .problems
                .iter()
                .map(|problem| problem.loss)
                .collect::<Vec<_>>()
        };
        assert_eq!(losses(&found), losses(&repaired), "verify and repair disagree");
        for (name, bytes) in &before {
            let kept = format!("lost/1/{name}");
            let is_kept = self.store.get(name, None).is_ok_and(|now| *now == **bytes)
                || self.store.get(&kept, None).is_ok_and(|now| *now == **bytes);
            assert!(is_kept, "{name} is nowhere");
        }
        let again = self.verify(false);
        assert!(again.is_clean(), "{again}");

        let database = open(&self.store, 2);
        assert_eq!(database.notices(), [""; 0]);
        let now = points(&database);
        // A log that was cut shows an earlier moment, all of it.
        let cut = repaired
            .problems
            .iter()
            .any(|problem| problem.remedy.iter().any(|text| text.contains("cut")));
        assert_eq!(
            cut,
            !self.is_part(&now, &self.points, &repaired) || now.is_empty()
        );
        if cut {
            assert!(
                self.history.contains(&now),
                "no moment of before: {:?}",
                now.keys()
            );
        }
        // It can be written, sealed and merged again.
        upsert(&database, 100..=100);
        database.seal(&Ctx::unlimited(), "art").unwrap();
        while database.compact(&Ctx::unlimited(), "art").unwrap() {}
        drop(database);
        assert_eq!(points(&open(&self.store, 3)).len(), now.len() + 1);
        assert!(self.verify(false).is_clean());
        let gone = self.points.keys().filter(|id| !now.contains_key(id));
        (repaired, gone.copied().collect())
    }
}

fn open(store: &Arc<MemoryStore>, seed: u64) -> Database {
    Database::open_with(Env::with_seed(store.clone(), seed)).unwrap()
}

fn points(database: &Database) -> Points {
    let everything = ScrollRequest {
        offset: None,
        limit: u64::MAX,
        filter: None,
        with_payload: PayloadSelector::All(true),
        with_vector: VectorSelector::All(true),
        order_by: None,
    };
    let page = database.scroll(&Ctx::unlimited(), "art", &everything).unwrap();
    page.points
        .into_iter()
        .map(|point| (point.id, format!("{point:?}")))
        .collect()
}

fn bytes(store: &MemoryStore) -> BTreeMap<String, Vec<u8>> {
    let names = store.list("").unwrap().into_iter();
    names
        .map(|name| (name.clone(), store.get(&name, None).unwrap().to_vec()))
        .collect()
}

fn numbers(ids: impl IntoIterator<Item = u64>) -> Vec<PointId> {
    ids.into_iter().map(PointId::Num).collect()
}

/// Where the region begins, by the table at the end of a segment.
fn region(bytes: &[u8], name: &str) -> usize {
    let at = bytes
        .windows(name.len())
        .rposition(|window| window == name.as_bytes())
        .unwrap();
    let offset = bytes[at + name.len()..].first_chunk().unwrap();
    usize::try_from(u64::from_le_bytes(*offset)).unwrap()
}

#[test]
fn a_sound_store_is_clean() {
    let art = Art::new();
    let report = art.verify(false);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.checked.points, 29);
    assert_eq!((report.checked.segments, report.checked.changes), (2, 7));
    assert!(art.verify(true).is_clean());
    assert_eq!(art.store.list("lost/").unwrap(), [""; 0]);
    assert_eq!(points(&open(&art.store, 2)), art.points);
}

#[test]
fn the_workload_leaves_a_clean_store_at_every_step() {
    let store: Arc<MemoryStore> = Arc::default();
    let mut engine = Engine::open(store.clone(), 1).unwrap();
    for (seed, change) in (0..).zip(workload()) {
        // The workload has refusals in it.
        drop(engine.change(&change));
        let report = verify(&Env::with_seed(store.clone(), 1000 + seed), false).unwrap();
        assert!(report.is_clean(), "{change:?}:\n{report}");
    }
}

#[test]
fn a_payload_block_that_cannot_be_read_costs_its_points() {
    let art = Art::new();
    let name = &art.segments()[0];
    art.change(name, |bytes| {
        let at = region(bytes, "payload/blocks");
        bytes[at + 3] ^= 1;
    });
    let (report, gone) = art.mend("payloads cannot be read");
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(!gone.is_empty() && gone.len() < 18, "{gone:?}");
    assert_eq!(report.problems[0].loss.points, gone.len() as u64);
    assert_eq!(report.problems[0].loss.sureness, Sureness::Exact);
}

#[test]
fn vectors_that_cannot_be_believed_leave_their_points() {
    let art = Art::new();
    art.change(&art.segments()[0], |bytes| {
        let at = region(bytes, "c0/data");
        bytes[at + 3] ^= 1;
    });
    let (report, gone) = art.mend("the vectors `a` cannot be believed");
    assert_eq!(gone, []);
    // Of 20 points one has left in the segment, and another since.
    assert_eq!(report.problems[0].loss.vectors, 19);
}

#[test]
fn a_segment_without_ids_is_lost_whole() {
    let art = Art::new();
    art.change(&art.segments()[1], |bytes| {
        let at = region(bytes, "ids/numbers");
        bytes[at] ^= 1;
    });
    let (report, gone) = art.mend("none of its points can be read");
    assert_eq!(gone, numbers(21..=30));
    assert_eq!(
        (report.problems[0].loss.points, report.problems[0].loss.sureness),
        (10, Sureness::AtMost)
    );
}

#[test]
fn a_cut_segment_and_a_missing_one() {
    let art = Art::new();
    art.change(&art.segments()[0], |bytes| bytes.truncate(100));
    art.store.delete(&art.segments()[1]).unwrap();
    let (report, gone) = art.mend("it is missing");
    assert_eq!(gone.len(), 28);
    assert_eq!(report.problems.len(), 2);
}

#[test]
fn the_log_is_kept_up_to_the_damage() {
    for (damage, what) in [
        ("flip", "the checksum does not match"),
        ("cut", "it ends too early"),
        ("lose", "it is missing"),
    ] {
        let art = Art::new();
        let name = art.slots()[2].clone();
        match damage {
            "flip" => art.change(&name, |bytes| *bytes.last_mut().unwrap() ^= 1),
            "cut" => art.change(&name, |bytes| bytes.truncate(40)),
            _ => art.store.delete(&name).unwrap(),
        }
        let (report, gone) = art.mend(what);
        let loss = report.problems[0].loss;
        // Slots 0 and 1 hold the points 31 and 32; lost are 33 to 36, and that 3 was deleted.
        assert_eq!((loss.changes, loss.sureness), (5, Sureness::Exact), "{report}");
        assert_eq!(gone, numbers(33..=36));
    }
}

#[test]
fn nobody_can_count_what_a_lost_tail_held() {
    let art = Art::new();
    let last = art.slots().pop().unwrap();
    art.change(&last, |bytes| bytes.truncate(40));
    let (report, _) = art.mend("it ends too early");
    let loss = report.problems[0].loss;
    assert_eq!((loss.changes, loss.sureness), (0, Sureness::AtLeast), "{report}");
}

#[test]
fn a_damaged_catalog_goes_back_to_the_one_before() {
    let art = Art::new();
    // Another opening, so that there is an older catalog with the collection in it.
    drop(open(&art.store, 9));
    let newest = art.store.list("catalog/").unwrap().pop().unwrap();
    art.change(&newest, |bytes| bytes[30] ^= 1);
    let (report, gone) = art.mend("go back to catalog/");
    assert_eq!(gone.len(), 0, "{report}");
}

/// The damage cannot be repaired: it is told, and a repair changes nothing.
#[track_caller]
fn beyond_repair(damage: impl FnOnce(&Art), want: &str) {
    let art = Art::new();
    damage(&art);
    let before = bytes(&art.store);
    for is_repair in [false, true] {
        let report = art.verify(is_repair);
        let text = report.to_string();
        assert!(
            text.contains(want) && text.contains("No repair for this"),
            "{text}"
        );
        assert!(
            bytes(&art.store) == before,
            "something was written: {:?}",
            art.store.list("")
        );
    }
}

#[test]
fn what_no_repair_mends_is_left_alone() {
    beyond_repair(
        |art| {
            let name = art.named(&["/m/"]);
            art.change(&name, |bytes| bytes[60] ^= 1);
        },
        "no manifest can be read",
    );
    beyond_repair(
        |art| art.store.delete(&art.named(&["/m/"])).unwrap(),
        "it has no manifest",
    );
    // The only older catalog is from before the collection was made.
    beyond_repair(
        |art| {
            art.change(art.store.list("catalog/").unwrap().last().unwrap(), |bytes| {
                bytes.truncate(50)
            })
        },
        "a catalog must have been lost",
    );
    beyond_repair(
        |art| {
            for name in art.store.list("catalog/").unwrap() {
                art.change(&name, |bytes| bytes.truncate(50));
            }
        },
        "no catalog can be read",
    );
    beyond_repair(
        |art| {
            for name in art.store.list("catalog/").unwrap() {
                art.store.delete(&name).unwrap();
            }
        },
        "all catalogs are missing",
    );
}

/// As when the process ends between a checkpoint and its collection, and the newest manifest rots.
#[test]
fn an_older_manifest_stands_in_when_all_of_it_is_there() {
    let art = Art::new();
    let older = bytes(&art.store);
    let database = open(&art.store, 5);
    drop(database);
    for (name, bytes) in older {
        drop(art.store.create(&name, &bytes));
    }
    let newest = art
        .store
        .list("c/")
        .unwrap()
        .into_iter()
        .rfind(|name| name.ends_with(".mf"))
        .unwrap();
    art.change(&newest, |bytes| bytes[60] ^= 1);
    let (report, gone) = art.mend("whose objects are all there");
    assert_eq!((report.problems.len(), gone.len()), (1, 0), "{report}");
}

#[test]
fn a_store_without_its_mark_gets_another() {
    let art = Art::new();
    art.change("STORE", |bytes| bytes[20] ^= 1);
    let report = art.verify(true);
    assert_eq!(report.problems.len(), 1, "{report}");
    assert!(art.store.get("lost/1/store", None).is_ok());
    assert!(art.verify(false).is_clean());
    assert_eq!(points(&open(&art.store, 2)), art.points);
}

#[test]
fn strangers_are_notes() {
    let art = Art::new();
    art.store.create("c/photos/cat.jpg", b"meow").unwrap();
    art.store.create("zebra", b"stripes").unwrap();
    let report = art.verify(true);
    assert!(report.is_clean(), "{report}");
    assert!(
        report.notes.iter().any(|note| note.contains("c/photos/")),
        "{report}"
    );
    assert!(report.notes.iter().any(|note| note.contains("zebra")), "{report}");
}

#[test]
fn a_folder_without_a_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("nothing")] {
        let error = verify_folder(&path, true).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("holds no Kindred database"), "{error}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

/// A repair that ends at any call leaves what the next repair mends, without further loss.
#[test]
fn a_crash_at_every_call_of_a_repair() {
    let damaged = || {
        let art = Art::new();
        art.change(&art.segments()[0], |bytes| {
            let at = region(bytes, "payload/blocks");
            bytes[at + 3] ^= 1;
        });
        art.change(&art.slots()[3], |bytes| *bytes.last_mut().unwrap() ^= 1);
        art
    };
    let whole = damaged();
    whole.verify(true);
    let want = points(&open(&whole.store, 2));
    let mut calls = 0;
    loop {
        calls += 1;
        let art = damaged();
        let store = Arc::new(FaultyStore::with_fault(
            art.store.clone(),
            calls,
            Fault::Crash,
            calls,
        ));
        // An error, or a report that says what has failed.
        drop(verify(&Env::with_seed(store.clone(), 50), true));
        if !store.has_crashed() {
            break;
        }
        let report = art.verify(true);
        let is_open = |problem: &Problem| problem.outcome != Outcome::Repaired;
        assert!(!report.problems.iter().any(is_open), "call {calls}:\n{report}");
        assert!(art.verify(false).is_clean(), "call {calls}");
        assert!(points(&open(&art.store, 2)) == want, "call {calls}");
    }
    assert!(calls > 30, "{calls}");
}

/// One flipped bit anywhere: verify finds it or nobody needs that byte, and after a repair the database opens.
#[test]
fn a_flipped_bit_anywhere_is_found_and_survived() {
    let names = bytes(&Art::new().store);
    let mut mended = 0;
    for (name, content) in names {
        if name.starts_with("catalog/") && !name.ends_with("2.json") {
            continue;
        }
        for at in (0..content.len()).step_by(content.len() / 7 + 1) {
            let art = Art::new();
            art.change(&name, |bytes| bytes[at] ^= 4);
            let found = verify(&Env::with_seed(art.store.clone(), 5), false);
            let Ok(found) = found else {
                // A version of the future in the mark of the store.
                assert_eq!(name, "STORE");
                continue;
            };
            if found.problems.iter().any(|problem| problem.remedy.is_none()) {
                continue;
            }
            if found.is_clean() {
                // What is wrong there is not looked at: then it must not matter.
                assert_eq!(points(&open(&art.store, 2)), art.points, "{name} at {at}");
                continue;
            }
            let repaired = art.verify(true);
            assert!(art.verify(false).is_clean(), "{name} at {at}: {repaired}");
            drop(points(&open(&art.store, 3)));
            mended += 1;
        }
    }
    assert!(mended > 40, "{mended}");
}
