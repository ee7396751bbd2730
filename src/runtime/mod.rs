//! ASSEMBLY: shards on threads, and the API for those who embed them.
//!
//! ```text
//!   Builder ── build ──► Runtime ─┬─ threads, one per shard, each driven by a reactor
//!                                 ├─ ticker (epochs of wasmtime)
//!                                 └─ Handle ── injectors ──► shards
//! ```
//!
//! A [`Runtime`] owns the threads; a [`Handle`] talks to them, from any thread.

mod alarm;
mod builder;
pub mod driver;
mod events;
mod handle;
mod hooks;
mod messaging;
mod pending;
mod spawn;
mod supervise;
pub mod ticker;
pub mod topology;

use std::time::{Duration, Instant};

pub use builder::{BuildError, Builder};
pub use events::Events;
pub use handle::{Handle, NotSent, REQUEST_DEADLINE_DEFAULT};
pub use pending::{Pending, PendingReply, Unanswered};
pub use spawn::Spawn;
pub use supervise::{SpawnChild, Supervise};

use crate::metrics::{Latency, Ledger};
use crate::shard::{Control, HookCounts, ShardReport};

use driver::{Chosen, DriverError, DriverThread};
use ticker::Ticker;

/// How often to look whether the shards have come to rest.
const REST_POLL: Duration = Duration::from_micros(200);

/// How long a shard may take to answer while the runtime ends: far longer than
/// guests may run, on a machine that has much else to do.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// How long all actors of a shard may take to stop together, if the time of a
/// shutdown is up before they are told to.
const STOP_MIN: Duration = Duration::from_secs(1);

/// Shards that run.
///
/// Dropped without [`shutdown`](Self::shutdown), it ends its actors at once.
#[derive(Debug)]
pub struct Runtime {
    handle: Handle,
    drivers: Vec<DriverThread>,
    chosen: Chosen,
    cpus: Vec<Option<usize>>,
    #[cfg(feature = "wasm")]
    engine: crate::wasm::Engine,
    #[cfg(feature = "wasm")]
    cache: crate::wasm::CacheConfig,
    /// Stops when it is dropped.
    _ticker: Option<Ticker>,
}

/// What a runtime has done.
#[derive(Debug, Clone)]
pub struct Report {
    /// What each shard has done.
    pub shards: Vec<ShardReport>,
    /// Was all that was accepted settled before the shutdown went on? If not, its
    /// time ran out, and what was left is among the dead.
    pub drained: bool,
    /// What went wrong with the threads of shards.
    pub failures: Vec<String>,
}

impl Report {
    /// The ledger of all shards.
    pub fn ledger(&self) -> Ledger {
        self.shards.iter().map(|shard| shard.ledger).sum()
    }

    /// The latencies of all shards.
    pub fn latency(&self) -> Latency {
        let mut all = Latency::new();
        for shard in &self.shards {
            all.merge(&shard.latency);
        }
        all
    }

    /// Incarnations that took the place of an earlier one.
    pub fn restarts(&self) -> u64 {
        self.shards.iter().map(|shard| shard.restarts).sum()
    }

    /// How often the host's hooks were called, and what came of it.
    pub fn hooks(&self) -> HookCounts {
        self.shards.iter().fold(HookCounts::default(), |all, shard| all + shard.hooks)
    }

    /// Supervisors that gave up.
    pub fn supervisors_given_up(&self) -> u64 {
        self.shards.iter().map(|shard| shard.supervisors_given_up).sum()
    }
}

impl Runtime {
    /// Sets up a runtime.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// What talks to it, for as many threads as you like.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Which reactor drives the shards, and why.
    pub fn reactor(&self) -> &Chosen {
        &self.chosen
    }

    /// The CPU that each shard is pinned to, as Linux numbers them.
    pub fn cpus(&self) -> &[Option<usize>] {
        &self.cpus
    }

    /// Waits until every message that was accepted is settled, but not for longer
    /// than this. Is it?
    pub fn settle(&self, within: Duration) -> bool {
        self.poll_until(Instant::now() + within, |handle| handle.unsettled() == 0)
    }

    fn poll_until(&self, deadline: Instant, done: impl Fn(&Handle) -> bool) -> bool {
        loop {
            if done(&self.handle) {
                return true;
            }
            if Instant::now() >= deadline || self.drivers.iter().any(DriverThread::is_finished) {
                return false;
            }
            std::thread::sleep(REST_POLL);
        }
    }

    /// Shuts down in order: takes nothing more from outside, lets what was
    /// accepted be settled, stops supervisors and actors, and ends the threads.
    /// When the time is up, what is left is killed, and counted; if it is up before
    /// anybody was told to stop, each shard's actors have a second for it together.
    pub fn shutdown(mut self, within: Duration) -> Report {
        self.end(Instant::now() + within)
    }

    fn end(&mut self, deadline: Instant) -> Report {
        self.handle.0.closed.raise();
        let drained = self.poll_until(deadline, |handle| handle.unsettled() == 0);
        let stop_by = deadline.max(Instant::now() + STOP_MIN);
        let left_ns =
            u64::try_from(stop_by.saturating_duration_since(Instant::now()).as_nanos()).unwrap_or(u64::MAX);
        let until_ns = self.handle.0.clock.now_ns().saturating_add(left_ns);
        for shard in 0..self.handle.shards() {
            self.handle.control(crate::actor::ShardId(shard as u16), Control::StopAll { until_ns });
        }
        self.poll_until(stop_by, |handle| handle.actors() == 0);
        self.handle.0.hooks.settle(stop_by);
        let answer_by = deadline.max(Instant::now()) + ANSWER_MAX;
        self.handle.ask_all(Control::Close, answer_by);
        // No actor is left to send anything: what is still in the rings is settled
        // by whoever drains them, and this takes a few turns.
        self.poll_until(Instant::now() + Duration::from_secs(1), |handle| handle.unsettled() == 0);
        let reports = self.handle.ask_all(Control::Halt, answer_by + ANSWER_MAX);
        let mut failures = Vec::new();
        for (driver, report) in self.drivers.drain(..).zip(&reports) {
            if report.is_none() && !driver.is_finished() {
                // Joining it would hang this thread too: it is left behind.
                failures.push(format!("shard {} does not answer: its thread is left behind", driver.shard()));
            } else if let Err(error) = driver.join() {
                failures.push(describe(&error));
            }
        }
        Report { shards: reports.into_iter().flatten().collect(), drained, failures }
    }
}

/// An error and its causes, in one line.
fn describe(error: &DriverError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if !self.drivers.is_empty() {
            self.end(Instant::now());
        }
    }
}

impl std::ops::Deref for Runtime {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

#[cfg(feature = "wasm")]
impl Runtime {
    /// What compiles components for this runtime.
    pub fn engine(&self) -> &crate::wasm::Engine {
        &self.engine
    }

    /// Loads a component, compiled or from the cache, with the default limits:
    /// what [`Spawn::new`] takes.
    ///
    /// # Errors
    /// What is wrong with the component.
    pub fn load<'a>(
        &self,
        source: impl Into<crate::wasm::Source<'a>>,
    ) -> Result<std::sync::Arc<dyn crate::actor::Blueprint>, crate::wasm::ComponentError> {
        use crate::wasm::{CacheOutcome, ComponentBlueprint, Limits, PoolPolicy};
        let component = self.engine.load(source, &self.cache, &())?;
        if let CacheOutcome::Unusable { reason } = component.cache() {
            let component = component.name();
            tracing::warn!(component, "running without the cache of compiled components: {reason}");
        }
        let blueprint = ComponentBlueprint::new(component, Limits::default(), PoolPolicy::default())?;
        Ok(std::sync::Arc::new(blueprint))
    }
}

#[cfg(test)]
mod tests;
