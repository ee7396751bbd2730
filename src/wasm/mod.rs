//! DATA PLANE: component actors, on wasmtime.
//!
//! ```text
//!  Engine ──load──► Component ──► ComponentBlueprint        once, off the shards
//!                                        │ nursery()
//!  per shard:                     InstancePool ──create──► ComponentActor
//!                                   ready, ready, …           one store each
//! ```
//!
//! An [`Engine`] compiles; a [`Component`] is checked, compiled and linked; its
//! [`ComponentBlueprint`] gives every shard a pool of ready instances; what comes
//! out of the pool is an actor with a store of its own. Host functions record
//! effects in the shard's [`Context`](crate::actor::Context), and nothing else.
//!
//! This module never sees a shard. It meets it at [`Actor`](crate::actor::Actor),
//! [`Child`](crate::actor::Child) and [`Blueprint`](crate::actor::Blueprint).

mod abi;
mod cache;
mod callee;
mod compact;
mod component;
pub mod convert;
mod deadline;
mod desk;
mod engine;
mod exports;
mod grants;
mod host;
mod info;
mod instance;
mod limits;
mod passage;
mod remains;
mod store_pool;
mod suspendable;
mod thread_bound;
mod trap;
mod usage;
mod wasi;

#[cfg(test)]
mod tests;

#[doc(hidden)]
pub use abi::{Failure, Level, SendError};
pub use cache::{CacheConfig, CacheOutcome};
pub use callee::{CallError, Callee, CalleeInstance, Function, NoSuchFunction};
pub use component::{CompileProgress, Component, ComponentError, ExecutionClass, Source};
pub use engine::{Engine, EngineConfig, EngineError, MemoryLayout};
pub use grants::{Directory, Grants, Patterns, TrustLevel, WasiGrants};
pub use info::{ComponentInfo, Item, ItemKind};
pub use limits::{Limits, LimitsError};
pub use store_pool::{ComponentBlueprint, PoolPolicy, Profile};
