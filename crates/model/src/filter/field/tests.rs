//! Tests of `field`.
