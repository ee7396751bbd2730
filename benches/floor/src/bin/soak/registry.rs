//! Names that come and go: registered, looked up and killed, from outside and by actors
//! of every shard. Who was told that a name is granted finds its holder, wherever it
//! looks; and nobody finds one whose end has been told.
//!
//! Each worker has names of its own, so that it knows what is to be found; the watchers
//! look at all of them at any time, and must not see an address that was given back
//! before they looked.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use raddle::actor::{Actor, ActorId, Child, Context, Message, Native, Outcome, ShardId};
use raddle::control::child_spec::Shutdown;
use raddle::runtime::driver::Reactor;
use raddle::{Handle, Runtime, Spawn};
use raddle_bench::Jitter;

const REST_MAX: Duration = Duration::from_secs(60);
/// How many names a worker registers, looks up and gives back at a time.
const ROUND: usize = 64;
/// How often each of them is looked up, from outside; each shard does so too.
const LOOKUPS: u64 = 3;

#[derive(clap::Args)]
pub struct Args {
    /// How many operations in all: a register, a lookup and a kill is one each
    #[arg(long, default_value_t = 10_000_000)]
    operations: u64,
    /// Stop after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// How many shards
    #[arg(long, default_value_t = 3)]
    shards: usize,
    /// How many threads that register and kill
    #[arg(long, default_value_t = 2)]
    workers: usize,
}

struct Holder;

impl Actor for Holder {
    fn handle(&mut self, _: &Context, _: &Message) -> Outcome {
        Outcome::Done(None)
    }
}

impl Child for Holder {}

/// Looks names up on its shard. A message is lines of `NAME ADDRESS`: it answers how many
/// of them were so.
struct Prober;

impl Actor for Prober {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        let text = String::from_utf8_lossy(&message.payload);
        let found = text.lines().filter(|line| {
            let (name, address) = line.split_once(' ').unwrap_or_default();
            context.lookup(name) == address.parse().ok()
        });
        Outcome::Done(Some(found.count().to_string().into()))
    }
}

impl Child for Prober {}

#[derive(Default)]
struct Shared {
    operations: AtomicU64,
    /// Lookups that found somebody whose end had been told: from outside, and by
    /// actors.
    stale: AtomicU64,
    stale_inside: AtomicU64,
    /// Lookups that did not find who was there.
    missing: AtomicU64,
    over: AtomicBool,
    /// For each name, whose end was told last.
    ended: Vec<AtomicU64>,
}

struct Worker {
    handle: Handle,
    shared: Arc<Shared>,
    probers: Vec<ActorId>,
    first: usize,
    jitter: Jitter,
}

fn name_of(index: usize) -> String {
    format!("name {index}").replace(' ', "-")
}

impl Worker {
    /// Registers names, looks them up everywhere, gives them back, and looks again.
    fn round(
        &mut self,
        blueprint: &Arc<Native<impl Fn(&raddle::actor::Recipe) -> Holder + Clone + Send + Sync + 'static>>,
    ) -> Result<()> {
        let names: Vec<String> = (self.first..self.first + ROUND).map(name_of).collect();
        let shards = self.probers.len() as u64;
        let spawned: Vec<_> = names
            .iter()
            .map(|name| {
                let shard = ShardId(self.jitter.below(shards) as u16);
                self.handle.spawn(Spawn::new(blueprint.clone()).name(name.as_str()).on(shard))
            })
            .collect();
        let holders = spawned.into_iter().map(|one| one.wait_for(REST_MAX)).collect::<Result<Vec<_>, _>>()?;
        for _ in 0..LOOKUPS {
            for (name, &holder) in names.iter().zip(&holders) {
                let found = self.handle.lookup(name);
                self.shared.missing.fetch_add(u64::from(found != Some(holder)), Relaxed);
            }
        }
        let found = self.probe(&names, &holders)?;
        let looked_for = (ROUND * self.probers.len()) as u64;
        self.shared.missing.fetch_add(looked_for - found, Relaxed);

        let kill = self.jitter.below(2) == 0;
        let how = if kill { Shutdown::BrutalKill } else { Shutdown::default() };
        let stopped: Vec<_> = holders.iter().map(|&holder| self.handle.stop(holder, how)).collect();
        for (index, stopped) in stopped.into_iter().enumerate() {
            stopped.wait_for(REST_MAX)?;
            // Told: from here on nobody may find it.
            self.shared.ended[self.first + index].store(holders[index].to_bits(), Release);
            let found = self.handle.lookup(&names[index]);
            self.shared.stale.fetch_add(u64::from(found.is_some()), Relaxed);
        }
        let stale = self.probe(&names, &holders)?;
        self.shared.stale_inside.fetch_add(stale, Relaxed);
        let lookups = ROUND as u64 * (LOOKUPS + 1) + 2 * looked_for;
        self.shared.operations.fetch_add(2 * ROUND as u64 + lookups, Relaxed);
        Ok(())
    }

    /// How many of the names have these holders, over all shards.
    fn probe(&self, names: &[String], holders: &[ActorId]) -> Result<u64> {
        let lines: Vec<_> =
            names.iter().zip(holders).map(|(name, holder)| format!("{name} {holder}")).collect();
        let text = lines.join("\n");
        let asked: Vec<_> = self
            .probers
            .iter()
            .map(|&prober| self.handle.request_within(prober, text.as_str(), REST_MAX))
            .collect();
        let mut found = 0;
        for answer in asked {
            found += String::from_utf8_lossy(&answer.wait()?).parse::<u64>()?;
        }
        Ok(found)
    }
}

/// Looks at any name at any time.
fn watch(handle: &Handle, shared: &Shared, seed: u64) {
    let mut jitter = Jitter::new(seed);
    let names: Vec<_> = (0..shared.ended.len()).map(name_of).collect();
    while !shared.over.load(Relaxed) {
        for _ in 0..256 {
            let index = jitter.below(names.len() as u64) as usize;
            let ended = shared.ended[index].load(Acquire);
            let found = handle.lookup(&names[index]).map_or(0, |actor| actor.to_bits());
            shared.stale.fetch_add(u64::from(found != 0 && found == ended), Relaxed);
        }
        shared.operations.fetch_add(256, Relaxed);
        // The workers need the cores as well.
        thread::sleep(Duration::from_micros(200));
    }
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(args.shards > 0 && args.workers > 0 && args.operations > 0, "nothing to do");
    let runtime = Runtime::builder().shards(args.shards).reactor(Reactor::Thread).build()?;
    let prober = Arc::new(Native::new("prober", |_| Prober));
    let probers = (0..args.shards)
        .map(|shard| runtime.spawn(Spawn::new(prober.clone()).on(ShardId(shard as u16))).wait())
        .collect::<Result<Vec<_>, _>>()?;
    let ended = (0..args.workers * ROUND).map(|_| AtomicU64::new(0)).collect();
    let shared = Arc::new(Shared { ended, ..Shared::default() });
    let start = Instant::now();
    let over = |shared: &Shared| {
        shared.operations.load(Relaxed) >= args.operations
            || args.seconds.is_some_and(|seconds| start.elapsed().as_secs() >= seconds)
    };
    let holder = Arc::new(Native::new("holder", |_| Holder));
    thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&runtime, &shared, 99));
        let workers: Vec<_> = (0..args.workers)
            .map(|number| {
                let mut worker = Worker {
                    handle: runtime.handle(),
                    shared: shared.clone(),
                    probers: probers.clone(),
                    first: number * ROUND,
                    jitter: Jitter::new(number as u64 + 1),
                };
                let (holder, shared) = (&holder, &shared);
                scope.spawn(move || -> Result<()> {
                    while !over(shared) {
                        worker.round(holder)?;
                    }
                    Ok(())
                })
            })
            .collect();
        let done: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        shared.over.store(true, Relaxed);
        let _ = watcher.join();
        for done in done {
            done.map_err(|_| anyhow::anyhow!("a worker panicked"))??;
        }
        anyhow::Ok(())
    })?;
    let took = start.elapsed();
    let report = runtime.shutdown(REST_MAX);
    let starts: u64 = report.shards.iter().map(|shard| shard.starts).sum();
    let counts = [&shared.operations, &shared.stale, &shared.stale_inside, &shared.missing];
    let [operations, stale, stale_inside, missing] = counts.map(|count| count.load(Relaxed));
    println!(
        "{operations} operations on {} shards in {:.1} s, {:.2} M/s: {} names came and went, {stale} stale from outside, {stale_inside} inside, {missing} missing",
        args.shards,
        took.as_secs_f64(),
        operations as f64 / took.as_secs_f64() / 1e6,
        starts - args.shards as u64,
    );
    ensure!(stale + stale_inside == 0, "lookups found somebody whose end had been told");
    ensure!(missing == 0, "{missing} lookups did not find who was there");
    ensure!(report.failures.is_empty() && report.ledger().closes(), "{:?}", report.ledger());
    Ok(())
}
