//! The JSON object of a point: how updates change it and selectors cut it.
//! Filters and indexes read it through `JsonPath`.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::path::{JsonPath, Segment};

/// A JSON object. Equality is that of JSON values: 1 and 1.0 differ.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(pub Map<String, Value>);

impl Payload {
    /// The object as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&self.0).expect("keys are texts and numbers finite, by the type of the map")
    }

    /// Reads JSON text; anything but an object, and nesting of 128 levels or more, is an error.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }

    /// Adds the keys of `other`, whose values win; a null value deletes its key. Not deep: objects are replaced.
    pub fn merge(&mut self, other: Self) {
        merge(&mut self.0, &other.0);
    }

    /// Merges `other` into the objects at `path`. Missing keys are created; what lies in the way of a key
    /// becomes an object, what lies in the way of an index becomes an empty array. Elements are never added.
    pub fn merge_at(&mut self, path: &JsonPath, other: Self) {
        self.write_at(path, &|target| {
            become_object(target);
            if let Some(map) = target.as_object_mut() {
                merge(map, &other.0);
            }
        });
    }

    /// Puts `other` in the place of what lies at `path`, creating the way as `merge_at` does.
    pub fn replace_at(&mut self, path: &JsonPath, other: Self) {
        self.write_at(path, &|target| *target = Value::Object(other.0.clone()));
    }

    fn write_at(&mut self, path: &JsonPath, write: &dyn Fn(&mut Value)) {
        if let Some((Segment::Key(key), rest)) = path.segments().split_first() {
            write_at(self.0.entry(key).or_insert_with(empty_object), rest, write);
        }
    }

    /// Removes what lies at `path`, if anything. A last `[]` empties arrays; a last `[n]` removes nothing,
    /// because a repeated removal would hit the next element.
    pub fn remove(&mut self, path: &JsonPath) {
        match path.segments() {
            [Segment::Key(key)] => {
                self.0.remove(key);
            }
            [Segment::Key(key), rest @ ..] => {
                if let Some(value) = self.0.get_mut(key) {
                    remove(value, rest);
                }
            }
            [] | [Segment::Index(_) | Segment::Every, ..] => {}
        }
    }

    /// How many objects and arrays lie inside each other at most; 1 for flat payloads. Merging at a path can
    /// make a payload deeper than anything a request brings.
    pub fn depth(&self) -> usize {
        1 + self.0.values().map(depth).max().unwrap_or(0)
    }

    /// Only what lies at `paths`, in its structure. Inside arrays only `[]` selects.
    pub fn include(&self, paths: &[JsonPath]) -> Self {
        Self(include(&self.0, &Tails::of(paths)))
    }

    /// Everything but what lies at `paths`. Inside arrays only `[]` removes; an array cut whole stays, empty.
    pub fn exclude(&self, paths: &[JsonPath]) -> Self {
        Self(exclude(&self.0, &Tails::of(paths)))
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn empty_object() -> Value {
    Value::Object(Map::new())
}

fn become_object(value: &mut Value) {
    if !value.is_object() {
        *value = empty_object();
    }
}

fn become_array(value: &mut Value) {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
}

fn merge(target: &mut Map<String, Value>, source: &Map<String, Value>) {
    for (key, value) in source {
        if value.is_null() {
            target.remove(key);
        } else {
            target.insert(key.clone(), value.clone());
        }
    }
}

fn write_at(value: &mut Value, path: &[Segment], write: &dyn Fn(&mut Value)) {
    let Some((segment, rest)) = path.split_first() else {
        return write(value);
    };
    match segment {
        Segment::Key(key) => {
            become_object(value);
            if let Some(map) = value.as_object_mut() {
                write_at(map.entry(key).or_insert_with(empty_object), rest, write);
            }
        }
        Segment::Index(index) => {
            become_array(value);
            if let Some(item) = value.get_mut(index) {
                write_at(item, rest, write);
            }
        }
        Segment::Every => {
            become_array(value);
            for item in value.as_array_mut().into_iter().flatten() {
                write_at(item, rest, write);
            }
        }
    }
}

fn remove(value: &mut Value, path: &[Segment]) {
    match path {
        [Segment::Key(key)] => {
            if let Some(map) = value.as_object_mut() {
                map.remove(key);
            }
        }
        [Segment::Every] => {
            if let Some(items) = value.as_array_mut() {
                items.clear();
            }
        }
        [] | [Segment::Index(_)] => {}
        [Segment::Key(key), rest @ ..] => {
            if let Some(value) = value.get_mut(key) {
                remove(value, rest);
            }
        }
        [Segment::Index(index), rest @ ..] => {
            if let Some(value) = value.get_mut(index) {
                remove(value, rest);
            }
        }
        [Segment::Every, rest @ ..] => {
            for item in value.as_array_mut().into_iter().flatten() {
                remove(item, rest);
            }
        }
    }
}

/// What remains of a set of paths below one place: what follows each key, and what follows `[]`.
#[derive(Default)]
struct Tails<'a> {
    keys: BTreeMap<&'a str, Vec<&'a [Segment]>>,
    every: Vec<&'a [Segment]>,
}

impl<'a> Tails<'a> {
    fn of(paths: &'a [JsonPath]) -> Self {
        paths.iter().map(JsonPath::segments).collect()
    }
}

impl<'a> FromIterator<&'a [Segment]> for Tails<'a> {
    fn from_iter<I: IntoIterator<Item = &'a [Segment]>>(paths: I) -> Self {
        let mut tails = Self::default();
        for path in paths {
            match path {
                [Segment::Key(key), rest @ ..] => tails.keys.entry(key.as_str()).or_default().push(rest),
                [Segment::Every, rest @ ..] => tails.every.push(rest),
                // WIRE: `[n]` selects nothing in an include or exclude list.
                [] | [Segment::Index(_), ..] => {}
            }
        }
        tails
    }
}

/// What is asked about one value.
enum Cut<'a> {
    Nothing,
    Whole,
    Parts(Tails<'a>),
}

impl<'a> Cut<'a> {
    fn of(paths: &[&'a [Segment]]) -> Self {
        if paths.is_empty() {
            Self::Nothing
        } else if paths.iter().any(|path| path.is_empty()) {
            Self::Whole
        } else {
            Self::Parts(paths.iter().copied().collect())
        }
    }

    fn of_key(tails: &Tails<'a>, key: &str) -> Self {
        tails.keys.get(key).map_or(Self::Nothing, |paths| Self::of(paths))
    }
}

fn include(map: &Map<String, Value>, tails: &Tails<'_>) -> Map<String, Value> {
    let kept = map
        .iter()
        .filter_map(|(key, value)| match Cut::of_key(tails, key) {
            Cut::Nothing => None,
            Cut::Whole => Some((key.clone(), value.clone())),
            Cut::Parts(tails) => Some((key.clone(), include_value(value, &tails))),
        });
    kept.collect()
}

fn include_value(value: &Value, tails: &Tails<'_>) -> Value {
    match value {
        Value::Object(map) => Value::Object(include(map, tails)),
        Value::Array(items) => match Cut::of(&tails.every) {
            Cut::Nothing => Value::Array(Vec::new()),
            Cut::Whole => value.clone(),
            Cut::Parts(tails) => items.iter().map(|item| include_value(item, &tails)).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

fn exclude(map: &Map<String, Value>, tails: &Tails<'_>) -> Map<String, Value> {
    let kept = map
        .iter()
        .filter_map(|(key, value)| match Cut::of_key(tails, key) {
            Cut::Nothing => Some((key.clone(), value.clone())),
            Cut::Whole => None,
            Cut::Parts(tails) => Some((key.clone(), exclude_value(value, &tails))),
        });
    kept.collect()
}

fn exclude_value(value: &Value, tails: &Tails<'_>) -> Value {
    match value {
        Value::Object(map) => Value::Object(exclude(map, tails)),
        Value::Array(items) => match Cut::of(&tails.every) {
            Cut::Nothing => value.clone(),
            Cut::Whole => Value::Array(Vec::new()),
            Cut::Parts(tails) => items.iter().map(|item| exclude_value(item, &tails)).collect(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

impl Deref for Payload {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Payload {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl From<Map<String, Value>> for Payload {
    fn from(map: Map<String, Value>) -> Self {
        Self(map)
    }
}

impl schemars::JsonSchema for Payload {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Payload".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object", "additionalProperties": true })
    }
}

#[cfg(test)]
mod tests;
