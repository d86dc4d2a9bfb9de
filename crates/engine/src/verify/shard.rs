//! One collection's objects, looked at without taking part: which manifest counts, its segments, and the log behind it.

use kindred_model::update::UpdateOp;
use kindred_storage::inspect::{Break, Found, LogFound, Shard};
use kindred_storage::{Error as StorageError, Flaw, Lsn};

use super::report::{Checked, Outcome, Problem, Sureness};
use super::segments::{self, Segments};
use crate::collection::record;
use crate::env::Env;

/// What a look at a shard has found.
pub(super) struct Examined {
    pub(super) problems: Vec<Problem>,
    pub(super) checked: Checked,
    /// Damaged manifests: not found again once the shard is taken over.
    manifests: usize,
    /// The manifest to go on from.
    base: Option<Found>,
    /// Objects that a repair of the manifests takes out.
    pub(super) objects: Vec<String>,
}

impl Examined {
    /// A shard of which nothing could be read.
    pub(super) fn unreadable(error: &StorageError) -> Self {
        Self {
            problems: vec![Problem::of(error)],
            checked: Checked::default(),
            manifests: 0,
            base: None,
            objects: Vec::new(),
        }
    }

    /// The manifest that a repair begins with; `None` when nothing is wrong, or something that no repair mends.
    pub(super) fn repairable(&self) -> Option<&Found> {
        let is_all = self.problems.iter().all(|problem| problem.remedy.is_some());
        self.base.as_ref().filter(|_| is_all && !self.problems.is_empty())
    }

    /// Puts what the repair has found under its claim in the place of what was found before.
    pub(super) fn replace(&mut self, problems: Vec<Problem>) {
        self.problems.truncate(self.manifests);
        self.problems.extend(problems);
    }

    pub(super) fn settle(&mut self, outcome: &Outcome) {
        for problem in &mut self.problems {
            problem.outcome = outcome.clone();
        }
    }
}

/// Looks at all of a shard. An error is a store that cannot be read.
pub(super) fn examine(env: &Env, shard: &Shard, prefix: &str) -> Result<Examined, StorageError> {
    let mut problems = Vec::new();
    let mut base = None;
    let mut objects = Vec::new();
    for (name, read) in shard.manifests()? {
        match read.and_then(|found| segments::named(&found).map(|_| found)) {
            Ok(found) => {
                base = Some(found);
                break;
            }
            Err(error @ StorageError::Version { .. }) => {
                problems.push(Problem::of(&error));
                break;
            }
            Err(error) => {
                problems.push(Problem::of(&error));
                objects.push(name);
            }
        }
    }
    let mut examined = Examined {
        manifests: problems.len(),
        problems,
        checked: Checked::default(),
        base,
        objects,
    };
    let Some(base) = &examined.base else {
        explain_no_manifest(&mut examined.problems, prefix);
        return Ok(examined);
    };
    let mut segments = Segments::read(env, base)?;
    let log = read_log(shard, base, &mut segments, |_, _| Ok(()))?;
    let is_whole = segments.is_whole() && log.broken.is_none();
    for problem in &mut examined.problems {
        if is_whole {
            problem.what.push_str(", and it is the newest manifest");
            problem.remedy = Some(format!("go back to {}, whose objects are all there", base.name()));
        } else {
            let what = format!("; {} is older, and not all of its objects are there", base.name());
            problem.what.push_str(&what);
        }
    }
    if examined.manifests == 0 || is_whole {
        examined.checked = segments.checked;
        examined.checked.slots = log.slots;
        examined.checked.changes = log.end.0.saturating_sub(base.replay_from().0);
        examined.problems.extend(segments.problems);
        examined.problems.extend(of_log(&log));
    }
    Ok(examined)
}

fn explain_no_manifest(problems: &mut Vec<Problem>, prefix: &str) {
    match problems.last_mut() {
        None => {
            let what = "the catalog names the collection, but it has no manifest: restore it from a snapshot, or drop it";
            problems.push(Problem::new(&format!("{prefix}m/"), None, what));
        }
        Some(last) => last.what.push_str(
            "; no manifest can be read, so nobody knows which segments and log slots count: restore the collection \
             from a snapshot, or drop it",
        ),
    }
}

/// Reads the log behind a manifest up to the first damage, which may be a change that `apply` refuses.
pub(super) fn read_log(
    shard: &Shard,
    base: &Found,
    segments: &mut Segments,
    mut apply: impl FnMut(Lsn, UpdateOp) -> Result<(), Flaw>,
) -> Result<LogFound, StorageError> {
    shard.log(base, &mut |lsn, bytes| {
        let op = record::decode(bytes).map_err(|_| Flaw::Value("a change of points"))?;
        segments.note(&op);
        apply(lsn, op)
    })
}

/// What is wrong with a log.
pub(super) fn of_log(log: &LogFound) -> Vec<Problem> {
    let mut problems = Vec::new();
    for error in &log.harmless {
        let mut problem = Problem::of(error);
        problem
            .what
            .push_str("; no change was in it, but the collection does not open");
        problem.remedy = Some("begin the log anew behind it".to_owned());
        problems.push(problem);
    }
    if let Some(Break {
        error,
        changes,
        is_exact,
        ..
    }) = &log.broken
    {
        let mut problem = Problem::of(error);
        let first = log.end.0;
        let what =
            format!("; the changes from {first} on cannot be believed, and the collection does not open");
        problem.what.push_str(&what);
        problem.remedy = Some(format!("keep the changes before {first} and cut the log there"));
        problem.loss.changes = *changes;
        problem.loss.sureness = if *is_exact {
            Sureness::Exact
        } else {
            Sureness::AtLeast
        };
        problems.push(problem);
    }
    problems
}
