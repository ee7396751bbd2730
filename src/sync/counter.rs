//! Numbers that one thread writes and others read.
//!
//! A [`Counter`] releases what it counts, and reading it acquires that: so the
//! reader of two counters, of which one is always ahead of the other, sees it so
//! (the ledger: what is settled on one shard was accepted on another). The other
//! two order nothing.

use super::mutation::ord;
use super::primitive::{AtomicU64, CachePadded, atomic::Ordering::Relaxed};

/// Counts up; **one** writing thread, any readers.
///
/// A load and a store instead of a read-modify-write: about a nanosecond less
/// on the path of every message. A second writer would lose counts, never more
/// than that; [`SharedCounter`] is for them.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Starts at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds, by the one writer.
    #[inline(always)]
    pub fn add(&self, n: u64) {
        // Release (N1): whoever sees this count sees what was counted, by anyone,
        // before it. Pairs with the Acquire (N2) in `get`.
        self.0.store(self.0.load(Relaxed).wrapping_add(n), ord!("counter.add", Release));
    }

    /// Adds 1, by the one writer.
    #[inline(always)]
    pub fn increment(&self) {
        self.add(1);
    }

    /// The count so far.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        // Acquire (N2): pairs with the Release (N1) in `add`. So a reader that sees
        // a message settled on one shard sees it accepted on another.
        self.0.load(ord!("counter.get", Acquire))
    }
}

/// A level: set by anyone, read by anyone, the last one wins.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// Starts at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the level.
    #[inline(always)]
    pub fn set(&self, level: u64) {
        self.0.store(level, Relaxed);
    }

    /// The level.
    #[inline(always)]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Counts up; any number of writing threads, on a cache line of its own.
#[derive(Debug, Default)]
pub struct SharedCounter(CachePadded<AtomicU64>);

impl SharedCounter {
    /// Starts at 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds, and gives the count before.
    #[inline]
    pub fn add(&self, n: u64) -> u64 {
        self.0.fetch_add(n, Relaxed)
    }

    /// Takes back what was added too early.
    #[inline]
    pub fn take_back(&self, n: u64) {
        self.0.fetch_sub(n, Relaxed);
    }

    /// The count so far.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn one_writer_loses_nothing() {
        let counter = Counter::new();
        for n in 0..100 {
            counter.add(n);
        }
        counter.increment();
        assert_eq!(counter.get(), 4951);
    }

    #[test]
    fn many_writers_lose_nothing_where_that_is_promised() {
        let counter = SharedCounter::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        counter.add(2);
                    }
                });
            }
        });
        assert_eq!(counter.get(), 8000);
    }

    #[test]
    fn a_gauge_keeps_the_last_level() {
        let gauge = Gauge::new();
        gauge.set(7);
        gauge.set(3);
        assert_eq!(gauge.get(), 3);
    }
}
