//! The engine: how guests are compiled, and where their memory comes from.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Linker;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::compact::CompactMemories;
use super::component::ExecutionClass;
use super::host::{self, HostState};
use super::info::ComponentInfo;
use super::wasi;
use crate::actor::CreateError;
use crate::sync::{Counter, SharedCounter};

/// How linear memories are laid out. Which one to choose: docs/decisions/0002.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryLayout {
    /// Each memory in a reservation of 4 GiB of addresses, from a pool: guests
    /// need no bounds checks, and initial content is mapped, however much it is.
    /// Some 16,000 instances exhaust the address space.
    #[default]
    Guarded,
    /// Each memory as small as it is, and every access of the guest checked: for
    /// actors that come and go, and for hundreds of thousands of them.
    Compact,
}

/// How an [`Engine`] is built.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// How linear memories are laid out (default is `Guarded`).
    pub memory_layout: MemoryLayout,
    /// How many instances may be alive at once, ready ones included (default is
    /// `1000`). `Guarded` reserves this many slots, one for each memory: fewer instances of
    /// components with two memories find room. `Compact` reserves nothing. An eighth of
    /// them is never made ahead of need.
    pub instances_max: u32,
    /// How many of them may be suspendable, and have a stack of their own, at once
    /// (default is `256`): an actor takes one with its first message, and keeps it.
    /// Without one to be had its message waits. `Compact` does not count.
    pub suspendable_max: u32,
    /// The most memory, in bytes, that one linear memory may have (default is
    /// `4 GiB`). An actor's own [`Limits`](super::Limits) bind it further.
    pub memory_bytes_max: u64,
    /// The most elements that one table may have, which `Guarded` reserves for each
    /// (default is `20,000`). An actor's own [`Limits`](super::Limits) bind it further.
    pub table_elements_max: u32,
    /// How often somebody calls [`Engine::tick`] (default is 1 ms): what turns
    /// time limits into ticks.
    pub epoch_period: Duration,
    /// How much stack, in bytes, a guest may use (default is `512 KiB`).
    pub stack_bytes_max: usize,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            memory_layout: MemoryLayout::Guarded,
            instances_max: 1000,
            suspendable_max: 256,
            memory_bytes_max: GUARDED_RESERVATION_BYTES,
            table_elements_max: 20_000,
            epoch_period: Duration::from_millis(1),
            stack_bytes_max: 512 << 10,
        }
    }
}

/// The engine could not be built.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A value makes no sense.
    #[error("{key} is {value}: {expected}")]
    Config {
        /// Which.
        key: &'static str,
        /// What it is.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A `Guarded` engine would run out of mappings, and then the whole process.
    #[error(
        "{instances_max} guarded instances take about {needed} memory mappings, and vm.max_map_count is \
         {mappings_max}: ask for fewer, or for the compact layout, or raise it (`sysctl vm.max_map_count`)"
    )]
    Mappings {
        /// How many were asked for.
        instances_max: u32,
        /// For those.
        needed: u64,
        /// What the system gives a process.
        mappings_max: u64,
    },
    /// The pool of a `Guarded` engine could not be reserved.
    #[error(
        "{instances_max} guarded instances could not be reserved ({source:#}): ask for fewer, or for the \
         compact layout"
    )]
    Reserve {
        /// How many were asked for.
        instances_max: u32,
        /// What the system says.
        source: wasmtime::Error,
    },
    /// Anything else that wasmtime says.
    #[error("wasmtime: {0:#}")]
    Wasmtime(wasmtime::Error),
}

/// What a 32-bit memory can address: with as much reserved, and a guard behind
/// it, no access of a guest leaves its slot, and none need be checked.
const GUARDED_RESERVATION_BYTES: u64 = 4 << 30;

/// Core instances, tables and memories that the pool holds for each instance.
/// A Rust guest has 3 core instances and 2 tables, with the adapter of WASI 5
/// and 2; and 1 memory; and its passage is one more. An eighth more than that for what is being dropped.
const CORE_INSTANCES_PER_INSTANCE: u32 = 7;
const TABLES_PER_INSTANCE: u32 = 3;
const MEMORIES_PER_INSTANCE: u32 = 1;

/// What a guarded instance takes of `vm.max_map_count`: its initial image, the rest
/// of its memory, what it could still grow into, and a table (measured).
const MAPPINGS_PER_INSTANCE: u64 = 4;

/// A suspendable actor's stack is pages and a guard: two mappings.
const MAPPINGS_PER_STACK: u64 = 2;

/// What a suspendable actor's stack has for functions of the host, beyond what the
/// guest may use.
const HOST_STACK_BYTES: usize = 1 << 20;

/// How much of a dropped instance's memory stays for the next one. Cheap only
/// together with `PAGEMAP_SCAN`, which finds the pages to be cleared.
const KEEP_RESIDENT_BYTES: usize = 1 << 20;

/// Innermost frames to look at after a trap, for the name of a function.
const BACKTRACE_FRAMES: usize = 16;

/// Compiles components, and holds the memory that their instances live in.
/// Cloning it is cheap; all clones are one engine.
#[derive(Clone)]
pub struct Engine {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) wasmtime: wasmtime::Engine,
    pub(super) config: EngineConfig,
    /// How often it has ticked.
    ticks: Counter,
    /// How many instances are alive.
    instances: SharedCounter,
    /// The contract's imports but `ask`, without WASI and with it.
    linkers: [Linker<HostState>; 2],
    /// All of the contract's imports, without WASI and with it.
    linkers_suspendable: [Linker<HostState>; 2],
}

impl Engine {
    /// Builds an engine.
    ///
    /// # Errors
    /// If the configuration makes no sense, or its memory cannot be reserved.
    pub fn new(config: &EngineConfig) -> Result<Self, EngineError> {
        validate(config)?;
        let wasmtime =
            wasmtime::Engine::new(&resolve(config)).map_err(|source| match config.memory_layout {
                MemoryLayout::Guarded => EngineError::Reserve { instances_max: config.instances_max, source },
                MemoryLayout::Compact => EngineError::Wasmtime(source),
            })?;
        let mut linker = Linker::new(&wasmtime);
        host::link(&mut linker).map_err(EngineError::Wasmtime)?;
        let mut suspendable = linker.clone();
        host::link_ask(&mut suspendable).map_err(EngineError::Wasmtime)?;
        let with_wasi = |linker: Linker<HostState>| {
            let mut with = linker.clone();
            wasi::link(&mut with).map_err(EngineError::Wasmtime)?;
            Ok([linker, with])
        };
        let shared = Shared {
            wasmtime,
            config: config.clone(),
            ticks: Counter::new(),
            instances: SharedCounter::new(),
            linkers: with_wasi(linker)?,
            linkers_suspendable: with_wasi(suspendable)?,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Moves the epoch on by one tick, which is what ends a guest that does not
    /// return. To be called every [`EngineConfig::epoch_period`], by one thread.
    pub fn tick(&self) {
        self.shared.ticks.increment();
        self.shared.wasmtime.increment_epoch();
    }

    /// The imports for a component that runs in this class.
    pub(super) fn linker(&self, class: ExecutionClass, info: &ComponentInfo) -> &Linker<HostState> {
        let linkers = match class {
            ExecutionClass::RunToCompletion => &self.shared.linkers,
            ExecutionClass::Suspendable => &self.shared.linkers_suspendable,
        };
        &linkers[usize::from(!info.wasi.is_empty())]
    }

    /// How often it has ticked.
    #[inline]
    pub(super) fn ticks(&self) -> u64 {
        self.shared.ticks.get()
    }

    /// What it was built from.
    pub fn config(&self) -> &EngineConfig {
        &self.shared.config
    }

    /// How many instances are alive, ready ones included.
    pub fn instances(&self) -> u64 {
        self.shared.instances.get()
    }

    /// Room for one more instance, if so much is left after it.
    pub(super) fn take_room(&self, left: u64) -> Option<Room> {
        let most = u64::from(self.shared.config.instances_max).saturating_sub(left);
        if self.shared.instances.add(1) >= most {
            self.shared.instances.take_back(1);
            return None;
        }
        Some(Room(self.clone()))
    }

    /// How many instances are never made ahead of need.
    pub(super) fn headroom(&self) -> u64 {
        u64::from(self.shared.config.instances_max) / 8
    }

    /// Is less than half of that left?
    pub(super) fn is_short_of_room(&self) -> bool {
        let most = u64::from(self.shared.config.instances_max);
        self.instances() + self.headroom() / 2 > most
    }

    /// Is half of the room for instances free?
    pub(super) fn is_half_free(&self) -> bool {
        self.instances() <= u64::from(self.shared.config.instances_max) / 2
    }

    /// Are more stacks left than so many? A suspendable instance may have one from
    /// the moment that it is made: its start functions run on it.
    pub(super) fn has_stacks_beyond(&self, left: u32) -> bool {
        let Some(metrics) = self.shared.wasmtime.pooling_allocator_metrics() else { return true };
        metrics.stacks() + (left as usize) < self.shared.config.suspendable_max as usize
    }

    /// How many stacks are never taken ahead of need.
    pub(super) fn stacks_headroom(&self) -> u32 {
        self.shared.config.suspendable_max / 8
    }

    /// Why there is none.
    pub(super) fn no_room(&self) -> CreateError {
        CreateError::Exhausted(format!(
            "all {} instances (instances_max) are alive",
            self.shared.config.instances_max
        ))
    }

    /// For each shard's thread, once: what wasmtime would otherwise do there in
    /// the middle of the first call.
    pub(super) fn prepare_thread() {
        wasmtime::Engine::tls_eager_initialize();
    }
}

/// One of the instances that may be alive at once.
pub(super) struct Room(Engine);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.shared.instances.take_back(1);
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("config", &self.shared.config).finish_non_exhaustive()
    }
}

fn validate(config: &EngineConfig) -> Result<(), EngineError> {
    let refuse = |key, value: &dyn ToString, expected| {
        Err(EngineError::Config { key, value: value.to_string(), expected })
    };
    if config.instances_max == 0 {
        return refuse("instances_max", &config.instances_max, "at least 1");
    }
    if config.memory_bytes_max == 0 || config.memory_bytes_max > GUARDED_RESERVATION_BYTES {
        return refuse("memory_bytes_max", &config.memory_bytes_max, "from 1 to 4294967296 (4 GiB)");
    }
    if config.epoch_period < Duration::from_micros(50) {
        return refuse("epoch_period in ns", &config.epoch_period.as_nanos(), "at least 50000 (50 µs)");
    }
    if config.stack_bytes_max < 16 << 10 {
        return refuse("stack_bytes_max", &config.stack_bytes_max, "at least 16384");
    }
    if config.memory_layout == MemoryLayout::Guarded {
        validate_mappings(config)?;
    }
    Ok(())
}

/// A process that is out of mappings cannot even allocate: so not so far.
fn validate_mappings(config: &EngineConfig) -> Result<(), EngineError> {
    let limit = std::fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    let Some(mappings_max) = limit.and_then(|limit| limit.trim().parse::<u64>().ok()) else { return Ok(()) };
    let instances_max = config.instances_max;
    let needed = u64::from(instances_max) * MAPPINGS_PER_INSTANCE
        + u64::from(config.suspendable_max) * MAPPINGS_PER_STACK;
    if needed > mappings_max / 10 * 9 {
        return Err(EngineError::Mappings { instances_max, needed, mappings_max });
    }
    Ok(())
}

fn resolve(config: &EngineConfig) -> Config {
    let mut resolved = Config::new();
    resolved
        .epoch_interruption(true)
        // Without it a component call costs a third (the design has the figures).
        .concurrency_support(false)
        .wasm_component_model(true)
        .max_wasm_stack(config.stack_bytes_max)
        // Overflowing what is left for the host's functions would end the process.
        .async_stack_size(config.stack_bytes_max + HOST_STACK_BYTES)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES))
        // For a profiler that unwinds through guests, and for offsets in back
        // traces: nobody here does either, and compiled components get smaller.
        .generate_address_map(false);
    if !cfg!(windows) {
        resolved.native_unwind_info(false);
    }
    match config.memory_layout {
        MemoryLayout::Guarded => guarded(&mut resolved, config),
        MemoryLayout::Compact => compact(&mut resolved),
    }
    resolved
}

fn guarded(resolved: &mut Config, config: &EngineConfig) {
    let instances = config.instances_max.saturating_add(config.instances_max.div_ceil(8));
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_INSTANCE))
        .total_memories(instances.saturating_mul(MEMORIES_PER_INSTANCE))
        .total_tables(instances.saturating_mul(TABLES_PER_INSTANCE))
        .max_tables_per_module(TABLES_PER_INSTANCE)
        .table_elements(config.table_elements_max as usize)
        .total_stacks(config.suspendable_max)
        .max_memory_size(usize::try_from(config.memory_bytes_max).unwrap_or(usize::MAX));
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
            .table_keep_resident(KEEP_RESIDENT_BYTES);
    }
    resolved
        .memory_reservation(GUARDED_RESERVATION_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
}

fn compact(resolved: &mut Config) {
    resolved
        .allocation_strategy(InstanceAllocationStrategy::OnDemand)
        .with_host_memory(Arc::new(CompactMemories::default()))
        .memory_reservation(0)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .memory_may_move(true)
        // An image of its initial content cannot be mapped into a slot.
        .memory_init_cow(false);
}
