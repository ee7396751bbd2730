//! Waking a sleeping thread: our doorbell beside what it is built on.
//!
//! `cargo bench -p raddle-bench --bench doorbell --features glommio`. One
//! iteration is there and back: two sleeps, two wakes.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use raddle::runtime::driver::ReactorKind;
use raddle::sync::{Doorbell, Wake};
use raddle_bench::beds::{Eventfd, Futex, raw, through_doorbell, through_driver};
use raddle_bench::two_cores;

/// Round trips in one iteration: what a thread's start costs must not show.
const TRIPS: u64 = 50;

fn wake(criterion: &mut Criterion) {
    let cores = two_cores();
    let mut group = criterion.benchmark_group("doorbell/round-trip");
    group.sample_size(20);
    group.warm_up_time(std::time::Duration::from_millis(500));
    group.measurement_time(std::time::Duration::from_secs(3));
    group.throughput(criterion::Throughput::Elements(TRIPS));
    group.bench_function("eventfd, raw", |bencher| {
        bencher.iter_custom(|iterations| raw::<Eventfd>(iterations * TRIPS, cores));
    });
    group.bench_function("eventfd, doorbell", |bencher| {
        bencher.iter_custom(|iterations| through_doorbell::<Eventfd>(iterations * TRIPS, cores));
    });
    group.bench_function("futex, raw", |bencher| {
        bencher.iter_custom(|iterations| raw::<Futex>(iterations * TRIPS, cores));
    });
    group.bench_function("futex, doorbell", |bencher| {
        bencher.iter_custom(|iterations| through_doorbell::<Futex>(iterations * TRIPS, cores));
    });
    group.bench_function("driver thread", |bencher| {
        bencher.iter_custom(|iterations| through_driver(ReactorKind::Thread, iterations * TRIPS, cores));
    });
    #[cfg(feature = "glommio")]
    group.bench_function("driver glommio", |bencher| {
        bencher.iter_custom(|iterations| through_driver(ReactorKind::Glommio, iterations * TRIPS, cores));
    });
    #[cfg(feature = "glommio")]
    {
        let lost = std::cell::Cell::new((0, 0));
        group.bench_function("glommio's waker", |bencher| {
            bencher.iter_custom(|iterations| {
                let outcome = raddle_bench::glommio_waker::through_waker(iterations * TRIPS, cores);
                let (before, trips) = lost.get();
                lost.set((before + outcome.lost, trips + iterations * TRIPS));
                outcome.took
            });
        });
        let (lost, trips) = lost.get();
        if trips > 0 {
            println!(
                "glommio's waker: {lost} of {trips} wake-ups lost or later than 5 ms, not part of its time"
            );
        }
    }
    group.finish();
}

struct Nobody;

impl Wake for Nobody {
    fn wake(&self) {}
}

/// What ringing costs while the shard is awake: a fence and a load.
fn ring_awake(criterion: &mut Criterion) {
    let doorbell = Arc::new(Doorbell::new(Box::new(Nobody)));
    criterion.bench_function("doorbell/ring while awake", |bencher| bencher.iter(|| doorbell.ring()));
}

criterion_group!(benches, wake, ring_awake);
criterion_main!(benches);
