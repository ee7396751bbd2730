//! A runtime that has ended leaves nothing behind: no thread, no descriptor.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::*;

/// Threads and open descriptors of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Footprint {
    threads: usize,
    descriptors: usize,
}

impl Footprint {
    fn now() -> Self {
        let entries = |folder| fs::read_dir(folder).unwrap().count();
        Self { threads: entries("/proc/self/task"), descriptors: entries("/proc/self/fd") }
    }

    /// After the first runtime, which sets up what the process keeps: descriptors,
    /// but no threads.
    fn after(first: impl FnOnce(), threads: usize) -> Self {
        first();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Self::now().threads != threads && Instant::now() < deadline {
            thread::yield_now();
        }
        let after = Self::now();
        assert_eq!(after.threads, threads, "no thread is set up for good");
        after
    }

    /// Waits: the kernel takes a moment to forget a thread that was joined.
    #[track_caller]
    fn comes_back(self, what: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while Self::now() != self && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(Self::now(), self, "{what}");
    }
}

#[test]
fn one_that_is_dropped_ends_its_threads() {
    alone("system_lifetime::one_that_is_dropped_ends_its_threads", || {
        let Footprint { threads, .. } = Footprint::now();
        for reactor in reactors() {
            let start = || builder(2).reactor(reactor).build().unwrap();
            let before = Footprint::after(|| drop(start()), threads);
            let runtime = start();
            let counter = actor(&runtime, "counter");
            // Not even what it has in hand keeps it.
            for _ in 0..1_000 {
                runtime.tell(counter, "add").unwrap();
            }
            assert!(Footprint::now().threads >= before.threads + 3, "two shards and a ticker");
            drop(runtime);
            before.comes_back(&reactor.to_string());
        }
    });
}

#[test]
fn fifty_in_turn_need_no_more_than_one() {
    alone("system_lifetime::fifty_in_turn_need_no_more_than_one", || {
        let Footprint { threads, .. } = Footprint::now();
        for reactor in reactors() {
            let one = || {
                let runtime = builder(2).reactor(reactor).build().unwrap();
                let counter = actor_on(&runtime, "counter", last_shard(&runtime));
                runtime.tell(counter, "add").unwrap();
                assert_eq!(text(&runtime, counter, "get"), "1");
                runtime
            };
            let after_one = Footprint::after(|| drop(one()), threads);
            for number in 0..50 {
                let runtime = one();
                // Half of them end in order, half are dropped.
                if number % 2 == 0 {
                    closed(&shut_down(runtime));
                } else {
                    drop(runtime);
                }
                after_one.comes_back(&format!("{reactor}, after {number} more"));
            }
        }
    });
}
