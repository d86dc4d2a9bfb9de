//! What every older body can do: become the request that means the same.

use kindred_model::error::{Invalid, Validate};
use kindred_model::query::groups::GroupsRequest;
use kindred_model::query::request::QueryRequest;

/// A body that means a query.
pub(crate) trait Lower: Validate {
    /// The query. Fails when the examples do not suffice.
    fn lower(self) -> Result<QueryRequest, Invalid>;
}

/// A body that means a query with grouped results.
pub(crate) trait LowerGroups: Validate {
    /// The query and its grouping. Fails when the examples do not suffice.
    fn lower(self) -> Result<GroupsRequest, Invalid>;
}
