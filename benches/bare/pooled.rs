//! A guest with wasmtime alone, on a pool with the settings that Raddle has.

use std::path::Path;

use raddle::wasm::{Failure, Level};
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentType, InstancePre, Linker, Lower, TypedFunc, WasmStr,
};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

/// Further away than any measurement.
const EPOCHS_MAX: u64 = 1 << 40;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Start {
    id: u64,
    name: Option<String>,
    restarts: u32,
}

type Init = TypedFunc<(Start,), (Result<(), String>,)>;
type Handle = TypedFunc<(u64, &'static [u8]), (Answer,)>;
pub type Answer = Result<Option<Vec<u8>>, Failure>;

#[derive(Clone)]
pub struct Bare {
    engine: Engine,
    pre: InstancePre<()>,
    init: ComponentExportIndex,
    handle: ComponentExportIndex,
}

pub struct Instance {
    store: Store<()>,
    init: Init,
    handle: Handle,
}

impl Bare {
    /// With room for so many instances.
    pub fn new(guest: &Path, instances_max: u32) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(instances_max)
            .total_core_instances(6 * instances_max)
            .total_memories(instances_max)
            .total_tables(3 * instances_max);
        if PoolingAllocationConfig::is_pagemap_scan_available() {
            pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(1 << 20).table_keep_resident(1 << 20);
        }
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .memory_reservation(4 << 30)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_file(&engine, guest).unwrap();
        let export = |interface, function| {
            let interface = component.get_export_index(None, interface).unwrap();
            component.get_export_index(Some(&interface), function).unwrap()
        };
        let init = export("raddle:actor/lifecycle@0.1.0", "init");
        let handle = export("raddle:actor/handler@0.1.0", "handle");
        let mut linker = Linker::new(&engine);
        // What a guest calls that panics or starts: so its trap and its `init` are its own.
        let mut log = linker.instance("raddle:actor/log@0.1.0").unwrap();
        log.func_wrap("log", |_, (_, _, _): (Level, WasmStr, WasmStr)| Ok(())).unwrap();
        let mut config = linker.instance("raddle:actor/config@0.1.0").unwrap();
        config.func_wrap("get", |_, (_,): (WasmStr,)| Ok((None::<String>,))).unwrap();
        linker.define_unknown_imports_as_traps(&component).unwrap();
        Self { pre: linker.instantiate_pre(&component).unwrap(), engine, init, handle }
    }

    pub fn instantiate(&self) -> Instance {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(EPOCHS_MAX);
        let instance = self.pre.instantiate(&mut store).unwrap();
        let init = instance.get_typed_func(&mut store, self.init).unwrap();
        let handle = instance.get_typed_func(&mut store, self.handle).unwrap();
        Instance { store, init, handle }
    }
}

impl Instance {
    /// As the first incarnation of nobody in particular.
    pub fn init(&mut self) -> wasmtime::Result<Result<(), String>> {
        self.store.set_epoch_deadline(EPOCHS_MAX);
        let start = Start { id: 1, name: None, restarts: 0 };
        Ok(self.init.call(&mut self.store, (start,))?.0)
    }

    pub fn call(&mut self, payload: &'static [u8]) -> wasmtime::Result<Answer> {
        self.store.set_epoch_deadline(EPOCHS_MAX);
        Ok(self.handle.call(&mut self.store, (0, payload))?.0)
    }
}
