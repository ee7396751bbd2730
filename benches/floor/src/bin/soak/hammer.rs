//! Sleep and wake, on the drivers that ship, with spinning off.
//!
//! ```text
//!   shard A ── token, sent at t ──► ring ──► shard B     each push is timed from
//!      ▲       then doorbell.ring()            │         before it to when the other
//!      └────────────── token ◄── ring ◄────────┘         side has it in hand
//! ```
//!
//! A lost wake-up stops the tokens for good; the watcher sees that. Pauses of
//! random length move each push across the other side's arming.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use raddle::runtime::driver::{Drive, IdlePolicy, Next, ReactorKind, bell, spawn};
use raddle::runtime::topology::Seat;
use raddle::sync::{Consumer, Counter, Doorbell, Flag, Gauge, Producer, ring};
use raddle_bench::{Jitter, two_cores};

/// Later than this is a stall.
const LATE: Duration = Duration::from_millis(100);
/// Longer than this without any progress is a lost wake-up.
const LOST: Duration = Duration::from_secs(10);

#[derive(clap::Args)]
pub struct Args {
    /// How many sleeps must be ended by a push
    #[arg(long, default_value_t = 100_000_000)]
    cycles: u64,
    /// Stop after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// What drives the shards: thread, glommio
    #[arg(long, default_value = "thread")]
    driver: String,
    /// How many tokens are under way
    #[arg(long, default_value_t = 1)]
    tokens: u64,
    /// The longest pause before a push, in nanoseconds
    #[arg(long, default_value_t = 2_000)]
    pause: u64,
}

struct Token {
    sequence: u64,
    sent: Instant,
}

/// What a shard tells the watcher; one writer each.
#[derive(Default)]
struct Ledger {
    seen: Counter,
    sent: Counter,
    woke_peer: Counter,
    late: Counter,
    latest_ns: Gauge,
}

struct Hammer {
    inbound: Consumer<Token>,
    outbound: Producer<Token>,
    doorbell: Arc<Doorbell>,
    peer: Arc<Doorbell>,
    ledger: Arc<Ledger>,
    /// Raised once both shards are up: what comes earlier waits for a start.
    start: Arc<Flag>,
    stop: Arc<Flag>,
    jitter: Jitter,
    pause: u64,
    /// Tokens to bring in at the start.
    fresh: u64,
}

impl Hammer {
    fn send(&mut self) {
        let pause = Duration::from_nanos(self.jitter.below(self.pause.max(1)));
        let sent = Instant::now();
        while sent.elapsed() < pause {
            std::hint::spin_loop();
        }
        let token = Token { sequence: self.ledger.sent.get(), sent: Instant::now() };
        self.outbound.push(token).map_err(|_| ()).expect("fewer tokens than slots");
        self.ledger.sent.increment();
        if self.peer.ring() {
            self.ledger.woke_peer.increment();
        }
    }
}

impl Drive for Hammer {
    fn turn(&mut self) -> Next {
        if self.stop.is_raised() {
            return Next::Stop;
        }
        let mut arrived = if self.start.is_raised() { std::mem::take(&mut self.fresh) } else { 0 };
        while let Some(token) = self.inbound.pop() {
            let took = token.sent.elapsed();
            assert_eq!(token.sequence, self.ledger.seen.get(), "out of order");
            self.ledger.seen.increment();
            let nanos = took.as_nanos() as u64;
            if nanos > self.ledger.latest_ns.get() {
                self.ledger.latest_ns.set(nanos);
            }
            if took > LATE {
                self.ledger.late.increment();
            }
            arrived += 1;
        }
        for _ in 0..arrived {
            self.send();
        }
        Next::Idle { wake_at: None }
    }

    fn has_work(&mut self) -> bool {
        !self.inbound.is_empty() || self.stop.is_raised() || (self.fresh > 0 && self.start.is_raised())
    }

    fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

pub fn run(args: &Args) -> Result<()> {
    let kind = match args.driver.as_str() {
        "thread" => ReactorKind::Thread,
        "glommio" => ReactorKind::Glommio,
        other => bail!("no driver is called {other}"),
    };
    ensure!(args.tokens > 0 && args.tokens < 64, "between 1 and 63 tokens");
    let (wake_a, sleeper_a) = bell(kind)?;
    let (wake_b, sleeper_b) = bell(kind)?;
    let bells = [Arc::new(Doorbell::new(wake_a)), Arc::new(Doorbell::new(wake_b))];
    let (to_b, from_a) = ring(64);
    let (to_a, from_b) = ring(64);
    let (start, stop) = (Arc::new(Flag::new()), Arc::new(Flag::new()));
    let ledgers = [Arc::new(Ledger::default()), Arc::new(Ledger::default())];
    let (core_a, core_b) = two_cores();

    let mut ends = [Some((from_b, to_b)), Some((from_a, to_a))];
    let mut threads = Vec::new();
    for (shard, (sleeper, core)) in [(sleeper_a, core_a), (sleeper_b, core_b)].into_iter().enumerate() {
        let (inbound, outbound) = ends[shard].take().context("each shard starts once")?;
        let doorbell = bells[shard].clone();
        let peer = bells[1 - shard].clone();
        let ledger = ledgers[shard].clone();
        let (start, stop) = (start.clone(), stop.clone());
        let (pause, fresh) = (args.pause, if shard == 0 { args.tokens } else { 0 });
        threads.push(spawn(Seat { shard, core }, IdlePolicy::EAGER, sleeper, move || {
            let jitter = Jitter::new(shard as u64 + 1);
            Ok(Hammer { inbound, outbound, doorbell, peer, ledger, start, stop, jitter, pause, fresh })
        })?);
    }

    start.raise();
    bells[0].wake_always();
    let started = Instant::now();
    let lost = watch(args, &ledgers, started);
    let took = started.elapsed();
    stop.raise();
    for bell in &bells {
        bell.wake_always();
    }
    if lost {
        bail!("a wake-up was lost: no push was seen for {LOST:?}");
    }
    for thread in threads {
        thread.join()?;
    }
    report(args, &ledgers, took)
}

/// Waits for the end; true if the tokens stopped.
fn watch(args: &Args, ledgers: &[Arc<Ledger>; 2], started: Instant) -> bool {
    let cycles = || ledgers.iter().map(|ledger| ledger.woke_peer.get()).sum::<u64>();
    let seen = || ledgers.iter().map(|ledger| ledger.seen.get()).sum::<u64>();
    let mut last = (seen(), Instant::now());
    loop {
        thread::sleep(Duration::from_millis(50));
        let now = seen();
        if now != last.0 {
            last = (now, Instant::now());
        } else if last.1.elapsed() > LOST {
            return true;
        }
        let over = args.seconds.is_some_and(|limit| started.elapsed() > Duration::from_secs(limit));
        if over || cycles() >= args.cycles {
            return false;
        }
    }
}

fn report(args: &Args, ledgers: &[Arc<Ledger>; 2], took: Duration) -> Result<()> {
    let sum = |of: fn(&Ledger) -> u64| ledgers.iter().map(|ledger| of(ledger)).sum::<u64>();
    let (seen, sent) = (sum(|l| l.seen.get()), sum(|l| l.sent.get()));
    let (wakes, late) = (sum(|l| l.woke_peer.get()), sum(|l| l.late.get()));
    let latest = ledgers.iter().map(|ledger| ledger.latest_ns.get()).max().unwrap_or(0);
    println!(
        "hammer, driver {}: {wakes} wakes, {sent} pushes, {seen} seen, {late} later than {LATE:?}, \
         latest {:.3} ms, {:.1} s, {:.2} µs a push",
        args.driver,
        latest as f64 / 1e6,
        took.as_secs_f64(),
        took.as_secs_f64() * 1e6 / seen.max(1) as f64,
    );
    ensure!(sent - seen <= args.tokens, "{} pushes were never seen", sent - seen);
    ensure!(late == 0, "{late} pushes were seen late");
    Ok(())
}
