//! Query requests: plan, execute, cut the page, read the winners.

use kindred_model::point::ScoredPoint;
use kindred_model::query::request::QueryRequest;

use super::names::Reader;
use super::plan::Plan;
use super::read::{Found, Parts};
use crate::error::Error;

impl Reader<'_> {
    /// The page that the request asks for.
    pub(crate) fn query(&self, request: &QueryRequest) -> Result<Vec<ScoredPoint>, Error> {
        let parts = Parts {
            payload: &request.with_payload,
            vectors: &request.with_vector,
        };
        parts.check(&self.view)?;
        self.ctx.check()?;
        let plan = self.plan(request)?;
        let has_version = !matches!(plan, Plan::Walk { .. });
        let found = self.execute(&plan)?;
        let page = page(&found, request.offset, request.node.limit);
        page.iter()
            .map(|found| parts.scored(&self.view, found, has_version))
            .collect()
    }
}

fn page(found: &[Found], offset: u64, limit: u64) -> &[Found] {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    let rest = found.get(offset..).unwrap_or_default();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    rest.get(..limit).unwrap_or(rest)
}
