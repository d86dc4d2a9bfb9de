//! Looking for damage in a whole store, and repairing it: behind `kindred verify`. Works on what is stored, not on an
//! open database, so that it also works where a database cannot be opened.
//!
//! INVARIANT: without `repair` no object is written or removed. A repair keeps a copy under `lost/` of everything that
//! it takes out, before it takes it out.

mod report;
mod lost;
mod catalog;
mod strays;
mod segments;
mod shard;
mod repair;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use kindred_storage::inspect::{self, Shard};
use kindred_storage::{Durability, Error as StorageError, LocalStore, STORE_NAME};

use self::catalog::Catalogs;
use self::lost::Lost;
pub use self::report::{Checked, Loss, Outcome, Problem, Report, Sureness};
use self::shard::Examined;
use crate::collection::view::Settings;
use crate::env::Env;
use crate::error::{Error, ErrorKind};
use crate::upkeep;

/// Verifies the database in the folder `path`; see [`verify`].
///
/// # Errors
/// `InvalidInput` when there is no database, of which nothing is touched then; `Busy` when a process has it open.
pub fn verify_folder(path: impl AsRef<Path>, repair: bool) -> Result<Report, Error> {
    let path = path.as_ref();
    // Opening makes the folder and its lock, which is no business of somebody who looks for damage.
    if ![STORE_NAME, "catalog", "c"]
        .iter()
        .any(|name| path.join(name).exists())
    {
        return Err(no_database(&path.display().to_string()));
    }
    let store = LocalStore::open(path, Durability::Fsync)?;
    verify(&Env::new(Arc::new(store)), repair)
}

/// Reads everything that the store of `env` holds, and tells what is damaged and what that means. With `repair`, does
/// the least that makes each collection open again, and keeps what it takes out under `lost/`. Nobody else may have
/// the database open.
///
/// # Errors
/// When the store holds no database or one of a newer program, or cannot be listed. Damage is no error.
pub fn verify(env: &Env, repair: bool) -> Result<Report, Error> {
    let mut run = Run {
        env,
        is_repair: repair,
        lost: Lost::new(env),
        report: Report::default(),
    };
    run.identity()?;
    let catalogs = run.catalogs()?;
    let settled = catalogs.current.as_ref();
    let mut known = BTreeSet::new();
    for (name, entry) in settled.into_iter().flat_map(|catalog| &catalog.collections) {
        known.insert(upkeep::prefix(entry.uuid));
        run.report.checked.collections += 1;
        run.collection(Some(name), &upkeep::shard(entry.uuid), Some(&entry.settings()));
    }
    if settled.is_none() {
        for prefix in strays::collections(env)? {
            run.collection(None, &format!("{prefix}s0/"), None);
            known.insert(prefix);
        }
    }
    run.report.notes.extend(strays::look(env, settled, &known)?);
    run.report.lost = run.lost.finish(&run.report)?;
    Ok(run.report)
}

/// One verification.
struct Run<'a> {
    env: &'a Env,
    is_repair: bool,
    lost: Lost<'a>,
    report: Report,
}

impl Run<'_> {
    fn identity(&mut self) -> Result<(), Error> {
        let store = &*self.env.store;
        let (what, is_there) = match inspect::identity(store) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => (
                "it is missing, so the folder is not taken for a database".to_owned(),
                false,
            ),
            Err(StorageError::Corrupt { flaw, .. }) => (flaw.to_string(), true),
            Err(error) => return Err(error.into()),
        };
        if !is_there && store.list("catalog/")?.is_empty() && store.list("c/")?.is_empty() {
            return Err(no_database("the store"));
        }
        let mut problem = Problem::new(STORE_NAME, None, what);
        problem.remedy = Some("make it anew, with a new id of the database".to_owned());
        if self.is_repair {
            let made = self.lost.keep(STORE_NAME).and_then(|()| {
                store.delete(STORE_NAME)?;
                inspect::make_identity(store, self.env.random_u128())
            });
            problem.outcome = Outcome::of(made);
        }
        self.report.problems.push(problem);
        Ok(())
    }

    fn catalogs(&mut self) -> Result<Catalogs, Error> {
        let mut catalogs = catalog::look(self.env)?;
        self.report.checked.catalogs = catalogs.count;
        if self.is_repair {
            catalog::repair(self.env, &mut self.lost, &mut catalogs);
        }
        self.report.problems.append(&mut catalogs.problems);
        Ok(catalogs)
    }

    fn collection(&mut self, name: Option<&str>, prefix: &str, settings: Option<&Settings>) {
        let shard = match Shard::new(Arc::clone(&self.env.store), prefix) {
            Ok(shard) => shard,
            Err(error) => return self.report.problems.push(Problem::of(&error)),
        };
        let examined = shard::examine(self.env, &shard, prefix);
        let mut examined = examined.unwrap_or_else(|error| Examined::unreadable(&error));
        if self.is_repair
            && let Some(settings) = settings
            && let Some(base) = examined.repairable()
        {
            let repaired = repair::repair(
                self.env,
                &mut self.lost,
                &shard,
                settings,
                base,
                &examined.objects,
            );
            match repaired {
                // What was found under the claim is what was left out.
                Ok(problems) => {
                    examined.replace(problems);
                    examined.settle(&Outcome::Repaired);
                }
                Err(error) => examined.settle(&Outcome::Failed(error.to_string())),
            }
        }
        for mut problem in examined.problems {
            problem.collection = name.map(str::to_owned);
            if settings.is_none() {
                problem.remedy = None;
            }
            self.report.problems.push(problem);
        }
        self.report.checked.add(&examined.checked);
    }
}

fn no_database(place: &str) -> Error {
    let text = format!("{place} holds no Kindred database");
    Error::new(ErrorKind::InvalidInput, text)
}
