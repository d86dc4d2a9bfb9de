//! From a filter to the offsets that pass it.

use kindred_index::{Allow, Cancelled, Offset, Work};
use kindred_model::filter::{Condition, Filter, PointView};

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
        rest.must.retain(|condition| match condition {
            Condition::HasId(ids) => {
                let mut named = Allow::none(self.rows());
                ids.iter().filter_map(|id| self.ids.binary_search(id).ok()).for_each(|row| {
                    named.insert(Offset::from_row(row));
                });
                allow.intersect(&named);
                false
            }
            Condition::Field(_)
            | Condition::IsEmpty(_)
            | Condition::IsNull(_)
            | Condition::HasVector(_)
            | Condition::Nested(_)
            | Condition::Filter(_)
            | Condition::Slice { .. } => true,
        });
        rest.must_not.retain(|condition| match condition {
            Condition::HasId(ids) => {
                ids.iter().filter_map(|id| self.ids.binary_search(id).ok()).for_each(|row| {
                    allow.remove(Offset::from_row(row));
                });
                false
            }
            Condition::Field(_)
            | Condition::IsEmpty(_)
            | Condition::IsNull(_)
            | Condition::HasVector(_)
            | Condition::Nested(_)
            | Condition::Filter(_)
            | Condition::Slice { .. } => true,
        });
        rest
    }
}
