//! The steps *claim*, *seal* and *recover* of the model.

use super::rules::{Create, Rules, Steps, Variant, Violation, checked, step, stop};
use super::state::{EMPTY, EPOCHS, Late, Manifest, NONE, Next, SEAL, State, VERSIONS, Writer};

impl Rules {
    pub(super) fn claim(&self, state: &State, who: usize, out: &mut Steps) {
        let mut push = |call, result| out.push((step("claim", who, call), result));
        let mut next = *state;
        let writer = &mut next.writers[who];
        match writer.next {
            Next::ClaimList => {
                writer.version = state.newest();
                writer.next = Next::ClaimGet;
                if writer.version == 0 {
                    self.read_before_claim(writer, who, Manifest::empty());
                }
                push("lists manifests", Ok(next));
            }
            Next::ClaimGet => {
                let found = state.manifest(writer.version);
                if found.is_some() {
                    self.read_before_claim(writer, who, found);
                } else {
                    writer.next = Next::ClaimList;
                }
                push("gets the newest manifest", Ok(next));
            }
            Next::ClaimCreate => {
                for result in self.create_manifest(state, who, writer.manifest) {
                    match result {
                        Create::Done(next) => {
                            push("creates its manifest", Ok(self.claimed(next, who)));
                        }
                        Create::InDoubt(mut next) => {
                            next.writers[who].next = Next::ClaimSettle;
                            push("creates its manifest, without an answer", checked(state, next));
                        }
                    }
                }
            }
            Next::ClaimSettle => {
                let found = state.manifest(writer.version);
                if found == writer.manifest {
                    next = self.claimed(next, who);
                } else {
                    let is_taken = found.is_some();
                    writer.next = if is_taken {
                        Next::ClaimList
                    } else {
                        Next::ClaimCreate
                    };
                }
                push("gets what is at its version", Ok(next));
            }
            _ => {
                if state.newest() == writer.version {
                    writer.next = Next::SealList;
                } else {
                    stop(writer);
                }
                push("lists manifests again", Ok(next));
            }
        }
    }

    /// The manifest that a claim makes after this one.
    fn read_before_claim(&self, writer: &mut Writer, who: usize, found: Manifest) {
        if self.variant == Variant::OneDirectory {
            // Nothing to claim: it reads, replays, and goes on behind the last slot.
            let found = if found.epoch() == 0 {
                found.with_epoch(1).with_start(1, 0)
            } else {
                found
            };
            writer.manifest = found;
            writer.known = found.covered();
            writer.epoch = 1;
            writer.seq = found.start(1);
            writer.next = Next::RecoverGet;
            return;
        }
        let epoch = found.epoch() + 1;
        if epoch > EPOCHS || usize::from(writer.version) == VERSIONS {
            // Only a late create can be taken for another's in a hole, so that a start claims twice: the search ends.
            assert!(self.has_late, "the limits fit");
            return stop(writer);
        }
        let claims = writer.claims;
        writer.manifest = found
            .with_epoch(epoch)
            .with_start(epoch, 0)
            .with_put_id(who, claims);
        writer.version += 1;
        writer.next = Next::ClaimCreate;
    }

    fn claimed(&self, mut state: State, who: usize) -> State {
        let lists_again = self.variant != Variant::NoRelist;
        state.writers[who].next = if lists_again {
            Next::ClaimRelist
        } else {
            Next::SealList
        };
        state
    }

    pub(super) fn seal(&self, state: &State, who: usize, out: &mut Steps) {
        let mut push = |call, next| out.push((step("seal", who, call), Ok(next)));
        let mut next = *state;
        let writer = &mut next.writers[who];
        let (epoch, seq) = (writer.epoch, writer.seq);
        match writer.next {
            Next::SealList => {
                for epoch in writer.older_epochs() {
                    writer.seals[usize::from(epoch) - 1] = state.last_slot(epoch);
                }
                self.seal_from(writer, 1);
                push("lists the log", next);
            }
            Next::SealGet => {
                match state.slot(epoch, seq) {
                    SEAL => self.sealed(writer),
                    EMPTY => {
                        writer.misses = true;
                        writer.next = Next::RecoverRelist;
                    }
                    _ => {
                        writer.seq += 1;
                        writer.next = Next::SealCreate;
                    }
                }
                push("gets the last slot", next);
            }
            Next::SealCreate => {
                writer.next = Next::SealSettle;
                let content = SEAL;
                for next in self.lost(next, Late::Slot { epoch, seq, content }) {
                    push("creates a seal, without an answer", next);
                }
                if state.slot(epoch, seq) == EMPTY {
                    next.set_slot(epoch, seq, SEAL);
                    push("creates a seal, without an answer", next);
                    self.sealed(&mut next.writers[who]);
                    push("creates a seal", next);
                }
            }
            _ => {
                match state.slot(epoch, seq) {
                    SEAL => self.sealed(writer),
                    EMPTY => writer.next = Next::SealCreate,
                    _ => {
                        writer.seq += 1;
                        writer.next = Next::SealCreate;
                    }
                }
                push("gets what is in its slot", next);
            }
        }
    }

    /// Goes to the first epoch of the list from `from` on that is older than its own.
    fn seal_from(&self, writer: &mut Writer, from: u8) {
        let Some(epoch) = writer.older_epochs().find(|epoch| *epoch >= from) else {
            writer.known = writer.manifest.covered();
            writer.epoch = 0;
            return self.recover_from(writer);
        };
        let (start, last) = (writer.manifest.start(epoch), writer.seals[usize::from(epoch) - 1]);
        writer.epoch = epoch;
        let has_slots = last != NONE && last >= start;
        (writer.seq, writer.next) = if has_slots {
            (last, Next::SealGet)
        } else {
            (start, Next::SealCreate)
        };
    }

    fn sealed(&self, writer: &mut Writer) {
        writer.seals[usize::from(writer.epoch) - 1] = writer.seq;
        self.seal_from(writer, writer.epoch + 1);
    }

    /// Goes on with the next slot, or with the first one of the next epoch.
    fn recover_from(&self, writer: &mut Writer) {
        if writer.epoch > 0 && writer.seq < writer.seals[usize::from(writer.epoch) - 1] {
            writer.next = Next::RecoverGet;
            return;
        }
        let after = writer.epoch;
        let next = writer.older_epochs().find(|epoch| {
            *epoch > after && writer.manifest.start(*epoch) < writer.seals[usize::from(*epoch) - 1]
        });
        match next {
            Some(epoch) => {
                writer.epoch = epoch;
                writer.seq = writer.manifest.start(epoch);
                writer.next = Next::RecoverGet;
            }
            None => writer.next = Next::RecoverRelist,
        }
    }

    pub(super) fn recover(&self, state: &State, who: usize, out: &mut Steps) {
        let mut push = |call, result| out.push((step("recover", who, call), result));
        let mut next = *state;
        let writer = &mut next.writers[who];
        if writer.next == Next::RecoverGet {
            let found = state.slot(writer.epoch, writer.seq);
            let is_end = found == EMPTY && self.variant == Variant::OneDirectory;
            if is_end {
                writer.slot = writer.seq;
                return push("finds the end of the log", self.opened(next, who));
            }
            if matches!(found, EMPTY | SEAL) {
                writer.misses = true;
                writer.next = Next::RecoverRelist;
                return push("misses a slot", Ok(next));
            }
            if writer.known >> (found - 1) & 1 == 1 {
                return push("gets a slot", Err(Violation::Twice));
            }
            writer.known |= 1 << (found - 1);
            writer.last = found - 1;
            writer.seq += 1;
            if self.variant != Variant::OneDirectory {
                self.recover_from(writer);
            }
            return push("gets a slot", Ok(next));
        }
        let lists_again = !matches!(self.variant, Variant::NoRelist | Variant::NoLookAfterRecovery);
        if lists_again && state.newest() != writer.version {
            stop(writer);
            push("lists manifests", Ok(next));
        } else if writer.misses {
            push("reports damage", Err(Violation::FalseDamage));
        } else {
            push("lists manifests and is open", self.opened(next, who));
        }
    }

    fn opened(&self, mut state: State, who: usize) -> Result<State, Violation> {
        let writer = &mut state.writers[who];
        if self.is_strict && state.acknowledged & !writer.known != 0 {
            return Err(Violation::RecoveredWithout);
        }
        if self.variant != Variant::OneDirectory && writer.manifest.epoch() > state.opened {
            state.opened = writer.manifest.epoch();
            state.opened_known = writer.known;
        }
        self.idle(writer, who);
        Ok(state)
    }
}
