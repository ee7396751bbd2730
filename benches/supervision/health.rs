//! An innocent's latency, while all guests of its shard are asked how they are: by
//! sweeps that follow each other, and by a host that waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use raddle::actor::{Actor, Blueprint, Child, Context, Message, Native, Outcome};
use raddle::runtime::driver::Reactor;
use raddle::shard::{HealthConfig, ShardConfig};
use raddle::wasm::{CacheConfig, ComponentBlueprint, EngineConfig, Limits, MemoryLayout, PoolPolicy};
use raddle::{ActorId, Runtime, ShardId, Spawn};

use super::{ROUNDS, guest, ns_of, percentile, print};

const GUESTS: usize = 10_000;
/// From the begin of one sweep to that of the next, if it is over by then.
const INTERVAL: Duration = Duration::from_millis(100);
const REQUESTS: usize = 100_000;

struct Innocent;

impl Actor for Innocent {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        Outcome::Done(Some(message.payload.clone()))
    }
}

impl Child for Innocent {}

/// A shard with all the guests, who are asked on this interval (0: only when a host wants
/// it), and the innocent.
fn ward(interval_ns: u64) -> (Runtime, ActorId) {
    let engine = EngineConfig {
        memory_layout: MemoryLayout::Compact,
        instances_max: GUESTS as u32 + 600,
        ..EngineConfig::default()
    };
    let health = HealthConfig { interval_ns, ..HealthConfig::default() };
    let runtime = Runtime::builder()
        .shards(1)
        .reactor(Reactor::Thread)
        .park_spin(Duration::from_secs(1))
        .config(ShardConfig { health, ..ShardConfig::default() })
        .engine(engine)
        .cache(CacheConfig::Disabled)
        .build()
        .unwrap();
    let component = runtime.engine().load(&guest("counter"), &CacheConfig::Disabled, &()).unwrap();
    let blueprint: Arc<dyn Blueprint> =
        Arc::new(ComponentBlueprint::new(component, Limits::default(), PoolPolicy::default()).unwrap());
    let spawn = |_| runtime.spawn(Spawn::new(blueprint.clone()).on(ShardId(0)));
    for _ in 0..GUESTS / 500 {
        let spawned: Vec<_> = (0..500).map(spawn).collect();
        for one in spawned {
            one.wait().expect("a guest");
        }
    }
    let innocent = Arc::new(Native::new("innocent", |_| Innocent));
    let innocent = runtime.spawn(Spawn::new(innocent).on(ShardId(0))).wait().unwrap();
    (runtime, innocent)
}

fn healthy(runtime: &Runtime) -> u64 {
    runtime.reports()[0].health.healthy
}

/// The latencies of a round of requests, in ns.
fn latencies((runtime, innocent): &(Runtime, ActorId)) -> Vec<f64> {
    (0..REQUESTS).map(|_| ns_of(|| runtime.request(*innocent, "x").wait().unwrap()).0).collect()
}

/// What a host does that waits for one sweep after the other, until it is over.
fn ask_all(runtime: &Runtime, over: &AtomicBool) -> u64 {
    let mut sweeps = 0;
    while !over.load(Relaxed) {
        assert!(runtime.check_health(Duration::from_secs(60)));
        sweeps += 1;
    }
    sweeps
}

pub fn run() {
    let mut figures = [const { Vec::new() }; 6];
    let mut sweep_us = Vec::new();
    {
        let still = ward(0);
        assert_eq!(healthy(&still.0), 0, "nobody was asked");
        for _ in 0..ROUNDS {
            let mut idle = latencies(&still);
            figures[0].push(percentile(&mut idle, 0.5) / 1e3);
            figures[1].push(percentile(&mut idle, 0.99) / 1e3);
            let over = AtomicBool::new(false);
            let (ns, mut asked, sweeps) = std::thread::scope(|scope| {
                let asker = scope.spawn(|| ask_all(&still.0, &over));
                let (ns, figures) = ns_of(|| latencies(&still));
                over.store(true, Relaxed);
                (ns, figures, asker.join().unwrap())
            });
            figures[4].push(percentile(&mut asked, 0.5) / 1e3);
            figures[5].push(percentile(&mut asked, 0.99) / 1e3);
            sweep_us.push(ns / 1e3 / sweeps.max(1) as f64);
        }
        assert_eq!(healthy(&still.0), GUESTS as u64, "each of them was asked");
    }
    {
        // As soon as one sweep is over the next one begins.
        let swept = ward(INTERVAL.as_nanos() as u64);
        let began = Instant::now();
        while healthy(&swept.0) < GUESTS as u64 {
            assert!(began.elapsed() < Duration::from_secs(120), "a sweep does not come to its end");
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("the first sweep of {GUESTS} guests was over after {:.1} s", began.elapsed().as_secs_f64());
        for _ in 0..ROUNDS {
            let mut swept = latencies(&swept);
            figures[2].push(percentile(&mut swept, 0.5) / 1e3);
            figures[3].push(percentile(&mut swept, 0.99) / 1e3);
        }
    }
    println!("an innocent beside {GUESTS} guests, {REQUESTS} requests a round, from outside");
    let [idle50, idle99, swept50, swept99, asked50, asked99] = &mut figures;
    let floor50 = print("floor: p50 without a sweep", "µs", idle50, None);
    let floor99 = print("floor: p99 without a sweep", "µs", idle99, None);
    print("p50 in sweeps, one after the other", "µs", swept50, Some(floor50));
    print("p99 in sweeps, one after the other", "µs", swept99, Some(floor99));
    print("p50 while a host asks all, again and again", "µs", asked50, Some(floor50));
    print("p99 while a host asks all, again and again", "µs", asked99, Some(floor99));
    print("  such a sweep takes", "µs", &mut sweep_us, None);
}
