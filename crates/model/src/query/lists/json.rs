//! The JSON dialect of requests that read points, and of the answers that are not plain lists.

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::{CountRequest, FacetRequest, FacetValue, Matrix, MatrixRequest, RetrieveRequest, ScrollRequest};
use crate::error::{Check, Validate};
use crate::filter::Filter;
use crate::id::PointId;
use crate::limits::{
    LIMIT_DEFAULT, MATRIX_LIMIT_DEFAULT, MATRIX_PAIRS_MAX, MATRIX_SAMPLE_DEFAULT, MATRIX_SAMPLE_MAX,
};
use crate::path::JsonPath;
use crate::query::dialect::{Object, ShardKey};
use crate::query::kinds::order_by::OrderBy;
use crate::query::request::{PayloadSelector, VectorSelector};

#[derive(serde::Deserialize)]
struct RetrieveKeys {
    ids: Vec<PointId>,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for RetrieveRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<RetrieveKeys>::deserialize(deserializer)?;
        Ok(Self {
            ids: keys.ids,
            with_payload: keys.with_payload.unwrap_or_default(),
            with_vector: keys.with_vector.unwrap_or_default(),
        })
    }
}

impl Validate for RetrieveRequest {
    fn validate(&self, _: &mut Check) {}
}

#[derive(serde::Deserialize)]
struct ScrollKeys {
    offset: Option<PointId>,
    limit: Option<u64>,
    filter: Option<Filter>,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    order_by: Option<OrderBy>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for ScrollRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<ScrollKeys>::deserialize(deserializer)?;
        Ok(Self {
            offset: keys.offset,
            limit: keys.limit.unwrap_or(LIMIT_DEFAULT),
            filter: keys.filter,
            with_payload: keys.with_payload.unwrap_or(PayloadSelector::All(true)),
            with_vector: keys.with_vector.unwrap_or_default(),
            order_by: keys.order_by,
        })
    }
}

impl Validate for ScrollRequest {
    fn validate(&self, check: &mut Check) {
        check.at_least("limit", self.limit, 1);
        validate_filter(self.filter.as_ref(), check);
    }
}

fn validate_filter(filter: Option<&Filter>, check: &mut Check) {
    if let Some(filter) = filter {
        check.within("filter", |check| filter.validate(check));
    }
}

#[derive(serde::Deserialize)]
struct CountKeys {
    filter: Option<Filter>,
    exact: Option<bool>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for CountRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<CountKeys>::deserialize(deserializer)?;
        Ok(Self {
            filter: keys.filter,
            exact: keys.exact.unwrap_or(true),
        })
    }
}

impl Validate for CountRequest {
    fn validate(&self, check: &mut Check) {
        validate_filter(self.filter.as_ref(), check);
    }
}

#[derive(serde::Deserialize)]
struct FacetKeys {
    key: JsonPath,
    limit: Option<u64>,
    filter: Option<Filter>,
    exact: Option<bool>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for FacetRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<FacetKeys>::deserialize(deserializer)?;
        Ok(Self {
            key: keys.key,
            limit: keys.limit.unwrap_or(LIMIT_DEFAULT),
            filter: keys.filter,
            exact: keys.exact.unwrap_or(false),
        })
    }
}

impl Validate for FacetRequest {
    fn validate(&self, check: &mut Check) {
        check.at_least("limit", self.limit, 1);
        validate_filter(self.filter.as_ref(), check);
    }
}

impl Serialize for FacetValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Keyword(text) => serializer.serialize_str(text),
        }
    }
}

#[derive(serde::Deserialize)]
struct MatrixKeys {
    sample: Option<u64>,
    limit: Option<u64>,
    filter: Option<Filter>,
    using: Option<String>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for MatrixRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<MatrixKeys>::deserialize(deserializer)?;
        Ok(Self {
            sample: keys.sample.unwrap_or(MATRIX_SAMPLE_DEFAULT),
            limit: keys.limit.unwrap_or(MATRIX_LIMIT_DEFAULT),
            filter: keys.filter,
            using: keys.using,
        })
    }
}

impl Validate for MatrixRequest {
    fn validate(&self, check: &mut Check) {
        // WIRE: two texts, because the upper bound is ours.
        check.at_least("sample", self.sample, 2);
        check.at_most("sample", self.sample, MATRIX_SAMPLE_MAX);
        check.at_least("limit", self.limit, 1);
        // A point has fewer neighbours than the sample has points.
        let pairs = self.sample.saturating_mul(self.limit.min(self.sample));
        if pairs > MATRIX_PAIRS_MAX {
            let why = format!("sample times limit is {pairs}, more than {MATRIX_PAIRS_MAX}");
            check.fail("limit", why);
        }
        validate_filter(self.filter.as_ref(), check);
    }
}

/// A matrix as a list of pairs: `{"pairs": [{"a", "b", "score"}]}`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SearchMatrixPairsResponse")]
pub struct MatrixPairs {
    /// In the order of the sample, best neighbour first.
    pub pairs: Vec<MatrixPair>,
}

/// A point of the sample, one of its neighbours, and how close they are.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SearchMatrixPair")]
pub struct MatrixPair {
    /// The point.
    pub a: PointId,
    /// Its neighbour.
    pub b: PointId,
    /// As a nearest query reports it.
    pub score: f32,
}

/// A matrix as parallel lists of coordinates.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "SearchMatrixOffsetsResponse")]
pub struct MatrixOffsets {
    /// For each score, the place of the point in `ids`.
    pub offsets_row: Vec<usize>,
    /// For each score, the place of the neighbour in `ids`.
    pub offsets_col: Vec<usize>,
    /// As nearest queries report them.
    pub scores: Vec<f32>,
    /// The sample, ascending.
    pub ids: Vec<PointId>,
}

impl Matrix {
    /// Row, column and score of every pair, row by row.
    fn cells(&self) -> impl Iterator<Item = (usize, usize, f32)> {
        let rows = self.neighbours.iter().enumerate();
        rows.flat_map(|(row, neighbours)| {
            neighbours
                .iter()
                .map(move |(column, score)| (row, *column, *score))
        })
    }

    /// The form of `/search/matrix/pairs`.
    pub fn into_pairs(self) -> MatrixPairs {
        let pair = |(row, column, score)| {
            Some(MatrixPair {
                a: *self.ids.get(row)?,
                b: *self.ids.get(column)?,
                score,
            })
        };
        MatrixPairs {
            pairs: self.cells().filter_map(pair).collect(),
        }
    }

    /// The form of `/search/matrix/offsets`.
    pub fn into_offsets(self) -> MatrixOffsets {
        let mut offsets = MatrixOffsets {
            offsets_row: Vec::new(),
            offsets_col: Vec::new(),
            scores: Vec::new(),
            ids: Vec::new(),
        };
        for (row, column, score) in self.cells() {
            offsets.offsets_row.push(row);
            offsets.offsets_col.push(column);
            offsets.scores.push(score);
        }
        offsets.ids = self.ids;
        offsets
    }
}
