//! Payloads as JSON text: reading only the keys that are asked for, and checking text that nobody has asked for yet.

use std::collections::BTreeSet;
use std::fmt;

use kindred_model::limits::PAYLOAD_DEPTH_MAX;
use kindred_model::payload::Payload;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads an object; with `keys` only those of its top level, the others are skipped without being built.
pub(super) fn read(text: &[u8], keys: Option<&BTreeSet<String>>) -> Result<Payload, serde_json::Error> {
    let Some(keys) = keys else {
        return serde_json::from_slice(text);
    };
    let mut source = serde_json::Deserializer::from_slice(text);
    let payload = source.deserialize_map(Picked { keys })?;
    source.end()?;
    Ok(payload)
}

/// Checks that the text is an object that `read` reads and that is no deeper than payloads may be. Builds nothing.
pub(super) fn check(text: &[u8]) -> Result<(), serde_json::Error> {
    let mut source = serde_json::Deserializer::from_slice(text);
    source.deserialize_map(Sound { depth: 1 })?;
    source.end()
}

/// An estimate of the memory that a payload takes, in bytes.
pub(super) fn memory_bytes(payload: &Payload) -> usize {
    size_of::<Payload>() + map_bytes(payload)
}

fn map_bytes(map: &Map<String, Value>) -> usize {
    let entries = map.iter();
    entries
        .map(|(key, value)| size_of::<String>() + key.len() + value_bytes(value))
        .sum()
}

fn value_bytes(value: &Value) -> usize {
    size_of::<Value>()
        + match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => text.len(),
            Value::Array(items) => items.iter().map(value_bytes).sum(),
            Value::Object(map) => map_bytes(map),
        }
}

struct Picked<'a> {
    keys: &'a BTreeSet<String>,
}

impl<'de> Visitor<'de> for Picked<'_> {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        let mut payload = Payload::default();
        while let Some(key) = map.next_key_seed(Wanted { keys: self.keys })? {
            match key {
                Some(key) => {
                    payload.insert(key.clone(), map.next_value()?);
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(payload)
    }
}

/// A key if it is wanted, compared where it lies in the text.
struct Wanted<'a> {
    keys: &'a BTreeSet<String>,
}

impl<'de, 'a> DeserializeSeed<'de> for Wanted<'a> {
    type Value = Option<&'a String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'_> for Wanted<'a> {
    type Value = Option<&'a String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.keys.get(key))
    }
}

/// Any value, looked at and let go. `depth` counts the objects and arrays that it may be in.
#[derive(Clone, Copy)]
struct Sound {
    depth: usize,
}

impl Sound {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth > PAYLOAD_DEPTH_MAX {
            return Err(E::custom("deeper than payloads may be"));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Sound {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Sound {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while map.next_key::<Key>()?.is_some() {
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

/// A key, looked at and let go.
struct Key;

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Sound { depth: 0 })?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `check` and `read` take the same texts.
    #[track_caller]
    fn check_text(text: &str, is_sound: bool) {
        assert_eq!(check(text.as_bytes()).is_ok(), is_sound, "check {text}");
        assert_eq!(read(text.as_bytes(), None).is_ok(), is_sound, "read {text}");
    }

    #[test]
    fn takes_objects_only() {
        check_text("{}", true);
        check_text(
            r#"{"a":[1,-2,1.5,null,true,"x"],"b":{"c":"\u0041\n"},"":{}}"#,
            true,
        );
        for text in [
            "",
            "[]",
            "1",
            "{",
            "{}x",
            "{}{}",
            r#"{"a":1e999}"#,
            r#"{"a"}"#,
            r#"{"a":"\ud800"}"#,
            r#"{1:2}"#,
        ] {
            check_text(text, false);
        }
        assert!(check(b"{\"\xff\":1}").is_err());
        assert!(check(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn refuses_what_is_deeper_than_a_payload() {
        let nested = |depth: usize| {
            format!(
                "{}{}{}",
                r#"{"a":"#.repeat(depth - 1),
                "{}",
                "}".repeat(depth - 1)
            )
        };
        let depth = |text: &str| read(text.as_bytes(), None).expect("an object").depth();
        let deepest = nested(PAYLOAD_DEPTH_MAX);
        assert_eq!(depth(&deepest), PAYLOAD_DEPTH_MAX);
        check_text(&deepest, true);
        assert!(check(nested(PAYLOAD_DEPTH_MAX + 1).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn the_keys_that_are_asked_for_are_those_of_the_whole(
            payload in kindred_testkit::strategies::payload(),
            keys in prop::collection::btree_set(prop::sample::select(vec!["n", "t", "list", "geo", "none"]), 0..4),
        ) {
            let keys: BTreeSet<String> = keys.into_iter().map(str::to_owned).collect();
            let text = payload.to_json();
            prop_assert!(check(text.as_bytes()).is_ok());
            let picked = read(text.as_bytes(), Some(&keys)).expect("an object");
            let want = payload.0.into_iter().filter(|(key, _)| keys.contains(key));
            prop_assert_eq!(picked, Payload(want.collect()));
        }
    }
}
