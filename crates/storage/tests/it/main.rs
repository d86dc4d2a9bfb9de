//! What the journal promises, tried through the public face: on crashes and errors at every call, with other writers in
//! between at every call, and on a real directory.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod inspect;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod model;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod shard;

#[cfg(test)]
use kindred_storage::{Durability, Error, LocalStore, MemoryStore, Store};

#[test]
fn the_store_in_memory_conforms() {
    conformance::check(&MemoryStore::new());
}

#[test]
fn the_store_in_a_directory_conforms() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check(&LocalStore::open(folder.path(), Durability::Fsync).unwrap());
}

/// A line for whoever runs the tests, which is not held back when they pass.
#[cfg(test)]
fn report(line: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{line}").unwrap();
}
