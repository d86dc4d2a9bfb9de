//! Which parts of a local store have stopped because a sync failed: the kernel may have dropped the dirty pages, and will
//! report the next sync as fine. Reading goes on, but not of objects that may not last.
//!
//! INVARIANT: what has stopped stays so until the folder is opened again.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::error::Error;

/// The whole store.
const ALL: &str = "";

#[derive(Debug, Default)]
pub(super) struct Halts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Scopes that take no more creates, and why.
    stopped: BTreeMap<String, Arc<io::Error>>,
    /// Objects that can be seen, though nobody knows for how long.
    unsynced: BTreeMap<String, Arc<io::Error>>,
}

/// What a failed sync stops: the objects of the same collection or numbered list. It is the name up to its second slash
/// (`c/<uuid>/`), else up to the first (`catalog/`), else everything.
pub(super) fn scope(name: &str) -> &str {
    let mut slashes = name.match_indices('/').map(|(at, _)| at);
    let end = match (slashes.next(), slashes.next()) {
        (_, Some(second)) => second + 1,
        (Some(first), None) => first + 1,
        (None, None) => 0,
    };
    name.get(..end).unwrap_or(ALL)
}

impl Halts {
    /// Whether an object of this name may be written; [`Error::Io`] with the first failure if not.
    pub(super) fn check_create(&self, name: &str) -> Result<(), Error> {
        let state = self.0.lock();
        let stopped = state.stopped.get(ALL).or_else(|| state.stopped.get(scope(name)));
        refuse(name, stopped)
    }

    /// As `check_create` for an object that has its name already; if its scope has stopped, it is hidden.
    pub(super) fn check_linked(&self, name: &str) -> Result<(), Error> {
        let mut state = self.0.lock();
        let stopped = state.stopped.get(ALL).or_else(|| state.stopped.get(scope(name)));
        if let Some(source) = stopped.map(Arc::clone) {
            state.unsynced.insert(name.to_owned(), source);
        }
        refuse(name, state.unsynced.get(name))
    }

    /// Whether an object of this name, if it is there, is durable.
    pub(super) fn check_get(&self, name: &str) -> Result<(), Error> {
        refuse(name, self.0.lock().unsynced.get(name))
    }

    /// The bytes of an object could not be synced; it has no name yet.
    pub(super) fn stop(&self, name: &str, source: &Arc<io::Error>) {
        stop(&mut self.0.lock(), scope(name), source);
    }

    /// The entry of an object could not be synced in `directory`, by its path from the root. If that directory is not
    /// only the scope's own, then what was lost may be another's entry as well, so everything stops.
    pub(super) fn stop_linked(&self, name: &str, directory: &str, source: &Arc<io::Error>) {
        let mut state = self.0.lock();
        let scope = scope(name);
        let is_own = format!("{directory}/").starts_with(scope);
        stop(&mut state, if is_own { scope } else { ALL }, source);
        state.unsynced.insert(name.to_owned(), Arc::clone(source));
    }
}

fn stop(state: &mut State, scope: &str, source: &Arc<io::Error>) {
    let stopped = state.stopped.entry(scope.to_owned());
    stopped.or_insert_with(|| Arc::clone(source));
}

fn refuse(name: &str, source: Option<&Arc<io::Error>>) -> Result<(), Error> {
    source.map_or(Ok(()), |source| {
        Err(Error::Io {
            object: name.to_owned(),
            source: Arc::clone(source),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_a_collection_or_a_list() {
        for (name, expected) in [
            ("STORE", ""),
            ("catalog/00000000000000000001.json", "catalog/"),
            ("probe/0", "probe/"),
            ("c/0123/s0/log/0/1", "c/0123/"),
            ("c/0123/x", "c/0123/"),
            ("c/0123", "c/"),
        ] {
            assert_eq!(scope(name), expected, "{name}");
        }
    }

    #[test]
    fn only_what_a_failed_sync_may_have_lost_stops() {
        let source = Arc::new(io::Error::other("lost"));
        // Bytes, or the directory whose sync failed; then whether a create of each name may go on.
        let names = ["c/1/s0/a", "c/1/s0/b", "c/2/s0/a", "catalog/1", "STORE"];
        for (directory, expected) in [
            (None, [false, false, true, true, true]),
            (Some("c/1/s0"), [false, false, true, true, true]),
            (Some("c/1"), [false, false, true, true, true]),
            (Some("c"), [false; 5]),
            (Some(""), [false; 5]),
        ] {
            let halts = Halts::default();
            match directory {
                None => halts.stop("c/1/s0/a", &source),
                Some(directory) => halts.stop_linked("c/1/s0/a", directory, &source),
            }
            let may_go_on = names.map(|name| halts.check_create(name).is_ok());
            assert_eq!(may_go_on, expected, "{directory:?}");
            for name in names {
                let is_hidden = name == "c/1/s0/a" && directory.is_some();
                assert_eq!(halts.check_get(name).is_err(), is_hidden, "{name} {directory:?}");
            }
        }
    }

    #[test]
    fn a_sync_beside_a_failed_one_is_not_believed() {
        let halts = Halts::default();
        halts.check_linked("c/1/s0/a").unwrap();
        halts.stop("c/1/s0/b", &Arc::new(io::Error::other("lost")));
        for (name, is_durable) in [("c/1/s0/c", false), ("c/2/s0/c", true)] {
            assert_eq!(halts.check_linked(name).is_ok(), is_durable, "{name}");
            assert_eq!(halts.check_get(name).is_ok(), is_durable, "{name}");
        }
        halts.check_get("c/1/s0/a").unwrap();
    }
}
