//! Which points have a value that an index on a payload field would hold. Sealed segments are looked through once;
//! their rows never change.

use std::collections::HashMap;
use std::sync::Arc;

use kindred_model::config::{FieldSchema, FieldType};
use kindred_model::path::JsonPath;
use kindred_segment::{Allow, Offset, Segment};
use kindred_storage::Error;
use parking_lot::Mutex;

use super::view::View;

/// The rows with a value, by segment and field.
#[derive(Debug, Default)]
pub(super) struct Presence {
    known: Mutex<HashMap<Key, Arc<Allow>>>,
}

/// The name of a segment, the path of the field, and the type of its values.
type Key = (String, String, FieldType);

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
    pub(super) fn retain(&self, view: &View) {
        let is_there = |name: &str| view.segments.iter().any(|segment| segment.name() == Some(name));
        self.known.lock().retain(|(name, ..), _| is_there(name));
    }

    fn rows(&self, segment: &Segment, path: &JsonPath, schema: &FieldSchema) -> Result<Arc<Allow>, Error> {
        let Some(name) = segment.name() else {
            return Ok(Arc::new(look(segment, path, schema)?));
        };
        let key = (name.to_owned(), path.to_string(), schema.data_type());
        if let Some(rows) = self.known.lock().get(&key) {
            return Ok(Arc::clone(rows));
        }
        let rows = Arc::new(look(segment, path, schema)?);
        self.known.lock().insert(key, Arc::clone(&rows));
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
