//! The JSON dialect of formulas. An expression holds no vectors, so it is read as one JSON value and then taken
//! apart; the key of an object says which operation it is, and an object without such a key is a condition.

use std::collections::BTreeMap;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::{Decay, DecayShape, Defaults, Expression, Unary, Variable};
use crate::datetime::DateTime;
use crate::geo::GeoPoint;
use crate::limits::QUERY_LIST_MAX;
use crate::path::JsonPath;
use crate::query::dialect::Finite;

const SUM: &str = "sum";
const MULT: &str = "mult";
const DIV: &str = "div";
const POW: &str = "pow";
const GEO_DISTANCE: &str = "geo_distance";
const DATETIME: &str = "datetime";
const DATETIME_KEY: &str = "datetime_key";

impl Unary {
    const ALL: [Self; 6] = [Self::Neg, Self::Abs, Self::Sqrt, Self::Exp, Self::Ln, Self::Log10];

    fn key(self) -> &'static str {
        match self {
            Self::Neg => "neg",
            Self::Abs => "abs",
            Self::Sqrt => "sqrt",
            Self::Exp => "exp",
            Self::Ln => "ln",
            Self::Log10 => "log10",
        }
    }
}

impl DecayShape {
    const ALL: [Self; 3] = [Self::Linear, Self::Exponential, Self::Gauss];

    fn key(self) -> &'static str {
        match self {
            Self::Linear => "lin_decay",
            Self::Exponential => "exp_decay",
            Self::Gauss => "gauss_decay",
        }
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        read(Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The nesting is that of the JSON value, which its reader has limited.
fn read(value: Value) -> Result<Expression, String> {
    match value {
        Value::Number(_) => decode::<Finite>(value).map(|number| Expression::Constant(number.0)),
        Value::String(text) => text
            .parse()
            .map(Expression::Variable)
            .map_err(|error| error.to_string()),
        Value::Object(map) => read_object(map),
        Value::Null | Value::Bool(_) | Value::Array(_) => Err(format!(
            "`{value}` is not an expression: expected a number, a variable, a condition or an operation"
        )),
    }
}

fn read_object(mut map: Map<String, Value>) -> Result<Expression, String> {
    for function in Unary::ALL {
        if let Some(operand) = map.remove(function.key()) {
            return at(function.key(), read(operand))
                .map(|operand| Expression::Unary(function, Box::new(operand)));
        }
    }
    for shape in DecayShape::ALL {
        if let Some(body) = map.remove(shape.key()) {
            let decay = Keys::of(body).and_then(|keys| read_decay(shape, keys));
            return at(shape.key(), decay).map(|decay| Expression::Decay(Box::new(decay)));
        }
    }
    let mut take = |key| map.remove(key);
    if let Some(body) = take(SUM) {
        return at(SUM, read_list(body)).map(Expression::Sum);
    }
    if let Some(body) = take(MULT) {
        return at(MULT, read_list(body)).map(Expression::Mult);
    }
    if let Some(body) = take(DIV) {
        return at(DIV, Keys::of(body).and_then(read_div));
    }
    if let Some(body) = take(POW) {
        return at(POW, Keys::of(body).and_then(read_pow));
    }
    if let Some(body) = take(GEO_DISTANCE) {
        return at(GEO_DISTANCE, Keys::of(body).and_then(read_geo_distance));
    }
    if let Some(body) = take(DATETIME) {
        return at(DATETIME, decode::<DateTime>(body)).map(Expression::Datetime);
    }
    if let Some(body) = take(DATETIME_KEY) {
        return at(DATETIME_KEY, decode::<JsonPath>(body)).map(Expression::DatetimeKey);
    }
    decode(Value::Object(map))
        .map(Box::new)
        .map(Expression::Condition)
}

/// Names the place of an error, from the outside in.
fn at<T>(key: &str, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|why| format!("{key}: {why}"))
}

fn decode<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn read_list(value: Value) -> Result<Vec<Expression>, String> {
    let Value::Array(items) = value else {
        return Err(format!("`{value}` is not a list of expressions"));
    };
    if items.len() > QUERY_LIST_MAX {
        return Err(format!("a list here has at most {QUERY_LIST_MAX} elements"));
    }
    let item = |(index, item): (usize, Value)| at(&format!("[{index}]"), read(item));
    items.into_iter().enumerate().map(item).collect()
}

fn read_decay(shape: DecayShape, mut keys: Keys) -> Result<Decay, String> {
    Ok(Decay {
        shape,
        x: keys.expression("x")?,
        target: keys.optional("target").map(read).transpose()?,
        scale: keys.number("scale")?,
        midpoint: keys.number("midpoint")?,
    })
}

fn read_div(mut keys: Keys) -> Result<Expression, String> {
    Ok(Expression::Div {
        left: Box::new(keys.expression("left")?),
        right: Box::new(keys.expression("right")?),
        by_zero_default: keys.number("by_zero_default")?,
    })
}

fn read_pow(mut keys: Keys) -> Result<Expression, String> {
    Ok(Expression::Pow {
        base: Box::new(keys.expression("base")?),
        exponent: Box::new(keys.expression("exponent")?),
    })
}

fn read_geo_distance(mut keys: Keys) -> Result<Expression, String> {
    Ok(Expression::GeoDistance {
        origin: decode::<GeoPoint>(keys.required("origin")?)?,
        to: decode::<JsonPath>(keys.required("to")?)?,
    })
}

/// The parameters of an operation; unknown ones are ignored.
struct Keys(Map<String, Value>);

impl Keys {
    fn of(value: Value) -> Result<Self, String> {
        let Value::Object(map) = value else {
            return Err(format!("`{value}` is not an object"));
        };
        Ok(Self(map))
    }

    fn optional(&mut self, key: &str) -> Option<Value> {
        self.0.remove(key).filter(|value| !value.is_null())
    }

    fn required(&mut self, key: &str) -> Result<Value, String> {
        self.optional(key).ok_or_else(|| format!("missing field `{key}`"))
    }

    fn expression(&mut self, key: &str) -> Result<Expression, String> {
        at(key, read(self.required(key)?))
    }

    fn number(&mut self, key: &str) -> Result<Option<f32>, String> {
        at(key, self.optional(key).map(decode::<Finite>).transpose())
            .map(|number| number.map(|number| number.0))
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant(number) => serializer.serialize_f32(*number),
            Self::Variable(variable) => serializer.collect_str(variable),
            Self::Condition(condition) => condition.serialize(serializer),
            Self::GeoDistance { origin, to } => {
                tagged(serializer, GEO_DISTANCE, &GeoDistanceKeys { origin, to })
            }
            Self::Datetime(time) => tagged(serializer, DATETIME, time),
            Self::DatetimeKey(path) => tagged(serializer, DATETIME_KEY, path),
            Self::Sum(operands) => tagged(serializer, SUM, operands),
            Self::Mult(operands) => tagged(serializer, MULT, operands),
            Self::Div {
                left,
                right,
                by_zero_default,
            } => tagged(
                serializer,
                DIV,
                &DivKeys {
                    left,
                    right,
                    by_zero_default: *by_zero_default,
                },
            ),
            Self::Pow { base, exponent } => tagged(serializer, POW, &PowKeys { base, exponent }),
            Self::Unary(function, operand) => tagged(serializer, function.key(), operand),
            Self::Decay(decay) => tagged(serializer, decay.shape.key(), decay.as_ref()),
        }
    }
}

#[derive(serde::Serialize)]
struct GeoDistanceKeys<'a> {
    origin: &'a GeoPoint,
    to: &'a JsonPath,
}

#[derive(serde::Serialize)]
struct DivKeys<'a> {
    left: &'a Expression,
    right: &'a Expression,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_zero_default: Option<f32>,
}

#[derive(serde::Serialize)]
struct PowKeys<'a> {
    base: &'a Expression,
    exponent: &'a Expression,
}

fn tagged<S: Serializer, T: Serialize + ?Sized>(
    serializer: S,
    key: &str,
    body: &T,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(key, body)?;
    map.end()
}

impl<'de> Deserialize<'de> for Defaults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut defaults = Self::default();
        for (name, value) in BTreeMap::<String, Value>::deserialize(deserializer)? {
            match name.parse().map_err(D::Error::custom)? {
                Variable::Score(index) => defaults.scores.insert(index, value),
                Variable::Payload(path) => defaults.payload.insert(path, value),
            };
        }
        Ok(defaults)
    }
}

impl Serialize for Defaults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let scores = self
            .scores
            .iter()
            .map(|(index, value)| (Variable::Score(*index), value));
        let payload = self
            .payload
            .iter()
            .map(|(path, value)| (Variable::Payload(path.clone()), value));
        serializer.collect_map(
            scores
                .chain(payload)
                .map(|(name, value)| (name.to_string(), value)),
        )
    }
}
