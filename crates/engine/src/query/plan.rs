//! What will be executed: two sources and one combinator. Built from a request before anything is searched, so
//! that every refusal comes first.

use kindred_model::error::Invalid;
use kindred_model::filter::Filter;
use kindred_model::query::kinds::Query;
use kindred_model::query::kinds::order_by::{OrderBy, OrderType};
use kindred_model::query::request::{QueryNode, QueryRequest};
use kindred_model::query::rerank::formula::Formula;
use kindred_model::query::rerank::fusion::Fusion;
use kindred_model::query::rerank::mmr::Mmr;

use super::names::Reader;
use super::resolve::Resolved;
use crate::error::Error;

/// A plan, best results first, at most `limit` of them.
pub(super) enum Plan {
    /// Score the points of the collection that pass the filter.
    Search {
        by: Resolved,
        filter: Filter,
        limit: u64,
        threshold: Option<f32>,
    },
    /// List the points that pass the filter.
    Walk {
        order: Order,
        filter: Filter,
        limit: u64,
    },
    /// Score the union of the inputs again.
    Rerank {
        inputs: Vec<Plan>,
        by: Rerank,
        limit: u64,
        threshold: Option<f32>,
    },
}

/// The order of a list that is not scored.
pub(super) enum Order {
    Id,
    Field(FieldOrder),
    Random,
}

/// The order of a field, and what its index says the values are.
pub(super) struct FieldOrder {
    pub(super) by: OrderBy,
    pub(super) values: OrderType,
}

/// How a union of results is scored again.
pub(super) enum Rerank {
    Scoring(Resolved),
    Mmr { nearest: Resolved, mmr: Mmr },
    Fusion(Fusion),
    Formula(Formula),
    Order(Order),
}

impl Reader<'_> {
    /// The plan of a request. Ids that serve as examples anywhere in the tree are left out everywhere.
    pub(super) fn plan(&self, request: &QueryRequest) -> Result<Plan, Error> {
        request.validate_tree()?;
        self.node(&request.node, request.root_filter(self.name), request.window())
    }

    /// The plan of one node. `filter` holds its own conditions and all from above.
    fn node(&self, node: &QueryNode, filter: Option<Filter>, limit: u64) -> Result<Plan, Error> {
        if node.is_leaf() {
            return self.leaf(node, filter.unwrap_or_default(), limit);
        }
        let below = |input: &QueryNode| self.node(input, input.leaf_filter(filter.as_ref()), input.limit);
        let inputs = node
            .prefetch
            .iter()
            .map(below)
            .collect::<Result<Vec<Plan>, Error>>()?;
        let threshold = node.score_threshold;
        let by = match &node.query {
            Some(Query::Fusion(fusion)) => Rerank::Fusion(fusion.clone()),
            Some(Query::Formula(formula)) => Rerank::Formula(formula.clone()),
            Some(Query::Sample) => Rerank::Order(Order::Random),
            Some(Query::OrderBy(order)) => Rerank::Order(Order::Field(self.by_field(order)?)),
            Some(query) => {
                let by = self.vector_query(node, query)?;
                let best = |limit| Plan::Rerank {
                    inputs,
                    by: Rerank::Scoring(by.clone()),
                    limit,
                    threshold,
                };
                return Ok(match diversity(query) {
                    None => best(limit),
                    Some(mmr) => diversified(best(mmr.candidates(node.limit)), by.clone(), mmr, node.limit),
                });
            }
            None => return Err(Invalid::request("A query is needed to merge the prefetches.").into()),
        };
        Ok(Plan::Rerank {
            inputs,
            by,
            limit,
            threshold,
        })
    }

    fn leaf(&self, node: &QueryNode, filter: Filter, limit: u64) -> Result<Plan, Error> {
        let order = match &node.query {
            None => Order::Id,
            Some(Query::Sample) => Order::Random,
            Some(Query::OrderBy(order)) => Order::Field(self.by_field(order)?),
            Some(query) => {
                let by = self.vector_query(node, query)?;
                let threshold = node.score_threshold;
                let best = |limit| Plan::Search {
                    by: by.clone(),
                    filter,
                    limit,
                    threshold,
                };
                return Ok(match diversity(query) {
                    None => best(limit),
                    Some(mmr) => diversified(best(mmr.candidates(node.limit)), by.clone(), mmr, node.limit),
                });
            }
        };
        Ok(Plan::Walk { order, filter, limit })
    }

    fn vector_query(&self, node: &QueryNode, query: &Query) -> Result<Resolved, Error> {
        match query.as_kind() {
            Some(kind) => self.resolve(node, kind),
            None => Err(Invalid::request("this query needs prefetches").into()),
        }
    }

    /// Ordering by a field needs an index that knows ranges.
    pub(super) fn by_field(&self, order: &OrderBy) -> Result<FieldOrder, Error> {
        let index = self.view.settings.indexes.get(&order.key);
        if let Some(values) = index.and_then(OrderType::of) {
            return Ok(FieldOrder {
                by: order.clone(),
                values,
            });
        }
        let key = &order.key;
        Err(Invalid::input(format!(
            "No range index for `order_by` key: `{key}`. Please create one to use `order_by`. Integer, float, \
             datetime and uuid indexes know ranges"
        ))
        .into())
    }
}

fn diversity(query: &Query) -> Option<Mmr> {
    match query {
        Query::Nearest(nearest) => nearest.mmr,
        Query::Recommend(_)
        | Query::Discover(_)
        | Query::Context(_)
        | Query::Feedback(_)
        | Query::OrderBy(_)
        | Query::Sample
        | Query::Fusion(_)
        | Query::Formula(_) => None,
    }
}

/// Diversification stops at the limit and knows no offset: a page with an offset is shorter.
fn diversified(best: Plan, nearest: Resolved, mmr: Mmr, limit: u64) -> Plan {
    Plan::Rerank {
        inputs: vec![best],
        by: Rerank::Mmr { nearest, mmr },
        limit,
        threshold: None,
    }
}
