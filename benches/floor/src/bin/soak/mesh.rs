//! Messages across all pairs of shards, at the level of the rings.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use raddle::sync::{Consumer, Flag, Producer, ring};
use raddle_bench::{Jitter, pin};

/// More would be threads without end.
const SHARDS_MAX: usize = 64;
/// What is under way over one pair at most.
const SLOTS_MAX: usize = 1 << 20;

#[derive(clap::Args)]
pub struct Args {
    /// How many messages in all
    #[arg(long, default_value_t = 1_000_000_000)]
    messages: u64,
    /// Stop after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// How many shards
    #[arg(long, default_value_t = 4)]
    shards: usize,
    /// Slots of each ring
    #[arg(long, default_value_t = 256)]
    slots: usize,
}

/// A sequence number and something to add up.
struct Message {
    sequence: u64,
    value: u64,
}

fn value_of(from: usize, sequence: u64) -> u64 {
    (sequence ^ (from as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

struct Inbound {
    from: usize,
    ring: Consumer<Message>,
    next: u64,
    sum: u64,
}

struct Outbound {
    ring: Producer<Message>,
    next: u64,
    sum: u64,
}

/// What went over one pair, as one end counts it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Tally {
    count: u64,
    sum: u64,
}

struct Shard {
    id: usize,
    inbound: Vec<Inbound>,
    outbound: Vec<(usize, Outbound)>,
}

impl Shard {
    /// Sends `each` messages to every peer, in batches of random size; leaves when
    /// it has sent its own and every ring to it is closed.
    fn run(mut self, each: u64, stop: &Flag) -> Result<Done> {
        let mut jitter = Jitter::new(self.id as u64 + 7);
        let mut sent = Vec::new();
        let from = self.id;
        loop {
            let mut moved = 0;
            let stopping = stop.is_raised();
            for (_, peer) in &mut self.outbound {
                let batch = jitter.below(64) + 1;
                for _ in 0..batch.min(each - peer.next) {
                    let value = value_of(from, peer.next);
                    if stopping || peer.ring.stage(Message { sequence: peer.next, value }).is_err() {
                        break;
                    }
                    peer.next += 1;
                    peer.sum = peer.sum.wrapping_add(value);
                }
                moved += peer.ring.publish();
            }
            // Dropping the producer closes the ring.
            self.outbound.retain(|(to, peer)| {
                let done = stopping || peer.next == each;
                if done {
                    sent.push((*to, Tally { count: peer.next, sum: peer.sum }));
                }
                !done
            });
            for peer in &mut self.inbound {
                let (mut next, mut sum, mut wrong) = (peer.next, peer.sum, None);
                moved += peer.ring.drain(jitter.below(128) as usize + 1, |message| {
                    if message.sequence != next || message.value != value_of(peer.from, next) {
                        wrong = Some((message.sequence, next));
                    }
                    next += 1;
                    sum = sum.wrapping_add(message.value);
                });
                (peer.next, peer.sum) = (next, sum);
                if let Some((got, expected)) = wrong {
                    return Err(anyhow!("{} → {from}: got {got} instead of {expected}", peer.from));
                }
            }
            if moved == 0 {
                if self.outbound.is_empty() && self.inbound.iter().all(|peer| peer.ring.is_closed()) {
                    break;
                }
                thread::yield_now();
            }
        }
        let received =
            self.inbound.iter().map(|peer| (peer.from, Tally { count: peer.next, sum: peer.sum })).collect();
        Ok(Done { id: from, sent, received })
    }
}

/// What a shard has counted at its end, by peer.
struct Done {
    id: usize,
    sent: Vec<(usize, Tally)>,
    received: Vec<(usize, Tally)>,
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(args.shards >= 2 && args.shards <= SHARDS_MAX, "--shards: between 2 and {SHARDS_MAX}");
    ensure!(args.messages > 0, "--messages: at least 1");
    ensure!(args.slots > 0 && args.slots <= SLOTS_MAX, "--slots: between 1 and {SLOTS_MAX}");
    ensure!(args.seconds != Some(0), "--seconds: at least 1");
    let pairs = (args.shards * (args.shards - 1)) as u64;
    let each = args.messages.div_ceil(pairs);
    let mut shards: Vec<_> =
        (0..args.shards).map(|id| Shard { id, inbound: Vec::new(), outbound: Vec::new() }).collect();
    for from in 0..args.shards {
        for to in (0..args.shards).filter(|to| *to != from) {
            let (producer, consumer) = ring(args.slots);
            shards[from].outbound.push((to, Outbound { ring: producer, next: 0, sum: 0 }));
            shards[to].inbound.push(Inbound { from, ring: consumer, next: 0, sum: 0 });
        }
    }
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let stop = Arc::new(Flag::new());
    let started = Instant::now();
    let threads: Vec<_> = shards
        .into_iter()
        .map(|shard| {
            let core = (!cores.is_empty()).then(|| cores[shard.id % cores.len()]);
            let stop = stop.clone();
            thread::spawn(move || {
                pin(core);
                shard.run(each, &stop)
            })
        })
        .collect();
    if let Some(seconds) = args.seconds {
        let limit = Duration::from_secs(seconds);
        while started.elapsed() < limit && !threads.iter().all(|thread| thread.is_finished()) {
            thread::sleep(Duration::from_millis(20));
        }
        stop.raise();
    }
    let mut done = Vec::new();
    for thread in threads {
        done.push(thread.join().map_err(|_| anyhow!("a shard panicked"))??);
    }
    let took = started.elapsed();
    check(&done, took)
}

/// What one end sent is what the other received, for every pair.
fn check(done: &[Done], took: Duration) -> Result<()> {
    let mut messages = 0;
    for shard in done {
        for (to, sent) in &shard.sent {
            let peer = done.iter().find(|peer| peer.id == *to);
            let received = peer.and_then(|peer| peer.received.iter().find(|(from, _)| *from == shard.id));
            let received = received.map(|(_, tally)| *tally).unwrap_or_default();
            ensure!(*sent == received, "{} → {to}: sent {sent:?}, received {received:?}", shard.id);
            messages += sent.count;
        }
    }
    println!(
        "mesh: {messages} messages over {} pairs, none lost, doubled or reordered, {:.1} s, {:.1} M/s",
        done.iter().map(|shard| shard.sent.len()).sum::<usize>(),
        took.as_secs_f64(),
        messages as f64 / took.as_secs_f64() / 1e6,
    );
    Ok(())
}
