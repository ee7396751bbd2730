//! An innocent's latency, while all guests of its shard are asked how they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use raddle::actor::{Actor, Blueprint, Child, Context, Message, Native, Outcome};
use raddle::runtime::driver::Reactor;
use raddle::wasm::{CacheConfig, ComponentBlueprint, EngineConfig, Limits, MemoryLayout, PoolPolicy};
use raddle::{Runtime, ShardId, Spawn};

use super::{ROUNDS, guest, ns_of, percentile, print};

const GUESTS: usize = 10_000;
const REQUESTS: usize = 4_000;

struct Innocent;

impl Actor for Innocent {
    fn handle(&mut self, _: &Context, message: &Message) -> Outcome {
        Outcome::Done(Some(message.payload.clone()))
    }
}

impl Child for Innocent {}

pub fn run() {
    let engine = EngineConfig {
        memory_layout: MemoryLayout::Compact,
        instances_max: GUESTS as u32 + 600,
        ..EngineConfig::default()
    };
    let runtime = Runtime::builder()
        .shards(1)
        .reactor(Reactor::Thread)
        .park_spin(Duration::from_secs(1))
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
    let latencies = |over: &AtomicBool| {
        let ask = |_| ns_of(|| runtime.request(innocent, "x").wait().unwrap()).0;
        let figures: Vec<_> = (0..REQUESTS).map(ask).collect();
        over.store(true, Relaxed);
        figures
    };
    let [mut idle50, mut idle99, mut swept50, mut swept99, mut sweeps_us] = [const { Vec::new() }; 5];
    for _ in 0..ROUNDS {
        let mut idle = latencies(&AtomicBool::new(false));
        idle50.push(percentile(&mut idle, 0.5) / 1e3);
        idle99.push(percentile(&mut idle, 0.99) / 1e3);
        let (over, sweeps) = (AtomicBool::new(false), AtomicU64::new(0));
        let (ns, mut swept) = std::thread::scope(|scope| {
            // One sweep after the other, without a pause: far more than any interval.
            scope.spawn(|| {
                while !over.load(Relaxed) {
                    assert!(runtime.check_health(Duration::from_secs(60)));
                    sweeps.fetch_add(1, Relaxed);
                }
            });
            ns_of(|| latencies(&over))
        });
        swept50.push(percentile(&mut swept, 0.5) / 1e3);
        swept99.push(percentile(&mut swept, 0.99) / 1e3);
        sweeps_us.push(ns / 1e3 / sweeps.load(Relaxed).max(1) as f64);
    }
    let healthy = runtime.reports()[0].health.healthy;
    assert_eq!(healthy, GUESTS as u64, "each of them was asked");
    println!("an innocent beside {GUESTS} guests, {REQUESTS} requests a round, from outside");
    let floor50 = print("floor: p50 without a sweep", "µs", &mut idle50, None);
    let floor99 = print("floor: p99 without a sweep", "µs", &mut idle99, None);
    print("p50 while all are asked, again and again", "µs", &mut swept50, Some(floor50));
    print("p99 while all are asked, again and again", "µs", &mut swept99, Some(floor99));
    print("  a sweep takes", "µs", &mut sweeps_us, None);
}
