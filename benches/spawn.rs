//! What an actor costs to make, beside the same with wasmtime alone, in one run:
//! `cargo bench --no-default-features --features wasm --bench spawn`.
//!
//! *Warm*: an instance that is ready is taken, and `init` called. *Cold*: a store
//! is made, instantiated, and `init` called. *Sustained*: cold, and a message, and
//! the end, one after the other without a pause. A shard does it turn by turn; what an
//! outside thread spends to ask for it is measured in the last alone. Actors are asked for
//! their count, so that each was there.
//!
//! Twice each, in both memory layouts: `counter`, which imports nothing, and `greeter`,
//! which asks for its configuration in its `init`, as most actors would. The bare instances
//! are in wasmtime's own pool. One part alone: `-- warm`, `cold` or `sustained`.
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
use raddle::wasm::{CacheConfig, Engine, EngineConfig, Limits, MemoryLayout, PoolPolicy};
use raddle::wasm::{Component, ComponentBlueprint};

/// How many at a time.
const BATCH: usize = 64;
const ROUNDS: usize = 300;
const INSTANCES_MAX: u32 = 600;

/// What is spawned, and how it shows that it is there.
struct Guest {
    name: &'static str,
    /// What it counts, …
    message: &'static [u8],
    /// … what it is asked for its count, and what it says at first and after one message.
    ask: &'static [u8],
    none: &'static [u8],
    one: &'static [u8],
}

const GUESTS: [Guest; 2] = [
    Guest { name: "counter", message: b"add 1", ask: b"get", none: b"0", one: b"1" },
    Guest {
        name: "greeter",
        message: b"you",
        ask: b"how-many",
        none: b"{\"greeted\": 0}",
        one: b"{\"greeted\": 1}",
    },
];

const LAYOUTS: [(MemoryLayout, &str); 2] =
    [(MemoryLayout::Guarded, "guarded"), (MemoryLayout::Compact, "compact")];

/// A guest with wasmtime alone, and a component of it for each layout.
struct Subject {
    guest: &'static Guest,
    bare: Bare,
    components: [Component; 2],
}

impl Subject {
    fn new(guest: &'static Guest) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt");
        let path = folder.join(guest.name).with_extension("wasm");
        let components = LAYOUTS.map(|(memory_layout, _)| {
            let config =
                EngineConfig { instances_max: INSTANCES_MAX, memory_layout, ..EngineConfig::default() };
            Engine::new(&config).unwrap().load(&path, &CacheConfig::Disabled, &()).unwrap()
        });
        Self { guest, bare: Bare::new(&path, INSTANCES_MAX), components }
    }

    fn benches(&self, policy: PoolPolicy) -> [Bench; 2] {
        self.components.each_ref().map(|component| Bench::new(self.guest, component, policy))
    }
}

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
    guest: &'static Guest,
    shard: Shard,
    outside: Outside,
    blueprint: Arc<dyn Blueprint>,
    recipe: Arc<Recipe>,
}

impl Bench {
    fn new(guest: &'static Guest, component: &Component, policy: PoolPolicy) -> Self {
        let bell = Arc::new(Doorbell::new(Box::new(Awake)));
        let (seed, outside) = seeds(ShardConfig::default(), &Clock::start(), &[bell]).pop().unwrap();
        let blueprint = ComponentBlueprint::new(component.clone(), Limits::default(), policy).unwrap();
        let (shard, blueprint) = (Shard::new(seed), Arc::new(blueprint));
        Self { guest, shard, outside, blueprint, recipe: Arc::default() }
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

    fn tell(&self, actors: &[ActorId]) {
        for actor in actors {
            let command = Command::Tell(Message::new(*actor, self.guest.message));
            self.outside.injector.push(command).map_err(drop).unwrap();
        }
    }

    /// Each has counted so far, or it was not there.
    fn check(&mut self, actors: &[ActorId], count: &[u8]) {
        let question = self.guest.ask;
        let ask = |actor: &ActorId| {
            let (done, waiter): (_, Waiter<Result<Payload, RequestError>>) = reply_slot();
            let message = Message { expires_at_ns: u64::MAX >> 1, ..Message::new(*actor, question) };
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

/// Prints a row, and gives its median.
fn print(name: &str, figures: &mut [f64], bare: Option<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = |part: f64| figures[((figures.len() - 1) as f64 * part) as usize];
    let ratio = bare.map_or(String::new(), |bare| format!("  {:.2} x bare", at(0.5) / bare));
    println!(
        "  {name:<42} {:8.0} ns (p10 {:6.0}, p90 {:6.0}, p99 {:7.0}){ratio}",
        at(0.5),
        at(0.1),
        at(0.9),
        at(0.99)
    );
    at(0.5)
}

/// A row for the bare ones, and one for each layout.
fn print_all(what: &str, [bare, actors @ ..]: &mut [Vec<f64>; 3]) {
    let floor = print(&format!("{what}: bare"), bare, None);
    print_layouts(what, actors, floor);
}

fn print_layouts(what: &str, actors: &mut [Vec<f64>], floor: f64) {
    for (figures, (_, layout)) in actors.iter_mut().zip(LAYOUTS) {
        print(&format!("{what}: {layout}"), figures, Some(floor));
    }
}

/// How long a shard takes to make so many actors.
fn spawned_ns(bench: &mut Bench, how_many: usize) -> (f64, Vec<ActorId>) {
    let waiters = bench.ask_for(how_many);
    let started = Instant::now();
    let _ = bench.shard.turn();
    (started.elapsed().as_nanos() as f64 / how_many as f64, ids(waiters))
}

fn warm(subject: &Subject) {
    let policy = PoolPolicy { ready_min: BATCH, ready_max: BATCH, ..PoolPolicy::default() };
    let mut benches = subject.benches(policy);
    let [mut many, mut one] = [const { [const { Vec::new() }; 3] }; 2];
    for _ in 0..ROUNDS {
        let mut ready: Vec<_> = (0..BATCH).map(|_| Box::new(subject.bare.instantiate())).collect();
        let mut live = Vec::with_capacity(BATCH);
        let started = Instant::now();
        for _ in 0..BATCH {
            let mut instance = ready.pop().unwrap();
            begin(&mut instance);
            live.push(instance);
        }
        many[0].push(each_ns(started));
        drop(live);
        let mut instance = Box::new(subject.bare.instantiate());
        let started = Instant::now();
        begin(&mut instance);
        one[0].push(started.elapsed().as_nanos() as f64);

        for (bench, row) in benches.iter_mut().zip(1..) {
            bench.rest();
            for (how_many, figures) in [(BATCH, &mut many), (1, &mut one)] {
                let (each_ns, actors) = spawned_ns(bench, how_many);
                figures[row].push(each_ns);
                bench.check(&actors, bench.guest.none);
                bench.stop(&actors);
                bench.rest();
            }
        }
    }
    print_all("warm", &mut many);
    print_all("warm, one alone, with its turn", &mut one);
}

fn cold(subject: &Subject) {
    let mut benches = subject.benches(PoolPolicy { ready_min: 0, ready_max: 0, ..PoolPolicy::default() });
    let mut figures = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let live: Vec<_> = (0..BATCH)
            .map(|_| {
                let mut instance = subject.bare.instantiate();
                begin(&mut instance);
                instance
            })
            .collect();
        figures[0].push(each_ns(started));
        drop(live);
        for (bench, row) in benches.iter_mut().zip(1..) {
            let (each_ns, actors) = spawned_ns(bench, BATCH);
            figures[row].push(each_ns);
            bench.check(&actors, bench.guest.none);
            bench.stop(&actors);
            bench.rest();
        }
    }
    print_all("cold", &mut figures);
}

fn sustained_bare(subject: &Subject) -> f64 {
    let started = Instant::now();
    for _ in 0..BATCH {
        let mut instance = subject.bare.instantiate();
        begin(&mut instance);
        instance.call(subject.guest.message).unwrap().unwrap();
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
        bench.tell(&actors);
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
        bench.tell(&told);
        bench.stop(&counted);
        bench.rest();
        counted = std::mem::replace(&mut told, ids(waiters));
    }
    each_ns(started)
}

/// Spawned, told, stopped, again and again, by so many threads at once.
fn sustained_by(threads: usize, subject: &Subject) {
    let barrier = Barrier::new(threads);
    let run = || {
        let policy = PoolPolicy { ready_min: 1, ready_max: BATCH, ..PoolPolicy::default() };
        let mut benches = subject.benches(policy);
        // The bare ones; each layout in a stream; and one by one.
        let mut figures = [const { Vec::new() }; 5];
        for _ in 0..ROUNDS / 10 {
            barrier.wait();
            figures[0].extend((0..10).map(|_| sustained_bare(subject)));
            for (bench, row) in benches.iter_mut().zip(1..) {
                barrier.wait();
                figures[row].extend((0..10).map(|_| sustained(bench)));
                barrier.wait();
                figures[row + LAYOUTS.len()].extend((0..10).map(|_| one_by_one(bench)));
            }
        }
        for (bench, row) in benches.iter_mut().zip(1..) {
            let waiters = bench.ask_for(BATCH);
            bench.rest();
            let actors = ids(waiters);
            bench.check(&actors, bench.guest.none);
            bench.tell(&actors);
            bench.check(&actors, bench.guest.one);
            let told = (figures[row].len() + figures[row + LAYOUTS.len()].len()) * BATCH;
            assert_eq!(bench.outside.counters.handled.get(), (told + 3 * BATCH) as u64);
        }
        figures
    };
    let figures = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        runs.into_iter().map(|run| run.join().unwrap()).reduce(|mut all, more| {
            all.iter_mut().zip(more).for_each(|(all, more)| all.extend(more));
            all
        })
    });
    let [bare, actors @ ..] = &mut figures.unwrap();
    let (stream, alone) = actors.split_at_mut(LAYOUTS.len());
    let floor = print(&format!("message and stop, threads: {threads}: bare"), bare, None);
    print_layouts(&format!("message and stop, threads: {threads}"), stream, floor);
    print_layouts(&format!("the same one by one, threads: {threads}"), alone, floor);
}

fn main() {
    println!("ns each: medians of {ROUNDS} rounds of {BATCH}");
    for subject in GUESTS.iter().map(Subject::new) {
        println!("{}", subject.guest.name);
        if parts::is_wanted("warm") {
            warm(&subject);
        }
        if parts::is_wanted("cold") {
            cold(&subject);
        }
        for threads in [1, 2] {
            if parts::is_wanted("sustained") {
                sustained_by(threads, &subject);
            }
        }
    }
}
