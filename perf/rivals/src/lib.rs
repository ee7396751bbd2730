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
mod outside;
mod packet;
mod ractor_rival;
mod tasks;
mod wasm;

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
    /// A thread outside asks an actor, and waits: per reply.
    Ask,
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
    /// Is the runtime kept from sleeping, by a task that always has its turn again?
    /// For what is asked from outside: to be woken costs more than all the rest.
    pub is_kept_awake: bool,
}

/// What actors are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Rust, with no sandbox.
    Native,
    /// A component in a wasmtime store.
    Component,
    /// A core module in a wasmtime store.
    CoreModule,
}

/// Another way to run actors. Each call has a runtime of its own, so several may be
/// under way at once.
pub trait Rival: Sync {
    /// Which.
    fn name(&self) -> &'static str;

    /// Of what its actors are made.
    fn made(&self) -> Made {
        Made::Native
    }

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
pub fn all(guest: &[u8], actors_max: usize) -> anyhow::Result<Vec<Box<dyn Rival>>> {
    let naive = wasm::AsyncComponents::new(guest)?;
    let best = wasm::Components::new(guest, actors_max)?;
    let core = wasm::CoreModules::new(actors_max)?;
    let tasks = (
        tasks::Tasks { name: "tokio, native tasks", made: Made::Native, make: body::Native::default },
        tasks::Tasks {
            name: "tokio + component, call_async",
            made: Made::Component,
            make: move || naive.make(),
        },
        tasks::Tasks { name: "tokio + component, best", made: Made::Component, make: move || best.make() },
        tasks::Tasks { name: "tokio + core module", made: Made::CoreModule, make: move || core.make() },
    );
    Ok(vec![
        Box::new(tasks.0),
        Box::new(tasks.1),
        Box::new(tasks.2),
        Box::new(tasks.3),
        Box::new(actix_rival::Actix),
        Box::new(ractor_rival::Ractor),
        Box::new(kameo_rival::Kameo),
    ])
}
