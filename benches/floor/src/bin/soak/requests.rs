//! Requests between native actors of a running system, raced by everything that can
//! end one: reply, late reply, failure, deadline, cancel, death of the callee and of
//! the caller.
//!
//! Every caller keeps a list of what it waits for: an outcome for something that is
//! not on it is one too many, and what is left on it when all is at rest is one too
//! few. What dies with its caller is checked by the account of the shards.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use raddle::actor::{
    Actor, ActorId, Child, Context, ExitReason, Failure, Message, Native, Notice, Outcome, RequestId, ShardId,
};
use raddle::control::child_spec::Restart;
use raddle::control::supervisor::SupervisorSpec;
use raddle::metrics::{RequestEnd, Requests};
use raddle::runtime::driver::Reactor;
use raddle::shard::ShardConfig;
use raddle::{Runtime, Spawn};
use raddle_bench::Jitter;

/// Requests that one caller has under way.
const UNDER_WAY: usize = 64;
/// How long a callee keeps some requests before it answers.
const LATER: Duration = Duration::from_millis(2);
/// How long all may take to come to rest.
const REST_MAX: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Args {
    /// How many requests in all
    #[arg(long, default_value_t = 10_000_000)]
    requests: u64,
    /// Stop after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// How many shards
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// How many callers, and as many callees, on each shard
    #[arg(long, default_value_t = 8)]
    pairs: usize,
}

/// What all actors of the soak share.
#[derive(Default)]
struct Shared {
    left: AtomicU64,
    waiting: AtomicU64,
    outcomes: AtomicU64,
    doubled: AtomicU64,
}

impl Shared {
    /// Takes one of the requests that are left. False if there is none.
    fn take_one(&self) -> bool {
        self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// Answers at once, later, too late, never, with a failure, or dies.
struct Callee {
    jitter: Jitter,
    owed: Vec<RequestId>,
}

impl Actor for Callee {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        if message.request.is_none() {
            for request in self.owed.drain(..) {
                context.reply(request, Ok("later".into()));
            }
            return Outcome::Done(None);
        }
        match self.jitter.below(1_000) {
            0 => Outcome::Exited(ExitReason::Error("told to by a die".into())),
            1..=99 => Outcome::Failed(Failure::Other("no".into())),
            100..=299 => {
                if self.owed.is_empty() {
                    let _ = context.send_after(LATER, context.own_id(), "answer");
                }
                self.owed.extend(context.defer());
                Outcome::Done(None)
            }
            _ => Outcome::Done(Some(message.payload.clone())),
        }
    }
}

impl Child for Callee {}

/// Asks its callees, with deadlines as long as an answer takes.
struct Caller {
    callees: Vec<ActorId>,
    jitter: Jitter,
    waiting: HashMap<RequestId, ()>,
    shared: Arc<Shared>,
}

impl Caller {
    fn ask_more(&mut self, context: &Context) {
        while self.waiting.len() < UNDER_WAY && self.shared.take_one() {
            let to = self.callees[self.jitter.below(self.callees.len() as u64) as usize];
            let within = Duration::from_micros(500 + self.jitter.below(4_000));
            let Ok(request) = context.request(to, &self.jitter.below(u64::MAX).to_le_bytes(), within) else {
                self.shared.left.fetch_add(1, Relaxed);
                break;
            };
            self.shared.waiting.fetch_add(1, Relaxed);
            self.waiting.insert(request, ());
            if self.jitter.below(50) == 0 && context.cancel(request) {
                self.ended(request);
            }
        }
    }

    fn ended(&mut self, request: RequestId) {
        if self.waiting.remove(&request).is_some() {
            self.shared.waiting.fetch_sub(1, Relaxed);
            self.shared.outcomes.fetch_add(1, Relaxed);
        } else {
            self.shared.doubled.fetch_add(1, Relaxed);
        }
    }
}

impl Actor for Caller {
    fn handle(&mut self, context: &Context, _: &Message) -> Outcome {
        self.ask_more(context);
        Outcome::Done(None)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        if let Notice::Reply { request, .. } = notice {
            self.ended(request);
        }
        if self.jitter.below(20_000) == 0 {
            return Outcome::Exited(ExitReason::Error("told to by a die".into()));
        }
        self.ask_more(context);
        Outcome::Done(None)
    }
}

impl Child for Caller {}

impl Drop for Caller {
    fn drop(&mut self) {
        // Their outcomes are nobody's: the shards count them.
        self.shared.waiting.fetch_sub(self.waiting.len() as u64, Relaxed);
    }
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(args.shards > 0 && args.pairs > 0 && args.requests > 0, "nothing to do");
    let config = ShardConfig { checks_ledger: true, ..ShardConfig::default() };
    let runtime = Runtime::builder().shards(args.shards).reactor(Reactor::Thread).config(config).build()?;
    let supervisor =
        runtime.supervise(SupervisorSpec { restarts_max: u32::MAX, ..Default::default() }).wait()?;
    let shared = Arc::new(Shared { left: AtomicU64::new(args.requests), ..Shared::default() });
    let seeds = Arc::new(AtomicU64::new(1));

    let seed = seeds.clone();
    let blueprint = Arc::new(Native::new("callee", move |_| Callee {
        jitter: Jitter::new(seed.fetch_add(1, Relaxed)),
        owed: Vec::new(),
    }));
    let place = |spawn: Spawn, shard: usize| {
        spawn.on(ShardId(shard as u16)).under(supervisor).restart(Restart::Permanent)
    };
    let places = || (0..args.shards).flat_map(|shard| (0..args.pairs).map(move |_| shard));
    let callees = places()
        .map(|shard| runtime.spawn(place(Spawn::new(blueprint.clone()), shard)).wait())
        .collect::<Result<Vec<_>, _>>()?;
    let (for_callers, all) = (shared.clone(), callees.clone());
    let blueprint = Arc::new(Native::new("caller", move |_| Caller {
        callees: all.clone(),
        jitter: Jitter::new(seeds.fetch_add(1, Relaxed)),
        waiting: HashMap::new(),
        shared: for_callers.clone(),
    }));
    let callers = places()
        .map(|shard| runtime.spawn(place(Spawn::new(blueprint.clone()), shard)).wait())
        .collect::<Result<Vec<_>, _>>()?;

    let start = Instant::now();
    let over = |start: Instant| args.seconds.is_some_and(|seconds| start.elapsed().as_secs() >= seconds);
    while shared.left.load(Relaxed) > 0 {
        if over(start) {
            shared.left.store(0, Relaxed);
        }
        // Those that died or ran into a full mailbox go on.
        for &caller in &callers {
            let _ = runtime.tell(caller, "go on");
        }
        thread::sleep(Duration::from_millis(5));
    }
    let asked = start.elapsed();
    let rest = Instant::now() + REST_MAX;
    while pending(&runtime) > 0 && Instant::now() < rest {
        thread::sleep(Duration::from_millis(10));
    }
    ensure!(runtime.settle(REST_MAX), "messages are left");
    let waiting = shared.waiting.load(Relaxed);
    let report = runtime.shutdown(REST_MAX);
    let requests = report.shards.iter().map(|shard| shard.requests).fold(Requests::default(), |a, b| a + b);
    let seconds = asked.as_secs_f64();
    println!(
        "{} requests in {seconds:.1} s, {:.2} M/s",
        requests.begun,
        requests.begun as f64 / seconds / 1e6
    );
    for (end, name) in [
        (RequestEnd::Replied, "replied"),
        (RequestEnd::Failed, "failed"),
        (RequestEnd::TimedOut, "timed out"),
        (RequestEnd::CalleeDead, "callee dead"),
        (RequestEnd::Cancelled, "cancelled"),
        (RequestEnd::CallerGone, "caller gone"),
        (RequestEnd::Abandoned, "abandoned"),
    ] {
        println!("  {name:<12} {}", requests.ended(end));
    }
    ensure!(report.failures.is_empty(), "{:?}", report.failures);
    ensure!(requests.closes() && requests.pending == 0, "requests without one outcome: {requests:?}");
    ensure!(requests.ended(RequestEnd::Abandoned) == 0, "some ended only with the runtime: {requests:?}");
    ensure!(shared.doubled.load(Relaxed) == 0, "{} outcomes too many", shared.doubled.load(Relaxed));
    ensure!(waiting == 0, "{waiting} outcomes never came");
    let heard = requests.begun - requests.ended(RequestEnd::CallerGone);
    // What was on its way to a caller that died is counted, and not heard.
    ensure!(shared.outcomes.load(Relaxed) <= heard, "more outcomes than requests");
    ensure!(report.ledger().closes(), "the ledger does not close: {:?}", report.ledger());
    Ok(())
}

fn pending(runtime: &Runtime) -> u64 {
    runtime.reports().iter().map(|report| report.requests.pending).sum()
}
