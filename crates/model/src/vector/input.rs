//! Vectors as a user may write them: decoded, not yet checked.
//! `validate` reports what is wrong under the field's path; `parse` yields a well-formed [`Vector`].

use serde_json::Value;

use super::{MultiVector, SparseVector, Vector};
use crate::error::{Check, Invalid, Validate};
use crate::limits::MULTI_ROWS_MAX;

/// A vector as written, in points and in queries.
#[derive(Debug, Clone, PartialEq)]
pub enum VectorInput {
    /// A list of numbers.
    Dense(Vec<f32>),
    /// Indices and values, in any order.
    Sparse {
        /// Component numbers.
        indices: Vec<u32>,
        /// Component values, one per index.
        values: Vec<f32>,
    },
    /// A list of lists of numbers.
    Multi(Vec<Vec<f32>>),
    /// Something to be embedded by a model.
    Inference(Inference),
}

/// Something that a model is asked to turn into a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// The text, image or object.
    pub source: InferenceSource,
    /// The model's name.
    pub model: String,
    /// Options for the model, if any.
    pub options: Option<Value>,
}

/// What is to be embedded.
#[derive(Debug, Clone, PartialEq)]
pub enum InferenceSource {
    /// A text.
    Text(String),
    /// An image, as a URL or base64.
    Image(Value),
    /// Anything else.
    Object(Value),
}

impl VectorInput {
    /// The well-formed vector. Fails for what `validate` would report, and for inference objects, which are
    /// not served yet.
    pub fn parse(self) -> Result<Vector, Invalid> {
        Check::all("vector", &self)?;
        let vector = match self {
            Self::Dense(data) => Some(Vector::Dense(data)),
            Self::Sparse { indices, values } => SparseVector::new(indices, values).map(Vector::Sparse),
            Self::Multi(rows) => MultiVector::from_rows(&rows).map(Vector::Multi),
            Self::Inference(inference) => {
                return Err(Invalid::input(format!(
                    "Inference with model `{}` is not built yet: send vectors instead",
                    inference.model
                )));
            }
        };
        vector.ok_or_else(|| Invalid::input("malformed vector"))
    }
}

impl Validate for VectorInput {
    fn validate(&self, check: &mut Check) {
        match self {
            Self::Dense(data) if data.is_empty() => check.fail("data", "dense vector must not be empty"),
            Self::Inference(inference) if inference.model.is_empty() => {
                check.fail("model", "value \"\" invalid, must be at least 1 character long");
            }
            Self::Dense(_) | Self::Inference(_) => {}
            Self::Sparse { indices, values } => {
                if indices.len() != values.len() {
                    check.fail(
                        "values",
                        "Validation error: must be the same length as indices [{}]",
                    );
                }
                if !is_unique(indices) {
                    check.fail("indices", "Validation error: must be unique [{}]");
                }
            }
            Self::Multi(rows) => validate_rows(rows, check),
        }
    }
}

fn is_unique(indices: &[u32]) -> bool {
    // Most clients send sorted indices: then nothing is copied.
    if indices.is_sorted_by(|a, b| a < b) {
        return true;
    }
    let mut sorted = indices.to_vec();
    sorted.sort_unstable();
    sorted.is_sorted_by(|a, b| a < b)
}

fn validate_rows(rows: &[Vec<f32>], check: &mut Check) {
    let Some(first) = rows.first() else {
        return check.fail("data", "multi vector must not be empty");
    };
    if rows.len() > MULTI_ROWS_MAX {
        return check.fail(
            "data",
            format!("multi vector must not have more than {MULTI_ROWS_MAX} rows"),
        );
    }
    if rows.iter().any(Vec::is_empty) {
        return check.fail("data", "all vectors must be non-empty");
    }
    if let Some(odd) = rows.iter().find(|row| row.len() != first.len()) {
        let why = format!(
            "all vectors must have the same dimension, found vector with dimension {}",
            odd.len()
        );
        check.fail("data", why);
    }
}
