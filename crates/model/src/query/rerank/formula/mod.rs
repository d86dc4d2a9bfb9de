//! Formulas: an expression over the scores of prefetches and over payloads gives the score of a point.
//! `eval` is the meaning, `json` the dialect, `validate` the limits. Constants are single precision, evaluation is
//! double precision.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde_json::Value;

use crate::datetime::DateTime;
use crate::error::Invalid;
use crate::filter::Condition;
use crate::geo::GeoPoint;
use crate::path::JsonPath;

mod eval;
mod json;
mod validate;

/// An expression, and the values of variables that a point lacks.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    /// What is computed for each point.
    pub expression: Expression,
    /// Used where a point has no value.
    pub defaults: Defaults,
}

/// Values of variables that a point lacks. A value of the wrong type is an error when it is used.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Defaults {
    /// By the number of the prefetch; must be numbers. Without one, a missing score is 0.
    pub scores: BTreeMap<usize, Value>,
    /// By payload path. Without one, a missing value is an error.
    pub payload: BTreeMap<JsonPath, Value>,
}

/// A number computed from a point.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// This number.
    Constant(f32),
    /// A score or a number in the payload.
    Variable(Variable),
    /// 1 if the point passes, else 0.
    Condition(Box<Condition>),
    /// Metres along a great circle from `origin` to the point in the payload.
    GeoDistance {
        /// From here.
        origin: GeoPoint,
        /// To the place in the payload.
        to: JsonPath,
    },
    /// Seconds since 1970.
    Datetime(DateTime),
    /// Seconds since 1970 of a time in the payload.
    DatetimeKey(JsonPath),
    /// The sum; 0 without operands.
    Sum(Vec<Expression>),
    /// The product; 1 without operands. Operands after the first exact 0 are not evaluated.
    Mult(Vec<Expression>),
    /// A quotient.
    Div {
        /// The dividend; when it is 0 the divisor is not evaluated.
        left: Box<Expression>,
        /// The divisor.
        right: Box<Expression>,
        /// The value when the divisor is 0; without one that is an error.
        by_zero_default: Option<f32>,
    },
    /// A power.
    Pow {
        /// The base.
        base: Box<Expression>,
        /// The exponent.
        exponent: Box<Expression>,
    },
    /// A function of one number.
    Unary(Unary, Box<Expression>),
    /// A bump around a target.
    Decay(Box<Decay>),
}

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unary {
    /// Minus the number.
    Neg,
    /// Its magnitude.
    Abs,
    /// Its square root.
    Sqrt,
    /// e to its power.
    Exp,
    /// Its logarithm to base e.
    Ln,
    /// Its logarithm to base ten.
    Log10,
}

/// 1 where `x` equals the target, `midpoint` where it is `scale` away, falling with the distance.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "DecayParamsExpression")]
pub struct Decay {
    /// How it falls.
    #[serde(skip)]
    pub shape: DecayShape,
    /// Where.
    pub x: Expression,
    /// Where it is 1; `None` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Expression>,
    /// The distance at which it is `midpoint`, larger than zero; `None` is 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f32>,
    /// Between 0 and 1; `None` is one half.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub midpoint: Option<f32>,
}

/// How a decay falls with the distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecayShape {
    /// On a line, down to 0.
    Linear,
    /// Exponentially.
    Exponential,
    /// Like a normal distribution.
    Gauss,
}

/// A name in an expression.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variable {
    /// `$score[i]`: the score in prefetch i; `$score` is `$score[0]`.
    Score(usize),
    /// A number in the payload.
    Payload(JsonPath),
}

impl FromStr for Variable {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let unknown = || Invalid::input(format!("failed to parse variable ID {text}"));
        match text.strip_prefix('$') {
            None => text.parse().map(Self::Payload),
            Some("score") => Ok(Self::Score(0)),
            Some(name) => {
                let index = name
                    .strip_prefix("score[")
                    .and_then(|rest| rest.strip_suffix(']'))
                    .ok_or_else(unknown)?;
                let is_plain = index.bytes().all(|byte| byte.is_ascii_digit());
                index
                    .parse()
                    .ok()
                    .filter(|_| is_plain)
                    .map(Self::Score)
                    .ok_or_else(unknown)
            }
        }
    }
}

impl std::fmt::Display for Variable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Score(0) => f.write_str("$score"),
            Self::Score(index) => write!(f, "$score[{index}]"),
            Self::Payload(path) => path.fmt(f),
        }
    }
}

impl Defaults {
    /// Whether there is no default.
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty() && self.payload.is_empty()
    }
}

impl Formula {
    /// Whether evaluation looks at payloads.
    pub fn needs_payload(&self) -> bool {
        self.expression.any(&|expression| match expression {
            Expression::Variable(Variable::Payload(_))
            | Expression::Condition(_)
            | Expression::GeoDistance { .. }
            | Expression::DatetimeKey(_) => true,
            Expression::Variable(Variable::Score(_))
            | Expression::Constant(_)
            | Expression::Datetime(_)
            | Expression::Sum(_)
            | Expression::Mult(_)
            | Expression::Div { .. }
            | Expression::Pow { .. }
            | Expression::Unary(..)
            | Expression::Decay(_) => false,
        })
    }
}

impl Expression {
    /// Whether `test` holds for this expression or one inside it.
    fn any(&self, test: &dyn Fn(&Self) -> bool) -> bool {
        test(self) || self.operands().into_iter().any(|operand| operand.any(test))
    }

    /// The operands, in the order in which they are evaluated.
    pub(crate) fn operands(&self) -> Vec<&Expression> {
        match self {
            Self::Constant(_)
            | Self::Variable(_)
            | Self::Condition(_)
            | Self::GeoDistance { .. }
            | Self::Datetime(_)
            | Self::DatetimeKey(_) => Vec::new(),
            Self::Sum(operands) | Self::Mult(operands) => operands.iter().collect(),
            Self::Div { left, right, .. } => vec![left, right],
            Self::Pow { base, exponent } => vec![base, exponent],
            Self::Unary(_, operand) => vec![operand],
            Self::Decay(decay) => std::iter::once(&decay.x).chain(&decay.target).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
