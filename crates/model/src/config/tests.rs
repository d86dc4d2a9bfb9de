//! Tests of the settings of a collection.
