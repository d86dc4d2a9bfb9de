//! The engine from outside: against the corpus, against the reference, against a store that fails at every call, on
//! damaged objects, and what readers see while others write.

#[cfg(test)]
mod engine;
#[cfg(test)]
mod restless;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod determinism;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod jobs;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod reopen;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod verify;
