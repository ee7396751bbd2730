//! What an actor costs to make, beside the same with wasmtime alone, in one run:
//! `cargo bench --no-default-features --features wasm --bench spawn`.
//!
//! *Warm*: an instance that is ready is taken, and `init` called. *Cold*: a store
//! is made, instantiated, and `init` called. *Sustained*: cold, and a message, and
//! the end. A shard does it turn by turn; what an outside thread spends to ask for
//! it is not measured. Every actor is asked for its count, so that each was there.
#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Barrier;
use std::time::Instant;

use raddle::ActorId;
use raddle::actor::{Blueprint, Message, Payload, Recipe, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::metrics::Clock;
use raddle::shard::{Command, Control, Outside, Shard, ShardConfig, SpawnSpec, Turned, seeds};
use raddle::sync::{Doorbell, Waiter, Wake, reply_slot};
use raddle::wasm::{CacheConfig, Engine, EngineConfig, Failure, Limits, PoolPolicy};
use raddle::wasm::{Component, ComponentBlueprint};
use wasmtime::component::{ComponentExportIndex, ComponentType, InstancePre, Linker, Lower, TypedFunc};
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

/// How many at a time.
const BATCH: usize = 64;
const ROUNDS: usize = 300;

#[derive(ComponentType, Lower)]
#[component(record)]
struct Start {
    id: u64,
    name: Option<String>,
    restarts: u32,
}

type Init = TypedFunc<(Start,), (Result<(), String>,)>;
type Handle = TypedFunc<(u64, &'static [u8]), (Result<Option<Vec<u8>>, Failure>,)>;

/// The guest with wasmtime alone, on a pool with the settings that Raddle has.
#[derive(Clone)]
struct Bare {
    engine: wasmtime::Engine,
    pre: InstancePre<()>,
    init: ComponentExportIndex,
    handle: ComponentExportIndex,
}

struct Instance {
    store: Store<()>,
    init: Init,
    handle: Handle,
}

impl Bare {
    fn new(guest: &Path) -> Self {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_component_instances(600).total_core_instances(3600).total_memories(600).total_tables(1800);
        if PoolingAllocationConfig::is_pagemap_scan_available() {
            pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(1 << 20).table_keep_resident(1 << 20);
        }
        let mut config = Config::new();
        config
            .concurrency_support(false)
            .epoch_interruption(true)
            .memory_reservation(4 << 30)
            .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        let engine = wasmtime::Engine::new(&config).unwrap();
        let component = wasmtime::component::Component::from_file(&engine, guest).unwrap();
        let export = |interface, function| {
            let interface = component.get_export_index(None, interface).unwrap();
            component.get_export_index(Some(&interface), function).unwrap()
        };
        let init = export("raddle:actor/lifecycle@0.1.0", "init");
        let handle = export("raddle:actor/handler@0.1.0", "handle");
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).unwrap();
        Self { pre: linker.instantiate_pre(&component).unwrap(), engine, init, handle }
    }

    fn instantiate(&self) -> Instance {
        let mut store = Store::new(&self.engine, ());
        store.set_epoch_deadline(1 << 40);
        let instance = self.pre.instantiate(&mut store).unwrap();
        let init = instance.get_typed_func(&mut store, self.init).unwrap();
        let handle = instance.get_typed_func(&mut store, self.handle).unwrap();
        Instance { store, init, handle }
    }
}

impl Instance {
    fn init(&mut self) {
        self.store.set_epoch_deadline(1 << 40);
        let start = Start { id: 1, name: None, restarts: 0 };
        self.init.call(&mut self.store, (start,)).unwrap().0.unwrap();
    }

    fn call(&mut self, payload: &'static [u8]) -> Vec<u8> {
        self.store.set_epoch_deadline(1 << 40);
        let (answer,) = self.handle.call(&mut self.store, (0, payload)).unwrap();
        answer.unwrap().unwrap_or_default()
    }
}

struct Awake;

impl Wake for Awake {
    fn wake(&self) {}
}

/// One shard, and actors of one kind.
struct Bench {
    shard: Shard,
    outside: Outside,
    blueprint: Arc<dyn Blueprint>,
    recipe: Arc<Recipe>,
}

impl Bench {
    fn new(component: &Component, policy: PoolPolicy) -> Self {
        let bell = Arc::new(Doorbell::new(Box::new(Awake)));
        let (seed, outside) = seeds(ShardConfig::default(), &Clock::start(), &[bell]).pop().unwrap();
        let blueprint = ComponentBlueprint::new(component.clone(), Limits::default(), policy).unwrap();
        Self { shard: Shard::new(seed), outside, blueprint: Arc::new(blueprint), recipe: Arc::default() }
    }

    fn rest(&mut self) {
        while self.shard.turn() == Turned::Busy {}
    }

    fn control(&self, control: Control) {
        self.outside.injector.push(Command::Control(Box::new(control))).map_err(drop).unwrap();
    }

    fn ask_for(&self, how_many: usize) -> Vec<Waiter<Result<ActorId, raddle::shard::SpawnError>>> {
        let ask = |_| {
            let (done, waiter) = reply_slot();
            let spec = SpawnSpec { recipe: self.recipe.clone(), ..SpawnSpec::new(self.blueprint.clone()) };
            self.control(Control::Spawn { spec, done });
            waiter
        };
        (0..how_many).map(ask).collect()
    }

    fn tell(&self, actors: &[ActorId], payload: &'static [u8]) {
        for actor in actors {
            let command = Command::Tell(Message::new(*actor, payload));
            self.outside.injector.push(command).map_err(drop).unwrap();
        }
    }

    /// Each has counted so far, or none of them was there.
    fn check(&mut self, actors: &[ActorId], count: &[u8]) {
        let ask = |actor: &ActorId| {
            let (done, waiter): (_, Waiter<Result<Payload, RequestError>>) = reply_slot();
            let message = Message { expires_at_ns: u64::MAX >> 1, ..Message::new(*actor, &b"get"[..]) };
            self.outside.injector.push(Command::Request(message, done)).map_err(drop).unwrap();
            waiter
        };
        let waiters: Vec<_> = actors.iter().map(ask).collect();
        self.rest();
        for waiter in waiters {
            assert_eq!(*waiter.wait().unwrap().unwrap(), *count);
        }
    }

    fn stop(&self, actors: &[ActorId]) {
        for actor in actors {
            let (done, _) = reply_slot();
            self.control(Control::Stop { actor: *actor, shutdown: Shutdown::default(), done });
        }
    }
}

fn ids(waiters: Vec<Waiter<Result<ActorId, raddle::shard::SpawnError>>>) -> Vec<ActorId> {
    waiters.into_iter().map(|waiter| waiter.wait().unwrap().unwrap()).collect()
}

fn each_ns(started: Instant) -> f64 {
    started.elapsed().as_nanos() as f64 / BATCH as f64
}

fn print(name: &str, figures: &mut [f64], bare: Option<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = |part: f64| figures[((figures.len() - 1) as f64 * part) as usize];
    let ratio = bare.map_or(String::new(), |bare| format!("  {:.2} x bare", at(0.5) / bare));
    println!(
        "{name:<44} {:8.0} ns (p10 {:6.0}, p90 {:6.0}, p99 {:7.0}){ratio}",
        at(0.5),
        at(0.1),
        at(0.9),
        at(0.99)
    );
    at(0.5)
}

fn warm(bare: &Bare, component: &Component) {
    let mut bench =
        Bench::new(component, PoolPolicy { ready_min: BATCH, ready_max: BATCH, ..PoolPolicy::default() });
    let mut figures = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        let mut ready: Vec<_> = (0..BATCH).map(|_| Box::new(bare.instantiate())).collect();
        let mut live = Vec::with_capacity(BATCH);
        let started = Instant::now();
        for _ in 0..BATCH {
            let mut instance = ready.pop().unwrap();
            instance.init();
            live.push(instance);
        }
        figures[0].push(each_ns(started));
        drop(live);

        bench.rest();
        let waiters = bench.ask_for(BATCH);
        let started = Instant::now();
        let _ = bench.shard.turn();
        figures[1].push(each_ns(started));
        let actors = ids(waiters);
        bench.check(&actors, b"0");
        bench.stop(&actors);
        bench.rest();

        let mut instance = Box::new(bare.instantiate());
        let started = Instant::now();
        instance.init();
        figures[2].push(started.elapsed().as_nanos() as f64);
        let waiters = bench.ask_for(1);
        let started = Instant::now();
        let _ = bench.shard.turn();
        figures[3].push(started.elapsed().as_nanos() as f64);
        let actors = ids(waiters);
        bench.stop(&actors);
    }
    let [many, spawned, one, one_spawned] = &mut figures;
    let floor = print("bare: take, init", many, None);
    print("spawn, warm", spawned, Some(floor));
    let floor = print("bare: take, init, one alone", one, None);
    print("spawn, warm, one alone, with its turn", one_spawned, Some(floor));
}

fn cold(bare: &Bare, component: &Component) {
    let mut bench = Bench::new(component, PoolPolicy { ready_min: 0, ready_max: 0, ..PoolPolicy::default() });
    let (mut floor, mut spawned) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let live: Vec<_> = (0..BATCH)
            .map(|_| {
                let mut instance = bare.instantiate();
                instance.init();
                instance
            })
            .collect();
        floor.push(each_ns(started));
        drop(live);
        let waiters = bench.ask_for(BATCH);
        let started = Instant::now();
        let _ = bench.shard.turn();
        spawned.push(each_ns(started));
        let actors = ids(waiters);
        bench.stop(&actors);
        bench.rest();
    }
    let floor = print("bare: store, instantiate, init", &mut floor, None);
    print("spawn, cold", &mut spawned, Some(floor));
}

fn sustained_bare(bare: &Bare) -> f64 {
    let started = Instant::now();
    for _ in 0..BATCH {
        let mut instance = bare.instantiate();
        instance.init();
        instance.call(b"add 1");
    }
    each_ns(started)
}

fn sustained(bench: &mut Bench) -> f64 {
    let started = Instant::now();
    for _ in 0..BATCH {
        let waiters = bench.ask_for(1);
        bench.rest();
        let actors = ids(waiters);
        bench.tell(&actors, b"add 1");
        bench.rest();
        bench.stop(&actors);
        bench.rest();
    }
    each_ns(started)
}

/// Spawned, told, stopped, again and again, by so many threads at once.
fn sustained_by(threads: usize, bare: &Bare, component: &Component) {
    let barrier = Arc::new(Barrier::new(threads));
    let run = || {
        let (barrier, bare, component) = (barrier.clone(), bare.clone(), component.clone());
        std::thread::spawn(move || {
            let policy = PoolPolicy { ready_min: 1, ready_max: BATCH, ..PoolPolicy::default() };
            let mut bench = Bench::new(&component, policy);
            let (mut floor, mut spawned) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS / 10 {
                barrier.wait();
                floor.extend((0..10).map(|_| sustained_bare(&bare)));
                barrier.wait();
                spawned.extend((0..10).map(|_| sustained(&mut bench)));
            }
            let waiters = bench.ask_for(BATCH);
            bench.rest();
            bench.check(&ids(waiters), b"0");
            (floor, spawned)
        })
    };
    let runs: Vec<_> = (0..threads).map(|_| run()).collect();
    let (mut floor, mut spawned) = (Vec::new(), Vec::new());
    for run in runs {
        let (a, b) = run.join().unwrap();
        floor.extend(a);
        spawned.extend(b);
    }
    let floor = print(&format!("bare: all of it, and drop; threads: {threads}"), &mut floor, None);
    print(&format!("spawn, message, stop; threads: {threads}"), &mut spawned, Some(floor));
}

fn main() {
    let guest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/counter.wasm");
    let bare = Bare::new(&guest);
    let engine = Engine::new(&EngineConfig { instances_max: 600, ..EngineConfig::default() }).unwrap();
    let component = engine.load(&guest, &CacheConfig::Disabled, &()).unwrap();
    println!("ns each of `counter`: medians of {ROUNDS} rounds of {BATCH}");
    warm(&bare, &component);
    cold(&bare, &component);
    for threads in [1, 2] {
        sustained_by(threads, &bare, &component);
    }
}
