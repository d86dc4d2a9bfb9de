//! The query endpoints: one, many, grouped; and the distance matrix in its two shapes.

use std::borrow::Cow;

use kindred_model::error::{Check, Validate};
use kindred_model::id::PointId;
use kindred_model::limits::BATCH_REQUESTS_MAX;
use kindred_model::point::ScoredPoint;
use kindred_model::query::groups::{GroupsRequest, PointGroup};
use kindred_model::query::lists::{Matrix, MatrixRequest};
use kindred_model::query::request::QueryRequest;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::params::ReadParams;
use super::route::Call;
use crate::status::Refusal;

/// WIRE: what is wrong with a query is reported under `internal.`, though no such key is written.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Internal<T>(pub(crate) T);

impl<T: Validate> Validate for Internal<T> {
    fn validate(&self, check: &mut Check) {
        check.within("internal", |check| self.0.validate(check));
    }
}

impl<T: JsonSchema> JsonSchema for Internal<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// Several requests in one body.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "{T}Batch")]
pub(crate) struct Batch<T> {
    pub(crate) searches: Vec<T>,
}

impl<T: Validate> Validate for Batch<T> {
    fn validate(&self, check: &mut Check) {
        if self.searches.len() > BATCH_REQUESTS_MAX {
            let count = self.searches.len();
            return check.fail(
                "searches",
                format!("value {count} invalid, must be {BATCH_REQUESTS_MAX} or smaller"),
            );
        }
        check.each("searches", &self.searches);
    }
}

/// The points that a query found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueryResponse")]
pub(crate) struct QueryAnswer {
    points: Vec<ScoredPoint>,
}

/// The groups that a query found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "GroupsResult")]
pub(crate) struct GroupsAnswer {
    pub(crate) groups: Vec<PointGroup>,
}

pub(crate) fn query(call: Call<'_, ReadParams, Internal<QueryRequest>>) -> Result<QueryAnswer, Refusal> {
    Ok(QueryAnswer {
        points: call.db().query(call.ctx, call.collection(), &call.body.0)?,
    })
}

pub(crate) fn batch(
    call: Call<'_, ReadParams, Batch<Internal<QueryRequest>>>,
) -> Result<Vec<QueryAnswer>, Refusal> {
    let Call {
        app, ctx, path, body, ..
    } = call;
    let requests: Vec<QueryRequest> = body
        .searches
        .into_iter()
        .map(|Internal(request)| request)
        .collect();
    let found = app
        .db
        .query_batch(ctx, path.named("collection_name"), &requests)?;
    Ok(found.into_iter().map(|points| QueryAnswer { points }).collect())
}

pub(crate) fn groups(call: Call<'_, ReadParams, Internal<GroupsRequest>>) -> Result<GroupsAnswer, Refusal> {
    Ok(GroupsAnswer {
        groups: call
            .db()
            .query_groups(call.ctx, call.collection(), &call.body.0)?,
    })
}

/// The distance matrix as one entry per pair.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SearchMatrixPairsResponse")]
pub(crate) struct MatrixPairs {
    pairs: Vec<MatrixPair>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "SearchMatrixPair")]
struct MatrixPair {
    a: PointId,
    b: PointId,
    score: f32,
}

/// The distance matrix as parallel lists; offsets point into `ids`.
#[derive(Debug, PartialEq, Default, Serialize, JsonSchema)]
#[schemars(rename = "SearchMatrixOffsetsResponse")]
pub(crate) struct MatrixOffsets {
    offsets_row: Vec<usize>,
    offsets_col: Vec<usize>,
    scores: Vec<f32>,
    ids: Vec<PointId>,
}

pub(crate) fn matrix_pairs(call: Call<'_, ReadParams, MatrixRequest>) -> Result<MatrixPairs, Refusal> {
    Ok(MatrixPairs {
        pairs: pairs(&call.db().matrix(call.ctx, call.collection(), &call.body)?),
    })
}

pub(crate) fn matrix_offsets(call: Call<'_, ReadParams, MatrixRequest>) -> Result<MatrixOffsets, Refusal> {
    Ok(offsets(call.db().matrix(
        call.ctx,
        call.collection(),
        &call.body,
    )?))
}

fn pairs(matrix: &Matrix) -> Vec<MatrixPair> {
    let row = |(a, neighbours): (&PointId, &Vec<(usize, f32)>)| {
        let a = *a;
        let pair = move |&(b, score): &(usize, f32)| {
            Some(MatrixPair {
                a,
                b: *matrix.ids.get(b)?,
                score,
            })
        };
        neighbours.iter().filter_map(pair).collect::<Vec<_>>()
    };
    matrix.ids.iter().zip(&matrix.neighbours).flat_map(row).collect()
}

fn offsets(matrix: Matrix) -> MatrixOffsets {
    let mut answer = MatrixOffsets::default();
    for (row, neighbours) in matrix.neighbours.iter().enumerate() {
        for (col, score) in neighbours {
            answer.offsets_row.push(row);
            answer.offsets_col.push(*col);
            answer.scores.push(*score);
        }
    }
    answer.ids = matrix.ids;
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Matrix {
        Matrix {
            ids: vec![PointId::Num(3), PointId::Num(5), PointId::Num(8)],
            neighbours: vec![vec![(2, 0.5), (1, 0.25)], vec![(0, 0.25)], vec![]],
        }
    }

    #[test]
    fn both_shapes_of_the_matrix_say_the_same() {
        let pair = |a: u64, b: u64, score| MatrixPair {
            a: a.into(),
            b: b.into(),
            score,
        };
        assert_eq!(
            pairs(&matrix()),
            [pair(3, 8, 0.5), pair(3, 5, 0.25), pair(5, 3, 0.25)]
        );
        let want = MatrixOffsets {
            offsets_row: vec![0, 0, 1],
            offsets_col: vec![2, 1, 0],
            scores: vec![0.5, 0.25, 0.25],
            ids: matrix().ids,
        };
        assert_eq!(offsets(matrix()), want);
    }

    #[test]
    fn a_matrix_of_nothing_is_empty() {
        assert_eq!(pairs(&Matrix::default()), []);
        assert_eq!(offsets(Matrix::default()), MatrixOffsets::default());
    }
}
