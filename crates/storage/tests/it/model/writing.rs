//! The steps *append*, *checkpoint* and *collect* of the model.

use super::rules::{Create, Rules, Steps, Variant, Violation, checked, op_number, step, stop};
use super::state::{EMPTY, Late, Manifest, NONE, Next, State, WRITERS, Writer};

impl Rules {
    pub(super) fn choose(&self, state: &State, who: usize, out: &mut Steps) {
        let writer = &state.writers[who];
        if writer.ops < self.ops[who] {
            let mut next = *state;
            next.writers[who].ops += 1;
            next.writers[who].next = Next::AppendCreate;
            out.push((step("append", who, "begins"), Ok(next)));
        }
        if writer.checkpoints < self.checkpoints[who] {
            for leaves_last in [false, true] {
                let mut next = *state;
                let writer = &mut next.writers[who];
                writer.checkpoints += 1;
                writer.leaves_last = leaves_last;
                let has_segments = self.variant != Variant::OneDirectory;
                writer.next = if has_segments {
                    Next::CheckpointSegment
                } else {
                    Next::CheckpointList
                };
                let can_leave = self.may_leave && writer.last_place().is_some();
                if !leaves_last || can_leave {
                    out.push((step("checkpoint", who, "begins"), Ok(next)));
                }
            }
        }
    }

    pub(super) fn append(&self, state: &State, who: usize, out: &mut Steps) {
        let mut push = |call, result| out.push((step("append", who, call), result));
        let mut next = *state;
        let writer = &mut next.writers[who];
        let (epoch, seq) = (writer.manifest.epoch(), writer.slot);
        let op = op_number(who, writer.ops - 1);
        let found = state.slot(epoch, seq);
        if writer.next == Next::AppendCreate {
            writer.next = Next::AppendSettle;
            let content = op + 1;
            for next in self.lost(next, Late::Slot { epoch, seq, content }) {
                push("creates a batch, without an answer", Ok(next));
            }
            if found == EMPTY {
                next.set_slot(epoch, seq, op + 1);
                push("creates a batch, without an answer", Ok(next));
                push("creates a batch", self.acknowledged(next, who, op));
            }
        } else if found == op + 1 {
            push("gets its own batch", self.acknowledged(next, who, op));
        } else {
            if found == EMPTY {
                writer.next = Next::AppendCreate;
            } else {
                stop(writer);
            }
            push("gets what is in its slot", Ok(next));
        }
    }

    fn acknowledged(&self, mut state: State, who: usize, op: u8) -> Result<State, Violation> {
        let writer = &mut state.writers[who];
        if state.opened > writer.manifest.epoch() && state.opened_known >> op & 1 == 0 {
            return Err(Violation::AcknowledgedByFenced);
        }
        writer.known |= 1 << op;
        writer.last = op;
        writer.slot += 1;
        state.acknowledged |= 1 << op;
        self.idle(writer, who);
        Ok(state)
    }

    pub(super) fn checkpoint(&self, state: &State, who: usize, out: &mut Steps) {
        let mut push = |call, result| out.push((step("checkpoint", who, call), result));
        let mut next = *state;
        let writer = &mut next.writers[who];
        let made = writer.checkpointed(who, self.variant);
        match writer.next {
            Next::CheckpointSegment => {
                writer.next = Next::CheckpointList;
                next.set_segment(made.segment(), true);
                push("creates a segment", Ok(next));
            }
            Next::CheckpointList => {
                writer.version = state.newest();
                writer.next = Next::CheckpointGet;
                if writer.version == 0 {
                    writer.version = 1;
                    writer.next = Next::CheckpointCreate;
                }
                push("lists manifests", Ok(next));
            }
            Next::CheckpointGet => {
                let found = state.manifest(writer.version);
                if !found.is_some() {
                    writer.next = Next::CheckpointList;
                } else if found.epoch() == writer.manifest.epoch() {
                    writer.version += 1;
                    writer.next = Next::CheckpointCreate;
                } else {
                    stop(writer);
                }
                push("gets the newest manifest", Ok(next));
            }
            Next::CheckpointCreate => {
                for result in self.create_manifest(state, who, made) {
                    match result {
                        Create::Done(next) => {
                            push(
                                "creates its manifest",
                                checked(state, self.committed(next, who, made)),
                            );
                        }
                        Create::InDoubt(mut next) => {
                            next.writers[who].next = Next::CheckpointSettle;
                            push("creates its manifest, without an answer", checked(state, next));
                        }
                    }
                }
            }
            Next::CheckpointSettle => {
                let found = state.manifest(writer.version);
                if found == made {
                    next = self.committed(next, who, made);
                } else if found.is_some() {
                    stop(writer);
                } else {
                    writer.next = Next::CheckpointCreate;
                }
                push("gets what is at its version", Ok(next));
            }
            _ => {
                if state.newest() == writer.version {
                    writer.manifest = made;
                    self.idle(writer, who);
                } else {
                    stop(writer);
                }
                push("lists manifests again", Ok(next));
            }
        }
    }

    fn committed(&self, mut state: State, who: usize, made: Manifest) -> State {
        let writer = &mut state.writers[who];
        if matches!(self.variant, Variant::NoRelist | Variant::OneDirectory) {
            writer.manifest = made;
            self.idle(writer, who);
        } else {
            writer.next = Next::CheckpointRelist;
        }
        state
    }

    /// Anybody deletes one object that is garbage now. What was garbage before and is collected late is garbage now,
    /// too; [`Violation::Resurrected`] would show that it is not.
    pub(super) fn collect(&self, state: &State, out: &mut Steps) {
        let newest = state.newest();
        if newest == 0 {
            return;
        }
        let named = state.manifest(newest);
        let mut push = |call, next| out.push((step("collect", WRITERS, call), Ok(next)));
        for version in (1..newest).filter(|version| state.manifest(*version).is_some()) {
            let mut next = *state;
            next.set_manifest(version, Manifest::default());
            push("deletes a manifest", next);
        }
        for epoch in 1..=named.epoch() {
            let last = if self.variant == Variant::SealsCollected {
                NONE
            } else {
                state.last_slot(epoch)
            };
            // The last slot of an epoch that left the list is its seal.
            let end = match named.start(epoch) {
                NONE if last == NONE && self.variant != Variant::SealsCollected => 0,
                NONE => last,
                start => start,
            };
            for seq in (0..end).filter(|seq| state.slot(epoch, *seq) != EMPTY) {
                let mut next = *state;
                next.set_slot(epoch, seq, EMPTY);
                push("deletes a slot", next);
            }
        }
        for segment in (1..=16).filter(|segment| state.has_segment(*segment)) {
            let (epoch, number) = ((segment - 1) / 4 + 1, (segment - 1) % 4);
            let (named_epoch, named_number) = match named.segment() {
                0 => (0, 0),
                named => ((named - 1) / 4 + 1, (named - 1) % 4),
            };
            // A writer knows which of its own it has replaced.
            let is_replaced = epoch == named_epoch && number < named_number;
            let is_garbage = epoch < named.epoch() || is_replaced;
            if segment != named.segment() && (is_garbage || self.variant == Variant::AnySegmentCollected) {
                let mut next = *state;
                next.set_segment(segment, false);
                push("deletes a segment", next);
            }
        }
    }
}

impl Writer {
    /// Epoch and number of the last batch after the last checkpoint.
    fn last_place(&self) -> Option<(u8, u8)> {
        let own = self.manifest.epoch();
        if self.slot > self.manifest.start(own) {
            return Some((own, self.slot - 1));
        }
        let mut older: Vec<u8> = self.older_epochs().collect();
        older.reverse();
        let end = |epoch: u8| self.seals[usize::from(epoch) - 1];
        let epoch = older
            .into_iter()
            .find(|epoch| end(*epoch) > self.manifest.start(*epoch))?;
        Some((epoch, end(epoch) - 1))
    }

    /// The manifest that its checkpoint makes.
    fn checkpointed(&self, who: usize, variant: Variant) -> Manifest {
        let own = self.manifest.epoch();
        let mut made = self
            .manifest
            .with_start(own, self.slot)
            .with_put_id(who, self.claims);
        for epoch in self.older_epochs() {
            made = made.with_start(epoch, NONE);
        }
        let mut covered = self.known;
        if let Some((epoch, seq)) = self.last_place().filter(|_| self.leaves_last) {
            made = made.with_start(epoch, seq);
            covered &= !(1 << self.last);
        }
        let segment = if variant == Variant::OneDirectory {
            0
        } else {
            (own - 1) * 4 + self.checkpoints
        };
        made.with_content(covered, segment)
    }
}
