//! The first table: one message through a real guest, beside the bare call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use comfy_table::{CellAlignment, Table};
use raddle::actor::{Actor, Child, Context, Message, Native, Outcome};
use raddle::runtime::driver::Reactor;
use raddle::shard::ShardConfig;
use raddle::{ActorId, Runtime, ShardId, Spawn};

use crate::floor::bare::{Bare, parse_count};
use crate::pump::{Content, Pace, Pumps, Stream};
use crate::stats::Summary;
use crate::word::Op;

/// A message that adds 1, of 64 bytes: leading zeros are part of the number, and
/// the guest reads them one by one. Shorter ones cost the guest less.
const ADD_64: &str = "add 000000000000000000000000000000000000000000000000000000000001";
const PAYLOAD_BYTES_MIN: usize = "add 1".len();

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The counter guest
    #[arg(long, default_value = "guests/prebuilt/counter.wasm")]
    guest: PathBuf,
    /// Messages in each measurement
    #[arg(long, default_value_t = 2_000_000)]
    messages: u64,
    /// Bytes in each message: 5 to 64
    #[arg(long, default_value_t = 64, value_parser = payload_bytes)]
    payload: usize,
    /// Measurements of each kind, in turn
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// Measure the latency of every message too
    #[arg(long)]
    latency: bool,
    /// What drives the shards: auto, glommio or thread
    #[arg(long, default_value = "auto")]
    reactor: Reactor,
}

/// What the guest does, without a guest: what is left is the runtime's part.
struct NativeCounter(u64);

impl Actor for NativeCounter {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        if &*message.payload == b"get" {
            return Outcome::Done(Some(self.0.to_string().into()));
        }
        self.0 += 1;
        Outcome::Done(None)
    }
}

impl Child for NativeCounter {}

fn payload_bytes(text: &str) -> Result<usize, String> {
    let range = PAYLOAD_BYTES_MIN..=ADD_64.len();
    text.parse().ok().filter(|bytes| range.contains(bytes)).ok_or_else(|| format!("expected {range:?}"))
}

/// A message of so many bytes that adds 1.
fn payload(bytes: usize) -> Vec<u8> {
    let digits = &ADD_64.as_bytes()["add ".len()..];
    let wanted = bytes - "add ".len();
    [b"add ", &digits[digits.len() - wanted..]].concat()
}

/// ns per bare call. The guest's count must have risen by as many as there were.
fn bare_ns(bare: &mut Bare, payload: &'static [u8], calls: u64) -> anyhow::Result<f64> {
    let before = parse_count(&bare.ask(b"get")?)?;
    let ns = bare.ns_per_call(payload, calls)?;
    let counted = parse_count(&bare.ask(b"get")?)? - before;
    ensure!(counted == calls, "{calls} calls, and the guest counted {counted}");
    Ok(ns)
}

struct Bench {
    runtime: Runtime,
    native: ActorId,
    near: ActorId,
    far: Option<ActorId>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    // Once for the whole run.
    let payload: &'static [u8] = Vec::leak(payload(args.payload));
    let guest = std::fs::read(&args.guest).with_context(|| format!("--guest {}", args.guest.display()))?;
    let mut bare = Bare::new(&guest)?;
    let bench = Bench::new(&args.guest, args.reactor, args.latency)?;
    let mut samples: [Vec<f64>; 4] = Default::default();
    for repeat in 0..=args.repeats {
        let figures = [
            Some(bare_ns(&mut bare, payload, args.messages)?),
            Some(bench.ns_per_message(bench.native, payload, args.messages)?),
            Some(bench.ns_per_message(bench.near, payload, args.messages)?),
            bench.far.map(|far| bench.ns_per_message(far, payload, args.messages)).transpose()?,
        ];
        // The first round warms up.
        if repeat > 0 {
            for (samples, figure) in samples.iter_mut().zip(figures) {
                samples.extend(figure);
            }
        }
    }
    println!(
        "{}, {} shards, {} messages of {} bytes, {} rounds",
        bench.runtime.reactor().kind,
        bench.runtime.shards(),
        args.messages,
        args.payload,
        args.repeats
    );
    let names =
        ["bare wasmtime call", "native actor, same shard", "guest, same shard", "guest, across shards"];
    let floor = Summary::of(&samples[0]).median;
    let mut table = Table::new();
    table.set_header(["", "ns/message", "min", "max", "× bare", "messages/s"]);
    for (name, samples) in names.into_iter().zip(&samples).filter(|(_, samples)| !samples.is_empty()) {
        let Summary { median, min, max } = Summary::of(samples);
        table.add_row([
            name.to_owned(),
            format!("{median:.1}"),
            format!("{min:.1}"),
            format!("{max:.1}"),
            format!("{:.2}", median / floor),
            format!("{:.2} M", 1e3 / median),
        ]);
    }
    for column in 1..=5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!("{table}");
    let report = bench.runtime.shutdown(std::time::Duration::from_secs(10));
    ensure!(report.ledger().closes(), "the ledger does not close: {:?}", report.ledger());
    Ok(())
}

impl Bench {
    fn new(guest: &Path, reactor: Reactor, measures_latency: bool) -> anyhow::Result<Self> {
        let runtime = {
            let config = ShardConfig { measures_latency, ..ShardConfig::default() };
            Runtime::builder().reactor(reactor).config(config).build()?
        };
        let counter = runtime.load(guest)?;
        let native = Arc::new(Native::new("counter", |_| NativeCounter(0)));
        let native = runtime.spawn(Spawn::new(native).on(ShardId(0))).wait()?;
        let near = runtime.spawn(Spawn::new(counter.clone()).on(ShardId(0))).wait()?;
        let far = match runtime.shards() {
            1 => None,
            _ => Some(runtime.spawn(Spawn::new(counter).on(ShardId(1))).wait()?),
        };
        Ok(Self { runtime, native, near, far })
    }

    /// Sent by a native actor on shard 0, handled by the guest, and proved by it.
    fn ns_per_message(&self, to: ActorId, payload: &[u8], messages: u64) -> anyhow::Result<f64> {
        let before = self.count(to)?;
        let stream = Stream { on: ShardId(0), to: vec![to], op: Op::Add, first_value: 0, messages };
        let content = Content::Fixed(payload.into());
        let pumps = Pumps::new(&self.runtime, vec![stream], &content, Pace::InFlight, 1)?;
        let start = Instant::now();
        pumps.run(&self.runtime)?;
        let elapsed = start.elapsed();
        pumps.end(&self.runtime)?;
        let counted = self.count(to)? - before;
        ensure!(counted == messages, "{messages} messages, and the guest counted {counted}");
        Ok(elapsed.as_nanos() as f64 / messages as f64)
    }

    fn count(&self, counter: ActorId) -> anyhow::Result<u64> {
        parse_count(&self.runtime.request(counter, "get").wait()?)
    }
}
