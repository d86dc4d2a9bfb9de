//! The JSON of vectors as a user may write them, read by the first token: a list of numbers is dense, a list of
//! lists is multi, an object is sparse or something to be embedded. Floats go straight into one `Vec<f32>`.
//! INVARIANT: every component that is read is finite.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Number, Value};

use super::NamedVectors;
use super::input::{Inference, InferenceSource, VectorInput};
use crate::limits::MULTI_ROWS_MAX;

const EXPECTED: &str = "a vector: a list of numbers, a list of lists of numbers, an object with `indices` and \
                        `values`, or an object with `model` and something to embed";

impl<'de> Deserialize<'de> for VectorInput {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InputVisitor)
    }
}

struct InputVisitor;

impl<'de> Visitor<'de> for InputVisitor {
    type Value = VectorInput;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<VectorInput, A::Error> {
        read_list(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<VectorInput, A::Error> {
        Object::read(map)?.into_input()
    }
}

/// What stands for a vector, or for one key of an object to embed, before it is known which.
pub(crate) enum Part {
    /// A list, hence a vector.
    Vector(VectorInput),
    /// A sparse vector, an object to embed, or a part of one.
    Object(Object),
    /// Never a vector.
    Scalar(Value),
}

impl Part {
    fn into_value(self) -> Value {
        match self {
            Self::Vector(vector) => serde_json::to_value(vector).unwrap_or_default(),
            Self::Object(object) => object.into_value(),
            Self::Scalar(value) => value,
        }
    }

    /// The vector. `name` is the vector's name, for the error.
    pub(crate) fn into_input<E: Error>(self, name: &str) -> Result<VectorInput, E> {
        match self {
            Self::Vector(vector) => Ok(vector),
            Self::Object(object) => object.into_input().map_err(|error: E| named(name, error)),
            Self::Scalar(value) => Err(E::custom(format!(
                "vector `{name}` is {value}, expected {EXPECTED}"
            ))),
        }
    }

    /// Whether this cannot be a vector, so that the object around it must be something to embed.
    pub(crate) fn is_scalar(&self) -> bool {
        matches!(self, Self::Scalar(_))
    }
}

/// The start of a value: an error must not grow with the body.
fn start(value: &Value) -> String {
    value.to_string().chars().take(64).collect()
}

fn named<E: Error>(name: &str, error: E) -> E {
    E::custom(format!("vector `{name}`: {error}"))
}

/// Reads an object to embed from its keys.
pub(crate) fn embedding<E: Error>(parts: impl IntoIterator<Item = (String, Part)>) -> Result<VectorInput, E> {
    let keys = parts
        .into_iter()
        .map(|(key, part)| (key, part.into_value()))
        .collect();
    inference(keys).map(VectorInput::Inference)
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Part, A::Error> {
        read_list(seq).map(Part::Vector)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Part, A::Error> {
        Object::read(map).map(Part::Object)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Part, E> {
        Ok(Part::Scalar(Value::from(text)))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Part, E> {
        Ok(Part::Scalar(Value::Bool(value)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Part, E> {
        Ok(Part::Scalar(Value::from(number)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Part, E> {
        Ok(Part::Scalar(Value::from(number)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Part, E> {
        Ok(Part::Scalar(
            Number::from_f64(number).map_or(Value::Null, Value::Number),
        ))
    }

    fn visit_unit<E: Error>(self) -> Result<Part, E> {
        Ok(Part::Scalar(Value::Null))
    }
}

/// An object that is a sparse vector or something to embed; the lists of a sparse vector are never boxed.
#[derive(Default)]
pub(crate) struct Object {
    indices: Option<Vec<u32>>,
    values: Option<Vec<f32>>,
    rest: Map<String, Value>,
}

impl Object {
    fn read<'de, A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut object = Self::default();
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "indices" => object.indices = Some(map.next_value()?),
                "values" => object.values = Some(map.next_value::<Components>()?.0),
                _ => {
                    object.rest.insert(key.into_owned(), map.next_value()?);
                }
            }
        }
        Ok(object)
    }

    fn into_input<E: Error>(self) -> Result<VectorInput, E> {
        match (self.indices, self.values) {
            (Some(indices), Some(values)) => Ok(VectorInput::Sparse { indices, values }),
            (Some(_), None) => Err(E::missing_field("values")),
            (None, Some(_)) => Err(E::missing_field("indices")),
            (None, None) => inference(self.rest).map(VectorInput::Inference),
        }
    }

    fn into_value(self) -> Value {
        let mut keys = self.rest;
        keys.extend(self.indices.map(|indices| ("indices".to_owned(), indices.into())));
        keys.extend(self.values.map(|values| ("values".to_owned(), values.into())));
        Value::Object(keys)
    }
}

fn inference<E: Error>(mut keys: Map<String, Value>) -> Result<Inference, E> {
    let source = if keys.contains_key("text") {
        InferenceSource::Text(take_text(&mut keys, "text")?)
    } else if let Some(image) = keys.remove("image") {
        InferenceSource::Image(image)
    } else if let Some(object) = keys.remove("object") {
        InferenceSource::Object(object)
    } else {
        let found: Vec<&str> = keys.keys().map(String::as_str).take(8).collect();
        return Err(E::custom(format!(
            "found an object with keys [{}], expected {EXPECTED}",
            found.join(", ")
        )));
    };
    let model = take_text(&mut keys, "model")?;
    let options = keys.remove("options").filter(|options| !options.is_null());
    Ok(Inference {
        source,
        model,
        options,
    })
}

fn take_text<E: Error>(keys: &mut Map<String, Value>, key: &'static str) -> Result<String, E> {
    match keys.remove(key) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(E::custom(format!(
            "`{key}` is {}, expected a text",
            start(&other)
        ))),
        None => Err(E::missing_field(key)),
    }
}

/// Reads a list: its first element says whether it is dense or multi. An empty list is dense.
fn read_list<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<VectorInput, A::Error> {
    match seq.next_element()? {
        None => Ok(VectorInput::Dense(Vec::new())),
        Some(Element::Number(first)) => read_numbers(vec![first], seq).map(VectorInput::Dense),
        Some(Element::Row(first)) => {
            let mut rows = vec![first];
            while let Some(Components(row)) = seq.next_element()? {
                if rows.len() == MULTI_ROWS_MAX {
                    return Err(A::Error::custom(format!(
                        "a multi vector has {MULTI_ROWS_MAX} rows at most"
                    )));
                }
                rows.push(row);
            }
            Ok(VectorInput::Multi(rows))
        }
    }
}

fn read_numbers<'de, A: SeqAccess<'de>>(mut numbers: Vec<f32>, mut seq: A) -> Result<Vec<f32>, A::Error> {
    while let Some(number) = seq.next_element_seed(Component { index: numbers.len() })? {
        numbers.push(number);
    }
    Ok(numbers)
}

/// A list of numbers.
struct Components(Vec<f32>);

impl<'de> Deserialize<'de> for Components {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ComponentsVisitor)
    }
}

struct ComponentsVisitor;

impl<'de> Visitor<'de> for ComponentsVisitor {
    type Value = Components;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Components, A::Error> {
        read_numbers(Vec::new(), seq).map(Components)
    }
}

/// The first element of a list.
enum Element {
    Number(f32),
    Row(Vec<f32>),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ElementVisitor)
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a list of numbers")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Element, E> {
        Component { index: 0 }.visit_f64(number).map(Element::Number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Element, E> {
        Component { index: 0 }.visit_u64(number).map(Element::Number)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Element, E> {
        Component { index: 0 }.visit_i64(number).map(Element::Number)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Element, A::Error> {
        read_numbers(Vec::new(), seq).map(Element::Row)
    }
}

/// One component, at this place of its list.
struct Component {
    index: usize,
}

impl<'de> DeserializeSeed<'de> for Component {
    type Value = f32;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f32, D::Error> {
        deserializer.deserialize_f64(self)
    }
}

impl Visitor<'_> for Component {
    type Value = f32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number as component {} of a vector", self.index)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f32, E> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rounds to nearest; what overflows is refused below"
        )]
        let narrow = number as f32;
        if narrow.is_finite() {
            Ok(narrow)
        } else {
            let index = self.index;
            Err(E::custom(format!(
                "component {index} of a vector is {number:e}, which no 32-bit float can hold"
            )))
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f32, E> {
        Ok(number as f32)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f32, E> {
        Ok(number as f32)
    }
}

impl Serialize for VectorInput {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Dense(data) => data.serialize(serializer),
            Self::Multi(rows) => rows.serialize(serializer),
            Self::Sparse { indices, values } => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("indices", indices)?;
                map.serialize_entry("values", values)?;
                map.end()
            }
            Self::Inference(inference) => inference.serialize(serializer),
        }
    }
}

impl Serialize for Inference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        match &self.source {
            InferenceSource::Text(text) => map.serialize_entry("text", text)?,
            InferenceSource::Image(image) => map.serialize_entry("image", image)?,
            InferenceSource::Object(object) => map.serialize_entry("object", object)?,
        }
        map.serialize_entry("model", &self.model)?;
        if let Some(options) = &self.options {
            map.serialize_entry("options", options)?;
        }
        map.end()
    }
}

impl JsonSchema for VectorInput {
    fn schema_name() -> Cow<'static, str> {
        "Vector".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let numbers = json_schema!({ "type": "array", "items": { "type": "number", "format": "float" } });
        let embed = |key: &str, source: Schema| {
            let mut properties = Map::new();
            properties.insert(key.to_owned(), source.into());
            properties.insert(
                "model".to_owned(),
                serde_json::json!({ "type": "string", "minLength": 1 }),
            );
            properties.insert(
                "options".to_owned(),
                serde_json::json!({ "type": ["object", "null"] }),
            );
            json_schema!({ "type": "object", "required": [key, "model"], "properties": properties })
        };
        json_schema!({ "anyOf": [
            numbers,
            { "type": "array", "items": numbers },
            {
                "type": "object",
                "required": ["indices", "values"],
                "properties": {
                    "indices": { "type": "array", "items": { "type": "integer", "format": "uint32", "minimum": 0 } },
                    "values": numbers,
                },
            },
            embed("text", json_schema!({ "type": "string" })),
            embed("image", json_schema!({})),
            embed("object", json_schema!({})),
        ]})
    }
}

#[cfg(test)]
mod tests;

/// As answered: the default vector alone is bare, anything else is a map by name.
impl JsonSchema for NamedVectors {
    fn schema_name() -> Cow<'static, str> {
        "VectorStructOutput".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let numbers = json_schema!({ "type": "array", "items": { "type": "number", "format": "float" } });
        let rows = json_schema!({ "type": "array", "items": numbers });
        let sparse = json_schema!({
            "type": "object",
            "required": ["indices", "values"],
            "properties": {
                "indices": { "type": "array", "items": { "type": "integer", "format": "uint32", "minimum": 0 } },
                "values": numbers,
            },
        });
        let named = json_schema!({ "anyOf": [numbers, rows, sparse] });
        json_schema!({ "anyOf": [numbers, rows, { "type": "object", "additionalProperties": named }] })
    }
}
