//! Breadth-first search through all states that can be reached, so that the first violation has a shortest trace.

use std::hash::{Hash, Hasher};

use super::rules::{Rules, Step, Violation};
use super::state::State;

/// What a search has found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Different states that were reached.
    pub(crate) states: usize,
    /// The first violation and the steps that lead to it; `None` if all states are exhausted and clean.
    pub(crate) violation: Option<(Violation, Vec<Step>)>,
}

pub(crate) fn search(rules: &Rules) -> Found {
    let mut seen = Seen::new();
    seen.insert(State::default(), 0);
    let mut steps = Vec::new();
    let mut at = 0;
    while let Some(state) = seen.states.get(at).copied() {
        rules.steps(&state, &mut steps);
        for (step, result) in steps.drain(..) {
            let violation = match result {
                Ok(next) => {
                    let kept = if rules.forgets { next.canonical() } else { next };
                    if !seen.insert(kept, at) {
                        continue;
                    }
                    next.violation(rules)
                }
                Err(violation) => Some(violation),
            };
            if let Some(violation) = violation {
                let mut trace = seen.trace(rules, at);
                trace.push(step);
                let states = seen.states.len();
                return Found {
                    states,
                    violation: Some((violation, trace)),
                };
            }
        }
        at += 1;
    }
    Found {
        states: seen.states.len(),
        violation: None,
    }
}

/// Every state once, in the order of discovery, with the one that it was reached from.
struct Seen {
    states: Vec<State>,
    parents: Vec<u32>,
    /// Open addressing: one more than the index of a state, at its hash or after it. At most half full.
    table: Vec<u32>,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            states: Vec::new(),
            parents: Vec::new(),
            table: vec![0; 1 << 16],
        }
    }

    /// Whether it is new.
    fn insert(&mut self, state: State, parent: usize) -> bool {
        if self.states.len() * 2 >= self.table.len() {
            self.grow();
        }
        let place = self.place(&state);
        if self.table[place] != 0 {
            return false;
        }
        self.states.push(state);
        self.parents.push(parent.try_into().unwrap());
        self.table[place] = self.states.len().try_into().unwrap();
        true
    }

    /// Where the state is, or where it has to go.
    fn place(&self, state: &State) -> usize {
        let mask = self.table.len() - 1;
        let mut hasher = Mix(0);
        state.hash(&mut hasher);
        let mut place = usize::try_from(hasher.finish() >> 20).unwrap() & mask;
        while self.table[place] != 0 && self.states[self.table[place] as usize - 1] != *state {
            place = (place + 1) & mask;
        }
        place
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 4];
        for index in 0..self.states.len() {
            let place = self.place(&self.states[index]);
            self.table[place] = u32::try_from(index).unwrap() + 1;
        }
    }

    fn trace(&self, rules: &Rules, mut at: usize) -> Vec<Step> {
        let mut trace = Vec::new();
        while at != 0 {
            let parent = self.parents[at] as usize;
            let mut steps = Vec::new();
            rules.steps(&self.states[parent], &mut steps);
            let is_it = |result: &Result<State, Violation>| {
                let next = result.as_ref().copied().unwrap_or_default();
                self.states[at] == if rules.forgets { next.canonical() } else { next }
            };
            trace.extend(
                steps
                    .into_iter()
                    .find(|(_, result)| is_it(result))
                    .map(|(step, _)| step),
            );
            at = parent;
        }
        trace.reverse();
        trace
    }
}

/// A multiplicative hash, word by word; good enough for states, and several times as fast as the default.
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, word: u8) {
        self.write_u64(word.into());
    }
    fn write_u16(&mut self, word: u16) {
        self.write_u64(word.into());
    }
    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }
    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(23) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}
