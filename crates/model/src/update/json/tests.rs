//! Tests of the bodies that change points.
