//! Traps and cancelled calls, a great many of them: memory must come back to where it
//! was, and every slot of the pool with it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use raddle::actor::{Actor, Blueprint, Child, Context, ExitReason, Message, Native, Outcome, RequestError};
use raddle::control::child_spec::Shutdown;
use raddle::control::supervisor::SupervisorSpec;
use raddle::shard::{ShardConfig, SpawnError};
use raddle::wasm::{
    CacheConfig, ComponentBlueprint, Engine, EngineConfig, Limits, MemoryLayout, PoolPolicy, Profile,
    TrustLevel,
};
use raddle::{ActorId, Runtime, ShardId, Spawn};

use crate::actors::resident_bytes;
use crate::setup::Layout;

/// Few enough that each slot has been used long before memory is looked at.
const INSTANCES: u32 = 128;
/// How many of them may have a stack.
const STACKS: u32 = 64;
/// Trappers; and askers that are in the middle of a call at once.
const ACTORS: usize = 32;
/// Instances that a shard keeps ready of each guest.
const READY: usize = 8;
/// Requests to trappers that wait at once.
const WINDOW: usize = 512;
/// Longer than any call of this soak waits.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many times a guest traps
    #[arg(long, default_value_t = 1_000_000)]
    traps: u64,
    /// How many calls are dropped in the middle
    #[arg(long, default_value_t = 100_000)]
    cancels: u64,
    /// How their memories lie: compact or guarded
    #[arg(long, default_value = "guarded")]
    layout: Layout,
    /// How many shards
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// Stop each part after this long, however far it came
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the guests are
    #[arg(long, default_value = "guests/prebuilt")]
    guests: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Pages of 2 MiB come and go as the system likes: more than what is looked for.
    rustix::thread::disable_transparent_huge_pages(true)?;
    let memory_layout = MemoryLayout::from(args.layout);
    let config = EngineConfig {
        memory_layout,
        instances_max: INSTANCES,
        suspendable_max: STACKS,
        ..EngineConfig::default()
    };
    let shard = ShardConfig {
        restarts_per_second_max: u32::MAX,
        restarts_at_once_max: u32::MAX,
        // Long enough for what is ready to be given back; that is how room is counted.
        start_wait_ns_max: 500_000_000,
        ..ShardConfig::default()
    };
    let runtime = Runtime::builder().shards(args.shards).config(shard).engine(config).build()?;
    let engine = runtime.engine().clone();
    println!("{} instances, {STACKS} stacks, {memory_layout:?}, {} shards", INSTANCES, args.shards);

    let until = |begun: Instant| args.seconds.is_none_or(|most| begun.elapsed().as_secs() < most);
    let (trapper, asker) = (load(&runtime, args, "trapper")?, load(&runtime, args, "asker")?);
    let soak = Soak { runtime, trapper, asker };
    let room_before = soak.room()?;
    soak.measure("traps", args.traps, until, |many| soak.trap(many))?;
    soak.measure("cancelled calls", args.cancels, until, |many| soak.cancel(many))?;
    let room = soak.room()?;
    ensure!(room == room_before, "room for {room_before} actors before, and for {room} after");
    soak.all_stacks()?;
    println!("room for {room} actors before and after, and all {STACKS} stacks can be had at once");
    end(soak, &engine)
}

fn end(soak: Soak, engine: &Engine) -> anyhow::Result<()> {
    let Soak { runtime, trapper, asker } = soak;
    drop((trapper, asker));
    let report = runtime.shutdown(Duration::from_secs(10));
    ensure!(report.failures.is_empty(), "{}", report.failures.join("; "));
    let ledger = report.ledger();
    ensure!(ledger.closes() && ledger.resident == 0, "the ledger does not close: {ledger:?}");
    ensure!(engine.instances() == 0, "{} instances are left", engine.instances());
    println!(
        "the ledger closes: {} accepted = {} handled + {} failed + {} dead; no instance is left",
        ledger.accepted,
        ledger.handled,
        ledger.failed,
        ledger.dead()
    );
    Ok(())
}

fn load(runtime: &Runtime, args: &Args, guest: &str) -> anyhow::Result<Arc<dyn Blueprint>> {
    let path = args.guests.join(guest).with_extension("wasm");
    let component = runtime.engine().load(&path, &CacheConfig::default(), &())?;
    let limits = Limits { message_time_max: PATIENCE, ..Limits::default() };
    // As many are ready whenever memory is looked at.
    let pool = PoolPolicy { ready_min: READY, ready_max: READY, ..PoolPolicy::default() };
    let profile = Profile { limits, pool, ..Profile::of(TrustLevel::Standard) };
    Ok(Arc::new(ComponentBlueprint::with(component, profile)?))
}

struct Soak {
    runtime: Runtime,
    trapper: Arc<dyn Blueprint>,
    asker: Arc<dyn Blueprint>,
}

impl Soak {
    /// Does it in ten parts. The least memory after one of the first five is what it has
    /// to come back to after one of the last three: a single sample is at the mercy of
    /// what is being given back just then.
    fn measure(
        &self,
        what: &str,
        times: u64,
        goes_on: impl Fn(Instant) -> bool,
        mut some: impl FnMut(u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        const PARTS: u64 = 10;
        let part = times.div_ceil(PARTS).max(1);
        let begun = Instant::now();
        let (mut done, mut samples_kib) = (0, Vec::new());
        while done < times && goes_on(begun) {
            let many = part.min(times - done);
            some(many)?;
            done += many;
            samples_kib.push(resident_bytes()? / 1024);
            println!("  {done} {what}: {} KiB", samples_kib[samples_kib.len() - 1]);
        }
        let count = samples_kib.len();
        let first = samples_kib.iter().take(count.div_ceil(2)).min().copied();
        let last = samples_kib.iter().skip(count.saturating_sub(3)).min().copied();
        let (Some(first), Some(last)) = (first, last) else { bail!("nothing was done") };
        let (took, grown) = (begun.elapsed(), change(first, last));
        println!(
            "{done} {what} in {:.1} s, {:.1} µs each; resident {first} KiB at first, {last} KiB at last ({grown:+.2} %)",
            took.as_secs_f64(),
            took.as_secs_f64() * 1e6 / done as f64,
        );
        ensure!(grown <= 1.0, "memory has grown by {grown:.2} %");
        Ok(())
    }

    /// So many traps, each answered with its reason.
    fn trap(&self, times: u64) -> anyhow::Result<()> {
        const PANIC: &[u8] = b"\x01soaked";
        const RECURSE: &[u8] = b"\x04";
        const EVERY: u64 = 64;
        let spec = SupervisorSpec { restarts_max: u32::MAX, ..SupervisorSpec::default() };
        let above = self.runtime.supervise(spec).wait()?;
        let trappers: Vec<_> = (0..ACTORS)
            .map(|index| {
                let spawn = Spawn::new(self.trapper.clone()).on(self.shard(index)).under(above);
                self.runtime.spawn(spawn).wait()
            })
            .collect::<Result<_, _>>()?;
        let mut waiting = std::collections::VecDeque::with_capacity(WINDOW);
        for time in 0..times {
            if waiting.len() == WINDOW {
                trapped(waiting.pop_front().expect("as many as fit"))?;
            }
            let message = if time % EVERY == 0 { RECURSE } else { PANIC };
            let trapper = trappers[time as usize % ACTORS];
            waiting.push_back(self.runtime.request_within(trapper, message, PATIENCE));
        }
        waiting.into_iter().try_for_each(trapped)?;
        self.runtime.stop_supervisor(above).wait()?;
        Ok(())
    }

    /// So many calls, dropped while they wait for a reply, or while they compute.
    fn cancel(&self, times: u64) -> anyhow::Result<()> {
        let mut done = 0;
        while done < times {
            let many = (times - done).min(ACTORS as u64) as usize;
            self.cancel_some(many)?;
            done += many as u64;
        }
        Ok(())
    }

    fn cancel_some(&self, many: usize) -> anyhow::Result<()> {
        let (mute, asked) = self.mute(0)?;
        let askers: Vec<_> = (0..many)
            .map(|index| self.runtime.spawn(Spawn::new(self.asker.clone()).on(self.shard(index))).wait())
            .collect::<Result<_, _>>()?;
        let mut waiting = Vec::with_capacity(many);
        let mut asking = 0;
        for (index, &asker) in askers.iter().enumerate() {
            // One in eight computes without end, and gives way.
            let message = if index % 8 == 7 { vec![2] } else { ask_of(mute) };
            asking += u64::from(message.len() > 1);
            waiting.push(self.runtime.request_within(asker, message, PATIENCE));
        }
        let begun = Instant::now();
        while asked.load(Ordering::Relaxed) < asking {
            ensure!(begun.elapsed() < PATIENCE, "not all of them asked");
            std::thread::yield_now();
        }
        let stops: Vec<_> =
            askers.iter().map(|&asker| self.runtime.stop(asker, Shutdown::BrutalKill)).collect();
        for stop in stops {
            stop.wait()?;
        }
        for waiting in waiting {
            match waiting.wait() {
                Err(RequestError::CalleeExited(ExitReason::Killed)) => {}
                // It computes, and had not begun.
                Err(RequestError::Dead(_)) => {}
                other => bail!("a call that was dropped has an outcome: {other:?}"),
            }
        }
        self.runtime.stop(mute, Shutdown::BrutalKill).wait()?;
        Ok(())
    }

    /// All stacks are in use at once.
    fn all_stacks(&self) -> anyhow::Result<()> {
        let (mute, asked) = self.mute(0)?;
        let askers: Vec<_> = (0..STACKS as usize)
            .map(|index| self.runtime.spawn(Spawn::new(self.asker.clone()).on(self.shard(index))).wait())
            .collect::<Result<_, _>>()?;
        let _waiting: Vec<_> =
            askers.iter().map(|&asker| self.runtime.request_within(asker, ask_of(mute), PATIENCE)).collect();
        let begun = Instant::now();
        while asked.load(Ordering::Relaxed) < u64::from(STACKS) {
            let have = asked.load(Ordering::Relaxed);
            ensure!(begun.elapsed() < PATIENCE, "only {have} of {STACKS} stacks can be had");
            std::thread::yield_now();
        }
        for asker in askers.into_iter().chain([mute]) {
            self.runtime.stop(asker, Shutdown::BrutalKill).wait()?;
        }
        Ok(())
    }

    /// How many more actors there is room for: so many are made.
    fn room(&self) -> anyhow::Result<usize> {
        let mut actors = Vec::new();
        loop {
            let spawn = Spawn::new(self.trapper.clone()).on(self.shard(actors.len()));
            match self.runtime.spawn(spawn).wait() {
                Ok(actor) => actors.push(actor),
                Err(SpawnError::StartFailed { .. }) => break,
                Err(other) => return Err(other.into()),
            }
        }
        for &actor in &actors {
            self.runtime.stop(actor, Shutdown::default()).wait()?;
        }
        Ok(actors.len())
    }

    /// Takes every request over and answers none; how many it was asked is counted.
    fn mute(&self, shard: usize) -> anyhow::Result<(ActorId, Arc<AtomicU64>)> {
        let asked = Arc::<AtomicU64>::default();
        let count = asked.clone();
        let mute = Native::new("mute", move |_| Mute(count.clone()));
        let mute = self.runtime.spawn(Spawn::new(Arc::new(mute)).on(self.shard(shard))).wait()?;
        Ok((mute, asked))
    }

    fn shard(&self, index: usize) -> ShardId {
        ShardId((index % self.runtime.shards()) as u16)
    }
}

struct Mute(Arc<AtomicU64>);

impl Actor for Mute {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        context.defer();
        self.0.fetch_add(1, Ordering::Relaxed);
        Outcome::Done(None)
    }
}

impl Child for Mute {}

/// The asker's message: ask that one, and wait for an hour.
fn ask_of(mute: ActorId) -> Vec<u8> {
    const HOUR_NS: u64 = 3_600_000_000_000;
    [&[0][..], &mute.to_bits().to_le_bytes(), &HOUR_NS.to_le_bytes(), b"?"].concat()
}

fn trapped(waiting: raddle::runtime::PendingReply) -> anyhow::Result<()> {
    match waiting.wait() {
        Err(RequestError::CalleeExited(ExitReason::Trap { .. })) => Ok(()),
        other => bail!("expected a trap, got {other:?}"),
    }
}

/// In percent.
fn change(from: u64, to: u64) -> f64 {
    (to as f64 / from as f64 - 1.0) * 100.0
}
