//! The floor under lives: a store, an instance, one call, and the end of both; and
//! nothing else. As strong as it gets: instances from a pool whose memories stay
//! resident, as Raddle sets it.

use std::ops::Range;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use wasmtime::component::{Component, ComponentExportIndex, InstancePre};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

use super::bare::{EPOCHS_MAX, Handle, Sink, linker, plain};
use super::ring::pin;
use crate::word::{self, Op};

const INSTANCES_MAX: u32 = 64;
const KEEP_RESIDENT_BYTES: usize = 1 << 20;

pub(crate) struct Lives {
    pre: InstancePre<Option<Sink>>,
    handle: ComponentExportIndex,
}

impl Lives {
    pub(crate) fn new(guest: &[u8]) -> anyhow::Result<Self> {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(INSTANCES_MAX)
            .total_core_instances(INSTANCES_MAX * 6)
            .total_memories(INSTANCES_MAX)
            .total_tables(INSTANCES_MAX * 3);
        if PoolingAllocationConfig::is_pagemap_scan_available() {
            pool.pagemap_scan(Enabled::Yes)
                .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
                .table_keep_resident(KEEP_RESIDENT_BYTES);
        }
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .memory_reservation(4 << 30)
            .generate_address_map(false)
            .native_unwind_info(false)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).map_err(plain)?;
        let component = Component::new(&engine, guest).map_err(plain)?;
        let pre = linker(&engine, &component)?.instantiate_pre(&component).map_err(plain)?;
        let handler = component
            .get_export_index(None, "raddle:actor/handler@0.1.0")
            .context("the guest exports no handler")?;
        let handle =
            component.get_export_index(Some(&handler), "handle").context("the handler has no `handle`")?;
        Ok(Self { pre, handle })
    }

    /// ns per life, of lives on all these cores at once: how long it took, by how many
    /// they were. Each is asked something, and its reply is checked.
    pub(crate) fn ns_per_life(
        &self,
        cpus: &[Option<usize>],
        bytes: usize,
        lives: u64,
    ) -> anyhow::Result<f64> {
        let each = lives.div_ceil(cpus.len() as u64);
        let start = Arc::new(Barrier::new(cpus.len()));
        let took: Vec<anyhow::Result<Duration>> = std::thread::scope(|scope| {
            let on = |(index, &cpu): (usize, &Option<usize>)| {
                let (start, values) = (start.clone(), index as u64 * each..(index as u64 + 1) * each);
                scope.spawn(move || {
                    pin(cpu);
                    start.wait();
                    self.live(values, bytes)
                })
            };
            let threads: Vec<_> = cpus.iter().enumerate().map(on).collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined.map(|took| took.unwrap_or_else(|_| anyhow::bail!("a thread panicked"))).collect()
        });
        let took = took.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        let longest = took.into_iter().max().context("no cores to live on")?;
        Ok(longest.as_nanos() as f64 / (each * cpus.len() as u64) as f64)
    }

    fn live(&self, values: Range<u64>, bytes: usize) -> anyhow::Result<Duration> {
        let mut payload = word::payload(Op::Ask, 0, bytes);
        let begin = Instant::now();
        for value in values {
            word::write(&mut payload, Op::Ask, value);
            let reply = self.one(&payload)?;
            ensure!(word::read(&reply) == Some(value + 1), "asked with {value}, it replied {reply:?}");
        }
        Ok(begin.elapsed())
    }

    fn one(&self, payload: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut store = Store::new(self.pre.engine(), None);
        store.set_epoch_deadline(EPOCHS_MAX);
        let instance = self.pre.instantiate(&mut store).map_err(plain)?;
        let handle: Handle = instance.get_typed_func(&mut store, self.handle).map_err(plain)?;
        let (answer,) = handle.call(&mut store, (0, payload)).map_err(plain)?;
        let reply = answer.map_err(|failure| anyhow::anyhow!("the guest refused: {failure:?}"))?;
        reply.context("no reply")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_life_replies_once() {
        let lives = Lives::new(include_bytes!("../../../guests/prebuilt/sum.wasm")).unwrap();
        assert!(lives.ns_per_life(&[None, None], 64, 10).unwrap() > 0.0);
        // It counts what it is told to add, and answers nothing to that.
        let added = lives.one(&word::payload(Op::Add, 1, 64));
        assert!(added.is_err_and(|error| error.to_string() == "no reply"));
    }
}
