//! The segments of a manifest as they can be read, and what the damaged ones lose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kindred_model::id::PointId;
use kindred_model::update::{Selector, UpdateOp};
use kindred_segment::{Allow, LostColumn, Offset, Residence, Salvage, Segment};
use kindred_storage::inspect::Found;
use kindred_storage::{Error as StorageError, Flaw, Object};

use super::report::{Checked, Problem, Sureness};
use crate::collection::body::{self, Kept};
use crate::env::Env;

/// Bytes that are read at once.
const STEP_BYTES: u64 = 8 << 20;

/// What the manifest says about each segment, by name.
pub(super) fn named(manifest: &Found) -> Result<Vec<(String, Kept)>, StorageError> {
    let kept = body::decode(manifest.name(), manifest.body())?;
    if kept.len() != manifest.segments().len() {
        let flaw = Flaw::Value("the number of segments");
        return Err(StorageError::corrupt(manifest.name(), 0, flaw));
    }
    Ok(manifest.segments().iter().cloned().zip(kept).collect())
}

/// A segment that can be read, at least in part.
pub(super) struct Piece {
    pub(super) name: String,
    /// What has left or cannot be read is buried; hidden and damaged columns are not shown.
    pub(super) segment: Arc<Segment>,
    pub(super) hidden: BTreeSet<String>,
    /// Whether its object has to be written anew.
    pub(super) is_partial: bool,
}

/// The segments of a manifest.
pub(super) struct Segments {
    pub(super) pieces: Vec<Piece>,
    pub(super) problems: Vec<Problem>,
    pub(super) checked: Checked,
    /// Objects that are damaged.
    pub(super) objects: Vec<String>,
    /// Points that are lost so far, with the number of the problem that tells of them.
    lost: BTreeMap<PointId, usize>,
    /// Problems with losses that later changes may have made good, and nobody counts.
    unknown: Vec<usize>,
    position: u64,
}

impl Segments {
    /// Reads all segments of the manifest, every byte. An error is a store that cannot be read.
    pub(super) fn read(env: &Env, manifest: &Found) -> Result<Self, StorageError> {
        let mut segments = Self {
            pieces: Vec::new(),
            problems: Vec::new(),
            checked: Checked::default(),
            objects: Vec::new(),
            lost: BTreeMap::new(),
            unknown: Vec::new(),
            position: manifest.replay_from().0.saturating_sub(1),
        };
        for (name, kept) in named(manifest)? {
            segments.add(env, name, kept)?;
        }
        Ok(segments)
    }

    fn add(&mut self, env: &Env, name: String, kept: Kept) -> Result<(), StorageError> {
        self.checked.segments += 1;
        let object = match fetch(env, &name) {
            Ok(object) => object,
            Err(error @ StorageError::NotFound { .. }) => {
                self.gone(Problem::of(&error), &kept);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let residence = Residence {
            payload_on_disk: true,
            ..Residence::default()
        };
        let opened = Segment::open(&name, object.clone(), &residence);
        let checked = opened.and_then(|segment| {
            segment.check()?;
            has_rows(&name, &segment, &kept)?;
            Ok(segment)
        });
        let damage = match checked {
            Ok(segment) => {
                self.bury(&segment, &kept);
                self.push(name, segment, kept.hidden, false);
                return Ok(());
            }
            Err(error) => error,
        };
        let mut problem = Problem::of(&damage);
        if !matches!(damage, StorageError::Corrupt { .. }) {
            self.problems.push(problem);
            return Ok(());
        }
        self.objects.push(name.clone());
        let salvage = Segment::salvage(&name, object).and_then(|salvage| {
            has_rows(&name, &salvage.segment, &kept)?;
            Ok(salvage)
        });
        match salvage {
            Err(_) => self.gone(problem, &kept),
            Ok(salvage) => {
                problem.remedy = Some("write what can be read of it to a new segment".to_owned());
                self.salvaged(name, salvage, kept, problem);
            }
        }
        Ok(())
    }

    /// Nothing of the segment can be read.
    fn gone(&mut self, mut problem: Problem, kept: &Kept) {
        problem.loss.points = u64::from(kept.rows).saturating_sub(kept.gone.len());
        problem.what.push_str(", and none of its points can be read");
        problem.remedy = Some("leave it out".to_owned());
        self.unknown.push(self.problems.len());
        self.problems.push(problem);
    }

    fn salvaged(&mut self, name: String, salvage: Salvage, kept: Kept, mut problem: Problem) {
        let Salvage {
            segment,
            columns,
            rows,
        } = salvage;
        self.bury(&segment, &kept);
        let number = self.problems.len();
        for offset in rows {
            let id = segment.id(offset);
            if let Some(id) = id.filter(|id| segment.find(*id, self.position).is_some()) {
                self.lost.insert(id, number);
                segment.bury(offset, self.position);
                problem.loss.points += 1;
            }
        }
        if problem.loss.points > 0 {
            problem.what.push_str("; payloads cannot be read");
        }
        let visible = segment.visible(self.position);
        for column in columns
            .iter()
            .filter(|column| !kept.hidden.contains(&column.name))
        {
            let what = format!("; the vectors `{}` cannot be believed", column.name);
            problem.what.push_str(&what);
            problem.loss.vectors += lost_vectors(column, &visible);
            if column.rows.is_none() {
                problem.loss.sureness = Sureness::AtMost;
            }
        }
        if problem.loss.vectors > 0 {
            self.unknown.push(number);
        }
        self.problems.push(problem);
        self.push(name, segment, kept.hidden, true);
    }

    fn bury(&self, segment: &Segment, kept: &Kept) {
        for row in &kept.gone {
            segment.bury(Offset(row), self.position);
        }
    }

    fn push(&mut self, name: String, segment: Segment, hidden: BTreeSet<String>, is_partial: bool) {
        self.checked.points += segment.visible(self.position).count() as u64;
        let segment = hidden
            .iter()
            .fold(segment, |segment, column| segment.without(column));
        self.pieces.push(Piece {
            name,
            segment: Arc::new(segment),
            hidden,
            is_partial,
        });
    }

    /// A change of the log behind the manifest: points that it writes anew or removes are not lost.
    pub(super) fn note(&mut self, op: &UpdateOp) {
        match op {
            UpdateOp::Upsert { points, .. } => points.iter().for_each(|point| self.found(point.id)),
            UpdateOp::Delete(Selector::Ids(ids)) => ids.iter().for_each(|id| self.found(*id)),
            UpdateOp::Delete(Selector::Filter(_))
            | UpdateOp::UpdateVectors { .. }
            | UpdateOp::DeleteVectors { .. }
            | UpdateOp::SetPayload { .. }
            | UpdateOp::OverwritePayload { .. }
            | UpdateOp::DeletePayload { .. }
            | UpdateOp::ClearPayload(_) => {}
        }
        for number in std::mem::take(&mut self.unknown) {
            if let Some(problem) = self.problems.get_mut(number) {
                problem.loss.sureness = Sureness::AtMost;
            }
        }
    }

    fn found(&mut self, id: PointId) {
        let problem = self
            .lost
            .remove(&id)
            .and_then(|number| self.problems.get_mut(number));
        if let Some(problem) = problem {
            problem.loss.points = problem.loss.points.saturating_sub(1);
        }
    }

    /// Whether all segments are there and sound.
    pub(super) fn is_whole(&self) -> bool {
        self.problems.is_empty()
    }
}

/// The object, after every byte of it was read once: a map of bytes that the medium cannot give ends the process, a read
/// is an error.
fn fetch(env: &Env, name: &str) -> Result<Object, StorageError> {
    let object = env.store.get(name, None)?;
    let end = object.len() as u64;
    let mut at = if object.is_mapped() { 0 } else { end };
    while at < end {
        let next = at.saturating_add(STEP_BYTES).min(end);
        env.store.get(name, Some(at..next))?;
        at = next;
    }
    Ok(object)
}

fn has_rows(name: &str, segment: &Segment, kept: &Kept) -> Result<(), StorageError> {
    if u32::try_from(segment.rows()) == Ok(kept.rows) {
        return Ok(());
    }
    let flaw = Flaw::Value("the number of rows (it is not the segment of the manifest)");
    Err(StorageError::corrupt(name, 0, flaw))
}

fn lost_vectors(column: &LostColumn, visible: &Allow) -> u64 {
    let count = match &column.rows {
        Some(rows) => {
            let mut lost = visible.clone();
            lost.intersect(rows);
            lost.count()
        }
        None => column.stored.min(visible.count()),
    };
    count as u64
}
