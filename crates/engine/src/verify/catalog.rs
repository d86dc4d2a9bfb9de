//! The catalogs: the newest one counts, the older ones are kept so that one of them can stand in for it.

use std::sync::Arc;

use kindred_storage::inspect::versions;
use kindred_storage::{Error as StorageError, Numbered};
use uuid::Uuid;

use super::lost::Lost;
use super::report::{Outcome, Problem};
use crate::catalog::{Catalog, decode, encode};
use crate::env::Env;
use crate::error::Error;
use crate::upkeep;

/// What the store has of catalogs.
pub(super) struct Catalogs {
    /// The newest that can be read; an empty one in a store that never had any.
    pub(super) current: Option<Catalog>,
    /// How many were read.
    pub(super) count: u64,
    pub(super) problems: Vec<Problem>,
    /// The newest version that is there.
    newest: u64,
    /// The version of `current`, if that stands in for a newer one.
    stand_in: Option<u64>,
}

/// Reads all catalogs.
pub(super) fn look(env: &Env) -> Result<Catalogs, Error> {
    let numbered = numbered(env)?;
    let found = versions(&env.store, "catalog/", ".json")?;
    let mut catalogs = Catalogs {
        current: None,
        count: found.len() as u64,
        problems: Vec::new(),
        newest: found.first().copied().unwrap_or(0),
        stand_in: None,
    };
    for version in found {
        let name = numbered.name(version);
        let read = match env.store.get(&name, None) {
            Ok(bytes) => decode(&name, &bytes),
            Err(error) => Err(error.into()),
        };
        match read {
            Ok(catalog) if catalogs.current.is_none() => {
                catalogs.stand_in = (version != catalogs.newest).then_some(version);
                catalogs.current = Some(catalog);
            }
            Ok(_) => {}
            Err(error) => catalogs
                .problems
                .push(problem(&name, &error, catalogs.current.is_none())),
        }
    }
    catalogs.explain(env, &numbered)?;
    Ok(catalogs)
}

fn problem(name: &str, error: &Error, is_needed: bool) -> Problem {
    let prefix = format!("{name} is damaged: ");
    let text = error.to_string();
    let why = text.strip_prefix(&prefix).unwrap_or(&text);
    if is_needed {
        return Problem::new(name, Some(0), why);
    }
    let mut problem = Problem::new(name, Some(0), format!("{why}; nobody needs this older catalog"));
    problem.remedy = Some("remove it".to_owned());
    problem
}

impl Catalogs {
    /// Says what it means that newer catalogs cannot be read.
    fn explain(&mut self, env: &Env, numbered: &Numbered) -> Result<(), Error> {
        let Some(current) = self.current.clone() else {
            if self.count > 0 {
                for problem in &mut self.problems {
                    problem
                        .what
                        .push_str("; no catalog can be read, so nobody knows the names and settings");
                }
            } else if let Some(object) = env
                .store
                .list("c/")?
                .into_iter()
                .find(|name| name.contains("/log/"))
            {
                let what = format!("all catalogs are missing, but {object} shows that there were some");
                self.problems.push(Problem::new("catalog/", None, what));
            } else {
                self.current = Some(Catalog::default());
            }
            return Ok(());
        };
        let Some(stand_in) = self.stand_in else {
            // The newest catalog can be read. Without a collection in it, log slots say that it is not the newest.
            if let Err(error) = upkeep::account(env, &current) {
                self.problems
                    .push(Problem::new("catalog/", None, error.to_string()));
            }
            return Ok(());
        };
        let newer = self.problems.iter_mut();
        let newer = newer.filter(|problem| problem.remedy.is_none());
        if let Err(error) = upkeep::account(env, &current.stand_in(Uuid::nil())) {
            let why = format!("; and of the older ones, {error}");
            newer.for_each(|problem| problem.what.push_str(&why));
            (self.current, self.stand_in) = (None, None);
            return Ok(());
        }
        let names: Vec<&str> = current.collections.keys().map(String::as_str).collect();
        let name = numbered.name(stand_in);
        for problem in newer {
            problem.remedy = Some(format!(
                "go back to {name}, with {}; lost are collections, aliases, fields, indexes and settings made or \
                 dropped since (collections that it names and that were dropped come back broken)",
                if names.is_empty() {
                    "no collections".to_owned()
                } else {
                    format!("the collections {}", names.join(", "))
                },
            ));
        }
        Ok(())
    }
}

/// Makes the catalog that stands in the newest one, and takes the damaged ones out.
pub(super) fn repair(env: &Env, lost: &mut Lost<'_>, catalogs: &mut Catalogs) {
    let outcome = Outcome::of(try_repair(env, lost, catalogs));
    let repairable = catalogs
        .problems
        .iter_mut()
        .filter(|problem| problem.remedy.is_some());
    repairable.for_each(|problem| problem.outcome = outcome.clone());
}

fn try_repair(env: &Env, lost: &mut Lost<'_>, catalogs: &Catalogs) -> Result<(), StorageError> {
    let damaged = catalogs
        .problems
        .iter()
        .filter(|problem| problem.remedy.is_some());
    let damaged: Vec<&str> = damaged.map(|problem| problem.object.as_str()).collect();
    for name in &damaged {
        lost.keep(name)?;
    }
    if let Some(current) = catalogs.current.as_ref().filter(|_| catalogs.stand_in.is_some()) {
        let next = current.stand_in(env.random_uuid());
        let bytes = encode(&next).map_err(|error| StorageError::io("catalog/", error.into()))?;
        numbered(env)?.commit(catalogs.newest.saturating_add(1), &bytes)?;
    }
    damaged.into_iter().try_for_each(|name| env.store.delete(name))
}

fn numbered(env: &Env) -> Result<Numbered, StorageError> {
    Numbered::open(Arc::clone(&env.store), "catalog/", ".json")
}
