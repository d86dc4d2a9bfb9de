//! Reading points without a query: retrieve, scroll, count, facet.

use kindred::ErrorKind;
use kindred_model::point::Record;
use kindred_model::query::lists::{
    CountRequest, FacetHit, FacetRequest, RetrieveRequest, ScrollPage, ScrollRequest,
};
use kindred_model::query::request::{PayloadSelector, VectorSelector};
use schemars::JsonSchema;
use serde::Serialize;

use super::params::ReadParams;
use super::route::Call;
use crate::status::Refusal;

/// How many points there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CountResult")]
pub(crate) struct CountAnswer {
    count: u64,
}

/// The most frequent values of a field.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FacetResponse")]
pub(crate) struct FacetAnswer {
    hits: Vec<FacetHit>,
}

/// One point with everything that belongs to it.
pub(crate) fn one(call: Call<'_, ReadParams, ()>) -> Result<Record, Refusal> {
    let id = call.path.point_id()?;
    let request = RetrieveRequest {
        ids: vec![id],
        with_payload: PayloadSelector::All(true),
        with_vector: VectorSelector::All(true),
    };
    let found = call.db().retrieve(call.ctx, call.collection(), &request)?.pop();
    found.ok_or_else(|| {
        Refusal::new(
            ErrorKind::NotFound,
            format!("Point with id {id} does not exists!"),
        )
    })
}

pub(crate) fn retrieve(call: Call<'_, ReadParams, RetrieveRequest>) -> Result<Vec<Record>, Refusal> {
    Ok(call.db().retrieve(call.ctx, call.collection(), &call.body)?)
}

pub(crate) fn scroll(call: Call<'_, ReadParams, ScrollRequest>) -> Result<ScrollPage, Refusal> {
    Ok(call.db().scroll(call.ctx, call.collection(), &call.body)?)
}

pub(crate) fn count(call: Call<'_, ReadParams, CountRequest>) -> Result<CountAnswer, Refusal> {
    Ok(CountAnswer {
        count: call.db().count(call.ctx, call.collection(), &call.body)?,
    })
}

pub(crate) fn facet(call: Call<'_, ReadParams, FacetRequest>) -> Result<FacetAnswer, Refusal> {
    Ok(FacetAnswer {
        hits: call.db().facet(call.ctx, call.collection(), &call.body)?,
    })
}
