//! Grouped queries: the best points of each of the best groups.

use std::collections::HashMap;

use kindred_model::id::PointId;
use kindred_model::point::Record;
use kindred_model::query::groups::{GroupId, GroupsRequest, PointGroup, WithLookup};
use kindred_model::query::request::{QueryNode, QueryRequest};
use uuid::Uuid;

use super::names::Reader;
use super::plan::Plan;
use super::read::{Found, Parts, at};
use crate::error::Error;

/// How much deeper to look when the groups are not full yet.
const DEEPER: u64 = 4;

impl Reader<'_> {
    /// Groups in the order of their best point, points in the order of the query. Looks as deep as it takes to
    /// fill the groups, or to the end of what the query finds.
    pub(crate) fn query_groups(&self, request: &GroupsRequest) -> Result<Vec<PointGroup>, Error> {
        let query = &request.query;
        let parts = Parts {
            payload: &query.with_payload,
            vectors: &query.with_vector,
        };
        parts.check(&self.view)?;
        self.ctx.check()?;
        let lookup = request
            .with_lookup
            .as_ref()
            .map(|lookup| self.lookup_reader(lookup))
            .transpose()?;
        let mut deep = widened(query, request.group_size);
        let mut depth = query.node.limit.saturating_mul(request.group_size);
        loop {
            deep.node.limit = depth;
            let plan = self.plan(&deep)?;
            let has_version = !matches!(plan, Plan::Walk { .. });
            let found = self.execute(&plan)?;
            let groups = self.group(request, &found)?;
            let is_full = groups.is_full(request);
            if !is_full && found.len() as u64 >= depth {
                depth = depth.saturating_mul(DEEPER);
                continue;
            }
            let groups = groups.in_order.into_iter().map(|(id, hits)| {
                let hits = hits
                    .iter()
                    .map(|found| parts.scored(&self.view, found, has_version));
                let hits = hits.collect::<Result<_, _>>()?;
                let lookup = match &lookup {
                    Some((reader, with)) => reader.looked_up(&id, with)?,
                    None => None,
                };
                Ok(PointGroup { id, hits, lookup })
            });
            return groups.collect();
        }
    }

    fn group(&self, request: &GroupsRequest, found: &[Found]) -> Result<Groups, Error> {
        let limit = usize::try_from(request.query.node.limit).unwrap_or(usize::MAX);
        let size = usize::try_from(request.group_size).unwrap_or(usize::MAX);
        let mut groups = Groups::default();
        for found in found {
            let payload = at(&self.view, found.place)?.payload()?;
            for id in GroupId::of_point(&request.group_by, &payload) {
                groups.add(id, found, limit, size);
            }
        }
        Ok(groups)
    }

    fn lookup_reader<'b>(&'b self, with: &'b WithLookup) -> Result<(Reader<'b>, &'b WithLookup), Error> {
        let other = self.names.find(&with.collection);
        let view = other
            .ok_or_else(|| Error::no_lookup_collection(&with.collection))?
            .open()?
            .view();
        Parts {
            payload: &with.with_payload,
            vectors: &with.with_vectors,
        }
        .check(&view)?;
        let name = with.collection.as_str();
        Ok((
            Reader {
                names: self.names,
                name,
                view,
                ctx: self.ctx,
                env: self.env,
            },
            with,
        ))
    }

    fn looked_up(&self, id: &GroupId, with: &WithLookup) -> Result<Option<Record>, Error> {
        let id = match id {
            GroupId::Unsigned(number) => Some(PointId::Num(*number)),
            GroupId::Signed(_) => None,
            GroupId::Text(text) => Uuid::parse_str(text).ok().map(PointId::Uuid),
        };
        let Some(place) = id.and_then(|id| self.view.find(id)) else {
            return Ok(None);
        };
        let parts = Parts {
            payload: &with.with_payload,
            vectors: &with.with_vectors,
        };
        parts.record(&self.view, place, None).map(Some)
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

#[derive(Default)]
struct Groups {
    in_order: Vec<(GroupId, Vec<Found>)>,
    by_id: HashMap<GroupId, usize>,
}

impl Groups {
    fn add(&mut self, id: GroupId, found: &Found, limit: usize, size: usize) {
        let index = match self.by_id.get(&id) {
            Some(index) => *index,
            None if self.in_order.len() < limit => {
                self.by_id.insert(id.clone(), self.in_order.len());
                self.in_order.push((id, Vec::new()));
                self.in_order.len() - 1
            }
            None => return,
        };
        if let Some((_, hits)) = self.in_order.get_mut(index)
            && hits.len() < size
            // Ordered by a field with several values, a point comes more than once.
            && hits.iter().all(|other| other.place != found.place)
        {
            hits.push(*found);
        }
    }

    fn is_full(&self, request: &GroupsRequest) -> bool {
        self.in_order.len() as u64 >= request.query.node.limit
            && self
                .in_order
                .iter()
                .all(|(_, hits)| hits.len() as u64 >= request.group_size)
    }
}
