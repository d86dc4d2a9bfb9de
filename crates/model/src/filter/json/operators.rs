//! How the operators of a field condition are read: `match`, `range` and `values_count`. The shapes of places
//! read themselves.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::fill;
use crate::datetime::{DateTime, not_a_time};
use crate::filter::{Bounds, FieldTest, Match, MatchSet, MatchValue};

/// The bounds of a `range`: all numbers or all texts, which are points in time. Without bounds they are numbers.
pub(super) struct Range(pub(super) FieldTest);

enum Bound {
    Number(f64),
    Time(DateTime),
}

impl Bound {
    fn number(self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Time(_) => None,
        }
    }

    fn time(self) -> Option<DateTime> {
        match self {
            Self::Number(_) => None,
            Self::Time(time) => Some(time),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoundVisitor;

        impl Visitor<'_> for BoundVisitor {
            type Value = Bound;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a datetime")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Bound, E> {
                Ok(Bound::Number(number))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Bound, E> {
                Ok(Bound::Number(number as f64))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Bound, E> {
                Ok(Bound::Number(number as f64))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Bound, E> {
                DateTime::parse(text)
                    .map(Bound::Time)
                    .ok_or_else(|| E::custom(not_a_time(text)))
            }
        }

        deserializer.deserialize_any(BoundVisitor)
    }
}

/// The four bounds as they are written.
struct Keys<T>(Bounds<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keys<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeysVisitor<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for KeysVisitor<T> {
            type Value = Keys<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with `lt`, `gt`, `gte` or `lte`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys<T>, A::Error> {
                let mut bounds = Bounds {
                    lt: None,
                    gt: None,
                    gte: None,
                    lte: None,
                };
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "lt" => fill(&mut map, "lt", &mut bounds.lt)?,
                        "gt" => fill(&mut map, "gt", &mut bounds.gt)?,
                        "gte" => fill(&mut map, "gte", &mut bounds.gte)?,
                        "lte" => fill(&mut map, "lte", &mut bounds.lte)?,
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Keys(bounds))
            }
        }

        deserializer.deserialize_map(KeysVisitor(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Range {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Keys(Bounds { lt, gt, gte, lte }) = Keys::<Bound>::deserialize(deserializer)?;
        let given = [&lt, &gt, &gte, &lte].into_iter().flatten();
        let (times, numbers): (Vec<&Bound>, Vec<&Bound>) =
            given.partition(|bound| matches!(bound, Bound::Time(_)));
        if times.is_empty() {
            let number = |bound: Option<Bound>| bound.and_then(Bound::number);
            let bounds = Bounds {
                lt: number(lt),
                gt: number(gt),
                gte: number(gte),
                lte: number(lte),
            };
            Ok(Self(FieldTest::Range(bounds)))
        } else if numbers.is_empty() {
            let time = |bound: Option<Bound>| bound.and_then(Bound::time);
            let bounds = Bounds {
                lt: time(lt),
                gt: time(gt),
                gte: time(gte),
                lte: time(lte),
            };
            Ok(Self(FieldTest::DatetimeRange(bounds)))
        } else {
            Err(D::Error::custom(
                "bounds must be either all numbers or all datetimes",
            ))
        }
    }
}

impl<'de> Deserialize<'de> for Bounds<u64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Keys::deserialize(deserializer).map(|keys| keys.0)
    }
}

impl<'de> Deserialize<'de> for Match {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MatchVisitor)
    }
}

struct MatchVisitor;

#[derive(Default)]
struct MatchKeys {
    value: Option<MatchValue>,
    any: Option<MatchSet>,
    except: Option<MatchSet>,
    text: Option<String>,
    text_any: Option<String>,
    phrase: Option<String>,
    prefix: Option<String>,
}

impl<'de> Visitor<'de> for MatchVisitor {
    type Value = Match;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one of `value`, `any`, `except`, `text`, `text_any`, `phrase`, `prefix`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Match, A::Error> {
        let mut keys = MatchKeys::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "value" => fill(&mut map, "value", &mut keys.value)?,
                "any" => fill(&mut map, "any", &mut keys.any)?,
                "except" => fill(&mut map, "except", &mut keys.except)?,
                "text" => fill(&mut map, "text", &mut keys.text)?,
                "text_any" => fill(&mut map, "text_any", &mut keys.text_any)?,
                "phrase" => fill(&mut map, "phrase", &mut keys.phrase)?,
                "prefix" => fill(&mut map, "prefix", &mut keys.prefix)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let forms = [
            keys.value.map(Match::Value),
            keys.any.map(Match::Any),
            keys.except.map(Match::Except),
            keys.text.map(Match::Text),
            keys.text_any.map(Match::TextAny),
            keys.phrase.map(Match::Phrase),
            keys.prefix.map(Match::Prefix),
        ];
        let mut found = forms.into_iter().flatten();
        match (found.next(), found.next()) {
            (Some(form), None) => Ok(form),
            (None, _) => Err(A::Error::custom(format_args!("expected {}", Expected(&self)))),
            (Some(_), Some(_)) => Err(A::Error::custom(format_args!(
                "expected {}, not more",
                Expected(&self)
            ))),
        }
    }
}

/// Prints what a visitor expects.
struct Expected<'a>(&'a dyn serde::de::Expected);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for MatchValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = MatchValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a 64-bit integer or a boolean")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<MatchValue, E> {
                Ok(MatchValue::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<MatchValue, E> {
                Ok(MatchValue::Integer(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<MatchValue, E> {
                let value = i64::try_from(value).map_err(|_| out_of_range(value))?;
                Ok(MatchValue::Integer(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<MatchValue, E> {
                Ok(MatchValue::Keyword(value.to_owned()))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<MatchValue, E> {
                Ok(MatchValue::Keyword(value))
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

fn out_of_range<E: Error>(value: u64) -> E {
    E::custom(format_args!("{value} is larger than the largest 64-bit integer"))
}

impl<'de> Deserialize<'de> for MatchSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(SetVisitor)
    }
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = MatchSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings or a list of integers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<MatchSet, A::Error> {
        let mut texts = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        while let Some(value) = seq.next_element()? {
            match value {
                MatchValue::Keyword(text) => drop(texts.insert(text)),
                MatchValue::Integer(number) => drop(numbers.insert(number)),
                MatchValue::Bool(_) => {
                    return Err(A::Error::custom("expected strings or integers, not booleans"));
                }
            }
        }
        match (texts.is_empty(), numbers.is_empty()) {
            (_, true) => Ok(MatchSet::Keywords(texts)),
            (true, false) => Ok(MatchSet::Integers(numbers)),
            (false, false) => Err(A::Error::custom("expected either strings or integers, not both")),
        }
    }
}
