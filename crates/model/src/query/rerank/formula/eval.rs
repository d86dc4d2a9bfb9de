//! What an expression is worth for one point. Double precision inside; an error fails the whole request, because a
//! point without a score has no place in the list.

use serde_json::Value;

use super::{Decay, DecayShape, Defaults, Expression, Formula, Unary, Variable};
use crate::datetime::DateTime;
use crate::error::Invalid;
use crate::filter::PointView;
use crate::geo::{GeoPoint, haversine_m};
use crate::path::JsonPath;

const SCALE_DEFAULT: f32 = 1.0;
const MIDPOINT_DEFAULT: f32 = 0.5;
/// Longest expression quoted in an error, in characters.
const QUOTE_CHARS_MAX: usize = 200;

impl Formula {
    /// The score of a point, given the score it had in each prefetch, `None` where it was absent.
    ///
    /// # Errors
    /// `Invalid::Input` when a payload value is missing or of the wrong type, or a step yields no finite number.
    pub fn evaluate(&self, scores: &[Option<f32>], point: &PointView<'_>) -> Result<f32, Invalid> {
        let value = Scope {
            scores,
            point,
            defaults: &self.defaults,
        }
        .evaluate(&self.expression)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "scores are single precision; the next line checks"
        )]
        let score = value as f32;
        finite(score, || quote(&self.expression))
    }
}

/// What the names in an expression stand for.
struct Scope<'a> {
    scores: &'a [Option<f32>],
    point: &'a PointView<'a>,
    defaults: &'a Defaults,
}

impl Scope<'_> {
    fn evaluate(&self, expression: &Expression) -> Result<f64, Invalid> {
        match expression {
            Expression::Constant(number) => Ok(f64::from(*number)),
            Expression::Variable(Variable::Score(index)) => self.score(*index),
            Expression::Variable(Variable::Payload(path)) => self.payload(path, "number", number),
            Expression::Condition(condition) => Ok(if condition.matches(self.point) { 1.0 } else { 0.0 }),
            Expression::GeoDistance { origin, to } => self
                .payload(to, "geo point", geo_point)
                .map(|to| haversine_m(*origin, to)),
            Expression::Datetime(time) => Ok(seconds(*time)),
            Expression::DatetimeKey(path) => self.payload(path, "datetime", datetime).map(seconds),
            Expression::Sum(operands) => operands
                .iter()
                .try_fold(0.0, |sum, operand| Ok(sum + self.evaluate(operand)?)),
            Expression::Mult(operands) => self.product(operands),
            Expression::Div {
                left,
                right,
                by_zero_default,
            } => self.quotient(left, right, *by_zero_default),
            Expression::Pow { base, exponent } => {
                let (base, exponent) = (self.evaluate(base)?, self.evaluate(exponent)?);
                finite(base.powf(exponent), || format!("{base}^{exponent}"))
            }
            Expression::Unary(function, operand) => apply(*function, self.evaluate(operand)?),
            Expression::Decay(decay) => self.decay(decay),
        }
    }

    fn product(&self, operands: &[Expression]) -> Result<f64, Invalid> {
        let mut product = 1.0;
        for operand in operands {
            let factor = self.evaluate(operand)?;
            if factor == 0.0 {
                return Ok(0.0);
            }
            product *= factor;
        }
        Ok(product)
    }

    fn quotient(&self, left: &Expression, right: &Expression, by_zero: Option<f32>) -> Result<f64, Invalid> {
        let left = self.evaluate(left)?;
        if left == 0.0 {
            return Ok(0.0);
        }
        let right = self.evaluate(right)?;
        match by_zero {
            Some(default) if right == 0.0 => Ok(f64::from(default)),
            Some(_) | None => finite(left / right, || format!("{left}/{right}")),
        }
    }

    fn decay(&self, decay: &Decay) -> Result<f64, Invalid> {
        let x = self.evaluate(&decay.x)?;
        let target = decay
            .target
            .as_ref()
            .map_or(Ok(0.0), |target| self.evaluate(target))?;
        let scale = f64::from(decay.scale.unwrap_or(SCALE_DEFAULT));
        let midpoint = f64::from(decay.midpoint.unwrap_or(MIDPOINT_DEFAULT));
        let distance = (x - target).abs();
        Ok(match decay.shape {
            DecayShape::Linear => (1.0 - (1.0 - midpoint) / scale * distance).max(0.0),
            DecayShape::Exponential => (midpoint.ln() / scale * distance).exp(),
            DecayShape::Gauss => (midpoint.ln() / (scale * scale) * distance * distance).exp(),
        })
    }

    /// A point that a prefetch did not find has the default there, or 0: never an error.
    fn score(&self, index: usize) -> Result<f64, Invalid> {
        if let Some(Some(score)) = self.scores.get(index) {
            return Ok(f64::from(*score));
        }
        let Some(default) = self.defaults.scores.get(&index) else {
            return Ok(0.0);
        };
        number(default).map_err(|why| missing("number", &Variable::Score(index), why))
    }

    /// The only value at `path`, or the default when there is none. A null is a value of the wrong type.
    fn payload<T>(
        &self,
        path: &JsonPath,
        what: &str,
        read: fn(&Value) -> Result<T, &'static str>,
    ) -> Result<T, Invalid> {
        let values = path.flattened(self.point.payload);
        let result = match values.as_slice() {
            [] => match self.defaults.payload.get(path) {
                Some(default) => read(default),
                None => Err("No value found in a payload nor defaults"),
            },
            [value] => read(value),
            // Several values are read as what they are, a list, which is of no usable type.
            [_, ..] => read(&Value::Array(Vec::new())),
        };
        result.map_err(|why| missing(what, path, why))
    }
}

fn missing(what: &str, name: &impl std::fmt::Display, why: &str) -> Invalid {
    Invalid::input(format!(
        "Expected {what} value for {name} in the payload and/or in the formula defaults. Error: {why}"
    ))
}

fn number(value: &Value) -> Result<f64, &'static str> {
    value.as_f64().ok_or("Value is not a number")
}

fn geo_point(value: &Value) -> Result<GeoPoint, &'static str> {
    GeoPoint::from_value(value).ok_or("Value is not a geo point")
}

fn datetime(value: &Value) -> Result<DateTime, &'static str> {
    DateTime::parse(value.as_str().ok_or("Value is not a string")?).ok_or("Value is not a datetime")
}

fn seconds(time: DateTime) -> f64 {
    time.micros() as f64 / 1e6
}

fn apply(function: Unary, x: f64) -> Result<f64, Invalid> {
    match function {
        Unary::Neg => Ok(-x),
        Unary::Abs => Ok(x.abs()),
        Unary::Sqrt => finite(x.sqrt(), || format!("√{x}")),
        Unary::Exp => finite(x.exp(), || format!("exp({x})")),
        Unary::Ln => finite(x.ln(), || format!("ln({x})")),
        Unary::Log10 => finite(x.log10(), || format!("log10({x})")),
    }
}

/// Refuses infinities and NaN, naming the expression that made them.
fn finite<T: Copy + Into<f64>>(value: T, expression: impl FnOnce() -> String) -> Result<T, Invalid> {
    match value.into().is_finite() {
        true => Ok(value),
        false => Err(Invalid::input(format!(
            "The expression {} produced a non-finite number",
            expression()
        ))),
    }
}

fn quote(expression: &Expression) -> String {
    let text = serde_json::to_string(expression).unwrap_or_default();
    match text.char_indices().nth(QUOTE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
