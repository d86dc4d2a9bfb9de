//! The only place that changes points (I3). The live path and recovery both come through here, with the same
//! resolved changes, so a replayed log gives the same points.

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_model::point::Point;
use kindred_model::update::{Selector, UpdateOp};
use kindred_segment::{Row, Schema, Segment};

/// Rows of a segment that is not merged further.
const SEGMENT_ROWS_MAX: usize = 32_768;

/// The writer's side of a collection: published segments, and changes that are applied but not published yet.
#[derive(Debug)]
pub(crate) struct Applier {
    schema: Schema,
    segments: Vec<Arc<Segment>>,
    /// By id: the new row, or `None` for a point that left.
    changed: BTreeMap<PointId, Option<Row>>,
    lsn: u64,
}

impl Applier {
    /// An empty collection at position 0.
    pub(crate) fn new(schema: Schema) -> Self {
        Self {
            schema,
            segments: Vec::new(),
            changed: BTreeMap::new(),
            lsn: 0,
        }
    }

    /// The position of the last change.
    pub(crate) fn lsn(&self) -> u64 {
        self.lsn
    }

    /// The vector fields from now on. Vectors of fields that are gone are no longer stored.
    pub(crate) fn set_schema(&mut self, schema: Schema) {
        self.schema = schema;
        let rows = |segment: &Arc<Segment>| Segment::build(&self.schema, segment.visible_rows(self.lsn));
        self.segments = self.segments.iter().map(rows).map(Arc::new).collect();
    }

    /// Applies a resolved change. Ids that are not there are passed over.
    pub(crate) fn apply(&mut self, lsn: u64, op: UpdateOp) {
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
                    });
                }
            }
            UpdateOp::DeleteVectors { selector, names } => self.edit_all(selector, |row| {
                names.iter().for_each(|name| drop(row.vectors.remove(name)));
            }),
            UpdateOp::SetPayload {
                selector,
                payload,
                key,
            } => self.edit_payload(selector, |old| match &key {
                None => old.merge(payload.clone()),
                Some(key) => old.merge_at(key, payload.clone()),
            }),
            UpdateOp::OverwritePayload {
                selector,
                payload,
                key,
            } => {
                self.edit_payload(selector, |old| match &key {
                    None => *old = payload.clone(),
                    Some(key) => old.replace_at(key, payload.clone()),
                });
            }
            UpdateOp::DeletePayload { selector, keys } => {
                self.edit_payload(selector, |old| keys.iter().for_each(|key| old.remove(key)));
            }
            UpdateOp::ClearPayload(selector) => self.edit_payload(selector, |old| *old = Payload::default()),
        }
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

    fn edit(&mut self, id: PointId, change: impl FnOnce(&mut Row)) {
        let row = match self.changed.get(&id) {
            Some(row) => row.clone(),
            None => self.stored(id),
        };
        if let Some(mut row) = row {
            change(&mut row);
            row.version = self.lsn;
            self.changed.insert(id, Some(row));
        }
    }

    fn edit_all(&mut self, selector: Selector, change: impl Fn(&mut Row)) {
        ids(selector).into_iter().for_each(|id| self.edit(id, &change));
    }

    fn edit_payload(&mut self, selector: Selector, change: impl Fn(&mut Payload)) {
        self.edit_all(selector, |row| change(Arc::make_mut(&mut row.payload)));
    }

    fn stored(&self, id: PointId) -> Option<Row> {
        let mut segments = self.segments.iter().rev();
        segments.find_map(|segment| segment.row(segment.find(id, self.lsn)?))
    }

    /// Keeps the segments few: the newest are merged while the one before is not much larger, as a binary
    /// counter carries, so each row is copied a logarithmic number of times; and what is mostly tombstones is
    /// written anew. Older views keep the segments they have.
    fn tidy_up(&mut self) {
        self.segments.retain(|segment| segment.live() > 0);
        for segment in &mut self.segments {
            if segment.live() * 2 < segment.rows() {
                *segment = Arc::new(Segment::build(&self.schema, segment.visible_rows(self.lsn)));
            }
        }
        while let [.., before, last] = self.segments.as_slice() {
            if before.live() > 2 * last.live() || before.live() + last.live() > SEGMENT_ROWS_MAX {
                break;
            }
            let merged = Arc::new(Segment::merge(&self.schema, before, last, self.lsn));
            self.segments.truncate(self.segments.len() - 2);
            self.segments.push(merged);
        }
    }
}

/// Logged changes name their points; a filter here would mean an unresolved change, which `record` cannot hold.
fn ids(selector: Selector) -> Vec<PointId> {
    match selector {
        Selector::Ids(ids) => ids,
        Selector::Filter(_) => Vec::new(),
    }
}
