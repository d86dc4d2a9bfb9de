//! Paths into a payload: `city.name`, `"odd key".x`, `items[0]`, `items[].price`.
//! Filters, selectors, indexes and payload updates all name fields this way. The first segment is always a key.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Check, Invalid, Validate};
use crate::limits::{PATH_BYTES_MAX, PATH_SEGMENTS_MAX};

/// Where values lie in a payload. Reading and printing are inverse up to needless quotes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JsonPath {
    segments: Vec<Segment>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into the value of this key of an object; arrays are not entered implicitly.
    Key(String),
    /// Into this element of an array, counted from zero.
    Index(usize),
    /// Into every element of an array, written `[]`.
    Every,
}

impl JsonPath {
    /// The steps from the top of the payload: at least one, the first is a key. A path without steps selects nothing
    /// and does not pass `Validate`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The top-level payload key that the path begins with: a payload cut down to it selects the same.
    pub fn keys(&self) -> BTreeSet<String> {
        match self.segments.first() {
            Some(Segment::Key(key)) => BTreeSet::from([key.clone()]),
            Some(Segment::Index(_) | Segment::Every) | None => BTreeSet::new(),
        }
    }

    /// What the path selects, in document order. A selected array stays one value.
    pub fn values<'a>(&self, payload: &'a Map<String, Value>) -> Vec<&'a Value> {
        let mut found = Vec::new();
        self.any(payload, &mut |value| {
            found.push(value);
            false
        });
        found
    }

    /// Like `values`, with each selected array replaced by its elements (one level deep).
    pub fn flattened<'a>(&self, payload: &'a Map<String, Value>) -> Vec<&'a Value> {
        let mut found = Vec::new();
        self.any_flattened(payload, &mut |value| {
            found.push(value);
            false
        });
        found
    }

    /// Whether `test` holds for one of `values`; stops at the first that does.
    pub(crate) fn any<'a>(
        &self,
        payload: &'a Map<String, Value>,
        test: &mut dyn FnMut(&'a Value) -> bool,
    ) -> bool {
        any_below(payload, &self.segments, test)
    }

    /// Whether `test` holds for one of `flattened`; stops at the first that does.
    pub(crate) fn any_flattened<'a>(
        &self,
        payload: &'a Map<String, Value>,
        test: &mut dyn FnMut(&'a Value) -> bool,
    ) -> bool {
        any_below(payload, &self.segments, &mut |value| flat(value, test))
    }

    /// Like `any_flattened`, where a last `[]` says no more than its absence.
    pub(crate) fn any_element<'a>(
        &self,
        payload: &'a Map<String, Value>,
        test: &mut dyn FnMut(&'a Value) -> bool,
    ) -> bool {
        let segments = self
            .segments
            .strip_suffix(&[Segment::Every])
            .unwrap_or(&self.segments);
        any_below(payload, segments, &mut |value| flat(value, test))
    }
}

fn flat<'a>(value: &'a Value, test: &mut dyn FnMut(&'a Value) -> bool) -> bool {
    match value.as_array() {
        Some(items) => items.iter().any(test),
        None => test(value),
    }
}

fn any_below<'a>(
    payload: &'a Map<String, Value>,
    path: &[Segment],
    test: &mut dyn FnMut(&'a Value) -> bool,
) -> bool {
    let Some((Segment::Key(key), rest)) = path.split_first() else {
        return false;
    };
    payload.get(key).is_some_and(|value| any(value, rest, test))
}

fn any<'a>(value: &'a Value, path: &[Segment], test: &mut dyn FnMut(&'a Value) -> bool) -> bool {
    let Some((segment, rest)) = path.split_first() else {
        return test(value);
    };
    match segment {
        Segment::Key(key) => value.get(key).is_some_and(|value| any(value, rest, test)),
        Segment::Index(index) => value.get(index).is_some_and(|value| any(value, rest, test)),
        Segment::Every => value
            .as_array()
            .is_some_and(|items| items.iter().any(|item| any(item, rest, test))),
    }
}

impl FromStr for JsonPath {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.len() > PATH_BYTES_MAX {
            return Err(Invalid::input(format!(
                "Invalid json path: it has {} bytes, more than {PATH_BYTES_MAX}",
                text.len()
            )));
        }
        parse(text)
            .map(|segments| Self { segments })
            .map_err(|why| Invalid::input(format!("Invalid json path: '{text}': {why}")))
    }
}

fn parse(text: &str) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = parse_key(rest)?;
        segments.push(Segment::Key(key.to_owned()));
        rest = after;
        while let Some(inner) = rest.strip_prefix('[') {
            let (index, after) = inner.split_once(']').ok_or("a `[` is not closed")?;
            segments.push(parse_index(index)?);
            rest = after;
        }
        if segments.len() > PATH_SEGMENTS_MAX {
            return Err(format!("it has more than {PATH_SEGMENTS_MAX} segments"));
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => return Ok(segments),
            None => return Err(format!("`.` or `[` expected before `{rest}`")),
        }
    }
}

fn parse_key(text: &str) -> Result<(&str, &str), String> {
    if let Some(quoted) = text.strip_prefix('"') {
        return quoted
            .split_once('"')
            .ok_or_else(|| "a quote is not closed".to_owned());
    }
    let end = text.find(|character| !is_raw(character)).unwrap_or(text.len());
    match text.split_at(end) {
        ("", "") => Err("a key expected at the end".to_owned()),
        ("", rest) => Err(format!("a key expected before `{rest}`")),
        split => Ok(split),
    }
}

fn parse_index(text: &str) -> Result<Segment, String> {
    if text.is_empty() {
        return Ok(Segment::Every);
    }
    // `parse` alone would also take a plus sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text);
    let index = digits.and_then(|digits| digits.parse().ok());
    index
        .map(Segment::Index)
        .ok_or_else(|| format!("`[{text}]` is not an index"))
}

/// Whether a character may stand in a key without quotes.
fn is_raw(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '-'
}

impl fmt::Display for JsonPath {
    /// The canonical text: quotes only around keys that need them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) => {
                    if position > 0 {
                        f.write_str(".")?;
                    }
                    if !key.is_empty() && key.chars().all(is_raw) {
                        f.write_str(key)?;
                    } else {
                        write!(f, "\"{key}\"")?;
                    }
                }
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Every => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for JsonPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

/// Reads a path whose text may be empty; it then has no steps, which `Validate` reports. For the requests that the
/// wire calls invalid without a path, and not undecodable.
pub fn possibly_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<JsonPath, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(JsonPath { segments: Vec::new() });
    }
    text.parse().map_err(D::Error::custom)
}

impl Validate for JsonPath {
    fn validate(&self, check: &mut Check) {
        if self.segments.is_empty() {
            check.fail(
                "",
                format!("value \"\" invalid, must be from 1 to {PATH_BYTES_MAX} characters"),
            );
        }
    }
}

impl schemars::JsonSchema for JsonPath {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JsonPath".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests;
