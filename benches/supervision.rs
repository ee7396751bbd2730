//! What supervision, names and health cost, each beside a floor of the same run:
//! `taskset -c 0,1 cargo bench --no-default-features --features wasm,runtime --bench supervision`.
//!
//! | | floor |
//! |---|---|
//! | a lookup | a `HashMap` of the same names |
//! | a name registered, and released, across shards | a message there and back |
//! | an innocent's latency while 10,000 guests are asked how they are | the same without |
//! | from the trap of a guest to its replacement serving | the same with wasmtime alone |
//! | the stop of 10,000 dynamic children | that of 1,000 |
//!
//! Shards are turned by hand where CPU time is the question, and are threads where
//! latency is. Each figure is the median of several rounds that take turns. One part alone:
//! `-- names`, `stop`, `death` or `health`.
#![allow(missing_docs)]

#[path = "supervision/death.rs"]
mod death;
#[path = "supervision/health.rs"]
mod health;
#[path = "supervision/names.rs"]
mod names;
mod parts;
#[path = "bare/pooled.rs"]
mod pooled;
#[path = "supervision/stop.rs"]
mod stop;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use raddle::ActorId;
use raddle::actor::{Message, Payload, RequestError};
use raddle::metrics::Clock;
use raddle::shard::{
    Asker, ChildSource, Command, Control, Extra, Outside, Shard, ShardConfig, SpawnError, SpawnSpec,
    SupervisorControl, SupervisorId, Tree, Turned, seeds,
};
use raddle::sync::{Doorbell, Waiter, Wake, reply_slot};

const ROUNDS: usize = 11;

struct Awake;

impl Wake for Awake {
    fn wake(&self) {}
}

/// Shards that are turned by hand.
struct World {
    shards: Vec<Shard>,
    outside: Vec<Outside>,
}

impl World {
    fn new(shards: usize, config: ShardConfig) -> Self {
        let bells: Vec<_> = (0..shards).map(|_| Arc::new(Doorbell::new(Box::new(Awake)))).collect();
        let (seeds, outside): (Vec<_>, Vec<_>) = seeds(config, &Clock::start(), &bells).into_iter().unzip();
        Self { shards: seeds.into_iter().map(Shard::new).collect(), outside }
    }

    fn turn(&mut self) -> bool {
        self.shards.iter_mut().fold(false, |busy, shard| (shard.turn() == Turned::Busy) | busy)
    }

    fn rest(&mut self) {
        while self.turn() {}
    }

    /// Turns until there is an answer; how many turns of all shards it took.
    fn answer<T>(&mut self, waiter: Waiter<T>) -> (T, usize) {
        let mut turns = 0;
        while !waiter.is_ready() {
            self.turn();
            turns += 1;
        }
        (waiter.wait().expect("the shards answer"), turns)
    }

    fn control(&mut self, shard: usize, control: Control) {
        let mut command = Command::Control(control);
        while let Err(full) = self.outside[shard].injector.push(command) {
            command = full.into_inner();
            self.turn();
        }
    }

    fn spawn(&mut self, shard: usize, spec: SpawnSpec) -> (ActorId, usize) {
        let (done, waiter) = reply_slot();
        self.control(shard, Control::spawn(spec, done));
        let (actor, turns) = self.answer(waiter);
        (actor.expect("it starts"), turns)
    }

    fn tell(&mut self, to: ActorId, payload: impl Into<Payload>) {
        let command = Command::Tell(Message::new(to, payload));
        self.outside[to.shard().index()].injector.push(command).map_err(drop).expect("room");
    }

    fn ask(&mut self, to: ActorId, payload: impl Into<Payload>) -> Waiter<Result<Payload, RequestError>> {
        let (done, waiter) = reply_slot();
        let message = Message { expires_at_ns: u64::MAX >> 1, ..Message::new(to, payload) };
        let request = Command::Request(message, done);
        self.outside[to.shard().index()].injector.push(request).map_err(drop).expect("room");
        waiter
    }

    fn supervise(&mut self, tree: Tree) -> SupervisorId {
        let (done, waiter) = reply_slot();
        let start = SupervisorControl::Start { tree: Arc::new(tree), done };
        self.control(0, Control::supervisor(start));
        self.answer(waiter).0.expect("it starts")
    }

    fn start_from_template(&mut self, supervisor: SupervisorId) -> Waiter<Result<ActorId, SpawnError>> {
        let (done, waiter) = reply_slot();
        let (extra, asker) = (Box::new(Extra::default()), Asker::Actor(done));
        let start = SupervisorControl::StartFromTemplate { supervisor, extra, asker };
        self.control(0, Control::supervisor(start));
        waiter
    }
}

fn actor(shard: usize, spec: SpawnSpec) -> ChildSource {
    ChildSource::Actor { shard: raddle::ShardId(shard as u16), spec }
}

fn guest(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests/prebuilt").join(name).with_extension("wasm")
}

fn ns_of<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let done = work();
    (started.elapsed().as_nanos() as f64, done)
}

/// The median, after sorting.
fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What is that far up, after sorting.
fn percentile(figures: &mut [f64], part: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[((figures.len() - 1) as f64 * part) as usize]
}

/// A line: the median with its spread, and the ratio to a floor.
fn print(name: &str, unit: &str, figures: &mut [f64], floor: Option<f64>) -> f64 {
    let median = median(figures);
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    let ratio = floor.map_or(String::new(), |floor| format!("  {:.2} x floor", median / floor));
    println!("{name:<58} {median:9.1} {unit} ({least:.1} to {most:.1}){ratio}");
    median
}

fn main() {
    println!("medians of {ROUNDS} rounds, least and most in brackets");
    let parts: [(&str, fn()); 4] =
        [("names", names::run), ("stop", stop::run), ("death", death::run), ("health", health::run)];
    for (part, run) in parts {
        if parts::is_wanted(part) {
            run();
        }
    }
}
