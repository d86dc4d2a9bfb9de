//! Which points have a value that an index on a payload field would hold. A segment is looked through once: its rows
//! never change.

use std::sync::{Arc, Weak};

use kindred_model::config::{FieldSchema, FieldType};
use kindred_model::path::JsonPath;
use kindred_segment::{Allow, Offset, Segment};
use kindred_storage::Error;
use parking_lot::Mutex;

use super::view::View;

/// The rows with a value, by segment and field.
#[derive(Debug, Default)]
pub(super) struct Presence {
    known: Mutex<Vec<Known>>,
}

/// One segment looked through for one field.
#[derive(Debug)]
struct Known {
    segment: Weak<Segment>,
    path: JsonPath,
    /// Of the values.
    data_type: FieldType,
    rows: Arc<Allow>,
}

impl Presence {
    /// Visible points with a value of the field that its index would hold. Segments that cannot be read count none.
    pub(super) fn count(&self, view: &View, path: &JsonPath, schema: &FieldSchema) -> u64 {
        let mut total = 0;
        for segment in &view.segments {
            let Ok(rows) = self.rows(segment, path, schema) else {
                continue;
            };
            let mut visible = segment.visible(view.lsn);
            visible.intersect(&rows);
            total += visible.count() as u64;
        }
        total
    }

    /// Forgets segments that are gone.
    pub(super) fn retain(&self) {
        self.known.lock().retain(|known| known.segment.strong_count() > 0);
    }

    fn rows(
        &self,
        segment: &Arc<Segment>,
        path: &JsonPath,
        schema: &FieldSchema,
    ) -> Result<Arc<Allow>, Error> {
        let data_type = schema.data_type();
        let is_it = |known: &&Known| {
            known.segment.as_ptr() == Arc::as_ptr(segment)
                && known.path == *path
                && known.data_type == data_type
        };
        if let Some(known) = self.known.lock().iter().find(is_it) {
            return Ok(Arc::clone(&known.rows));
        }
        let rows = Arc::new(look(segment, path, schema)?);
        self.known.lock().push(Known {
            segment: Arc::downgrade(segment),
            path: path.clone(),
            data_type,
            rows: Arc::clone(&rows),
        });
        Ok(rows)
    }
}

fn look(segment: &Segment, path: &JsonPath, schema: &FieldSchema) -> Result<Allow, Error> {
    let mut rows = Allow::none(segment.rows());
    let mut payloads = segment.payload_reader();
    let keys = path.keys();
    for row in 0..segment.rows() {
        let offset = Offset::from_row(row);
        let payload = payloads.read(offset, Some(&keys))?;
        if path
            .flattened(&payload)
            .into_iter()
            .any(|value| schema.is_indexable(value))
        {
            rows.insert(offset);
        }
    }
    Ok(rows)
}
