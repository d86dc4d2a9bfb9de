//! Tests of the settings of a collection.

mod column;
mod create;
mod field;
mod names;
mod patch;

use serde::de::DeserializeOwned;

use super::{CollectionConfig, CreateCollection};
use crate::error::Invalid;

/// The status that a door answers and the text, or the value.
fn outcome<B: DeserializeOwned, T>(
    json: &str,
    accept: impl FnOnce(B) -> Result<T, Invalid>,
) -> Result<T, String> {
    let body: B = serde_json::from_str(json).map_err(|error| format!("400 {error}"))?;
    accept(body).map_err(|invalid| match invalid {
        Invalid::Values(_) => format!("422 {invalid}"),
        Invalid::Input(_) => format!("400 input: {invalid}"),
        Invalid::Request(_) => format!("400 request: {invalid}"),
    })
}

/// The settings that a body makes.
fn config(json: &str) -> CollectionConfig {
    outcome(json, CreateCollection::into_config).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// `got` is an error that contains `want`, or no error when `want` is empty.
fn assert_refused<T>(got: Result<T, String>, want: &str, context: &str) {
    match got {
        Ok(_) => assert_eq!(want, "", "{context} was accepted"),
        Err(error) => {
            assert!(!want.is_empty(), "{context} was refused: {error}");
            assert!(
                error.contains(want),
                "{context}: expected {want:?}, got {error:?}"
            );
        }
    }
}
