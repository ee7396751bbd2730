//! SHARED: what is counted and timed, by whom, and how it reads.
//!
//! **Invariant:** a counter has one writer, the shard that it belongs to (but
//! [`ShardCounters::injected`], which outside threads bump). Reading never
//! disturbs a shard.

mod clock;
mod counters;
mod latency;
mod ledger;

pub use clock::Clock;
pub use counters::{RequestEnd, Requests, ShardCounters};
pub use latency::{Latency, LatencySummary};
pub use ledger::Ledger;
