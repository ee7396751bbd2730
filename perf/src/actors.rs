//! Many live actors at once.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use raddle::wasm::EngineConfig;
use raddle::{ActorId, Runtime, Spawn};

use crate::floor::bare::parse_count;
use crate::pump;
use crate::setup::Layout;

/// Answers waited for at once.
const AT_ONCE: usize = 512;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many
    #[arg(long, default_value_t = 100_000)]
    count: usize,
    /// How their memories lie: compact or guarded
    #[arg(long, value_enum, default_value = "compact")]
    layout: Layout,
    /// The counter guest
    #[arg(long, default_value = "guests/prebuilt/counter.wasm")]
    guest: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let memory_layout = args.layout.into();
    let instances_max = u32::try_from(args.count + args.count / 8 + 256)?;
    let engine = EngineConfig { memory_layout, instances_max, ..EngineConfig::default() };
    let runtime = Runtime::builder().engine(engine).build()?;
    let counter = runtime.load(&args.guest)?;
    let before = resident_bytes()?;

    let start = Instant::now();
    let mut actors: Vec<ActorId> = Vec::with_capacity(args.count);
    while actors.len() < args.count {
        let batch = AT_ONCE.min(args.count - actors.len());
        let pending: Vec<_> = (0..batch).map(|_| runtime.spawn(Spawn::new(counter.clone()))).collect();
        for pending in pending {
            let spawned = pending.wait().with_context(|| format!("after {} actors", actors.len()))?;
            actors.push(spawned);
        }
    }
    let spawned = start.elapsed();
    println!("{} actors alive on {} shards", args.count, runtime.shards());
    println!(
        "spawned in {:.2} s: {:.1} µs each",
        spawned.as_secs_f64(),
        spawned.as_secs_f64() * 1e6 / args.count as f64
    );

    // Each counts its own number, so that no two can be taken for one another.
    let start = Instant::now();
    for (number, &actor) in actors.iter().enumerate() {
        while let Err(refused) = runtime.tell(actor, format!("add {number}")) {
            ensure!(matches!(refused.reason, raddle::actor::SendError::MailboxFull(_)), "{refused}");
            std::thread::yield_now();
        }
    }
    // What waits at the door would have the questions wait, longer than they may.
    pump::settle(&runtime, Duration::from_millis(1))?;
    for (chunk, actors) in actors.chunks(AT_ONCE).enumerate() {
        let pending: Vec<_> = actors.iter().map(|&actor| runtime.request(actor, "get")).collect();
        for (index, pending) in pending.into_iter().enumerate() {
            let number = (chunk * AT_ONCE + index) as u64;
            let count = parse_count(&pending.wait()?)?;
            ensure!(count == number, "actor {number} counted {count}");
        }
    }
    let counted = start.elapsed();
    let bytes = resident_bytes()?.saturating_sub(before);
    ensure!(runtime.actors() == args.count as u64, "{} are alive", runtime.actors());

    println!("told and asked, each counted through its guest, in {:.2} s", counted.as_secs_f64());
    println!(
        "resident memory: {:.2} GiB, {:.1} KiB an actor",
        bytes as f64 / (1_u64 << 30) as f64,
        bytes as f64 / 1024.0 / args.count as f64
    );
    println!("mappings: {}", std::fs::read_to_string("/proc/self/maps")?.lines().count());
    let start = Instant::now();
    let report = runtime.shutdown(Duration::from_secs(60));
    println!("stopped in {:.2} s", start.elapsed().as_secs_f64());
    ensure!(report.ledger().closes(), "the ledger does not close: {:?}", report.ledger());
    Ok(())
}

pub(crate) fn resident_bytes() -> anyhow::Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = statm.split_whitespace().nth(1).context("statm has no second field")?.parse()?;
    Ok(pages * 4096)
}
