//! There and back between two shards that never sleep, beside what it is made of: the
//! rings, and two calls of a guest.
//!
//! The kinds take turns, and each has the machine to itself: the runtime of one is gone
//! before the next begins.

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use raddle::actor::{Actor, ActorId, Child, Context, Message, Native, Notice, Outcome};
use raddle::sync::ring;
use raddle::{ShardId, Spawn};

use crate::floor::bare::Bare;
use crate::interrupt;
use crate::pump::{self, STALL_MAX};
use crate::report;
use crate::setup::{Setup, Stand};
use crate::stats::Summary;
use crate::word::{self, Op, Proof};
use crate::workload::{self, Extras, Kind, Place};

/// Longer than any measurement: a shard that spins so long never sleeps.
const AWAKE_US: u64 = 60_000_000;
/// Slots of the rings. One item is on its way at a time.
const SLOTS: usize = 256;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    setup: Setup,
    /// Round trips in each measurement
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u64).range(1..))]
    round_trips: u64,
    /// Measurements of each kind, in turn
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    repeats: u64,
    /// The figures as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Ring,
    Call,
    PingPong(Place),
    Request(Place),
}

const KINDS: [(&str, What); 6] = [
    ("the rings, there and back", What::Ring),
    ("bare call of the guest", What::Call),
    ("two guests, across shards", What::PingPong(Place::Across)),
    ("request and reply, across shards", What::Request(Place::Across)),
    ("two guests, same shard", What::PingPong(Place::Same)),
    ("request and reply, same shard", What::Request(Place::Same)),
];

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    interrupt::listen()?;
    let setup = Setup { spin_us: Some(AWAKE_US), shards: Some(2), actors: 2, pairs: 1, ..args.setup.clone() };
    let mut samples = vec![Vec::new(); KINDS.len()];
    for _ in 0..args.repeats {
        for (samples, (_, what)) in samples.iter_mut().zip(KINDS) {
            samples.push(ns(what, &setup, args.round_trips)?);
            ensure!(!interrupt::is_raised(), interrupt::Interrupted);
        }
    }
    let figures: Vec<Summary> = samples.iter().map(|samples| Summary::of(samples)).collect();
    if args.json {
        let figure = |((name, _), summary): (&(&str, What), &Summary)| {
            let Summary { median, min, max } = summary;
            serde_json::json!({"what": name, "median_ns": median, "min_ns": min, "max_ns": max})
        };
        let figures: Vec<_> = KINDS.iter().zip(&figures).map(figure).collect();
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(());
    }
    print_table(&figures);
    Ok(())
}

fn print_table(figures: &[Summary]) {
    let row = |((name, _), Summary { median, min, max }): (&(&str, What), &Summary)| {
        vec![(*name).to_owned(), format!("{median:.0} ns"), format!("{min:.0} to {max:.0}")]
    };
    let table =
        report::terminal::table(&["there and back", "median", "spread"], KINDS.iter().zip(figures).map(row));
    println!("{table}");
    let [ring, call, ping_pong, request, ..] = figures else { return };
    // The one who asks is native: one guest is called.
    for (name, figure, calls) in [("two guests", ping_pong, 2.0), ("request and reply", request, 1.0)] {
        let bar = 1.5 * ring.median + calls * call.median;
        println!(
            "{name}, across shards: {:.2} × (1.5 × the rings and {calls} of the guest's calls, {bar:.0} ns)",
            figure.median / bar
        );
    }
}

/// ns for each round trip.
fn ns(what: What, setup: &Setup, round_trips: u64) -> anyhow::Result<f64> {
    match what {
        What::Ring => rings_ns(round_trips),
        What::Call => call_ns(setup, round_trips),
        What::PingPong(place) => ping_pong_ns(setup, place, round_trips),
        What::Request(place) => request_ns(setup, place, round_trips),
    }
}

fn call_ns(setup: &Setup, calls: u64) -> anyhow::Result<f64> {
    let mut bare = Bare::new(&setup.read_guest()?)?;
    // Leaked once for each measurement: a few bytes.
    let payload: &'static [u8] = word::payload(Op::Add, 1, setup.payload).leak();
    let get: &'static [u8] = word::payload(Op::Get, 0, word::WORD_BYTES).leak();
    let ns = bare.ns_per_call(payload, calls)?;
    let proof = Proof::parse(&bare.ask(get)?).context("what the guest counted is not two words")?;
    proof.must_be(Proof { count: calls, sum: calls })?;
    Ok(ns)
}

fn ping_pong_ns(setup: &Setup, place: Place, round_trips: u64) -> anyhow::Result<f64> {
    let stand = Stand::new(setup, false)?;
    let extras = Extras {
        component: None,
        message: None,
        message_file: None,
        configs: Vec::new(),
        log: "".into(),
        tokens: 1,
    };
    let mut workloads = workload::set_up(Kind::PingPong, place, &stand, &extras)?;
    let workload = workloads.first_mut().context("there is no such workload")?;
    workload.round(&stand, (round_trips / 10).max(1))?;
    let ns = workload.round(&stand, round_trips)?.ns_per_unit();
    for workload in workloads {
        workload.end(&stand)?;
    }
    stand.end()?;
    Ok(ns)
}

/// Asks a guest, again and again, each time when it has the reply.
struct Caller {
    guest: ActorId,
    payload: Vec<u8>,
    left: u64,
    done: mpsc::Sender<Result<(), String>>,
}

impl Caller {
    fn next(&mut self, context: &Context) {
        if self.left == 0 {
            // The measurement may have been given up.
            let _ = self.done.send(Ok(()));
            return;
        }
        self.left -= 1;
        word::write(&mut self.payload, Op::Ask, self.left);
        if let Err(error) = context.request(self.guest, self.payload.as_slice(), STALL_MAX) {
            let _ = self.done.send(Err(error.to_string()));
        }
    }
}

impl Actor for Caller {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        self.left = word::read(&message.payload).unwrap_or(0);
        self.next(context);
        Outcome::Done(None)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        if let Notice::Reply { outcome, .. } = notice {
            match outcome {
                Ok(reply) if word::read(&reply) == Some(self.left + 1) => self.next(context),
                other => {
                    let _ = self.done.send(Err(format!("asked {}, and got {other:?}", self.left)));
                }
            }
        }
        Outcome::Done(None)
    }
}

impl Child for Caller {}

fn request_ns(setup: &Setup, place: Place, round_trips: u64) -> anyhow::Result<f64> {
    let stand = Stand::new(setup, false)?;
    let shard = ShardId(u16::from(place == Place::Across));
    let guest = stand.runtime.spawn(Spawn::new(stand.guest.clone()).on(shard)).wait()?;
    let (sender, done) = mpsc::channel();
    let payload = word::payload(Op::Ask, 0, setup.payload);
    let make = move |_: &_| Caller { guest, payload: payload.clone(), left: 0, done: sender.clone() };
    let caller = Spawn::new(Arc::new(Native::new("caller", make))).on(ShardId(0));
    let caller = stand.runtime.spawn(caller).wait()?;
    let mut elapsed = Duration::ZERO;
    let before = Proof::of(&stand.runtime, &[guest])?;
    for times in [(round_trips / 10).max(1), round_trips] {
        let start = Instant::now();
        pump::tell(&stand.runtime, caller, &times.to_le_bytes())?;
        interrupt::wait(&done, STALL_MAX)?.map_err(|error| anyhow::anyhow!(error))?;
        elapsed = start.elapsed();
    }
    let warm_up = Proof::of_values_from(0, (round_trips / 10).max(1));
    let expected = Proof::of_values_from(0, round_trips).and(warm_up);
    Proof::of(&stand.runtime, &[guest])?.since(before).must_be(expected)?;
    stand.end()?;
    Ok(elapsed.as_nanos() as f64 / round_trips as f64)
}

/// As many bytes as a message of the usual size.
type Item = [u64; 8];

/// One item from one core to another and back, through two rings.
fn rings_ns(round_trips: u64) -> anyhow::Result<f64> {
    let (mut there, mut from_there) = ring::<Item>(SLOTS);
    let (mut back, mut from_back) = ring::<Item>(SLOTS);
    let echo = std::thread::spawn(move || {
        pin(1);
        for _ in 0..round_trips {
            let item = receive(&mut from_there);
            send(&mut back, item);
        }
    });
    let asker = std::thread::spawn(move || {
        pin(0);
        let start = Instant::now();
        for value in 0..round_trips {
            send(&mut there, [value; 8]);
            ensure!(receive(&mut from_back) == [value; 8], "another item came back");
        }
        Ok(start.elapsed())
    });
    let elapsed = asker.join().map_err(|_| anyhow::anyhow!("the sender panicked"))??;
    ensure!(echo.join().is_ok(), "the echo panicked");
    Ok(elapsed.as_nanos() as f64 / round_trips as f64)
}

fn pin(id: usize) {
    core_affinity::set_for_current(core_affinity::CoreId { id });
}

fn send(ring: &mut raddle::sync::Producer<Item>, item: Item) {
    // There is room: one item is on its way.
    let staged = ring.stage(item);
    debug_assert!(staged.is_ok());
    ring.publish();
}

fn receive(ring: &mut raddle::sync::Consumer<Item>) -> Item {
    let mut item = None;
    while ring.drain(1, |one| item = Some(one)) == 0 {
        std::hint::spin_loop();
    }
    item.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn items_come_back() {
        assert!(super::rings_ns(1_000).unwrap() > 0.0);
    }
}
