//! CONTROL PLANE: decisions, as pure state machines.
//!
//! An event and the time go in, commands come out; no clock, no thread, no I/O.
//! The shard that hosts a machine feeds it and carries its commands out.

pub mod backoff;
pub mod broker;
pub mod budget;
pub mod child_spec;
pub mod group;
pub mod health;
pub mod intensity;
pub mod lineage;
pub mod overflow;
pub mod placement;
pub mod registry;
pub mod relations;
pub mod rendezvous;
pub mod roster;
pub mod supervisor;
pub mod topic;
