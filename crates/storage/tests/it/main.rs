//! What the journal promises, tried through the public face: on crashes and errors at every call, with other writers in
//! between at every call, and on a real directory.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod fence;
#[cfg(test)]
mod journal;
#[cfg(test)]
mod shard;
