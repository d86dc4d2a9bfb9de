//! The JSON dialect of query requests: the body of a request and of its prefetches, selectors and parameters.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{
    AcornParams, LookupFrom, PayloadSelector, QuantizationParams, QueryNode, QueryRequest, SearchParams,
    VectorSelector,
};
use crate::bounded::{bounded, optional};
use crate::filter::Filter;
use crate::limits::LIMIT_DEFAULT;
use crate::path::{JsonPath, possibly_empty};
use crate::query::dialect::{Object, OneOrMany, ShardKey, finite};
use crate::query::kinds::Query;

/// All keys of a query node; the root of a request has more, which `RequestKeys` reads.
#[derive(serde::Deserialize)]
struct NodeKeys {
    prefetch: Option<OneOrMany<QueryNode>>,
    query: Option<Query>,
    using: Option<String>,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    #[serde(default, deserialize_with = "finite")]
    score_threshold: Option<f32>,
    limit: Option<u64>,
    lookup_from: Option<LookupFrom>,
}

/// All keys of a request, also of one whose results are grouped; only the latter says what a lookup is.
#[derive(serde::Deserialize)]
pub(in crate::query) struct RequestKeys<Lookup> {
    prefetch: Option<OneOrMany<QueryNode>>,
    query: Option<Query>,
    using: Option<String>,
    filter: Option<Filter>,
    params: Option<SearchParams>,
    #[serde(default, deserialize_with = "finite")]
    score_threshold: Option<f32>,
    limit: Option<u64>,
    lookup_from: Option<LookupFrom>,
    pub(in crate::query) offset: Option<u64>,
    #[serde(alias = "with_vectors")]
    with_vector: Option<VectorSelector>,
    with_payload: Option<PayloadSelector>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
    pub(in crate::query) group_by: Option<GroupBy>,
    pub(in crate::query) group_size: Option<u64>,
    pub(in crate::query) with_lookup: Option<Lookup>,
}

/// The path that results are grouped by; an empty one is decoded, and then refused by its check.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(in crate::query) struct GroupBy(
    #[serde(deserialize_with = "possibly_empty")] pub(in crate::query) JsonPath,
);

impl From<NodeKeys> for QueryNode {
    fn from(keys: NodeKeys) -> Self {
        Self {
            prefetch: keys.prefetch.map(|list| list.0).unwrap_or_default(),
            query: keys.query,
            using: keys.using,
            filter: keys.filter,
            params: keys.params.unwrap_or_default(),
            score_threshold: keys.score_threshold,
            limit: keys.limit.unwrap_or(LIMIT_DEFAULT),
            lookup_from: keys.lookup_from,
        }
    }
}

impl<Lookup> From<RequestKeys<Lookup>> for QueryRequest {
    fn from(keys: RequestKeys<Lookup>) -> Self {
        let node = NodeKeys {
            prefetch: keys.prefetch,
            query: keys.query,
            using: keys.using,
            filter: keys.filter,
            params: keys.params,
            score_threshold: keys.score_threshold,
            limit: keys.limit,
            lookup_from: keys.lookup_from,
        };
        Self {
            node: node.into(),
            offset: keys.offset.unwrap_or(0),
            with_vector: keys.with_vector.unwrap_or_default(),
            with_payload: keys.with_payload.unwrap_or_default(),
        }
    }
}

impl<'de> Deserialize<'de> for QueryNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::<NodeKeys>::deserialize(deserializer).map(|keys| keys.0.into())
    }
}

impl<'de> Deserialize<'de> for QueryRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Object::<RequestKeys<IgnoredAny>>::deserialize(deserializer).map(|keys| keys.0.into())
    }
}

#[derive(serde::Deserialize)]
struct LookupKeys {
    collection: String,
    vector: Option<String>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for LookupFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<LookupKeys>::deserialize(deserializer)?;
        Ok(Self {
            collection: keys.collection,
            vector: keys.vector,
        })
    }
}

#[derive(serde::Deserialize)]
struct SearchParamsKeys {
    hnsw_ef: Option<u64>,
    exact: Option<bool>,
    quantization: Option<QuantizationParams>,
    indexed_only: Option<bool>,
    acorn: Option<AcornParams>,
}

impl<'de> Deserialize<'de> for SearchParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<SearchParamsKeys>::deserialize(deserializer)?;
        Ok(Self {
            hnsw_ef: keys.hnsw_ef,
            exact: keys.exact.unwrap_or_default(),
            quantization: keys.quantization,
            indexed_only: keys.indexed_only.unwrap_or_default(),
            acorn: keys.acorn,
        })
    }
}

#[derive(serde::Deserialize)]
struct QuantizationKeys {
    ignore: Option<bool>,
    rescore: Option<bool>,
    oversampling: Option<f64>,
}

impl<'de> Deserialize<'de> for QuantizationParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<QuantizationKeys>::deserialize(deserializer)?;
        let ignore = keys.ignore.unwrap_or_default();
        Ok(Self {
            ignore,
            rescore: keys.rescore,
            oversampling: keys.oversampling,
        })
    }
}

#[derive(serde::Deserialize)]
struct AcornKeys {
    enable: Option<bool>,
    max_selectivity: Option<f64>,
}

impl<'de> Deserialize<'de> for AcornParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<AcornKeys>::deserialize(deserializer)?;
        Ok(Self {
            enable: keys.enable.unwrap_or_default(),
            max_selectivity: keys.max_selectivity,
        })
    }
}

impl<'de> Deserialize<'de> for VectorSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(VectorSelectorVisitor)
    }
}

struct VectorSelectorVisitor;

impl<'de> Visitor<'de> for VectorSelectorVisitor {
    type Value = VectorSelector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, or a list of vector names")
    }

    fn visit_bool<E: Error>(self, all: bool) -> Result<VectorSelector, E> {
        Ok(VectorSelector::All(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<VectorSelector, A::Error> {
        bounded(list).map(VectorSelector::Names)
    }
}

impl Serialize for VectorSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(all) => all.serialize(serializer),
            Self::Names(names) => names.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for PayloadSelector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PayloadSelectorVisitor)
    }
}

struct PayloadSelectorVisitor;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadSelectorKeys {
    #[serde(default, deserialize_with = "optional")]
    include: Option<Vec<JsonPath>>,
    #[serde(default, deserialize_with = "optional")]
    exclude: Option<Vec<JsonPath>>,
}

impl<'de> Visitor<'de> for PayloadSelectorVisitor {
    type Value = PayloadSelector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, a list of payload paths, or an object with `include` or `exclude`")
    }

    fn visit_bool<E: Error>(self, all: bool) -> Result<PayloadSelector, E> {
        Ok(PayloadSelector::All(all))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<PayloadSelector, A::Error> {
        bounded(list).map(PayloadSelector::Include)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PayloadSelector, A::Error> {
        match PayloadSelectorKeys::deserialize(MapAccessDeserializer::new(map))? {
            PayloadSelectorKeys {
                include: Some(paths),
                exclude: None,
            } => Ok(PayloadSelector::Include(paths)),
            PayloadSelectorKeys {
                include: None,
                exclude: Some(paths),
            } => Ok(PayloadSelector::Exclude(paths)),
            PayloadSelectorKeys { .. } => Err(A::Error::custom("expected either `include` or `exclude`")),
        }
    }
}

impl Serialize for PayloadSelector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, paths) = match self {
            Self::All(all) => return all.serialize(serializer),
            Self::Include(paths) => ("include", paths),
            Self::Exclude(paths) => ("exclude", paths),
        };
        let mut fields = serializer.serialize_struct("PayloadSelector", 1)?;
        fields.serialize_field(key, paths)?;
        fields.end()
    }
}
