//! Pekko's `SupervisorHierarchySpec`, "survive being stressed", in full: a tree over
//! several shards, its actors failing at random, several at a time, so that failures
//! meet the restarts of others in all their stages. In the end everybody answers,
//! everything ends, and every message is accounted for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use raddle::actor::{Actor, Blueprint, Child, Context, ExitReason, Message, Native, Outcome, ShardId};
use raddle::control::child_spec::Restart;
use raddle::control::supervisor::Strategy;
use raddle::runtime::driver::Reactor;
use raddle::shard::ShardConfig;
use raddle::{Runtime, Spawn, Supervise};
use raddle_bench::Jitter;

/// How long all may take to come to rest.
const REST_MAX: Duration = Duration::from_secs(300);
/// How many failures are under way at most.
const UNDER_WAY: u64 = 256;
/// How deep the tree is, and how many supervisors are below each one.
const DEPTH: usize = 3;
const BRANCHES: usize = 6;

#[derive(clap::Args)]
pub struct Args {
    /// How many failures in all
    #[arg(long, default_value_t = 1_000_000)]
    failures: u64,
    /// How many actors
    #[arg(long, default_value_t = 1_000)]
    actors: usize,
    /// How many shards
    #[arg(long, default_value_t = 3)]
    shards: usize,
    /// Stop failing after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// Where the dice begin
    #[arg(long, default_value_t = 0x1234_5678_9abc_def1)]
    seed: u64,
}

/// Fails when told to, and answers everything else.
struct Fragile;

impl Actor for Fragile {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        match &message.payload[..] {
            b"fail" => Outcome::Exited(ExitReason::Error("told to".into())),
            b"panic" => std::panic::panic_any("told to"),
            other => Outcome::Done(Some(other.into())),
        }
    }
}

impl Child for Fragile {}

struct Gardener {
    jitter: Jitter,
    shards: u64,
    blueprint: Arc<dyn Blueprint>,
    names: Vec<String>,
}

impl Gardener {
    fn shard(&mut self) -> ShardId {
        ShardId(self.jitter.below(self.shards) as u16)
    }

    /// A tree with that many actors below it.
    fn grow(&mut self, actors: usize, depth: usize) -> Supervise {
        let strategies = [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne];
        let strategy = strategies[self.jitter.below(3) as usize];
        let mut tree = Supervise::new(strategy).intensity(u32::MAX, Duration::from_secs(1)).on(self.shard());
        let below = if depth == 0 { 0 } else { actors / BRANCHES };
        for branch in 0..if depth == 0 { 0 } else { BRANCHES } {
            tree = tree.child(self.grow(below, depth - 1).id(format!("branch {branch}")));
        }
        for _ in below * BRANCHES..actors {
            let name = format!("actor {}", self.names.len());
            let restart = [Restart::Permanent, Restart::Transient][self.jitter.below(2) as usize];
            let spawn = Spawn::new(self.blueprint.clone()).name(name.as_str()).on(self.shard());
            tree = tree.child(spawn.restart(restart));
            self.names.push(name);
        }
        tree
    }
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(args.shards > 0 && args.actors > 0 && args.failures > 0, "nothing to do");
    // Panics are told to; each would write a line.
    std::panic::set_hook(Box::new(|_| {}));
    let config = ShardConfig { restarts_per_second_max: u32::MAX, ..ShardConfig::default() };
    let runtime = Runtime::builder().shards(args.shards).reactor(Reactor::Thread).config(config).build()?;
    let mut gardener = Gardener {
        jitter: Jitter::new(args.seed),
        shards: args.shards as u64,
        blueprint: Arc::new(Native::new("fragile", |_| Fragile)),
        names: Vec::new(),
    };
    let tree = gardener.grow(args.actors, DEPTH);
    let supervisor = runtime.supervise(tree).wait_for(REST_MAX)?;
    let Gardener { mut jitter, names, .. } = gardener;
    ensure!(names.len() == args.actors && runtime.actors() == args.actors as u64, "not all have come up");

    let start = Instant::now();
    let over = || args.seconds.is_some_and(|seconds| start.elapsed().as_secs() >= seconds);
    let mut failures = 0;
    while failures < args.failures && !over() {
        for _ in 0..=jitter.below(20) {
            let name = &names[jitter.below(names.len() as u64) as usize];
            // Those whose supervisor is being restarted have no address.
            let Some(actor) = runtime.lookup(name) else { continue };
            let how = if jitter.below(100) == 0 { "panic" } else { "fail" };
            failures += u64::from(runtime.tell(actor, how).is_ok());
        }
        while runtime.unsettled() > UNDER_WAY {
            std::thread::sleep(Duration::from_micros(20));
            ensure!(
                start.elapsed() < REST_MAX + Duration::from_secs(args.seconds.unwrap_or(3_600)),
                "it hangs"
            );
        }
    }
    let took = start.elapsed();
    ensure!(runtime.settle(REST_MAX), "failures are left");
    let rest = Instant::now() + REST_MAX;
    let mut pings = 0;
    for name in &names {
        // It may be waiting for its siblings still.
        let pong = loop {
            let pong = runtime.lookup(name).with_context(|| format!("{name} is gone")).and_then(|actor| {
                pings += 1;
                Ok(runtime.request_within(actor, "ping", REST_MAX).wait()?)
            });
            match pong {
                Err(_) if Instant::now() < rest => std::thread::sleep(Duration::from_millis(1)),
                pong => break pong?,
            }
        };
        ensure!(&pong[..] == b"ping", "{name} answered {pong:?}");
    }
    let ended = runtime.stop_supervisor(supervisor).wait_for(REST_MAX)?;
    ensure!(ended == Some(ExitReason::Shutdown), "it ended so: {ended:?}");
    ensure!(runtime.actors() == 0, "{} actors are left", runtime.actors());
    ensure!(names.iter().all(|name| runtime.lookup(name).is_none()), "names are left");
    let report = runtime.shutdown(REST_MAX);
    let ledger = report.ledger();
    let starts: u64 = report.shards.iter().map(|shard| shard.starts).sum();
    println!(
        "{failures} failures of {} actors on {} shards in {:.1} s: {} restarts, {:.0} k failures/s",
        args.actors,
        args.shards,
        took.as_secs_f64(),
        report.restarts(),
        failures as f64 / took.as_secs_f64() / 1e3
    );
    println!(
        "  starts {starts}, handled {}, failed {}, dead {}",
        ledger.handled,
        ledger.failed,
        ledger.dead()
    );
    ensure!(report.failures.is_empty() && report.drained, "{:?}", report.failures);
    ensure!(ledger.closes() && ledger.resident == 0, "the ledger does not close: {ledger:?}");
    ensure!(ledger.handled == args.actors as u64, "a ping went unseen: {ledger:?}");
    // A ping that met an actor on its way down is dead, and was sent again.
    let sent = failures + pings;
    ensure!(ledger.failed + ledger.dead() + ledger.handled == sent, "a failure went unseen: {ledger:?}");
    ensure!(report.supervisors_given_up() == 0, "a supervisor gave up");
    Ok(())
}
