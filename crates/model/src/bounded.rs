//! What is refused before or while it is read, because it would take memory out of proportion to its text: JSON with
//! too many parts, lists with too many elements.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::limits::QUERY_LIST_MAX;

/// Elements that a JSON text may have for each object or array that it may have: they take less memory, vectors have
/// many.
pub const ELEMENTS_PER_NODE: usize = 64;

/// Whether a JSON text has more than `max` objects and arrays, or [`ELEMENTS_PER_NODE`] times as many elements, outside of
/// strings. Up to the first error of syntax it sees the same strings as the parser, which goes no further.
pub fn has_more_nodes(bytes: &[u8], max: usize) -> bool {
    if bytes.len() <= max {
        return false;
    }
    let (mut nodes, mut elements) = (0_usize, 0_usize);
    let mut is_text = false;
    let mut bytes = bytes.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => is_text = !is_text,
            b'\\' if is_text => {
                bytes.next();
            }
            b'{' | b'[' if !is_text => nodes += 1,
            b',' if !is_text => elements += 1,
            _ => continue,
        }
        if nodes > max || elements > max.saturating_mul(ELEMENTS_PER_NODE) {
            return true;
        }
    }
    false
}

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
