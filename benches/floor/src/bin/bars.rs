//! The bars of the lock-free floor, each against its rival in the same run.
//!
//! The contenders take turns, round by round. A bar compares two of them within
//! each round, and is met or short by the median of those ratios: what disturbs the
//! machine for a while disturbs both. The ratio of their best tenths stands beside
//! it: that is the machine left alone.

use std::time::Duration;

use clap::Parser;
use raddle::runtime::driver::ReactorKind;
use raddle_bench::beds::{Eventfd, Futex, raw, through_doorbell, through_driver};
use raddle_bench::measure::{across, ping_pong, ping_pong_64, round_trip, same_core};
use raddle_bench::queues::{Crossbeam, RaddleBatch, RaddleSingle, RtrbChunks, RtrbSingle, StdChannel};
use raddle_bench::two_cores;

/// Measures the bars of the lock-free floor
#[derive(Parser)]
struct Arguments {
    /// How often each queue runs
    #[arg(long, default_value_t = 41, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// How many items in a round
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    items: u64,
    /// How many round trips in a round
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1_000..))]
    trips: u64,
    /// How often each way to sleep runs; 0 leaves them out
    #[arg(long, default_value_t = 15)]
    wake_rounds: u16,
    /// How many round trips of sleep and wake in a round
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(100..))]
    wakes: u64,
}

struct Contender<'a> {
    name: &'static str,
    count: u64,
    run: Box<dyn Fn() -> Duration + 'a>,
    /// Nanoseconds for one, round by round.
    samples: Vec<f64>,
}

fn contender<'a>(name: &'static str, count: u64, run: impl Fn() -> Duration + 'a) -> Contender<'a> {
    Contender { name, count, run: Box::new(run), samples: Vec::new() }
}

/// The value that so many of the samples are below, from 0 to 1.
fn quantile(samples: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut samples: Vec<_> = samples.into_iter().collect();
    samples.sort_by(f64::total_cmp);
    samples[((samples.len() - 1) as f64 * part).round() as usize]
}

/// Those that are measured in turns.
struct Field<'a>(Vec<Contender<'a>>);

impl Field<'_> {
    fn measure(&mut self, what: &str, rounds: u16) {
        for _ in 0..rounds {
            for contender in &mut self.0 {
                let took = (contender.run)();
                contender.samples.push(took.as_nanos() as f64 / contender.count as f64);
            }
        }
        println!("{what}, in ns: best tenth, median, worst");
        for contender in &self.0 {
            let at = |part| quantile(contender.samples.iter().copied(), part);
            println!("  {:<24} {:>9.2} {:>9.2} {:>9.2}", contender.name, at(0.1), at(0.5), at(1.0));
        }
    }

    fn samples(&self, name: &str) -> &[f64] {
        let found = self.0.iter().find(|contender| contender.name == name);
        &found.expect("a bar is about a contender").samples
    }

    /// Says whether `one` takes at most `limit` times as long as `other`.
    fn bar(&self, what: &str, one: &str, other: &str, limit: f64) {
        let (one, other) = (self.samples(one), self.samples(other));
        let middle = quantile(one.iter().zip(other).map(|(one, other)| one / other), 0.5);
        let best = |samples: &[f64]| quantile(samples.iter().copied(), 0.1);
        let best = best(one) / best(other);
        let verdict = if middle <= limit { "met  " } else { "short" };
        // A rate over a rate, where more is better, is how those bars are put.
        if what.starts_with("rate") {
            println!(
                "{verdict} {what}, at least {:.1}: {:.2} (best {:.2})",
                1.0 / limit,
                1.0 / middle,
                1.0 / best
            );
        } else {
            println!("{verdict} {what}, at most {limit:.1}: {middle:.2} (best {best:.2})");
        }
    }
}

fn main() {
    let arguments = Arguments::parse();
    let cores = two_cores();
    let (items, trips, wakes) = (arguments.items, arguments.trips, arguments.wakes);

    let mut throughput = Field(vec![
        contender("raddle, single", items, || across::<RaddleSingle<8>>(items, cores)),
        contender("rtrb, single", items, || across::<RtrbSingle<8>>(items, cores)),
        contender("raddle, batches of 8", items, || across::<RaddleBatch<8, 8>>(items, cores)),
        contender("raddle, batches of 32", items, || across::<RaddleBatch<8, 32>>(items, cores)),
        contender("raddle, batches of 128", items, || across::<RaddleBatch<8, 128>>(items, cores)),
        contender("rtrb, chunks of 32", items, || across::<RtrbChunks<8, 32>>(items, cores)),
        contender("crossbeam ArrayQueue", items, || across::<Crossbeam<8>>(items, cores)),
        contender("std sync_channel", items, || across::<StdChannel<8>>(items, cores)),
    ]);
    throughput.measure("across two cores, a 64-byte item", arguments.rounds);

    let mut alone = Field(vec![
        contender("raddle, single", items, || same_core::<RaddleSingle<8>>(items, 1)),
        contender("rtrb, single", items, || same_core::<RtrbSingle<8>>(items, 1)),
        contender("raddle, batches of 32", items, || same_core::<RaddleBatch<8, 32>>(items, 32)),
        contender("rtrb, chunks of 32", items, || same_core::<RtrbChunks<8, 32>>(items, 32)),
    ]);
    alone.measure("on one core, a 64-byte item", arguments.rounds);

    let mut trip = Field(vec![
        contender("bare, a word", trips, || ping_pong(trips, cores)),
        contender("raddle, 8 bytes", trips, || round_trip::<RaddleSingle<1>>(trips, cores)),
        contender("rtrb, 8 bytes", trips, || round_trip::<RtrbSingle<1>>(trips, cores)),
        contender("bare, 64 bytes and a flag", trips, || ping_pong_64(trips, cores)),
        contender("raddle, 64 bytes", trips, || round_trip::<RaddleSingle<8>>(trips, cores)),
        contender("rtrb, 64 bytes", trips, || round_trip::<RtrbSingle<8>>(trips, cores)),
        contender("crossbeam, 64 bytes", trips, || round_trip::<Crossbeam<8>>(trips, cores)),
    ]);
    trip.measure("there and back across two cores", arguments.rounds);

    let mut wake = Field(vec![
        contender("eventfd, raw", wakes, || raw::<Eventfd>(wakes, cores)),
        contender("eventfd, doorbell", wakes, || through_doorbell::<Eventfd>(wakes, cores)),
        contender("futex, raw", wakes, || raw::<Futex>(wakes, cores)),
        contender("futex, doorbell", wakes, || through_doorbell::<Futex>(wakes, cores)),
        contender("driver thread", wakes, || through_driver(ReactorKind::Thread, wakes, cores)),
        #[cfg(feature = "glommio")]
        contender("driver glommio", wakes, || through_driver(ReactorKind::Glommio, wakes, cores)),
    ]);
    if arguments.wake_rounds > 0 {
        wake.measure("waking a sleeper, there and back", arguments.wake_rounds);
    }

    println!();
    let single = "rtrb, single";
    throughput.bar("rate of single items over rtrb's", "raddle, single", single, 1.0);
    throughput.bar("rate in batches of 32 over rtrb's single", "raddle, batches of 32", single, 1.0 / 3.0);
    throughput.bar("rate in batches of 128 over rtrb's single", "raddle, batches of 128", single, 1.0 / 3.0);
    trip.bar("round trip of 8 bytes over a bare word", "raddle, 8 bytes", "bare, a word", 1.1);
    trip.bar("round trip of 64 bytes over a bare word", "raddle, 64 bytes", "bare, a word", 1.1);
    let flagged = "bare, 64 bytes and a flag";
    trip.bar("round trip of 64 bytes over a bare line and flag", "raddle, 64 bytes", flagged, 1.1);
    if arguments.wake_rounds > 0 {
        wake.bar("doorbell over the raw eventfd", "eventfd, doorbell", "eventfd, raw", 1.3);
        wake.bar("doorbell over the raw futex", "futex, doorbell", "futex, raw", 1.3);
        wake.bar("driver thread over the raw futex", "driver thread", "futex, raw", 1.3);
        #[cfg(feature = "glommio")]
        wake.bar("driver glommio over the raw eventfd", "driver glommio", "eventfd, raw", 1.3);
    }
}
