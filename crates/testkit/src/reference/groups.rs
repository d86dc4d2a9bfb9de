//! Grouped queries over the full ranking: groups in the order of their best point, points best first.

use kindred_model::id::PointId;
use kindred_model::point::{Record, ScoredPoint};
use kindred_model::query::groups::{GroupId, GroupsRequest, PointGroup, WithLookup};
use kindred_model::query::kinds::Query;
use kindred_model::query::request::{QueryNode, QueryRequest};
use uuid::Uuid;

use super::ranking::Trust;
use super::tree::is_scored;
use super::{Reference, select};
use crate::subject::{Failure, FailureKind};

impl Reference {
    /// Answers a grouped query, and says how far another correct answer may differ.
    pub fn judge_groups(
        &self,
        collection: &str,
        request: &GroupsRequest,
    ) -> Result<(Vec<PointGroup>, Trust), Failure> {
        let here = self.collection(collection)?;
        here.check_vectors(&request.query.with_vector)?;
        if let Some(lookup) = &request.with_lookup {
            let there = self.find(&lookup.collection).ok_or_else(|| {
                Failure::new(
                    FailureKind::NotFound,
                    format!("Collection {} not found", lookup.collection),
                )
            })?;
            there.check_vectors(&lookup.with_vectors)?;
        }
        let ranking = self
            .rank(collection, &widened(&request.query, request.group_size))?
            .ranking
            .ordered();
        let limit = usize::try_from(request.query.node.limit).unwrap_or(usize::MAX);
        let size = usize::try_from(request.group_size).unwrap_or(usize::MAX);
        let has_version = is_scored(&request.query.node);
        let mut groups: Vec<(GroupId, Vec<ScoredPoint>)> = Vec::new();
        for hit in &ranking.hits {
            let Some(stored) = here.points.get(&hit.id) else {
                continue;
            };
            for id in GroupId::of_point(&request.group_by, &stored.point.payload) {
                let place = groups.iter().position(|(other, _)| *other == id).or_else(|| {
                    let is_new = groups.len() < limit;
                    is_new.then(|| {
                        groups.push((id, Vec::new()));
                        groups.len() - 1
                    })
                });
                let Some((_, hits)) = place.and_then(|place| groups.get_mut(place)) else {
                    continue;
                };
                if hits.len() < size && hits.iter().all(|other| other.id != hit.id) {
                    hits.extend(here.scored(&request.query, hit, has_version));
                }
            }
        }
        let mut found = Vec::new();
        for (id, hits) in groups {
            let lookup = match &request.with_lookup {
                Some(with) => self.looked_up(&id, with),
                None => None,
            };
            found.push(PointGroup { id, hits, lookup });
        }
        // How deep to look before choosing is nowhere defined.
        let is_diverse =
            matches!(&request.query.node.query, Some(Query::Nearest(nearest)) if nearest.mmr.is_some());
        Ok((found, if is_diverse { Trust::Open } else { ranking.trust }))
    }

    fn looked_up(&self, id: &GroupId, with: &WithLookup) -> Option<Record> {
        let there = self.find(&with.collection)?;
        let id = match id {
            GroupId::Unsigned(number) => Some(PointId::Num(*number)),
            GroupId::Signed(_) => None,
            GroupId::Text(text) => text.parse::<Uuid>().ok().map(PointId::Uuid),
        };
        let stored = there.points.get(&id?)?;
        Some(Record {
            id: stored.point.id,
            payload: select::payload(&stored.point, &with.with_payload),
            vector: select::vectors(&stored.point, &with.with_vectors),
            order_value: None,
        })
    }
}

/// Prefetches that search look deeper, as if for every point of a group.
fn widened(query: &QueryRequest, group_size: u64) -> QueryRequest {
    fn widen(node: &mut QueryNode, group_size: u64) {
        if node.prefetch.is_empty() {
            node.limit = node.limit.saturating_mul(group_size);
        }
        node.prefetch.iter_mut().for_each(|node| widen(node, group_size));
    }
    let mut query = query.clone();
    query
        .node
        .prefetch
        .iter_mut()
        .for_each(|node| widen(node, group_size));
    query
}
