//! From a filter to the offsets that pass it.

use std::collections::BTreeSet;

use kindred_index::{Allow, Cancelled, Offset, Work};
use kindred_model::filter::{Condition, Filter, PointView};
use kindred_model::id::PointId;

use crate::segment::Segment;

/// Rows examined between two questions whether to go on.
const STRIDE: usize = 1024;

impl Segment {
    /// The rows that a reader at position `lsn` sees and that pass `filter`.
    ///
    /// # Errors
    /// [`Cancelled`] when `work` says so.
    pub fn allow(&self, filter: &Filter, lsn: u64, work: &dyn Work) -> Result<Allow, Cancelled> {
        let mut allow = self.visible(lsn);
        let rest = self.apply_ids(filter, &mut allow);
        if rest.is_empty() {
            return Ok(allow);
        }
        let candidates: Vec<Offset> = allow.iter().collect();
        for stride in candidates.chunks(STRIDE) {
            work.go_on()?;
            for offset in stride {
                if !self.passes(*offset, &rest) {
                    allow.remove(*offset);
                }
            }
        }
        Ok(allow)
    }

    /// Whether the row at `offset` passes `filter`.
    pub fn passes(&self, offset: Offset, filter: &Filter) -> bool {
        self.point(offset).is_some_and(|point| {
            filter.matches(&PointView {
                id: point.id,
                payload: point.payload,
                has_vector: &|name| point.has_vector(name),
            })
        })
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
        ids.iter()
            .filter_map(|id| self.ids.binary_search(id).ok())
            .map(Offset::from_row)
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
