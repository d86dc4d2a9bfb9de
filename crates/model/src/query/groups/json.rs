//! The JSON dialect of grouped queries.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::{GroupId, GroupsRequest, WithLookup};
use crate::error::{Check, Validate};
use crate::limits::GROUP_SIZE_DEFAULT;
use crate::query::dialect::{Object, ShardKey};
use crate::query::request::{PayloadSelector, QueryRequest, RequestKeys, VectorSelector};

impl<'de> Deserialize<'de> for GroupsRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(mut keys) = Object::<RequestKeys<WithLookup>>::deserialize(deserializer)?;
        // A grouped query has no offset: the key is as unknown as any other.
        keys.offset = None;
        Ok(Self {
            group_by: keys
                .group_by
                .take()
                .map(|path| path.0)
                .ok_or_else(|| D::Error::missing_field("group_by"))?,
            group_size: keys.group_size.unwrap_or(GROUP_SIZE_DEFAULT),
            with_lookup: keys.with_lookup.take(),
            query: QueryRequest::from(keys),
        })
    }
}

impl Validate for GroupsRequest {
    fn validate(&self, check: &mut Check) {
        self.query.validate(check);
        check.within("group_by", |check| self.group_by.validate(check));
        check.at_least("group_size", self.group_size, 1);
    }
}

#[derive(serde::Deserialize)]
struct WithLookupKeys {
    collection: String,
    with_payload: Option<PayloadSelector>,
    #[serde(alias = "with_vector")]
    with_vectors: Option<VectorSelector>,
    #[serde(rename = "shard_key")]
    _shard_key: Option<ShardKey>,
}

impl<'de> Deserialize<'de> for WithLookup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WithLookupVisitor)
    }
}

struct WithLookupVisitor;

impl<'de> Visitor<'de> for WithLookupVisitor {
    type Value = WithLookup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a collection, or an object with `collection`")
    }

    fn visit_str<E: Error>(self, collection: &str) -> Result<WithLookup, E> {
        Ok(WithLookup {
            collection: collection.to_owned(),
            with_payload: PayloadSelector::All(true),
            with_vectors: VectorSelector::All(false),
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WithLookup, A::Error> {
        let keys = WithLookupKeys::deserialize(MapAccessDeserializer::new(map))?;
        Ok(WithLookup {
            collection: keys.collection,
            with_payload: keys.with_payload.unwrap_or(PayloadSelector::All(true)),
            with_vectors: keys.with_vectors.unwrap_or_default(),
        })
    }
}

impl Serialize for GroupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Signed(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}
