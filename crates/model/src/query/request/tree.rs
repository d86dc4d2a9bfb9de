//! The query tree as a whole: what does not go together, which ids are left out, and which filter each leaf gets.

use std::collections::BTreeSet;

use super::{QueryNode, QueryRequest};
use crate::error::Invalid;
use crate::filter::Filter;
use crate::id::PointId;
use crate::limits::PREFETCH_DEPTH_MAX;
use crate::query::kinds::Query;
use crate::query::rerank::fusion::Fusion;

impl QueryRequest {
    /// Refuses trees whose parts do not go together.
    ///
    /// # Errors
    /// `Invalid::Request` or `Invalid::Input`, with the texts of the wire.
    pub fn validate_tree(&self) -> Result<(), Invalid> {
        let depth = self.node.depth();
        if depth > PREFETCH_DEPTH_MAX {
            let why = format!("prefetches depth {depth} exceeds max depth {PREFETCH_DEPTH_MAX}");
            return Err(Invalid::request(why));
        }
        self.node.validate_tree()
    }

    /// The ids of all examples in the tree that name points of `collection`, the name this request was sent to as
    /// it was written there. Ids looked up elsewhere mean other points.
    pub fn excluded_ids(&self, collection: &str) -> BTreeSet<PointId> {
        let mut ids = BTreeSet::new();
        self.node.collect_excluded(collection, &mut ids);
        ids
    }

    /// The filter that the root hands down: its own, and the refusal of the excluded ids.
    pub fn root_filter(&self, collection: &str) -> Option<Filter> {
        let excluded = self.excluded_ids(collection);
        let refusal = (!excluded.is_empty()).then(|| Filter::without_ids(excluded));
        join(self.node.filter.as_ref(), refusal.as_ref())
    }

    /// How many results to look for before the offset is skipped.
    pub fn window(&self) -> u64 {
        self.node.limit.saturating_add(self.offset)
    }
}

impl QueryNode {
    /// Whether this node searches the collection.
    pub fn is_leaf(&self) -> bool {
        self.prefetch.is_empty()
    }

    /// The filter of this node below a node that hands down `above`: what it searches with if it is a leaf, what
    /// it hands down if not.
    pub fn leaf_filter(&self, above: Option<&Filter>) -> Option<Filter> {
        join(above, self.filter.as_ref())
    }

    /// Levels of prefetches below this node.
    fn depth(&self) -> usize {
        self.prefetch
            .iter()
            .map(|node| node.depth() + 1)
            .max()
            .unwrap_or(0)
    }

    fn collect_excluded(&self, collection: &str, ids: &mut BTreeSet<PointId>) {
        let is_here = self
            .lookup_from
            .as_ref()
            .is_none_or(|lookup| lookup.collection == collection);
        if let Some(kind) = self.query.as_ref().and_then(Query::as_kind).filter(|_| is_here) {
            ids.extend(kind.examples().into_iter().filter_map(|example| example.id()));
        }
        for node in &self.prefetch {
            node.collect_excluded(collection, ids);
        }
    }

    fn validate_tree(&self) -> Result<(), Invalid> {
        match &self.query {
            None => self.validate_without_query()?,
            Some(Query::OrderBy(_)) if self.score_threshold.is_some() => {
                return Err(Invalid::request(
                    "Can't use score_threshold with an order_by query.",
                ));
            }
            Some(Query::Fusion(fusion)) => self.validate_fusion(fusion)?,
            Some(Query::Formula(formula)) => {
                if self.is_leaf() {
                    return Err(Invalid::input(
                        "Validation failed: cannot apply Formula without prefetches",
                    ));
                }
                formula.check()?;
            }
            Some(
                Query::Nearest(_)
                | Query::Recommend(_)
                | Query::Discover(_)
                | Query::Context(_)
                | Query::Feedback(_)
                | Query::OrderBy(_)
                | Query::Sample,
            ) => {}
        }
        self.prefetch.iter().try_for_each(Self::validate_tree)
    }

    fn validate_without_query(&self) -> Result<(), Invalid> {
        if !self.is_leaf() {
            return Err(Invalid::request(
                "A query is needed to merge the prefetches. Can't have prefetches without defining a query.",
            ));
        }
        if self.score_threshold.is_some() {
            return Err(Invalid::request(
                "A query is needed to use the score_threshold. Can't have score_threshold without defining a query.",
            ));
        }
        Ok(())
    }

    fn validate_fusion(&self, fusion: &Fusion) -> Result<(), Invalid> {
        if self.using.as_ref().is_some_and(|name| !name.is_empty()) {
            return Err(Invalid::request(
                "Fusion queries cannot be combined with the 'using' field.",
            ));
        }
        let prefetches = self.prefetch.len();
        if prefetches == 0 {
            return Err(Invalid::input(
                "Validation failed: cannot apply Fusion without prefetches",
            ));
        }
        match fusion {
            Fusion::Rrf {
                weights: Some(weights),
                ..
            } if weights.len() != prefetches => Err(Invalid::input(format!(
                "Validation failed: RRF weights length ({}) does not match number of prefetches ({prefetches})",
                weights.len()
            ))),
            Fusion::Rrf { .. } | Fusion::Dbsf => Ok(()),
        }
    }
}

fn join(above: Option<&Filter>, own: Option<&Filter>) -> Option<Filter> {
    match (above, own) {
        (Some(above), Some(own)) => Some(above.clone().merge(own.clone())),
        (above, own) => above.or(own).cloned(),
    }
}

#[cfg(test)]
mod tests;
