//! The JSON dialect of queries. The first token decides: lists are vectors, numbers and texts are ids, and the keys
//! of an object say which kind it is. A vector is decoded straight into its floats, never buffered.

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use super::context::{Context, Pair};
use super::discover::Discover;
use super::feedback::{Feedback, FeedbackItem, FeedbackStrategy};
use super::nearest::Nearest;
use super::order_by::OrderBy;
use super::recommend::{Recommend, Strategy};
use super::{Query, context, discover, feedback, recommend};
use crate::bounded;
use crate::query::dialect::{Finite, Object, OneOrMany, finite_list, present};
use crate::query::example::Example;
use crate::query::rerank::formula::{Defaults, Expression, Formula};
use crate::query::rerank::fusion::{Fusion, FusionName, Rrf};
use crate::query::rerank::mmr::Mmr;
use crate::vector::input::VectorInput;

/// Clients look for this text.
const NO_QUERY: &str = "Expected some form of vector, id, or a type of query";

impl<'de> Deserialize<'de> for Query {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QueryVisitor)
    }
}

struct QueryVisitor;

fn nearest(example: Example) -> Query {
    Query::Nearest(Nearest { example, mmr: None })
}

fn refused<E: Error>(why: impl fmt::Display) -> E {
    E::custom(format_args!("{NO_QUERY}: {why}"))
}

impl<'de> Visitor<'de> for QueryVisitor {
    type Value = Query;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NO_QUERY)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Query, E> {
        Example::deserialize(number.into_deserializer())
            .map(nearest)
            .map_err(|error: E| refused(error))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Query, E> {
        Example::deserialize(number.into_deserializer())
            .map(nearest)
            .map_err(|error: E| refused(error))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Query, E> {
        Example::deserialize(number.into_deserializer())
            .map(nearest)
            .map_err(|error: E| refused(error))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Query, E> {
        Example::deserialize(text.into_deserializer())
            .map(nearest)
            .map_err(|error: E| refused(error))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Query, A::Error> {
        Example::deserialize(SeqAccessDeserializer::new(list))
            .map(nearest)
            .map_err(refused)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Query, A::Error> {
        let keys = QueryKeys::deserialize(MapAccessDeserializer::new(map)).map_err(refused)?;
        keys.into_query().map_err(refused)
    }
}

/// All keys that say something in a query object.
#[derive(serde::Deserialize)]
#[serde(expecting = "an object")]
struct QueryKeys {
    indices: Option<Vec<u32>>,
    #[serde(default, deserialize_with = "finite_list")]
    values: Option<Vec<f32>>,
    text: Option<Value>,
    image: Option<Value>,
    object: Option<Value>,
    model: Option<Value>,
    options: Option<Value>,
    nearest: Option<Example>,
    mmr: Option<Object<Mmr>>,
    recommend: Option<Recommend>,
    discover: Option<Discover>,
    #[serde(default, deserialize_with = "present")]
    context: Option<OneOrMany<Pair>>,
    order_by: Option<OrderBy>,
    fusion: Option<FusionName>,
    rrf: Option<Object<Rrf>>,
    formula: Option<Expression>,
    defaults: Option<Defaults>,
    sample: Option<SampleName>,
    relevance_feedback: Option<Feedback>,
}

/// `{"sample": name}`.
#[derive(serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "Sample")]
pub(in crate::query) enum SampleName {
    Random,
}

impl QueryKeys {
    /// Tries the forms in the order of the wire; the first whose keys are there wins.
    fn into_query(mut self) -> Result<Query, String> {
        let vector = self.take_vector()?;
        let QueryKeys {
            nearest: example,
            mmr,
            recommend,
            discover,
            context,
            order_by,
            ..
        } = self;
        let formula = self.formula.map(|expression| {
            Query::Formula(Formula {
                expression,
                defaults: self.defaults.unwrap_or_default(),
            })
        });
        let mmr = mmr.map(|mmr| mmr.0);
        vector
            .map(|vector| nearest(Example::Vector(vector)))
            .or_else(|| example.map(|example| Query::Nearest(Nearest { example, mmr })))
            .or_else(|| recommend.map(Query::Recommend))
            .or_else(|| discover.map(Query::Discover))
            .or_else(|| context.map(|pairs| Query::Context(Context { pairs: pairs.0 })))
            .or_else(|| order_by.map(Query::OrderBy))
            .or_else(|| self.fusion.map(|name| Query::Fusion(name.into())))
            .or_else(|| self.rrf.map(|rrf| Query::Fusion(rrf.0.into())))
            .or(formula)
            .or_else(|| self.sample.map(|SampleName::Random| Query::Sample))
            .or_else(|| self.relevance_feedback.map(Query::Feedback))
            .ok_or_else(|| "the object has none of the keys of a query".to_owned())
    }

    /// A sparse vector, or something to embed.
    fn take_vector(&mut self) -> Result<Option<VectorInput>, String> {
        match (self.indices.take(), self.values.take()) {
            (Some(indices), Some(values)) => return Ok(Some(VectorInput::Sparse { indices, values })),
            (Some(_), None) => return Err("missing field `values`".to_owned()),
            (None, Some(_)) => return Err("missing field `indices`".to_owned()),
            (None, None) => {}
        }
        if self.text.is_none() && self.image.is_none() && self.object.is_none() {
            return Ok(None);
        }
        let keys = [
            ("text", self.text.take()),
            ("image", self.image.take()),
            ("object", self.object.take()),
            ("model", self.model.take()),
            ("options", self.options.take()),
        ];
        let written = keys
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect();
        VectorInput::deserialize(Value::Object(written))
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

#[derive(serde::Deserialize)]
struct RecommendKeys {
    #[serde(default, deserialize_with = "bounded::optional")]
    positive: Option<Vec<Example>>,
    #[serde(default, deserialize_with = "bounded::optional")]
    negative: Option<Vec<Example>>,
    strategy: Option<Strategy>,
}

impl<'de> Deserialize<'de> for Recommend {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<RecommendKeys>::deserialize(deserializer)?;
        Ok(recommend::Recommend {
            positive: keys.positive.unwrap_or_default(),
            negative: keys.negative.unwrap_or_default(),
            strategy: keys.strategy.unwrap_or_default(),
        })
    }
}

#[derive(serde::Deserialize)]
struct DiscoverKeys {
    target: Example,
    context: OneOrMany<Pair>,
}

impl<'de> Deserialize<'de> for Discover {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<DiscoverKeys>::deserialize(deserializer)?;
        Ok(discover::Discover {
            target: keys.target,
            context: keys.context.0,
        })
    }
}

#[derive(serde::Deserialize)]
struct PairKeys {
    positive: Example,
    negative: Example,
}

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<PairKeys>::deserialize(deserializer)?;
        Ok(context::Pair {
            positive: keys.positive,
            negative: keys.negative,
        })
    }
}

#[derive(serde::Deserialize)]
struct FeedbackKeys {
    target: Example,
    feedback: Vec<Object<ItemKeys>>,
    strategy: Object<StrategyKeys>,
}

#[derive(serde::Deserialize)]
struct ItemKeys {
    example: Example,
    score: Finite,
}

#[derive(serde::Deserialize)]
struct StrategyKeys {
    naive: Object<NaiveKeys>,
}

#[derive(serde::Deserialize)]
struct NaiveKeys {
    a: Finite,
    b: Finite,
    c: Finite,
}

impl<'de> Deserialize<'de> for Feedback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object(keys) = Object::<FeedbackKeys>::deserialize(deserializer)?;
        let item = |Object(item): Object<ItemKeys>| FeedbackItem {
            example: item.example,
            score: item.score.0,
        };
        let NaiveKeys { a, b, c } = keys.strategy.0.naive.0;
        Ok(feedback::Feedback {
            target: keys.target,
            items: keys.feedback.into_iter().map(item).collect(),
            strategy: FeedbackStrategy::Naive {
                a: a.0,
                b: b.0,
                c: c.0,
            },
        })
    }
}

impl Serialize for Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match self {
            Self::Nearest(kind) => {
                map.serialize_entry("nearest", &kind.example)?;
                if let Some(mmr) = &kind.mmr {
                    map.serialize_entry("mmr", mmr)?;
                }
            }
            Self::Recommend(kind) => map.serialize_entry("recommend", kind)?,
            Self::Discover(kind) => map.serialize_entry("discover", kind)?,
            Self::Context(kind) => map.serialize_entry("context", &kind.pairs)?,
            Self::Feedback(kind) => map.serialize_entry("relevance_feedback", kind)?,
            Self::OrderBy(order) => map.serialize_entry("order_by", order)?,
            Self::Sample => map.serialize_entry("sample", &SampleName::Random)?,
            Self::Fusion(Fusion::Dbsf) => map.serialize_entry("fusion", &FusionName::Dbsf)?,
            Self::Fusion(Fusion::Rrf { k, weights }) => {
                map.serialize_entry(
                    "rrf",
                    &Rrf {
                        k: Some(*k),
                        weights: weights.clone(),
                    },
                )?;
            }
            Self::Formula(formula) => {
                map.serialize_entry("formula", &formula.expression)?;
                if !formula.defaults.is_empty() {
                    map.serialize_entry("defaults", &formula.defaults)?;
                }
            }
        }
        map.end()
    }
}
