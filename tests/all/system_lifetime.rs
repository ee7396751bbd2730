//! A runtime that has ended leaves nothing behind: no thread, no descriptor.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;

fn entries(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Threads and open descriptors of this process.
fn footprint() -> (usize, usize) {
    (entries("/proc/self/task"), entries("/proc/self/fd"))
}

/// The kernel takes a moment to forget a thread that was joined.
#[track_caller]
fn comes_back_to(expected: (usize, usize), what: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while footprint() != expected && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(footprint(), expected, "{what}");
}

#[test]
fn one_that_is_dropped_ends_its_threads() {
    alone("system_lifetime::one_that_is_dropped_ends_its_threads", || {
        for reactor in reactors() {
            // The first of all sets up what the process keeps.
            drop(builder(2).reactor(reactor).build().unwrap());
            let before = footprint();
            let runtime = builder(2).reactor(reactor).build().unwrap();
            let counter = actor(&runtime, "counter");
            // Not even what it has in hand keeps it.
            for _ in 0..1_000 {
                runtime.tell(counter, "add").unwrap();
            }
            assert!(footprint().0 >= before.0 + 3, "two shards and a ticker");
            drop(runtime);
            comes_back_to(before, &reactor.to_string());
        }
    });
}

#[test]
fn fifty_in_turn_need_no_more_than_one() {
    alone("system_lifetime::fifty_in_turn_need_no_more_than_one", || {
        for reactor in reactors() {
            let one = || {
                let runtime = builder(2).reactor(reactor).build().unwrap();
                let counter = actor_on(&runtime, "counter", last_shard(&runtime));
                runtime.tell(counter, "add").unwrap();
                assert_eq!(text(&runtime, counter, "get"), "1");
                runtime
            };
            drop(one());
            let after_one = footprint();
            for number in 0..50 {
                let runtime = one();
                // Half of them end in order, half are dropped.
                if number % 2 == 0 {
                    closed(&shut_down(runtime));
                } else {
                    drop(runtime);
                }
                comes_back_to(after_one, &format!("{reactor}, after {number} more"));
            }
        }
    });
}
