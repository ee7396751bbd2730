//! Raddle: a lock-free, thread-per-core runtime for WebAssembly component actors.

pub mod actor;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod sync;
