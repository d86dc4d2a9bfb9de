//! Lists of a request that are refused while they are read, before they take memory out of proportion to their text.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::limits::QUERY_LIST_MAX;

/// Reads an optional list of at most [`QUERY_LIST_MAX`] elements; for `deserialize_with`, beside `default`.
pub fn optional<'de, D, T>(deserializer: D) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::<Bounded<T>>::deserialize(deserializer)?.map(|list| list.0))
}

/// The same for a list that must be there.
pub fn required<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Bounded::deserialize(deserializer).map(|list| list.0)
}

/// A list that is refused while it is read once it has more than [`QUERY_LIST_MAX`] elements.
#[derive(Debug, Clone, PartialEq)]
struct Bounded<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Bounded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_seq(BoundedVisitor(PhantomData))
            .map(Self)
    }
}

struct BoundedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for BoundedVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<T>, A::Error> {
        bounded(list)
    }
}

/// Reads all elements of a list, or refuses it.
pub(crate) fn bounded<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(mut list: A) -> Result<Vec<T>, A::Error> {
    let mut items = Vec::new();
    while let Some(item) = list.next_element()? {
        if items.len() == QUERY_LIST_MAX {
            return Err(A::Error::custom(format!(
                "a list here has at most {QUERY_LIST_MAX} elements"
            )));
        }
        items.push(item);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Keys {
        #[serde(default, deserialize_with = "optional")]
        list: Option<Vec<u8>>,
    }

    fn check(json: &str, want: Option<Option<usize>>) {
        let read: Result<Keys, _> = serde_json::from_str(json);
        assert_eq!(read.ok().map(|keys| keys.list.map(|list| list.len())), want);
    }

    #[test]
    fn a_list_ends_at_its_limit() {
        let list = |count: usize| format!("{{\"list\":[{}]}}", vec!["1"; count].join(","));
        check("{}", Some(None));
        check("{\"list\":null}", Some(None));
        check(&list(0), Some(Some(0)));
        check(&list(QUERY_LIST_MAX), Some(Some(QUERY_LIST_MAX)));
        check(&list(QUERY_LIST_MAX + 1), None);
    }
}
