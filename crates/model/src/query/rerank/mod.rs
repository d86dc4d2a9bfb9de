//! What scores a list of results again: joining lists (`fusion`), spreading them out (`mmr`), and expressions
//! over scores and payloads (`formula`). Used by query kinds; executed by the engine on merged lists only.

pub mod fusion;
pub mod mmr;
pub mod formula;
