//! What actors say to each other besides plain messages, and what it costs, without
//! a guest: requests, topics, timers. Each stands beside the plain messages that it
//! is made of.
//!
//! `cargo bench --bench messaging --no-default-features`. One thread, no driver: the
//! shards are turned by hand.
#![allow(missing_docs)] // criterion's macros

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raddle::actor::{Actor, ActorId, Child, Context, Filter, Message, Native, Notice, Outcome, Subject};
use raddle::control::topic::TopicTable;
use raddle::metrics::Clock;
use raddle::shard::{Command, Control, MailboxSpec, Shard, ShardConfig, SpawnSpec, TimerWheel, seeds};
use raddle::sync::{Doorbell, Injector, Wake, reply_slot};

const SUBSCRIBERS: usize = 1_000;

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// Shards that take turns on this thread.
struct World {
    shards: Vec<Shard>,
    injectors: Vec<Injector<Command>>,
}

impl World {
    fn new(shards: usize) -> Self {
        let config = ShardConfig { measures_latency: false, ..ShardConfig::default() };
        let doorbells: Vec<_> = (0..shards).map(|_| Arc::new(Doorbell::new(Box::new(NoWake)))).collect();
        let (seeds, outside): (Vec<_>, Vec<_>) =
            seeds(config, &Clock::start(), &doorbells).into_iter().unzip();
        let injectors = outside.into_iter().map(|outside| outside.injector).collect();
        Self { shards: seeds.into_iter().map(Shard::new).collect(), injectors }
    }

    fn turn(&mut self) {
        for shard in &mut self.shards {
            shard.turn();
        }
    }

    fn spawn<F, C>(&mut self, shard: usize, make: F) -> ActorId
    where
        F: Fn() -> C + Clone + Send + Sync + 'static,
        C: Child + 'static,
    {
        let (done, waiter) = reply_slot();
        let blueprint = Arc::new(Native::new("bench", move |_| make()));
        let mailbox = MailboxSpec { messages_max: Some(65_536), ..MailboxSpec::default() };
        let spec = SpawnSpec { mailbox, ..SpawnSpec::new(blueprint) };
        let spawn = Command::Control(Control::spawn(spec, done));
        assert!(self.injectors[shard].push(spawn).is_ok());
        while !waiter.is_ready() {
            self.turn();
        }
        waiter.wait().expect("the shard answers").expect("it starts")
    }

    /// Lets an actor do what it does so often, and waits until `count` says that it is
    /// done.
    fn run(&mut self, actor: ActorId, times: u64, count: &AtomicU64, until: u64) -> Duration {
        let message = Message::new(actor, &times.to_le_bytes());
        count.store(0, Relaxed);
        let start = Instant::now();
        assert!(self.injectors[actor.shard().index()].push(Command::Tell(message)).is_ok());
        while count.load(Relaxed) < until {
            self.turn();
        }
        start.elapsed()
    }
}

fn times(message: &Message) -> u64 {
    u64::from_le_bytes(message.payload[..].try_into().expect("a number"))
}

/// Answers what it is asked; sends back what it is sent.
struct Echo;

impl Actor for Echo {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        if message.request.is_some() {
            return Outcome::Done(Some(message.payload.clone()));
        }
        let sender = message.from.expect("an actor sent it");
        context.send_bytes(sender, &message.payload).expect("there is room");
        Outcome::Done(None)
    }
}

impl Child for Echo {}

/// Asks, or sends, again and again, each time when there was an answer.
struct Asker {
    to: ActorId,
    asks: bool,
    left: u64,
    count: Arc<AtomicU64>,
}

impl Asker {
    fn next(&mut self, context: &Context) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        if self.asks {
            context.request(self.to, &[7; 8], Duration::from_secs(1)).expect("there is room");
        } else {
            context.send_bytes(self.to, &[7; 8]).expect("there is room");
        }
    }

    fn answered(&mut self, context: &Context) {
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        self.next(context);
    }
}

impl Actor for Asker {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        if message.from.is_none() {
            self.left = times(message);
            self.next(context);
        } else {
            self.answered(context);
        }
        Outcome::Done(None)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        if let Notice::Reply { outcome, .. } = notice {
            black_box(outcome.expect("a reply"));
        }
        self.answered(context);
        Outcome::Done(None)
    }
}

impl Child for Asker {}

fn requests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("there and back");
    for (shards, place) in [(1, "one shard"), (2, "two shards, in turns")] {
        for (asks, name) in [(false, "two messages"), (true, "request and reply")] {
            let mut world = World::new(shards);
            let to = world.spawn(shards - 1, || Echo);
            let count = Arc::new(AtomicU64::new(0));
            let for_asker = count.clone();
            let asker = world.spawn(0, move || Asker { to, asks, left: 0, count: for_asker.clone() });
            group.bench_function(format!("{name}, {place}"), |bencher| {
                bencher.iter_custom(|iterations| world.run(asker, iterations, &count, iterations));
            });
        }
    }
    group.finish();
}

/// Counts what it gets.
struct Subscriber {
    subscribes: bool,
    count: Arc<AtomicU64>,
}

impl Actor for Subscriber {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        black_box(&message.payload[..]);
        self.count.store(self.count.load(Relaxed) + 1, Relaxed);
        Outcome::Done(None)
    }
}

impl Child for Subscriber {
    fn start(
        &mut self,
        context: &Context,
        _: &raddle::actor::Incarnation,
    ) -> Result<(), raddle::actor::StartError> {
        if self.subscribes {
            context.subscribe("news.*").expect("a filter");
        }
        Ok(())
    }
}

/// Publishes, or sends to each by itself; the next time when all have had it.
struct Publisher {
    to: Option<Vec<ActorId>>,
    bytes: Vec<u8>,
}

impl Actor for Publisher {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        for _ in 0..times(message) {
            match &self.to {
                None => context.publish("news.today", &self.bytes[..]).expect("a subject"),
                Some(to) => {
                    for &to in to {
                        context.send_bytes(to, &self.bytes).expect("there is room");
                    }
                }
            }
        }
        Outcome::Done(None)
    }
}

impl Child for Publisher {}

fn topics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("to 1000 subscribers of one shard");
    group.throughput(Throughput::Elements(SUBSCRIBERS as u64));
    for bytes in [8, 1_024] {
        for publishes in [false, true] {
            let mut world = World::new(1);
            let count = Arc::new(AtomicU64::new(0));
            let subscribers: Vec<_> = (0..SUBSCRIBERS)
                .map(|_| {
                    let count = count.clone();
                    world.spawn(0, move || Subscriber { subscribes: publishes, count: count.clone() })
                })
                .collect();
            let to = (!publishes).then_some(subscribers);
            let publisher = world.spawn(0, move || Publisher { to: to.clone(), bytes: vec![7; bytes] });
            let name = if publishes { "published" } else { "sent one by one" };
            group.bench_function(format!("{name}, {bytes} B"), |bencher| {
                bencher.iter_custom(|iterations| {
                    (0..iterations).map(|_| world.run(publisher, 1, &count, SUBSCRIBERS as u64)).sum()
                });
            });
        }
    }
    group.finish();
}

fn matching(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("match a subject");
    for filters in [100, 100_000] {
        let mut table = TopicTable::new();
        let number = |n: u32| (n.wrapping_mul(2_654_435_761) >> 8) % 1_000;
        for n in 0..filters {
            let (a, b) = (n / 1_000, number(n));
            let text = match n % 10 {
                0 => format!("region{a}.*.sensor{n}"),
                1 => format!("region{a}.city{b}.>"),
                _ => format!("region{a}.city{b}.sensor{n}"),
            };
            table.entry(&Filter::parse(&text).expect("a filter"), || n);
        }
        table.entry(&Filter::parse("*.*.sensor7").expect("a filter"), || 0);
        let subjects: Vec<_> = (0..filters)
            .step_by((filters / 100) as usize)
            .map(|n| {
                let text = format!("region{}.city{}.sensor{n}", n / 1_000, number(n));
                Subject::parse(&text).expect("a subject")
            })
            .collect();
        let mut next = 0;
        group.bench_function(format!("{filters} filters"), |bencher| {
            bencher.iter(|| {
                next = (next + 1) % subjects.len();
                let mut found = 0;
                table.matches(black_box(&subjects[next]), |_| found += 1);
                black_box(found)
            });
        });
    }
    group.finish();
}

fn timers(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("timers, with a million pending");
    let mut wheel = TimerWheel::new(0);
    let mut state = 1_u64;
    let mut delay_ns = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 24) % 60_000_000_000
    };
    for n in 0..1_000_000_u64 {
        wheel.insert(delay_ns(), n);
    }
    group.bench_function("insert and cancel", |bencher| {
        bencher.iter(|| {
            let timer = wheel.insert(delay_ns(), 7);
            black_box(wheel.cancel(timer))
        });
    });
    group.finish();
}

criterion_group!(benches, requests, topics, matching, timers);
criterion_main!(benches);
