//! Raddle: a lock-free, thread-per-core runtime for WebAssembly component actors.

pub mod actor;
pub mod control;
pub mod metrics;
pub mod shard;
pub mod sync;
#[cfg(feature = "wasm")]
pub mod wasm;
