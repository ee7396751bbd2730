//! The ring beside its rivals: single items and batches, small and large items,
//! across two cores and on one, throughput and round trip.
//!
//! `cargo bench -p raddle-bench --bench ring`. For the bars alone, contenders
//! taking turns, `cargo run --release -p raddle-bench --bin bars`.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use raddle_bench::measure::{across, ping_pong, ping_pong_64, round_trip, same_core};
use raddle_bench::queues::{Crossbeam, Queue, RaddleBatch, RaddleSingle, RtrbChunks, RtrbSingle, StdChannel};
use raddle_bench::two_cores;

/// Items in one iteration: what a thread's start costs must not show.
const ITEMS: u64 = 5_000;

fn group<'a>(criterion: &'a mut Criterion, name: &str, elements: u64) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(elements));
    // Some 70 contenders: 3 s each.
    group.sample_size(20);
    group.warm_up_time(std::time::Duration::from_millis(500));
    group.measurement_time(std::time::Duration::from_secs(2));
    group
}

fn transfer<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let cores = two_cores();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| across::<Q>(iterations * ITEMS, cores));
    });
}

fn across_cores<const N: usize>(criterion: &mut Criterion) {
    let mut group = group(criterion, &format!("ring/across/{}B", N * 8), ITEMS);
    transfer::<RaddleSingle<N>>(&mut group, "raddle/1");
    transfer::<RaddleBatch<N, 8>>(&mut group, "raddle/8");
    transfer::<RaddleBatch<N, 32>>(&mut group, "raddle/32");
    transfer::<RaddleBatch<N, 128>>(&mut group, "raddle/128");
    transfer::<RtrbSingle<N>>(&mut group, "rtrb/1");
    transfer::<RtrbChunks<N, 8>>(&mut group, "rtrb/8");
    transfer::<RtrbChunks<N, 32>>(&mut group, "rtrb/32");
    transfer::<RtrbChunks<N, 128>>(&mut group, "rtrb/128");
    transfer::<Crossbeam<N>>(&mut group, "crossbeam/1");
    transfer::<StdChannel<N>>(&mut group, "std/1");
    group.finish();
}

fn in_place<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, batch: u64) {
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| same_core::<Q>(iterations * 128, batch));
    });
}

fn one_core<const N: usize>(criterion: &mut Criterion) {
    let mut group = group(criterion, &format!("ring/same-core/{}B", N * 8), 128);
    in_place::<RaddleSingle<N>>(&mut group, "raddle/1", 1);
    in_place::<RaddleBatch<N, 8>>(&mut group, "raddle/8", 8);
    in_place::<RaddleBatch<N, 32>>(&mut group, "raddle/32", 32);
    in_place::<RaddleBatch<N, 128>>(&mut group, "raddle/128", 128);
    in_place::<RtrbSingle<N>>(&mut group, "rtrb/1", 1);
    in_place::<RtrbChunks<N, 8>>(&mut group, "rtrb/8", 8);
    in_place::<RtrbChunks<N, 32>>(&mut group, "rtrb/32", 32);
    in_place::<RtrbChunks<N, 128>>(&mut group, "rtrb/128", 128);
    in_place::<Crossbeam<N>>(&mut group, "crossbeam/1", 1);
    in_place::<StdChannel<N>>(&mut group, "std/1", 1);
    group.finish();
}

fn trips<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str) {
    let cores = two_cores();
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|iterations| round_trip::<Q>(iterations * 100, cores));
    });
}

fn there_and_back(criterion: &mut Criterion) {
    let mut group = group(criterion, "ring/round-trip", 100);
    let cores = two_cores();
    group.bench_function("bare/8B", |bencher| {
        bencher.iter_custom(|iterations| ping_pong(iterations * 100, cores));
    });
    group.bench_function("bare/64B", |bencher| {
        bencher.iter_custom(|iterations| ping_pong_64(iterations * 100, cores));
    });
    trips::<RaddleSingle<1>>(&mut group, "raddle/8B");
    trips::<RtrbSingle<1>>(&mut group, "rtrb/8B");
    trips::<RaddleSingle<2>>(&mut group, "raddle/16B");
    trips::<RtrbSingle<2>>(&mut group, "rtrb/16B");
    trips::<RaddleSingle<8>>(&mut group, "raddle/64B");
    trips::<RtrbSingle<8>>(&mut group, "rtrb/64B");
    trips::<Crossbeam<8>>(&mut group, "crossbeam/64B");
    trips::<StdChannel<8>>(&mut group, "std/64B");
    trips::<RaddleSingle<16>>(&mut group, "raddle/128B");
    trips::<RtrbSingle<16>>(&mut group, "rtrb/128B");
    group.finish();
}

criterion_group! {
    benches,
    across_cores::<2>,
    across_cores::<8>,
    across_cores::<16>,
    one_core::<2>,
    one_core::<8>,
    one_core::<16>,
    there_and_back,
}
criterion_main!(benches);
