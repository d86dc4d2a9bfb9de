//! From a filter to the offsets that pass it.

use std::collections::BTreeSet;

use kindred_index::{Allow, Offset, Work};
use kindred_model::filter::{Condition, Filter, PointView};
use kindred_model::id::PointId;
use kindred_model::payload::Payload;
use kindred_storage::Error;

use crate::payloads::PayloadReader;
use crate::segment::Segment;
use crate::stop::Stop;

/// Rows examined between two questions whether to go on.
const STRIDE: usize = 1024;

/// A filter at work on the rows of one segment; reads of the payloads only what the filter looks at.
#[derive(Debug)]
pub struct Matcher<'a> {
    segment: &'a Segment,
    filter: &'a Filter,
    keys: BTreeSet<String>,
    payloads: PayloadReader<'a>,
    empty: Payload,
}

impl Matcher<'_> {
    /// Whether the row at `offset` passes; without such a row it does not. Fastest in the order of the offsets.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when the stored payload is damaged.
    pub fn passes(&mut self, offset: Offset) -> Result<bool, Error> {
        let Some(id) = self.segment.id(offset) else {
            return Ok(false);
        };
        let read;
        let payload = if self.keys.is_empty() {
            &self.empty
        } else {
            read = self.payloads.read(offset, Some(&self.keys))?;
            &*read
        };
        Ok(self.filter.matches(&PointView {
            id,
            payload,
            has_vector: &|name| {
                let column = self.segment.column(name);
                column.is_some_and(|column| column.has(offset))
            },
        }))
    }
}

impl Segment {
    /// A filter, ready to be asked about many rows.
    pub fn matcher<'a>(&'a self, filter: &'a Filter) -> Matcher<'a> {
        Matcher {
            segment: self,
            filter,
            keys: filter.keys(),
            payloads: self.payload_reader(),
            empty: Payload::default(),
        }
    }

    /// The rows that a reader at position `lsn` sees and that pass `filter`.
    ///
    /// # Errors
    /// [`Stop`] when `work` says so, or when a stored payload is damaged.
    pub fn allow(&self, filter: &Filter, lsn: u64, work: &dyn Work) -> Result<Allow, Stop> {
        let mut allow = self.visible(lsn);
        let rest = self.apply_ids(filter, &mut allow);
        if rest.is_empty() {
            return Ok(allow);
        }
        let candidates: Vec<Offset> = allow.iter().collect();
        let mut matcher = self.matcher(&rest);
        for stride in candidates.chunks(STRIDE) {
            work.go_on()?;
            for offset in stride {
                if !matcher.passes(*offset)? {
                    allow.remove(*offset);
                }
            }
        }
        Ok(allow)
    }

    /// Whether the row at `offset` passes `filter`; for more than one row see [`Segment::matcher`].
    ///
    /// # Errors
    /// [`Stop::Storage`] when the stored payload is damaged.
    pub fn passes(&self, offset: Offset, filter: &Filter) -> Result<bool, Stop> {
        Ok(self.matcher(filter).passes(offset)?)
    }

    /// Answers the conditions on ids that every point must pass by looking the ids up, and returns the filter
    /// without them.
    fn apply_ids(&self, filter: &Filter, allow: &mut Allow) -> Filter {
        let mut rest = filter.clone();
        take_ids(&mut rest.must, |ids| {
            let mut named = Allow::none(self.rows());
            self.offsets(ids).for_each(|offset| named.insert(offset));
            allow.intersect(&named);
        });
        take_ids(&mut rest.must_not, |ids| {
            self.offsets(ids).for_each(|offset| allow.remove(offset))
        });
        rest
    }

    fn offsets(&self, ids: &BTreeSet<PointId>) -> impl Iterator<Item = Offset> {
        let rows = ids.iter().filter_map(|id| self.rows.ids.find(*id));
        rows.map(Offset::from_row)
    }
}

/// Moves the conditions on ids from the list to `take`.
fn take_ids(conditions: &mut Vec<Condition>, mut take: impl FnMut(&BTreeSet<PointId>)) {
    conditions.retain(|condition| {
        if let Condition::HasId(ids) = condition {
            take(ids);
            return false;
        }
        true
    });
}
