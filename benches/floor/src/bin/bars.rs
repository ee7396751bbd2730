//! The bars of the lock-free floor, each against its rival in the same run.
//!
//! The contenders take turns, round by round, and the medians are compared: what
//! disturbs the machine disturbs all of them.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use raddle::runtime::driver::ReactorKind;
use raddle_bench::beds::{Eventfd, Futex, raw, through_doorbell, through_driver};
use raddle_bench::measure::{across, ping_pong, round_trip, same_core};
use raddle_bench::queues::{Crossbeam, RaddleBatch, RaddleSingle, RtrbChunks, RtrbSingle, StdChannel};
use raddle_bench::two_cores;

/// Measures the bars of the lock-free floor
#[derive(Parser)]
struct Arguments {
    /// How often each contender runs
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// How many items in a round
    #[arg(long, default_value_t = 2_000_000)]
    items: u64,
    /// How many round trips in a round
    #[arg(long, default_value_t = 300_000)]
    trips: u64,
}

type Contender<'a> = (&'static str, u64, Box<dyn Fn() -> Duration + 'a>);

/// Nanoseconds for one, the median of all rounds, in the order of the contenders.
fn medians(rounds: usize, contenders: &[Contender<'_>]) -> Vec<f64> {
    let mut samples = vec![Vec::new(); contenders.len()];
    for _ in 0..rounds {
        for (samples, (_, count, run)) in samples.iter_mut().zip(contenders) {
            samples.push(run().as_nanos() as f64 / *count as f64);
        }
    }
    let medians = samples.into_iter().zip(contenders).map(|(mut samples, (name, _, _))| {
        samples.sort_by(f64::total_cmp);
        let (low, middle, high) = (samples[0], samples[samples.len() / 2], samples[samples.len() - 1]);
        println!("  {name:<28} {middle:9.2} ns   ({low:.2} to {high:.2})");
        middle
    });
    medians.collect()
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let cores = two_cores();
    let (items, trips, rounds) = (arguments.items, arguments.trips, arguments.rounds);

    println!("throughput across two cores, 64-byte items, per item:");
    let rates = medians(
        rounds,
        &[
            ("raddle, single", items, Box::new(|| across::<RaddleSingle<8>>(items, cores))),
            ("rtrb, single", items, Box::new(|| across::<RtrbSingle<8>>(items, cores))),
            ("raddle, batches of 8", items, Box::new(|| across::<RaddleBatch<8, 8>>(items, cores))),
            ("raddle, batches of 32", items, Box::new(|| across::<RaddleBatch<8, 32>>(items, cores))),
            ("raddle, batches of 128", items, Box::new(|| across::<RaddleBatch<8, 128>>(items, cores))),
            ("rtrb, chunks of 32", items, Box::new(|| across::<RtrbChunks<8, 32>>(items, cores))),
            ("crossbeam ArrayQueue", items, Box::new(|| across::<Crossbeam<8>>(items, cores))),
            ("std sync_channel", items, Box::new(|| across::<StdChannel<8>>(items, cores))),
        ],
    );
    println!("same core, 64-byte items, per item:");
    medians(
        rounds,
        &[
            ("raddle, single", items, Box::new(|| same_core::<RaddleSingle<8>>(items, 1))),
            ("rtrb, single", items, Box::new(|| same_core::<RtrbSingle<8>>(items, 1))),
            ("raddle, batches of 32", items, Box::new(|| same_core::<RaddleBatch<8, 32>>(items, 32))),
            ("rtrb, chunks of 32", items, Box::new(|| same_core::<RtrbChunks<8, 32>>(items, 32))),
        ],
    );
    println!("round trip, one 64-byte item:");
    let trip = medians(
        rounds,
        &[
            ("bare cache lines", trips, Box::new(|| ping_pong(trips, cores))),
            ("raddle", trips, Box::new(|| round_trip::<RaddleSingle<8>>(trips, cores))),
            ("raddle, 8-byte item", trips, Box::new(|| round_trip::<RaddleSingle<1>>(trips, cores))),
            ("rtrb", trips, Box::new(|| round_trip::<RtrbSingle<8>>(trips, cores))),
            ("crossbeam ArrayQueue", trips, Box::new(|| round_trip::<Crossbeam<8>>(trips, cores))),
        ],
    );

    let wakes = trips / 10;
    println!("waking a sleeper, there and back:");
    let wake = medians(
        rounds,
        &[
            ("eventfd, raw", wakes, Box::new(|| raw::<Eventfd>(wakes, cores))),
            ("eventfd, doorbell", wakes, Box::new(|| through_doorbell::<Eventfd>(wakes, cores))),
            ("futex, raw", wakes, Box::new(|| raw::<Futex>(wakes, cores))),
            ("futex, doorbell", wakes, Box::new(|| through_doorbell::<Futex>(wakes, cores))),
            ("driver thread", wakes, Box::new(|| through_driver(ReactorKind::Thread, wakes, cores))),
            #[cfg(feature = "glommio")]
            ("driver glommio", wakes, Box::new(|| through_driver(ReactorKind::Glommio, wakes, cores))),
        ],
    );

    let bars = [
        ("single items: rate over rtrb's, at least 1.0", rates[1] / rates[0], 1.0, true),
        ("batches of 32: rate over rtrb's single, at least 3", rates[1] / rates[3], 3.0, true),
        ("batches of 128: rate over rtrb's single, at least 3", rates[1] / rates[4], 3.0, true),
        ("round trip of a word: over the bare cache lines, at most 1.1", trip[2] / trip[0], 1.1, false),
        ("doorbell: over the raw eventfd, at most 1.3", wake[1] / wake[0], 1.3, false),
        ("doorbell: over the raw futex, at most 1.3", wake[3] / wake[2], 1.3, false),
        ("driver thread: over the raw futex, at most 1.3", wake[4] / wake[2], 1.3, false),
    ];
    let mut missed = false;
    for (bar, ratio, limit, at_least) in bars {
        let met = if at_least { ratio >= limit } else { ratio <= limit };
        missed |= !met;
        println!("{} {bar}: {ratio:.2}", if met { "met   " } else { "MISSED" });
    }
    ExitCode::from(u8::from(missed))
}
