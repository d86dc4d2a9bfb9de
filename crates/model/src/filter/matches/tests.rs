//! Tests of `matches`.
