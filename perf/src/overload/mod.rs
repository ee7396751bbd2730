//! More than a guest can take, in an open loop: messages are due whether or not those
//! before them were taken, and what is refused is gone.
//!
//! ```text
//!   half the peak │ as fast as it goes │ twice the peak │ half of it │ as fast as it goes
//!       calm      │      before        │    overload    │  recovery  │      after
//! ```
//!
//! The peak is measured first, in a closed loop, and again before and after the
//! overload: on a noisy machine it is not always the same.
//!
//! What must hold: as much is handled in the overload as at the peak; what is accepted
//! waits no longer than the queues are long; memory stays as it is; and soon after the
//! load has fallen nothing is left of it.

mod figures;
mod generator;
mod watch;

use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use raddle::actor::{ActorId, Native};
use raddle::control::child_spec::Shutdown;
use raddle::runtime::driver::Reactor;
use raddle::shard::{Bounds, ShardConfig};
use raddle::{Runtime, ShardId, Spawn};

use crate::interrupt;
use crate::pump;
use crate::recording::clock;
use crate::word::Proof;

use figures::Figures;
use generator::{Generator, NativeSource, Phase, Sent};
use watch::{Seen, Watch};

/// From the set-up to the first message.
const LEAD_NS: u64 = 50_000_000;
/// How often to look how much memory is used.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the messages come from
    #[arg(long, value_enum, default_value_t = Source::Outside)]
    from: Source,
    /// How much more than the peak is offered
    #[arg(long, default_value_t = 2.0)]
    factor: f64,
    /// How long each phase takes but the overload
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    phase_ms: u64,
    /// How long the overload takes
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..=600_000))]
    overload_ms: u64,
    /// The most messages in the guest's mailbox
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    mailbox_messages_max: u32,
    /// The most messages that wait before they come to the guest's shard: in its
    /// injector, or in the sender's outbox
    #[arg(long, default_value_t = 1_024, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    under_way_messages_max: u32,
    /// What drives the shards: auto, glommio or thread
    #[arg(long, default_value = "auto")]
    reactor: Reactor,
    /// The figures as JSON
    #[arg(long)]
    json: bool,
    /// The guest
    #[arg(long, default_value = "guests/prebuilt/sum.wasm")]
    guest: std::path::PathBuf,
}

/// Where messages come from.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// A thread outside the runtime
    Outside,
    /// A native actor of the guest's shard
    Same,
    /// A native actor of another shard
    Across,
}

impl Source {
    /// The places of messages that are accepted and not handled, from this source.
    fn queue_messages_max(self, args: &Args) -> u64 {
        let mailbox = u64::from(args.mailbox_messages_max);
        match self {
            Self::Same => mailbox,
            Self::Outside | Self::Across => mailbox + u64::from(args.under_way_messages_max),
        }
    }
}

/// A run over some phases: what was sent and what came of it.
struct Run {
    sent: Vec<Sent>,
    seen: Seen,
    /// Resident bytes, with the time of each look.
    memory: Vec<(u64, u64)>,
    starts_ns: Vec<u64>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    ensure!(args.factor > 1.0 && args.factor <= 100.0, "--factor {}: expected from 1 to 100", args.factor);
    let phase = Duration::from_millis(args.phase_ms);
    let peak = phases_run(args, &[Phase { per_second: None, duration: phase }])?;
    let peak_per_second = peak.seen.handled_in[0] as f64 / phase.as_secs_f64();
    ensure!(peak_per_second > 0.0, "nothing was handled");
    let at = |factor: f64, duration| Phase { per_second: Some(factor * peak_per_second), duration };
    let overload = Duration::from_millis(args.overload_ms);
    let fast = Phase { per_second: None, duration: phase };
    let phases = [at(0.5, phase), fast, at(args.factor, overload), at(0.5, phase), fast];
    let loaded = phases_run(args, &phases)?;
    let figures = Figures::of(args, &phases, &loaded)?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&figures)?);
    } else {
        print!("{figures}");
    }
    Ok(())
}

/// Goes through these phases, on a runtime of its own.
fn phases_run(args: &Args, phases: &[Phase]) -> anyhow::Result<Run> {
    let under_way = args.under_way_messages_max;
    let bounds = Bounds {
        mailbox_messages_max: args.mailbox_messages_max,
        outbox_messages_max: under_way,
        ..Bounds::default()
    };
    let config = ShardConfig {
        bounds,
        injector_commands_max: under_way as usize,
        measures_latency: false,
        ..ShardConfig::default()
    };
    let shards = if args.from == Source::Across { 2 } else { 1 };
    let runtime = Runtime::builder().shards(shards).reactor(args.reactor).config(config).build()?;
    let starts_ns = starts(phases);
    let (seen, guest) = {
        let blueprint =
            runtime.load(&args.guest).with_context(|| format!("--guest {}", args.guest.display()))?;
        let (watch, seen) = Watch::over(blueprint, starts_ns.clone());
        (seen, runtime.spawn(Spawn::new(watch).on(ShardId(0))).wait()?)
    };
    let generator = Generator::new(runtime.handle(), phases, &starts_ns);
    let (sent, memory) = drive(args, &runtime, guest, generator, phases)?;
    pump::settle(&runtime, Duration::from_millis(1))?;
    let proof = Proof::of(&runtime, &[guest])?;
    runtime.stop(guest, Shutdown::default()).wait()?;
    let seen = seen.recv_timeout(pump::STALL_MAX).context("what the guest's shard has seen")?;
    let accepted: u64 = sent.iter().map(|sent| sent.accepted).sum();
    let ledger = runtime.shutdown(Duration::from_secs(10)).ledger();
    ensure!(ledger.closes(), "the ledger does not close: {ledger:?}");
    ensure!(
        proof.count == seen.handled() && proof.count == accepted - ledger.dead(),
        "the guest counted {} messages, its shard saw {}, and {accepted} were accepted of which {} are dead",
        proof.count,
        seen.handled(),
        ledger.dead()
    );
    ensure!(!interrupt::is_raised(), interrupt::Interrupted);
    Ok(Run { sent, seen, memory, starts_ns })
}

/// When each phase begins, and when the last one ends.
fn starts(phases: &[Phase]) -> Vec<u64> {
    let mut at_ns = clock().now_ns() + LEAD_NS;
    let mut starts = vec![at_ns];
    for phase in phases {
        at_ns += phase.duration.as_nanos() as u64;
        starts.push(at_ns);
    }
    starts
}

type Driven = (Vec<Sent>, Vec<(u64, u64)>);

/// Lets the source send, and looks at the memory meanwhile.
fn drive(
    args: &Args,
    runtime: &Runtime,
    guest: ActorId,
    mut generator: Generator,
    phases: &[Phase],
) -> anyhow::Result<Driven> {
    let (sender, done) = mpsc::channel();
    if args.from == Source::Outside {
        let handle = runtime.handle();
        std::thread::spawn(move || {
            while !generator.step(clock().now_ns(), &mut |bytes| handle.tell(guest, bytes).is_ok()) {
                std::hint::spin_loop();
            }
            // The measurement may have been given up.
            let _ = sender.send(generator.into_sent());
        });
    } else {
        let on = ShardId(if args.from == Source::Across { 1 } else { 0 });
        let make = move |_: &_| NativeSource::new(generator.clone(), guest, sender.clone());
        let source = runtime.spawn(Spawn::new(Arc::new(Native::new("source", make))).on(on)).wait()?;
        pump::tell(runtime, source, &[])?;
    }
    let all: Duration = phases.iter().map(|phase| phase.duration).sum();
    let deadline_ns = clock().now_ns() + (all + pump::STALL_MAX).as_nanos() as u64;
    let mut memory = Vec::new();
    loop {
        match done.recv_timeout(LOOK_EVERY) {
            Ok(sent) => return Ok((sent, memory)),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                memory.push((clock().now_ns(), crate::actors::resident_bytes()?));
                ensure!(clock().now_ns() < deadline_ns, "the source does not come to its end");
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => anyhow::bail!("the source ended"),
        }
    }
}
