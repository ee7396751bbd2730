//! Raddle: a lock-free, thread-per-core runtime for WebAssembly component actors.

pub mod actor;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod metrics;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod shard;
pub mod sync;
#[cfg(feature = "wasm")]
pub mod wasm;
