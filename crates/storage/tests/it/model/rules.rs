//! The protocol, one call of the store per step, and what must never happen. The names of the steps are those of the
//! code (docs/format.md, "What holds between the objects of a shard").
//!
//! A writer may stall for ever before each call, die at each, and begin anew with a claim. Every create may be done and
//! not answered, or not done and not answered; each is settled by a get. Anybody may collect any garbage at any time.

use super::state::{EMPTY, EPOCHS, Late, Manifest, NONE, Next, SEAL, State, WRITERS, Writer};

/// A variant of the protocol, and how much each of the two writers may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) variant: Variant,
    pub(crate) claims: [u8; WRITERS],
    pub(crate) ops: [u8; WRITERS],
    pub(crate) checkpoints: [u8; WRITERS],
    /// Whether a checkpoint may also leave the last batch to the log.
    pub(crate) may_leave: bool,
    /// Whether a create that was given up may still get through, at any later time.
    pub(crate) has_late: bool,
    /// Whether states are made one that differ only in garbage which nobody can meet (see `State::canonical`).
    pub(crate) forgets: bool,
    /// Whether [`Violation::RecoveredWithout`] counts; without it a search goes on to what the store itself has lost.
    pub(crate) is_strict: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// What the code does.
    Implemented,
    /// One log directory without epochs, claims and seals: who finds his slot taken is fenced.
    OneDirectory,
    /// Nobody lists again, neither after the create of a manifest nor after recovery.
    NoRelist,
    /// Seals are collected with the slots that they follow.
    SealsCollected,
    /// Every segment that the newest manifest does not name is collected, whoever has made it.
    AnySegmentCollected,
    /// An opening does not look again after its recovery.
    NoLookAfterRecovery,
}

/// What a step was: its name in the code, who took it (0 is whoever collects), and the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) writer: usize,
    pub(crate) call: &'static str,
}

/// What must not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The newest manifest and the slots that it leads to lack an acknowledged operation.
    AcknowledgedLost,
    /// A recovery has ended without an operation that was acknowledged before its end.
    RecoveredWithout,
    /// A writer acknowledges an operation that a newer opening, whose recovery has ended, does not have.
    AcknowledgedByFenced,
    /// A recovery applies an operation a second time.
    Twice,
    /// The newest manifest names a segment that is not there.
    SegmentMissing,
    /// A writer that nobody has fenced finds something missing: it would report damage.
    FalseDamage,
    /// What the newest manifest made garbage is needed by the one after it.
    Resurrected,
}

pub(super) type Steps = Vec<(Step, Result<State, Violation>)>;

/// What a create has come to, as the one who called knows it.
pub(super) enum Create {
    Done(State),
    /// Refused, or no answer: a get has to tell.
    InDoubt(State),
}

impl Rules {
    /// Everything that can happen next.
    pub(crate) fn steps(&self, state: &State, out: &mut Steps) {
        for who in 0..WRITERS {
            self.start(state, who, out);
            self.advance(state, who, out);
        }
        self.collect(state, out);
        if let Some(late) = state.late {
            out.push((step("late", WRITERS, "create gets through"), arrive(state, late)));
        }
    }

    /// A create that was not done and not answered; it may be on its way still.
    pub(super) fn lost(&self, state: State, late: Late) -> impl Iterator<Item = State> + use<> {
        let is_late = self.has_late && state.late.is_none();
        let later = State {
            late: Some(late),
            ..state
        };
        std::iter::once(state).chain(is_late.then_some(later))
    }

    /// A writer dies, whatever it does, and is started again.
    pub(super) fn start(&self, state: &State, who: usize, out: &mut Steps) {
        let writer = &state.writers[who];
        if writer.claims < self.claims[who] {
            let mut next = *state;
            next.writers[who] = Writer {
                next: Next::ClaimList,
                claims: writer.claims + 1,
                ops: writer.ops,
                checkpoints: writer.checkpoints,
                ..Writer::default()
            };
            out.push((step("claim", who, "starts"), Ok(next)));
        }
    }

    pub(super) fn advance(&self, state: &State, who: usize, out: &mut Steps) {
        match state.writers[who].next {
            Next::Nothing => {}
            Next::ClaimList | Next::ClaimGet | Next::ClaimCreate | Next::ClaimSettle | Next::ClaimRelist => {
                self.claim(state, who, out)
            }
            Next::SealList | Next::SealGet | Next::SealCreate | Next::SealSettle => {
                self.seal(state, who, out);
            }
            Next::RecoverGet | Next::RecoverRelist => self.recover(state, who, out),
            Next::Choose => self.choose(state, who, out),
            Next::AppendCreate | Next::AppendSettle => self.append(state, who, out),
            Next::CheckpointSegment
            | Next::CheckpointList
            | Next::CheckpointGet
            | Next::CheckpointCreate
            | Next::CheckpointSettle
            | Next::CheckpointRelist => self.checkpoint(state, who, out),
        }
    }

    /// Creates the writer's version: what can come of it.
    pub(super) fn create_manifest(&self, state: &State, who: usize, manifest: Manifest) -> Vec<Create> {
        let version = state.writers[who].version;
        let lost = self.lost(*state, Late::Manifest(version, manifest));
        let mut results: Vec<Create> = lost.map(Create::InDoubt).collect();
        if !state.manifest(version).is_some() {
            let mut next = *state;
            next.set_manifest(version, manifest);
            results.extend([Create::InDoubt(next), Create::Done(next)]);
        }
        results
    }

    /// Back to choosing, with nothing kept that is not needed for it.
    pub(super) fn idle(&self, writer: &mut Writer, who: usize) {
        let has_more = writer.ops < self.ops[who] || writer.checkpoints < self.checkpoints[who];
        if !has_more {
            return stop(writer);
        }
        writer.next = Next::Choose;
        (writer.version, writer.epoch, writer.seq) = (0, 0, 0);
        writer.leaves_last = false;
    }
}

impl State {
    /// What must hold at every moment, whoever does what next.
    pub(crate) fn violation(&self, rules: &Rules) -> Option<Violation> {
        let newest = self.newest();
        let named = if newest == 0 {
            Manifest::empty().with_epoch(1).with_start(1, 0)
        } else {
            self.manifest(newest)
        };
        if named.segment() != 0
            && rules.variant != Variant::OneDirectory
            && !self.has_segment(named.segment())
        {
            return Some(Violation::SegmentMissing);
        }
        let mut found = named.covered();
        for epoch in (1..=EPOCHS).filter(|epoch| named.start(*epoch) != NONE) {
            let slots = (named.start(epoch)..NONE).map(|seq| self.slot(epoch, seq));
            for op in slots.take_while(|content| !matches!(*content, EMPTY | SEAL)) {
                if found >> (op - 1) & 1 == 1 {
                    return Some(Violation::Twice);
                }
                found |= 1 << (op - 1);
            }
        }
        (self.acknowledged & !found != 0).then_some(Violation::AcknowledgedLost)
    }
}

pub(super) fn step(name: &'static str, writer: usize, call: &'static str) -> Step {
    Step {
        name,
        writer: (writer + 1) % (WRITERS + 1),
        call,
    }
}

pub(super) fn op_number(who: usize, count: u8) -> u8 {
    u8::try_from(who).unwrap() * 2 + count
}

/// Fenced, or done: only what a new start needs is kept.
pub(super) fn stop(writer: &mut Writer) {
    *writer = Writer {
        claims: writer.claims,
        ops: writer.ops,
        checkpoints: writer.checkpoints,
        ..Writer::default()
    };
}

/// That garbage stays garbage from one newest manifest to the next.
pub(super) fn checked(before: &State, after: State) -> Result<State, Violation> {
    let (old, new) = (before.newest(), after.newest());
    if old == 0 || old == new {
        return Ok(after);
    }
    let (old, new) = (before.manifest(old), after.manifest(new));
    let goes_back = |epoch: u8| new.start(epoch) < old.start(epoch);
    if (1..=old.epoch()).any(goes_back) || new.epoch() < old.epoch() {
        Err(Violation::Resurrected)
    } else {
        Ok(after)
    }
}

/// The create is done at last, if nothing is there.
pub(super) fn arrive(state: &State, late: Late) -> Result<State, Violation> {
    let mut next = State { late: None, ..*state };
    match late {
        Late::Manifest(version, manifest) if !state.manifest(version).is_some() => {
            next.set_manifest(version, manifest);
        }
        Late::Slot { epoch, seq, content } if state.slot(epoch, seq) == EMPTY => {
            next.set_slot(epoch, seq, content);
        }
        Late::Manifest(..) | Late::Slot { .. } => {}
    }
    checked(state, next)
}
