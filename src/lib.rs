//! Raddle: a lock-free, thread-per-core runtime for WebAssembly component actors.
//!
//! Actors are components (or native Rust types) that are sharded across pinned
//! cores. Each shard owns its actors, their mailboxes, its pool of wasmtime stores
//! and its part of the registry and of the supervision tree; shards share nothing
//! but rings.
//!
//! ```no_run
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use raddle::{Runtime, Spawn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let runtime = Runtime::builder().build()?;
//! let counter = runtime.load(Path::new("guests/prebuilt/counter.wasm"))?;
//! let actor = runtime.spawn(Spawn::new(counter).name("counter")).wait()?;
//!
//! runtime.tell(actor, "add 41")?;
//! runtime.tell(actor, "add 1")?;
//! let count = runtime.request(actor, "get").wait()?;
//!
//! let report = runtime.shutdown(Duration::from_secs(5));
//! assert!(report.ledger().closes());
//! # Ok(())
//! # }
//! ```
//!
//! # Layers
//!
//! Imports point down only; a test checks it.
//!
//! ```text
//! EDGES       cli ─► manifest
//!               └──────┤
//! ASSEMBLY          runtime                 glommio, core_affinity live here
//!                   ┌──┴──────┐
//! DATA PLANE      wasm      shard           never import each other; wasmtime lives in wasm
//!                   │         │ └────┐
//! CONTROL PLANE     │         ▼      │      pure: events in, commands out
//!                   │      control   │
//!                   ▼         ▼      │
//! SHARED          metrics ─► actor   │      hdrhistogram lives in metrics
//!                   │                │
//! FLOOR             └────► sync ◄────┘      atomics, unsafe and loom live here
//! ```
//!
//! Everything below `wasm` and `runtime` builds with `--no-default-features`.

pub mod actor;
#[cfg(feature = "cli")]
pub mod cli;
pub mod control;
mod error;
#[cfg(feature = "manifest")]
pub mod manifest;
pub mod metrics;
#[cfg(feature = "runtime")]
pub mod runtime;
pub mod shard;
pub mod sync;
#[cfg(feature = "wasm")]
pub mod wasm;

pub use actor::{ActorId, Payload, ShardId};
pub use error::Error;
#[cfg(feature = "runtime")]
pub use runtime::{Builder, Handle, NotSent, Pending, Report, Runtime, Spawn, Supervise};
