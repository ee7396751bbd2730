//! What an actor costs to make, beside the same with wasmtime alone, in one run:
//! `cargo bench --no-default-features --features wasm --bench spawn`.
//!
//! *Warm*: an instance that is ready is taken, and `init` called. *Cold*: a store
//! is made, instantiated, and `init` called. *Sustained*: cold, and a message, and
//! the end, one after the other without a pause. A shard does it turn by turn; what an
//! outside thread spends to ask for it is not measured. Every actor is asked for its
//! count, so that each was there. One part alone: `-- warm`, `cold` or `sustained`.
#![allow(missing_docs)]

mod parts;
#[path = "bare/pooled.rs"]
mod pooled;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Barrier;
use std::time::Instant;

use pooled::{Bare, Instance};
use raddle::ActorId;
use raddle::actor::{Blueprint, Message, Payload, Recipe, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::metrics::Clock;
use raddle::shard::{Command, Control, Outside, Shard, ShardConfig, SpawnSpec, Turned, seeds};
use raddle::sync::{Doorbell, Waiter, Wake, reply_slot};
use raddle::wasm::{CacheConfig, Engine, EngineConfig, Limits, PoolPolicy};
use raddle::wasm::{Component, ComponentBlueprint};

/// How many at a time.
const BATCH: usize = 64;
const ROUNDS: usize = 300;
const INSTANCES_MAX: u32 = 600;

/// An instance that has just been taken, or made.
fn begin(instance: &mut Instance) {
    instance.init().unwrap().unwrap();
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
        self.outside.injector.push(Command::Control(control)).map_err(drop).unwrap();
    }

    fn ask_for(&self, how_many: usize) -> Vec<Waiter<Result<ActorId, raddle::shard::SpawnError>>> {
        let ask = |_| {
            let (done, waiter) = reply_slot();
            let spec = SpawnSpec { recipe: self.recipe.clone(), ..SpawnSpec::new(self.blueprint.clone()) };
            self.control(Control::spawn(spec, done));
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
            begin(&mut instance);
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
        begin(&mut instance);
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
                begin(&mut instance);
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
        begin(&mut instance);
        instance.call(b"add 1").unwrap().unwrap();
    }
    each_ns(started)
}

/// Each alone: nothing else happens until it is there, has counted, and is gone.
fn one_by_one(bench: &mut Bench) -> f64 {
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

/// As it is on a shard that has more to do: one is spawned, the one before it is told,
/// and the one before that is stopped, in the same turn.
fn sustained(bench: &mut Bench) -> f64 {
    let started = Instant::now();
    let (mut told, mut counted) = (Vec::new(), Vec::new());
    for life in 0..BATCH + 2 {
        let waiters = bench.ask_for(usize::from(life < BATCH));
        bench.tell(&told, b"add 1");
        bench.stop(&counted);
        bench.rest();
        counted = std::mem::replace(&mut told, ids(waiters));
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
            let mut figures = [const { Vec::new() }; 3];
            for _ in 0..ROUNDS / 10 {
                barrier.wait();
                figures[0].extend((0..10).map(|_| sustained_bare(&bare)));
                barrier.wait();
                figures[1].extend((0..10).map(|_| sustained(&mut bench)));
                barrier.wait();
                figures[2].extend((0..10).map(|_| one_by_one(&mut bench)));
            }
            let waiters = bench.ask_for(BATCH);
            bench.rest();
            bench.check(&ids(waiters), b"0");
            let told = (figures[1].len() + figures[2].len()) * BATCH;
            assert_eq!(bench.outside.counters.handled.get(), (told + BATCH) as u64);
            figures
        })
    };
    let runs: Vec<_> = (0..threads).map(|_| run()).collect();
    let mut figures = [const { Vec::new() }; 3];
    for run in runs {
        let more = run.join().unwrap();
        figures.iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
    }
    let [bare, streamed, alone] = &mut figures;
    let floor = print(&format!("bare: all of it, and drop; threads: {threads}"), bare, None);
    print(&format!("spawn, message, stop; threads: {threads}"), streamed, Some(floor));
    print(&format!("the same one by one; threads: {threads}"), alone, Some(floor));
}

fn main() {
    let guest = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt/counter.wasm");
    let bare = Bare::new(&guest, INSTANCES_MAX);
    let engine =
        Engine::new(&EngineConfig { instances_max: INSTANCES_MAX, ..EngineConfig::default() }).unwrap();
    let component = engine.load(&guest, &CacheConfig::Disabled, &()).unwrap();
    println!("ns each of `counter`: medians of {ROUNDS} rounds of {BATCH}");
    if parts::is_wanted("warm") {
        warm(&bare, &component);
    }
    if parts::is_wanted("cold") {
        cold(&bare, &component);
    }
    for threads in [1, 2] {
        if parts::is_wanted("sustained") {
            sustained_by(threads, &bare, &component);
        }
    }
}
