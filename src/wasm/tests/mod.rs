//! Tests of this module on real components.
