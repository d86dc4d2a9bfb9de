//! The endpoints that older clients use: search, recommend, discover. Each body is lowered to the same requests
//! that the query endpoints read, so that both answer alike to the last bit.

use kindred_model::error::Invalid;
use kindred_model::point::ScoredPoint;
use kindred_model::query::request::QueryRequest;

use super::params::ReadParams;
use super::query::{Batch, GroupsAnswer, Internal};
use super::route::Call;
use crate::status::Refusal;

mod lower;
mod example;
mod frame;
mod search;
mod recommend;
mod discover;

use lower::{Lower, LowerGroups};

pub(crate) use discover::DiscoverBody;
pub(crate) use recommend::{RecommendBody, RecommendGroupsBody};
pub(crate) use search::{SearchBody, SearchGroupsBody};

pub(crate) fn one<B: Lower>(call: Call<'_, ReadParams, Internal<B>>) -> Result<Vec<ScoredPoint>, Refusal> {
    let Call {
        app,
        ctx,
        path,
        body: Internal(body),
        ..
    } = call;
    Ok(app.db.query(ctx, path.named("collection_name"), &body.lower()?)?)
}

pub(crate) fn batch<B: Lower>(
    call: Call<'_, ReadParams, Batch<Internal<B>>>,
) -> Result<Vec<Vec<ScoredPoint>>, Refusal> {
    let Call {
        app, ctx, path, body, ..
    } = call;
    let requests: Result<Vec<QueryRequest>, Invalid> = body
        .searches
        .into_iter()
        .map(|Internal(body)| body.lower())
        .collect();
    Ok(app
        .db
        .query_batch(ctx, path.named("collection_name"), &requests?)?)
}

pub(crate) fn groups<B: LowerGroups>(
    call: Call<'_, ReadParams, Internal<B>>,
) -> Result<GroupsAnswer, Refusal> {
    let Call {
        app,
        ctx,
        path,
        body: Internal(body),
        ..
    } = call;
    Ok(GroupsAnswer {
        groups: app
            .db
            .query_groups(ctx, path.named("collection_name"), &body.lower()?)?,
    })
}

#[cfg(test)]
mod tests;
