//! Raddle.
pub mod actor;
pub mod sync;
