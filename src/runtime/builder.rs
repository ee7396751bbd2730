//! Setting up a runtime.

use std::sync::Arc;
use std::time::Duration;

use crate::actor::Hooks;
use crate::control::broker::Bridge;
use crate::metrics::Clock;
use crate::shard::{Command, Control, Outside, Seed, Shard, ShardConfig, Turned, seeds};
use crate::sync::{Doorbell, reply_slot};

use super::Runtime;
use super::driver::{
    self, Chosen, Drive, DriverError, DriverThread, IdlePolicy, Next, Reactor, ReactorError, ReactorKind,
};
use super::handle::{Handle, Shared};
use super::hooks::HookThreads;
use super::topology::{self, Plan, TopologyError};

/// A runtime could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The machine has no place for so many shards.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The reactor asked for cannot run.
    #[error(transparent)]
    Reactor(#[from] ReactorError),
    /// A shard's thread did not start.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The thread that ticks did not start.
    #[error("cannot start the ticker")]
    Ticker(#[source] std::io::Error),
    /// The engine for components could not be set up.
    #[cfg(feature = "wasm")]
    #[error(transparent)]
    Engine(#[from] crate::wasm::EngineError),
}

/// How a runtime is to be. The defaults suit a machine of its own.
#[derive(Clone, Default)]
pub struct Builder {
    shards: Option<usize>,
    reactor: Reactor,
    park_spin: Option<Duration>,
    config: ShardConfig,
    bridge: Option<Arc<dyn Bridge>>,
    hooks: Option<Arc<Hooks>>,
    #[cfg(feature = "wasm")]
    engine: crate::wasm::EngineConfig,
    #[cfg(feature = "wasm")]
    cache: crate::wasm::CacheConfig,
}

impl Builder {
    /// How many shards (default: the physical cores that this process may use).
    pub fn shards(mut self, shards: usize) -> Self {
        self.shards = Some(shards);
        self
    }

    /// What drives them (default: glommio where it can run, else plain threads).
    pub fn reactor(mut self, reactor: Reactor) -> Self {
        self.reactor = reactor;
        self
    }

    /// How long an idle shard looks at its rings before it sleeps (default: 50 µs;
    /// not at all where shards share cores).
    pub fn park_spin(mut self, park_spin: Duration) -> Self {
        self.park_spin = Some(park_spin);
        self
    }

    /// How much a shard does at a time, and how much it holds.
    pub fn config(mut self, config: ShardConfig) -> Self {
        self.config = config;
        self
    }

    /// What carries topics to a broker outside (default: nothing does).
    pub fn bridge(mut self, bridge: Arc<dyn Bridge>) -> Self {
        self.bridge = Some(bridge);
        self
    }

    /// What the host is called for in the lives of actors that have no hooks of their
    /// own (default: nothing).
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    /// For finding faults of the runtime: whether each shard checks after every turn
    /// that every message is accounted for, and ends if one is not (default: no).
    pub fn check_ledger(mut self, check_ledger: bool) -> Self {
        self.config.checks_ledger = check_ledger;
        self
    }

    /// How component actors are compiled, and where their memory comes from.
    #[cfg(feature = "wasm")]
    pub fn engine(mut self, engine: crate::wasm::EngineConfig) -> Self {
        self.engine = engine;
        self
    }

    /// Where compiled components are kept.
    #[cfg(feature = "wasm")]
    pub fn cache(mut self, cache: crate::wasm::CacheConfig) -> Self {
        self.cache = cache;
        self
    }

    /// Starts the threads.
    ///
    /// # Errors
    /// What is missing; then nothing is left running.
    pub fn build(self) -> Result<Runtime, BuildError> {
        let plan = topology::available()?.plan(self.shards)?;
        if let Some(crowding) = &plan.crowding {
            tracing::warn!("{crowding}");
        }
        let crowded_spin = if plan.crowding.is_some() { Duration::ZERO } else { IdlePolicy::SPIN_DEFAULT };
        let idle = IdlePolicy { spin: self.park_spin.unwrap_or(crowded_spin) };
        let clock = Clock::start();
        let mut chosen = driver::choose(self.reactor, plan.seats.len())?;
        let started = match self.start(&plan, chosen.kind, idle, &clock) {
            Err(error @ (DriverError::Reactor { .. } | DriverError::Bell { .. }))
                if self.reactor == Reactor::Auto && chosen.kind == ReactorKind::Glommio =>
            {
                let reason = format!("glommio was tried and failed ({error})");
                chosen = Chosen { kind: ReactorKind::Thread, reason };
                self.start(&plan, chosen.kind, idle, &clock)?
            }
            started => started?,
        };
        tracing::info!("{chosen}");
        let Started { drivers, outside, hooks } = started;
        if self.hooks.is_some() {
            hooks.start();
        }
        let cpus = plan.seats.iter().map(|seat| seat.core.map(|core| core.id)).collect();
        let handle = Handle(Arc::new(Shared::new(outside, clock, self.config, hooks)));

        #[cfg(feature = "wasm")]
        {
            let mut runtime = Runtime {
                handle,
                drivers,
                chosen,
                cpus,
                engine: crate::wasm::Engine::new(&self.engine)?,
                cache: self.cache,
                _ticker: None,
            };
            let (engine, period) = (runtime.engine.clone(), self.engine.epoch_period);
            let ticker = super::ticker::Ticker::start(period, move || engine.tick());
            runtime._ticker = Some(ticker.map_err(BuildError::Ticker)?);
            Ok(runtime)
        }
        #[cfg(not(feature = "wasm"))]
        Ok(Runtime { handle, drivers, chosen, cpus, _ticker: None })
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("shards", &self.shards)
            .field("reactor", &self.reactor)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Shards on their threads.
struct Started {
    drivers: Vec<DriverThread>,
    outside: Vec<Outside>,
    hooks: Arc<HookThreads>,
}

impl Builder {
    /// Starts a thread for each shard; or none.
    fn start(
        &self,
        plan: &Plan,
        kind: ReactorKind,
        idle: IdlePolicy,
        clock: &Clock,
    ) -> Result<Started, DriverError> {
        let bells: Vec<_> = plan.seats.iter().map(|_| driver::bell(kind)).collect::<Result<_, _>>()?;
        let (wakes, sleepers): (Vec<_>, Vec<_>) = bells.into_iter().unzip();
        let doorbells: Vec<_> = wakes.into_iter().map(|wake| Arc::new(Doorbell::new(wake))).collect();
        let (seeds, outside): (Vec<_>, Vec<_>) = seeds(self.config, clock, &doorbells).into_iter().unzip();
        let injectors = outside.iter().map(|outside: &Outside| outside.injector.clone()).collect();
        let hooks = Arc::new(HookThreads::new(clock.clone(), injectors));
        let mut drivers: Vec<DriverThread> = Vec::new();
        for ((seat, seed), sleeper) in plan.seats.iter().zip(seeds).zip(sleepers) {
            let seed = seed.with_hooks(hooks.clone(), self.hooks.clone());
            let seed = match &self.bridge {
                Some(bridge) => seed.with_bridge(bridge.clone()),
                None => seed,
            };
            match driver::spawn(*seat, idle, sleeper, move || Ok(Driven::new(seed))) {
                Ok(driver) => drivers.push(driver),
                Err(error) => {
                    for (driver, outside) in drivers.into_iter().zip(&outside) {
                        let (done, _) = reply_slot();
                        // It is one that has just started: its injector has room.
                        let _ = outside.injector.push(Command::Control(Control::Halt(done)));
                        let _ = driver.join();
                    }
                    return Err(error);
                }
            }
        }
        Ok(Started { drivers, outside, hooks })
    }
}

/// A shard, as a driver sees it.
struct Driven {
    shard: Shard,
    clock: Clock,
}

impl Driven {
    fn new(seed: Seed) -> Self {
        let clock = seed.clock().clone();
        Self { shard: Shard::new(seed), clock }
    }
}

impl Drive for Driven {
    fn turn(&mut self) -> Next {
        match self.shard.turn() {
            Turned::Busy => Next::Again,
            Turned::Idle { wake_at_ns } => {
                Next::Idle { wake_at: wake_at_ns.map(|at_ns| self.clock.to_instant(at_ns)) }
            }
            Turned::Halted => Next::Stop,
        }
    }

    fn has_work(&mut self) -> bool {
        self.shard.has_work()
    }

    fn doorbell(&self) -> &Doorbell {
        self.shard.doorbell()
    }
}
