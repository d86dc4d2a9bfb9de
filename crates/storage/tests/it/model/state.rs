//! What the model looks at: a store with the manifests, log slots and segments of one shard, and two writers. As small
//! as it can be, for millions of states are kept at once.

pub(crate) const WRITERS: usize = 2;

/// Epochs are 1 to this; an epoch is claimed at most once per claim of the limits.
pub(crate) const EPOCHS: u8 = 4;

/// Manifests have versions 1 to this.
pub(crate) const VERSIONS: usize = 8;

/// In place of a slot number: there is none.
pub(crate) const NONE: u8 = 7;

/// What a log slot holds: nothing, a seal, or one more than the number of an operation.
pub(crate) const EMPTY: u8 = 0;
pub(crate) const SEAL: u8 = 15;

/// A manifest in one word; zero is no manifest. The fields are those of the code's, and `by` is the put-id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Manifest(u32);

impl Manifest {
    fn field(self, at: u32, bits: u32) -> u8 {
        ((self.0 >> at) & ((1 << bits) - 1)).try_into().unwrap()
    }

    fn with(self, at: u32, bits: u32, value: u8) -> Manifest {
        assert!(u32::from(value) < 1 << bits, "{value} in {bits} bits");
        let mask = ((1 << bits) - 1) << at;
        Manifest(self.0 & !mask | u32::from(value) << at)
    }

    /// Before the first claim: no epoch is listed.
    pub(crate) fn empty() -> Manifest {
        (1..=EPOCHS).fold(Manifest(0), |manifest, epoch| manifest.with_start(epoch, NONE))
    }

    pub(crate) fn is_some(self) -> bool {
        self.0 != 0
    }

    pub(crate) fn epoch(self) -> u8 {
        self.field(0, 3)
    }

    pub(crate) fn with_epoch(self, epoch: u8) -> Manifest {
        self.with(0, 3, epoch)
    }

    /// The first slot to replay, or [`NONE`] if the epoch is not listed.
    pub(crate) fn start(self, epoch: u8) -> u8 {
        self.field(3 * u32::from(epoch), 3)
    }

    pub(crate) fn with_start(self, epoch: u8, start: u8) -> Manifest {
        self.with(3 * u32::from(epoch), 3, start)
    }

    /// Operations, as bits, that are in the segment.
    pub(crate) fn covered(self) -> u8 {
        self.field(15, 4)
    }

    /// The segment's bit, as a number from 1; 0 without a segment.
    pub(crate) fn segment(self) -> u8 {
        self.field(19, 5)
    }

    pub(crate) fn with_content(self, covered: u8, segment: u8) -> Manifest {
        self.with(15, 4, covered).with(19, 5, segment)
    }

    pub(crate) fn with_put_id(self, writer: usize, claims: u8) -> Manifest {
        self.with(24, 1, writer.try_into().unwrap()).with(25, 3, claims)
    }
}

/// What a writer does next: the step, and its call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Next {
    /// Dead, fenced, not begun, or with nothing left to do. Only a new claim wakes it.
    #[default]
    Nothing,
    ClaimList,
    ClaimGet,
    ClaimCreate,
    ClaimSettle,
    ClaimRelist,
    SealList,
    SealGet,
    SealCreate,
    SealSettle,
    RecoverGet,
    RecoverRelist,
    /// Open: appends, or begins a checkpoint.
    Choose,
    AppendCreate,
    AppendSettle,
    CheckpointSegment,
    CheckpointList,
    CheckpointGet,
    CheckpointCreate,
    CheckpointSettle,
    CheckpointRelist,
}

/// A process, stalled for as long as the search likes between any two of its calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) next: Next,
    /// How often it was started.
    pub(crate) claims: u8,
    /// Operations and checkpoints that were begun.
    pub(crate) ops: u8,
    pub(crate) checkpoints: u8,
    /// The manifest that it claimed or made last; during a claim, the one to be made.
    pub(crate) manifest: Manifest,
    /// The version that is being read or made, and after a claim the one that was claimed.
    pub(crate) version: u8,
    /// Where it seals or recovers.
    pub(crate) epoch: u8,
    pub(crate) seq: u8,
    /// Per epoch: the last slot that was listed, then the seal.
    pub(crate) seals: [u8; EPOCHS as usize],
    /// Operations, as bits, that are in its memory, and the number of the last one.
    pub(crate) known: u8,
    pub(crate) last: u8,
    /// The next slot of its own epoch.
    pub(crate) slot: u8,
    /// The checkpoint leaves the last batch to the log.
    pub(crate) leaves_last: bool,
    /// It has found an object missing that should be there.
    pub(crate) misses: bool,
}

/// A create that was sent, has failed for its writer, and still may get through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Late {
    Manifest(u8, Manifest),
    Slot { epoch: u8, seq: u8, content: u8 },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) manifests: [Manifest; VERSIONS],
    /// Per epoch: four bits per slot.
    pub(crate) slots: [u32; EPOCHS as usize],
    /// A bit per segment.
    pub(crate) segments: u16,
    pub(crate) writers: [Writer; WRITERS],
    /// One at a time.
    pub(crate) late: Option<Late>,
    /// What clients were told, as bits.
    pub(crate) acknowledged: u8,
    /// The newest epoch whose recovery has ended, and what it found.
    pub(crate) opened: u8,
    pub(crate) opened_known: u8,
}

fn at(epoch: u8) -> usize {
    usize::from(epoch) - 1
}

impl State {
    pub(crate) fn manifest(&self, version: u8) -> Manifest {
        self.manifests[usize::from(version) - 1]
    }

    pub(crate) fn set_manifest(&mut self, version: u8, manifest: Manifest) {
        self.manifests[usize::from(version) - 1] = manifest;
    }

    /// The highest version that exists; 0 without one.
    pub(crate) fn newest(&self) -> u8 {
        let last = self.manifests.iter().rposition(|manifest| manifest.is_some());
        last.map_or(0, |last| u8::try_from(last).unwrap() + 1)
    }

    pub(crate) fn slot(&self, epoch: u8, seq: u8) -> u8 {
        (self.slots[at(epoch)] >> (4 * seq) & 15).try_into().unwrap()
    }

    pub(crate) fn set_slot(&mut self, epoch: u8, seq: u8, content: u8) {
        assert!(seq < NONE);
        let slots = &mut self.slots[at(epoch)];
        *slots = *slots & !(15 << (4 * seq)) | u32::from(content) << (4 * seq);
    }

    /// The last slot of an epoch that exists, or [`NONE`].
    pub(crate) fn last_slot(&self, epoch: u8) -> u8 {
        let found = (0..NONE).rev().find(|seq| self.slot(epoch, *seq) != EMPTY);
        found.unwrap_or(NONE)
    }

    pub(crate) fn has_segment(&self, segment: u8) -> bool {
        self.segments >> (segment - 1) & 1 == 1
    }

    pub(crate) fn set_segment(&mut self, segment: u8, is_there: bool) {
        let bit = 1 << (segment - 1);
        self.segments = self.segments & !bit | if is_there { bit } else { 0 };
    }

    /// Forgets what nobody can look at any more, so that states which differ only in that are one. This is no step: it
    /// is done to garbage alone, and only where no call of a writer can still meet it.
    pub(crate) fn canonical(mut self) -> State {
        let newest = self.newest();
        if newest == 0 {
            return self;
        }
        let named = self.manifest(newest);
        for version in 1..newest {
            let is_late = matches!(self.late, Some(Late::Manifest(late, _)) if late == version);
            if !is_late && !self.writers.iter().any(|writer| writer.may_meet_version(version)) {
                self.set_manifest(version, Manifest::default());
            }
        }
        for epoch in 1..=named.epoch() {
            for seq in 0..named.start(epoch) {
                let is_late =
                    matches!(self.late, Some(Late::Slot { epoch: e, seq: s, .. }) if (e, s) == (epoch, seq));
                let may_meet = |writer: &Writer| writer.may_meet_slot(epoch, seq);
                if self.slot(epoch, seq) != EMPTY && !is_late && !self.writers.iter().any(may_meet) {
                    self.set_slot(epoch, seq, EMPTY);
                }
            }
        }
        self
    }
}

impl Writer {
    /// The epochs of its list but its own.
    pub(crate) fn older_epochs(&self) -> impl Iterator<Item = u8> + use<> {
        let manifest = self.manifest;
        (1..manifest.epoch()).filter(move |epoch| manifest.start(*epoch) != NONE)
    }

    fn may_meet_version(&self, version: u8) -> bool {
        match self.next {
            // After the get it creates the version behind.
            Next::ClaimGet | Next::CheckpointGet => self.version == version || self.version + 1 == version,
            Next::ClaimCreate | Next::ClaimSettle | Next::CheckpointCreate | Next::CheckpointSettle => {
                self.version == version
            }
            _ => false,
        }
    }

    fn may_meet_slot(&self, epoch: u8, seq: u8) -> bool {
        match self.next {
            Next::Nothing | Next::ClaimList => false,
            Next::ClaimGet => true,
            next if next < Next::Choose => self.manifest.start(epoch) != NONE,
            _ => self.manifest.epoch() == epoch && self.slot <= seq,
        }
    }
}
