//! What a message costs on one shard, without a guest: a sender, the mailbox, the
//! turn, a receiver. The floor of everything that goes through a guest.
//!
//! `cargo bench --bench turn --no-default-features`. One thread, no driver: the
//! shard, or two of them, is turned by hand until the receiver has counted every
//! message.
#![allow(missing_docs)] // criterion's macros

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use raddle::actor::{Actor, ActorId, Batch, BatchOutcome, Child, Context, Message, Native, Outcome, Payload};
use raddle::metrics::Clock;
use raddle::shard::{Command, Control, Shard, ShardConfig, SpawnSpec, Turned, seeds};
use raddle::sync::{Doorbell, Wake, reply_slot};

struct NoWake;

impl Wake for NoWake {
    fn wake(&self) {}
}

/// The last message of a burst: the receiver answers it.
const LAST: u8 = 3;
const BURST: u64 = 32;

/// Sends bursts, the next one when the last one has been answered.
struct Sender {
    to: ActorId,
    left: Arc<AtomicU64>,
    bytes: usize,
}

impl Actor for Sender {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        let left = self.left.load(Relaxed);
        let burst = BURST.min(left);
        let mut bytes = [1; 64];
        for number in 1..=burst {
            if number == burst {
                bytes[0] = LAST;
            }
            context.send_bytes(self.to, &bytes[..self.bytes]).expect("its mailbox has room for a burst");
        }
        self.left.store(left - burst, Relaxed);
        Outcome::Done(None)
    }
}

impl Child for Sender {}

/// Counts, and answers the last of each burst.
struct Receiver {
    count: Arc<AtomicU64>,
    local: u64,
    batch: usize,
}

impl Receiver {
    fn take(&mut self, context: &Context, message: &Message) {
        self.local += 1;
        if message.payload[0] == LAST {
            let sender = message.from.expect("an actor sent it");
            context.send_bytes(sender, &[]).expect("it waits for this");
        }
    }
}

impl Actor for Receiver {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        self.take(context, message);
        self.count.store(self.local, Relaxed);
        Outcome::Done(None)
    }

    fn batch_messages_max(&self) -> usize {
        self.batch
    }

    fn handle_batch(&mut self, context: &Context, batch: Batch<'_>) -> BatchOutcome {
        for message in batch {
            self.take(context, message);
        }
        self.count.store(self.local, Relaxed);
        BatchOutcome { handled: batch.len(), ..BatchOutcome::default() }
    }
}

impl Child for Receiver {}

/// One shard, or two that take turns on one thread.
struct World {
    shards: Vec<Shard>,
    injector: raddle::sync::Injector<Command>,
    sender: ActorId,
    left: Arc<AtomicU64>,
    count: Arc<AtomicU64>,
}

fn spawn<F, C>(shard: &mut Shard, injector: &raddle::sync::Injector<Command>, make: F) -> ActorId
where
    F: Fn() -> C + Clone + Send + Sync + 'static,
    C: Child + 'static,
{
    let (done, waiter) = reply_slot();
    let blueprint = Arc::new(Native::new("bench", move |_| make()));
    let spec = SpawnSpec::new(blueprint);
    let spawn = Command::Control(Control::spawn(spec, done));
    assert!(injector.push(spawn).is_ok());
    while !waiter.is_ready() {
        shard.turn();
    }
    waiter.wait().expect("the shard answers").expect("it starts")
}

impl World {
    fn new(shards: usize, bytes: usize, batch: usize) -> Self {
        let config = ShardConfig { measures_latency: false, ..ShardConfig::default() };
        let doorbells: Vec<_> = (0..shards).map(|_| Arc::new(Doorbell::new(Box::new(NoWake)))).collect();
        let (seeds, outside): (Vec<_>, Vec<_>) =
            seeds(config, &Clock::start(), &doorbells).into_iter().unzip();
        let mut shards: Vec<_> = seeds.into_iter().map(Shard::new).collect();
        let (left, count) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let last = shards.len() - 1;
        let for_receiver = count.clone();
        let make = move || Receiver { count: for_receiver.clone(), local: 0, batch };
        let to = spawn(&mut shards[last], &outside[last].injector, make);
        let for_sender = left.clone();
        let make = move || Sender { to, left: for_sender.clone(), bytes };
        let sender = spawn(&mut shards[0], &outside[0].injector, make);
        let injector = outside.into_iter().next().expect("there is a shard").injector;
        Self { shards, injector, sender, left, count }
    }

    fn run(&mut self, messages: u64) -> Duration {
        let before = self.count.load(Relaxed);
        self.left.store(messages, Relaxed);
        let start = Instant::now();
        let go = Command::Tell(Message::new(self.sender, Payload::empty()));
        assert!(self.injector.push(go).is_ok());
        let mut busy = true;
        while busy {
            busy = false;
            for shard in &mut self.shards {
                busy |= shard.turn() == Turned::Busy;
            }
        }
        let took = start.elapsed();
        assert_eq!(self.count.load(Relaxed) - before, messages, "every message counts");
        took
    }
}

fn tell(criterion: &mut Criterion) {
    for (shards, name) in [(1, "tell on one shard"), (2, "tell across shards, on one thread")] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for (bytes, batch) in [(8, 1), (64, 1), (8, 32), (64, 32)] {
            let mut world = World::new(shards, bytes, batch);
            let name = format!("{bytes} bytes, batches of {batch}");
            group.bench_function(name, |bencher| bencher.iter_custom(|messages| world.run(messages)));
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = tell
}
criterion_main!(benches);
