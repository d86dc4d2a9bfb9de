//! Why a value or a request cannot be accepted, said once and exactly: the field and the reason.
//! Used by every floor above; the doors turn the kinds into status codes.

use std::fmt::{self, Display};

/// A refusal of something a caller wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Decoded values lie outside their limits; one entry per field, in the order found.
    #[error("{}", join(.0))]
    Values(Vec<Violation>),
    /// The input contradicts the collection it is meant for, or itself.
    #[error("{0}")]
    Input(String),
    /// The parts of a request do not go together.
    #[error("{0}")]
    Request(String),
}

impl Invalid {
    /// An input that contradicts its collection, with the reason.
    pub fn input(why: impl Into<String>) -> Self {
        Self::Input(why.into())
    }

    /// A request whose parts do not go together, with the reason.
    pub fn request(why: impl Into<String>) -> Self {
        Self::Request(why.into())
    }
}

/// One value outside its limits: `field` is a path such as `points[0].vector.?.data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Dots for fields, `[i]` for elements, `?` for a key of a map.
    pub field: String,
    /// What is wrong with the value, without the field's name.
    pub why: String,
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.why)
    }
}

fn join(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// A decoded value that can check itself against the limits.
pub trait Validate {
    /// Reports every violation to `check`, whose path already names this value.
    fn validate(&self, check: &mut Check);
}

/// Collects violations while walking down a value, keeping the path of the current place.
#[derive(Debug, Default)]
pub struct Check {
    path: String,
    found: Vec<Violation>,
}

impl Check {
    /// A check whose paths start with `root`; an empty root adds nothing.
    pub fn new(root: &str) -> Self {
        Self {
            path: root.to_owned(),
            found: Vec::new(),
        }
    }

    /// Checks one whole value and returns its violations as an error.
    pub fn all(root: &str, value: &impl Validate) -> Result<(), Invalid> {
        let mut check = Self::new(root);
        value.validate(&mut check);
        check.finish()
    }

    /// Runs `inner` with `.field` added to the path.
    pub fn within(&mut self, field: &str, inner: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(field);
        inner(self);
        self.path.truncate(length);
    }

    /// Runs `inner` with `[index]` added to the path.
    pub fn item(&mut self, index: usize, inner: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        inner(self);
        self.path.truncate(length);
    }

    /// Validates every element of the list `field`.
    pub fn each<T: Validate>(&mut self, field: &str, items: &[T]) {
        self.within(field, |check| {
            for (index, item) in items.iter().enumerate() {
                check.item(index, |check| item.validate(check));
            }
        });
    }

    /// Reports that `field` of the current value is wrong; an empty field reports the current value itself.
    pub fn fail(&mut self, field: &str, why: impl Into<String>) {
        let mut found = Vec::new();
        let why = why.into();
        if field.is_empty() {
            found.push(Violation {
                field: self.path.clone(),
                why,
            });
        } else {
            self.within(field, |check| {
                found.push(Violation {
                    field: check.path.clone(),
                    why,
                })
            });
        }
        self.found.append(&mut found);
    }

    /// Requires `value >= min`. Floats are printed with one decimal at least.
    pub fn at_least<T: PartialOrd + fmt::Debug>(&mut self, field: &str, value: T, min: T) {
        // Written so that a NaN fails.
        if !matches!(value.partial_cmp(&min), Some(order) if order.is_ge()) {
            self.fail(
                field,
                format!("value {value:?} invalid, must be {min:?} or larger"),
            );
        }
    }

    /// Requires `value <= max`.
    pub fn at_most<T: PartialOrd + fmt::Debug>(&mut self, field: &str, value: T, max: T) {
        if !matches!(value.partial_cmp(&max), Some(order) if order.is_le()) {
            self.fail(
                field,
                format!("value {value:?} invalid, must be {max:?} or smaller"),
            );
        }
    }

    /// Requires `min <= value <= max`.
    pub fn between<T: PartialOrd + fmt::Debug>(&mut self, field: &str, value: T, min: T, max: T) {
        let is_inside = matches!(value.partial_cmp(&min), Some(order) if order.is_ge())
            && matches!(value.partial_cmp(&max), Some(order) if order.is_le());
        if !is_inside {
            self.fail(
                field,
                format!("value {value:?} invalid, must be from {min:?} to {max:?}"),
            );
        }
    }

    /// All violations as one error, or nothing.
    pub fn finish(self) -> Result<(), Invalid> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(Invalid::Values(self.found))
        }
    }
}
