//! Other ways to run actors, under the workloads that `raddle-perf` measures: the
//! same messages, the same payloads, and the same proof. What an actor has counted
//! and added up is read back after every round, and must be what was sent.
//!
//! | rival                         | actors are                                          |
//! |-------------------------------|-----------------------------------------------------|
//! | tokio, native                 | one task each, fed by `mpsc`; no sandbox            |
//! | tokio, component, naive       | the same, each with a wasmtime store; `call_async`  |
//! | tokio, component, best        | plain calls, concurrency support off, pooled        |
//! | tokio, core module            | the same without the component model                |
//! | ractor, kameo, actix          | those libraries' actors; no sandbox                 |

mod actix_rival;
mod body;
mod engine;
mod kameo_rival;
mod packet;
mod ractor_rival;
mod tasks;
mod wasm;

use std::path::Path;

pub use packet::Proof;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// One sender tells one actor.
    Tell,
    /// A token goes round: per hop.
    Ring,
    /// Two actors, to and fro: per round trip.
    PingPong,
    /// Many senders tell one actor.
    FanIn,
    /// Many pairs, on two threads if there are two: per message.
    Pairs,
    /// Actors start, handle a message, and stop: per life.
    SpawnStop,
}

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// What.
    pub workload: Workload,
    /// Messages, hops, round trips, lives.
    pub units: u64,
    /// Bytes in each message.
    pub payload_bytes: usize,
    /// Actors in the ring, senders in the fan-in, pairs.
    pub actors: usize,
    /// Threads.
    pub workers: usize,
}

/// Another way to run actors.
pub trait Rival {
    /// Which.
    fn name(&self) -> &'static str;

    /// ns per unit. Proved.
    ///
    /// # Errors
    /// If it does not add up, or does not run.
    fn ns_per_unit(&self, job: &Job) -> anyhow::Result<f64>;
}

/// All of them. The guest is `sum.wasm`; so many actors are alive at once at most.
///
/// # Errors
/// If the guest cannot be loaded.
pub fn all(guest: &Path, actors_max: usize) -> anyhow::Result<Vec<Box<dyn Rival>>> {
    let naive = wasm::AsyncComponents::new(guest)?;
    let best = wasm::Components::new(guest, actors_max)?;
    let core = wasm::CoreModules::new(actors_max)?;
    Ok(vec![
        Box::new(tasks::Tasks { name: "tokio, native tasks", make: body::Native::default }),
        Box::new(tasks::Tasks { name: "tokio + component, call_async", make: move || naive.make() }),
        Box::new(tasks::Tasks { name: "tokio + component, best", make: move || best.make() }),
        Box::new(tasks::Tasks { name: "tokio + core module", make: move || core.make() }),
        Box::new(actix_rival::Actix),
        Box::new(ractor_rival::Ractor),
        Box::new(kameo_rival::Kameo),
    ])
}
