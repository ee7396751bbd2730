//! Sleep and wake, on the drivers that ship, with spinning off.
//!
//! ```text
//!   shard A ── token, sent at t ──► ring ──► shard B     each push is timed from
//!      ▲       then doorbell.ring()            │         before it to when the other
//!      └────────────── token ◄── ring ◄────────┘         side has it in hand
//! ```
//!
//! Several such pairs run at once, each across two cores: while one shard sleeps
//! its core works for another pair. A core that goes idle takes ten times as long
//! to come back as a thread, and that is not what is hammered here.
//!
//! A pair has one token. So a lost wake-up stops it for good: no later push can
//! cover it up. Pauses of random length, before a push or before going to sleep,
//! move each push across the other side's arming.
//!
//! The glommio driver never sleeps longer than 20 ms, whatever rings, and that would
//! cover up a lost wake-up: so pushes that lay there until such a sleep was over are
//! counted too. A crowded machine makes some; a broken handshake makes many.
//!
//! A *cycle* is one sleep (the bell armed, every ring looked at, nothing there)
//! that ended with a push in hand.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use raddle::runtime::driver::{Drive, DriverThread, IdlePolicy, Next, ReactorKind, bell, spawn};
use raddle::runtime::topology::{CoreId, Seat};
use raddle::sync::{Consumer, Doorbell, Flag, Producer, ring};
use raddle_bench::{Jitter, two_cores};

use crate::tally::{Ledger, Total, blocked_so_far};

/// Later than this is a stall.
const LATE: Duration = Duration::from_millis(100);
/// A sleep of this length was ended by the glommio driver's own timer, and a push
/// this old was there long before.
const FULL_SLEEP: Duration = Duration::from_millis(19);
const LONG_THERE: Duration = Duration::from_millis(10);
/// A pair without any progress for so long has lost a wake-up.
const LOST: Duration = Duration::from_secs(10);
/// More would be threads without end.
const PAIRS_MAX: usize = 256;
/// What is under way between two shards at most.
const SLOTS: usize = 64;

#[derive(clap::Args)]
pub struct Args {
    /// How many sleeps must be ended by a push
    #[arg(long, default_value_t = 100_000_000)]
    cycles: u64,
    /// Stop after this long, however many there were
    #[arg(long)]
    seconds: Option<u64>,
    /// What drives the shards
    #[arg(long, value_enum, default_value = "thread")]
    driver: Driver,
    /// How many pairs of shards
    #[arg(long, default_value_t = 6)]
    pairs: usize,
    /// How many tokens each pair has; more than one may cover up a lost wake-up
    #[arg(long, default_value_t = 1)]
    tokens: u64,
    /// The longest pause, in nanoseconds
    #[arg(long, default_value_t = 1_000)]
    pause: u64,
    /// How often to say how far it came, in seconds
    #[arg(long, default_value_t = 30)]
    progress: u64,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Driver {
    /// Plain pinned threads
    Thread,
    /// glommio
    Glommio,
}

impl From<Driver> for ReactorKind {
    fn from(driver: Driver) -> Self {
        match driver {
            Driver::Thread => Self::Thread,
            Driver::Glommio => Self::Glommio,
        }
    }
}

struct Token {
    sequence: u64,
    sent: Instant,
}

struct Hammer {
    inbound: Consumer<Token>,
    /// None once the soak is over: that closes the peer's ring.
    outbound: Option<Producer<Token>>,
    doorbell: Arc<Doorbell>,
    peer: Arc<Doorbell>,
    ledger: Arc<Ledger>,
    /// Raised once all shards are up: what comes earlier waits for a start.
    start: Arc<Flag>,
    stop: Arc<Flag>,
    jitter: Jitter,
    pause: u64,
    /// Tokens to bring in at the start.
    fresh: u64,
    /// Whether it went to sleep since its last turn, and when it last looked.
    slept: bool,
    looked: Instant,
}

impl Hammer {
    fn pause(&mut self) {
        let pause = Duration::from_nanos(self.jitter.below(self.pause.max(1)));
        let begun = Instant::now();
        while begun.elapsed() < pause {
            std::hint::spin_loop();
        }
    }

    fn send(&mut self) {
        let Some(outbound) = &mut self.outbound else { return };
        let token = Token { sequence: self.ledger.sent.get(), sent: Instant::now() };
        outbound.push(token).map_err(|_| ()).expect("fewer tokens than slots");
        self.ledger.sent.increment();
        if self.peer.ring() {
            self.ledger.wakes.increment();
        }
    }

    fn receive(&mut self) -> u64 {
        let mut arrived = 0;
        let mut oldest = Duration::ZERO;
        while let Some(token) = self.inbound.pop() {
            let took = token.sent.elapsed();
            assert_eq!(token.sequence, self.ledger.seen.get(), "out of order");
            self.ledger.see(took, LATE);
            oldest = oldest.max(took);
            arrived += 1;
        }
        if oldest > LONG_THERE && self.looked.elapsed() > FULL_SLEEP {
            self.ledger.slept_on.increment();
        }
        arrived
    }

    /// Sends nothing more, and tells the peer so.
    fn finish(&mut self) {
        if self.outbound.take().is_some() {
            self.peer.ring();
        }
    }
}

impl Drive for Hammer {
    fn turn(&mut self) -> Next {
        let arrived = self.receive();
        if std::mem::take(&mut self.slept) {
            let count = if arrived > 0 { &self.ledger.ended } else { &self.ledger.idle };
            count.increment();
        }
        if self.stop.is_raised() {
            self.finish();
            if self.inbound.is_closed() {
                self.ledger.blocked.set(blocked_so_far());
                return Next::Stop;
            }
        }
        let fresh = if self.start.is_raised() { std::mem::take(&mut self.fresh) } else { 0 };
        for _ in 0..arrived + fresh {
            let before = self.jitter.below(2) == 0;
            if before {
                self.pause();
            }
            self.send();
            if !before {
                self.pause();
            }
        }
        Next::Idle { wake_at: None }
    }

    /// Asked once for each arming, since it never spins.
    fn has_work(&mut self) -> bool {
        self.looked = Instant::now();
        let found = !self.inbound.is_empty();
        if found {
            self.ledger.found.increment();
        }
        let told = self.fresh > 0 && self.start.is_raised()
            || self.stop.is_raised() && (self.outbound.is_some() || self.inbound.is_closed());
        if !found && !told {
            self.slept = true;
            self.ledger.sleeps.increment();
        }
        found || told
    }

    fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }
}

/// Two shards and what the watcher needs of them.
struct Pair {
    ledgers: [Arc<Ledger>; 2],
    bells: [Arc<Doorbell>; 2],
    threads: Vec<DriverThread>,
}

impl Pair {
    fn seen(&self) -> u64 {
        self.ledgers.iter().map(|ledger| ledger.seen.get()).sum()
    }

    fn wake(&self) {
        for bell in &self.bells {
            bell.wake_always();
        }
    }
}

fn pair(
    args: &Args,
    number: usize,
    cores: [Option<CoreId>; 2],
    start: &Arc<Flag>,
    stop: &Arc<Flag>,
) -> Result<Pair> {
    let kind = args.driver.into();
    let (wake_a, sleeper_a) = bell(kind)?;
    let (wake_b, sleeper_b) = bell(kind)?;
    let bells = [Arc::new(Doorbell::new(wake_a)), Arc::new(Doorbell::new(wake_b))];
    let ledgers = [Arc::new(Ledger::default()), Arc::new(Ledger::default())];
    let (to_b, from_a) = ring(SLOTS);
    let (to_a, from_b) = ring(SLOTS);
    let mut threads = Vec::new();
    let sides = [(sleeper_a, from_b, to_b), (sleeper_b, from_a, to_a)];
    for (side, (sleeper, inbound, outbound)) in sides.into_iter().enumerate() {
        let (doorbell, peer) = (bells[side].clone(), bells[1 - side].clone());
        let (ledger, start, stop) = (ledgers[side].clone(), start.clone(), stop.clone());
        let (pause, fresh) = (args.pause, if side == 0 { args.tokens } else { 0 });
        let shard = 2 * number + side;
        let seat = Seat { shard, core: cores[side] };
        threads.push(spawn(seat, IdlePolicy::EAGER, sleeper, move || {
            let (outbound, jitter) = (Some(outbound), Jitter::new(shard as u64 + 1));
            let (slept, looked) = (false, Instant::now());
            Ok(Hammer {
                inbound,
                outbound,
                doorbell,
                peer,
                ledger,
                start,
                stop,
                jitter,
                pause,
                fresh,
                slept,
                looked,
            })
        })?);
    }
    Ok(Pair { ledgers, bells, threads })
}

pub fn run(args: &Args) -> Result<()> {
    ensure!(args.cycles > 0, "--cycles: at least 1");
    ensure!(args.seconds != Some(0), "--seconds: at least 1");
    ensure!(args.progress > 0, "--progress: at least 1");
    ensure!(args.pairs > 0 && args.pairs <= PAIRS_MAX, "--pairs: between 1 and {PAIRS_MAX}");
    ensure!(args.tokens > 0 && args.tokens < SLOTS as u64, "--tokens: between 1 and {}", SLOTS - 1);
    let (core_a, core_b) = two_cores();
    let (start, stop) = (Arc::new(Flag::new()), Arc::new(Flag::new()));
    let pairs = (0..args.pairs)
        .map(|number| pair(args, number, [core_a, core_b], &start, &stop))
        .collect::<Result<Vec<_>>>()?;

    start.raise();
    pairs.iter().for_each(Pair::wake);
    let started = Instant::now();
    let lost = watch(args, &pairs, started);
    let took = started.elapsed();
    stop.raise();
    pairs.iter().for_each(Pair::wake);
    if let Some(number) = lost {
        say(&total(&pairs), args, took);
        bail!("a wake-up was lost: pair {number} saw no push for {LOST:?}");
    }
    let mut ledgers = Vec::new();
    for pair in pairs {
        for thread in pair.threads {
            thread.join()?;
        }
        ledgers.extend(pair.ledgers);
    }
    report(args, &Total::of(ledgers.iter().map(|ledger| &**ledger)), took)
}

fn total(pairs: &[Pair]) -> Total {
    Total::of(pairs.iter().flat_map(|pair| &pair.ledgers).map(|ledger| &**ledger))
}

/// Waits for the end; gives the number of a pair whose token stopped.
fn watch(args: &Args, pairs: &[Pair], started: Instant) -> Option<usize> {
    let mut last: Vec<_> = pairs.iter().map(|pair| (pair.seen(), Instant::now())).collect();
    let mut told = Instant::now();
    loop {
        thread::sleep(Duration::from_millis(50));
        for (number, (pair, last)) in pairs.iter().zip(&mut last).enumerate() {
            let now = pair.seen();
            if now != last.0 {
                *last = (now, Instant::now());
            } else if last.1.elapsed() > LOST {
                return Some(number);
            }
        }
        let total = total(pairs);
        if told.elapsed() > Duration::from_secs(args.progress) {
            told = Instant::now();
            say(&total, args, started.elapsed());
        }
        let over = args.seconds.is_some_and(|limit| started.elapsed() > Duration::from_secs(limit));
        if over || total.ended >= args.cycles {
            return None;
        }
    }
}

fn say(total: &Total, args: &Args, took: Duration) {
    println!(
        "{:>6.0} s: {} of {} cycles, {:.0} a second, latest push {:.3} ms",
        took.as_secs_f64(),
        total.ended,
        args.cycles,
        total.ended as f64 / took.as_secs_f64(),
        total.latest_ns as f64 / 1e6,
    );
}

fn report(args: &Args, total: &Total, took: Duration) -> Result<()> {
    println!(
        "hammer, driver {:?}, {} pairs: {} cycles in {:.1} s, {:.0} a second",
        args.driver,
        args.pairs,
        total.ended,
        took.as_secs_f64(),
        total.ended as f64 / took.as_secs_f64(),
    );
    println!(
        "  {} pushes, {} seen; {} sleeps, of which {} ended for nothing; {} wake-ups sent, {} pushes found \
         by the look after the arming; the kernel saw the shards wait {} times",
        total.sent, total.seen, total.sleeps, total.idle, total.wakes, total.found, total.blocked,
    );
    println!("  {} full sleeps on a push that lay there", total.slept_on);
    println!("  from push to hand, latest {:.3} ms:", total.latest_ns as f64 / 1e6);
    print!("{}", total.histogram());
    ensure!(total.sent == total.seen, "{} pushes were never seen", total.sent - total.seen);
    ensure!(total.late == 0, "{} pushes were seen later than {LATE:?}", total.late);
    Ok(())
}
