//! The only place that changes points (I3). The live path and recovery both come through here, with the same
//! resolved changes, so a replayed log gives the same points.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateOp};
use kindred_segment::{Row, Schema, Segment};
use kindred_storage::Error;

/// Rows of a fresh segment that is not merged further.
const SEGMENT_ROWS_MAX: usize = 32_768;

/// The writer's side of a collection: published segments, and changes that are applied but not published yet.
#[derive(Debug)]
pub(crate) struct Applier {
    schema: Schema,
    /// The sealed ones first, then the fresh ones, oldest first.
    segments: Vec<Arc<Segment>>,
    /// How many fresh ones, the oldest, must stay as they are because they are being sealed.
    frozen: usize,
    /// By id: the new row, or `None` for a point that left.
    changed: BTreeMap<PointId, Option<Row>>,
    lsn: u64,
}

impl Applier {
    /// What the sealed segments hold, which is everything up to `lsn`.
    pub(crate) fn new(schema: Schema, sealed: Vec<Arc<Segment>>, lsn: u64) -> Self {
        Self {
            schema,
            segments: sealed,
            frozen: 0,
            changed: BTreeMap::new(),
            lsn,
        }
    }

    /// The position of the last change.
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn
    }

    /// Changed points that are not published yet.
    pub(crate) fn unpublished(&self) -> usize {
        self.changed.len()
    }

    /// The vector fields from now on. Vectors of fields that are gone are no longer found.
    pub(crate) fn set_schema(&mut self, schema: Schema) {
        self.schema = schema;
        for segment in &mut self.segments {
            if let Some(narrowed) = narrowed(segment, &self.schema) {
                *segment = Arc::new(narrowed);
            }
        }
    }

    /// The segments that lie in the store.
    pub(crate) fn sealed(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.segments.iter().filter(|segment| segment.is_sealed())
    }

    /// Leaves the present segments as they are until they are replaced: they are being sealed.
    pub(crate) fn freeze(&mut self) {
        self.frozen = self.segments.len() - self.sealed().count();
    }

    /// Ends that: they were not sealed.
    pub(crate) fn thaw(&mut self) {
        self.frozen = 0;
    }

    /// Puts these sealed segments in the place of the present ones, and removes the fresh ones among `inputs`.
    pub(crate) fn replace(&mut self, inputs: &[Arc<Segment>], sealed: Vec<Arc<Segment>>) {
        let is_input = |segment: &Arc<Segment>| inputs.iter().any(|input| input.has_rows_of(segment));
        let before = self.segments.len() - self.sealed().count();
        self.segments
            .retain(|segment| !segment.is_sealed() && !is_input(segment));
        let fresh = self.segments.len();
        self.frozen = self.frozen.saturating_sub(before - fresh);
        self.segments.splice(0..0, sealed);
    }

    /// Applies a resolved change. Ids that are not there are passed over.
    ///
    /// # Errors
    /// When a stored row that the change builds on cannot be read; the change is half applied then.
    pub(crate) fn apply(&mut self, lsn: u64, op: UpdateOp) -> Result<(), Error> {
        self.lsn = lsn;
        match op {
            UpdateOp::Upsert { points, .. } => points.into_iter().for_each(|point| self.put(point)),
            UpdateOp::Delete(selector) => {
                for id in ids(selector) {
                    self.changed.insert(id, None);
                }
            }
            UpdateOp::UpdateVectors { points, .. } => {
                for (id, vectors) in points {
                    self.edit(id, |row| {
                        vectors
                            .into_iter()
                            .for_each(|(name, vector)| row.vectors.insert(name, vector));
                    })?;
                }
            }
            UpdateOp::DeleteVectors { selector, names } => self.edit_all(selector, |row| {
                names.iter().for_each(|name| drop(row.vectors.remove(name)));
            })?,
            UpdateOp::SetPayload {
                selector,
                payload,
                key,
            } => self.edit_payload(selector, |old| match &key {
                None => old.merge(payload.clone()),
                Some(key) => old.merge_at(key, payload.clone()),
            })?,
            UpdateOp::OverwritePayload {
                selector,
                payload,
                key,
            } => {
                self.edit_payload(selector, |old| match &key {
                    None => *old = payload.clone(),
                    Some(key) => old.replace_at(key, payload.clone()),
                })?;
            }
            UpdateOp::DeletePayload { selector, keys } => {
                self.edit_payload(selector, |old| keys.iter().for_each(|key| old.remove(key)))?;
            }
            UpdateOp::ClearPayload(selector) => {
                self.edit_payload(selector, |old| *old = Payload::default())?;
            }
        }
        Ok(())
    }

    /// Makes the applied changes part of the segments and returns the list for the next view.
    pub(crate) fn publish(&mut self) -> Vec<Arc<Segment>> {
        let changed = std::mem::take(&mut self.changed);
        if changed.is_empty() {
            return self.segments.clone();
        }
        for id in changed.keys() {
            for segment in &self.segments {
                if let Some(offset) = segment.find(*id, self.lsn) {
                    segment.bury(offset, self.lsn);
                }
            }
        }
        let segment = Segment::build(&self.schema, changed.into_values().flatten());
        self.segments.push(Arc::new(segment));
        self.tidy_up();
        self.segments.clone()
    }

    fn put(&mut self, point: Point) {
        let Point { id, vectors, payload } = point;
        let row = Row {
            id,
            version: self.lsn,
            vectors,
            payload: Arc::new(payload),
        };
        self.changed.insert(id, Some(row));
    }

    fn edit(&mut self, id: PointId, change: impl FnOnce(&mut Row)) -> Result<(), Error> {
        let row = match self.changed.get(&id) {
            Some(row) => row.clone(),
            None => self.stored(id)?,
        };
        if let Some(mut row) = row {
            change(&mut row);
            row.version = self.lsn;
            self.changed.insert(id, Some(row));
        }
        Ok(())
    }

    fn edit_all(&mut self, selector: Selector, change: impl Fn(&mut Row)) -> Result<(), Error> {
        ids(selector)
            .into_iter()
            .try_for_each(|id| self.edit(id, &change))
    }

    fn edit_payload(&mut self, selector: Selector, change: impl Fn(&mut Payload)) -> Result<(), Error> {
        self.edit_all(selector, |row| change(Arc::make_mut(&mut row.payload)))
    }

    fn stored(&self, id: PointId) -> Result<Option<Row>, Error> {
        for segment in self.segments.iter().rev() {
            if let Some(offset) = segment.find(id, self.lsn) {
                return segment.row(offset);
            }
        }
        Ok(None)
    }

    /// Keeps the fresh segments few: the newest are merged while the one before is not much larger, as a binary
    /// counter carries, so each row is copied a logarithmic number of times; and what is mostly tombstones is
    /// written anew. Older views keep the segments they have. A segment that cannot be read stays as it is.
    fn tidy_up(&mut self) {
        let mut free = self.segments.split_off(self.sealed().count() + self.frozen);
        free.retain(|segment| segment.live() > 0);
        for segment in &mut free {
            if segment.live() * 2 < segment.rows() {
                let rows: Result<Vec<Row>, Error> = segment.visible_rows(self.lsn).collect();
                if let Ok(rows) = rows {
                    *segment = Arc::new(Segment::build(&self.schema, rows));
                }
            }
        }
        while let [.., before, last] = free.as_slice() {
            if before.live() > 2 * last.live() || before.live() + last.live() > SEGMENT_ROWS_MAX {
                break;
            }
            let Ok(merged) = Segment::merge(&self.schema, before, last, self.lsn) else {
                break;
            };
            free.truncate(free.len() - 2);
            free.push(Arc::new(merged));
        }
        self.segments.append(&mut free);
    }
}

/// The segment without the columns that the schema lacks; `None` when it has no such column.
pub(crate) fn narrowed(segment: &Segment, schema: &Schema) -> Option<Segment> {
    let foreign = segment.column_names().filter(|name| !schema.contains_key(*name));
    let foreign: Vec<&str> = foreign.collect();
    let (first, rest) = foreign.split_first()?;
    Some(
        rest.iter()
            .fold(segment.without(first), |narrowed, name| narrowed.without(name)),
    )
}

/// Logged changes name their points; a filter here would mean an unresolved change, which `record` cannot hold.
fn ids(selector: Selector) -> Vec<PointId> {
    match selector {
        Selector::Ids(ids) => ids,
        Selector::Filter(_) => Vec::new(),
    }
}
