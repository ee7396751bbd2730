//! The first table: one message through a real guest, beside the bare call.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::ensure;
use comfy_table::{CellAlignment, Table};
use raddle::actor::{Actor, Child, Context, Message, Native, Outcome};
use raddle::{ActorId, Runtime, ShardId, Spawn};

use crate::bare::{Bare, parse_count};
use crate::pump;
use crate::stats::Summary;

/// A message of 64 bytes that adds 1: leading zeros are part of the number.
const ADD_64: &[u8; 64] = b"add 000000000000000000000000000000000000000000000000000000000001";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// The counter guest
    #[arg(long, default_value = "guests/prebuilt/counter.wasm")]
    guest: PathBuf,
    /// Messages in each measurement
    #[arg(long, default_value_t = 2_000_000)]
    messages: u64,
    /// Measurements of each kind, in turn
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// What drives the shards: auto, glommio or thread
    #[arg(long, default_value = "auto")]
    reactor: raddle::runtime::driver::Reactor,
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

struct Bench {
    runtime: Runtime,
    native: ActorId,
    near: ActorId,
    far: Option<ActorId>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let mut bare = Bare::new(&args.guest)?;
    let bench = Bench::new(&args.guest, args.reactor)?;
    let mut samples: [Vec<f64>; 4] = Default::default();
    for repeat in 0..=args.repeats {
        let figures = [
            Some(bare.ns_per_call(ADD_64, args.messages)?),
            Some(bench.ns_per_message(bench.native, args.messages)?),
            Some(bench.ns_per_message(bench.near, args.messages)?),
            bench.far.map(|far| bench.ns_per_message(far, args.messages)).transpose()?,
        ];
        // The first round warms up.
        if repeat > 0 {
            for (samples, figure) in samples.iter_mut().zip(figures) {
                samples.extend(figure);
            }
        }
    }
    println!(
        "{}, {} shards, {} messages of 64 bytes, {} rounds",
        bench.runtime.reactor().kind,
        bench.runtime.shards(),
        args.messages,
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
    fn new(guest: &Path, reactor: raddle::runtime::driver::Reactor) -> anyhow::Result<Self> {
        let runtime = Runtime::builder().reactor(reactor).build()?;
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
    fn ns_per_message(&self, to: ActorId, messages: u64) -> anyhow::Result<f64> {
        let before = self.count(to)?;
        let start = Instant::now();
        pump::run(&self.runtime, ShardId(0), to, ADD_64, messages)?;
        let elapsed = start.elapsed();
        let counted = self.count(to)? - before;
        ensure!(counted == messages, "{messages} messages, and the guest counted {counted}");
        Ok(elapsed.as_nanos() as f64 / messages as f64)
    }

    fn count(&self, counter: ActorId) -> anyhow::Result<u64> {
        parse_count(&self.runtime.request(counter, "get").wait()?)
    }
}
