//! Tests of the JSON of vectors.
