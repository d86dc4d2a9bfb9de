//! A consistent moment of a collection: its settings, its segments, and the position in the log it shows.
//! Readers clone an `Arc<View>` and never lock; a view never changes (I6).

use std::collections::BTreeMap;
use std::sync::Arc;

use kindred_model::config::{CollectionConfig, FieldSchema};
use kindred_model::id::PointId;
use kindred_model::path::JsonPath;
use kindred_segment::{Offset, PointRef, Schema, Segment};

/// What a collection is configured to be.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) config: CollectionConfig,
    pub(crate) indexes: BTreeMap<JsonPath, FieldSchema>,
}

impl Settings {
    /// The vector fields that segments store.
    pub(crate) fn schema(&self) -> Schema {
        self.config
            .columns()
            .map(|(name, column)| (name.to_owned(), column))
            .collect()
    }
}

/// A moment of a collection.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Every change up to here is visible, none after.
    pub(crate) lsn: u64,
    pub(crate) settings: Arc<Settings>,
    /// The sealed ones first, then the fresh ones, oldest first; every visible id is in exactly one of them.
    pub(crate) segments: Vec<Arc<Segment>>,
}

/// Where a point is in a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place {
    pub(crate) segment: usize,
    pub(crate) offset: Offset,
}

impl View {
    /// Where the point is, if it is visible.
    pub(crate) fn find(&self, id: PointId) -> Option<Place> {
        let mut segments = self.segments.iter().enumerate().rev();
        segments.find_map(|(segment, part)| {
            Some(Place {
                segment,
                offset: part.find(id, self.lsn)?,
            })
        })
    }

    /// The row at a place of this view.
    pub(crate) fn point(&self, place: Place) -> Option<PointRef<'_>> {
        self.segments.get(place.segment)?.point(place.offset)
    }

    /// Number of visible points.
    pub(crate) fn count(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.visible(self.lsn).count())
            .sum()
    }
}
