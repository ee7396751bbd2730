//! What one shard of the hammer has counted, and the sum of all.

use std::fmt;
use std::time::Duration;

use raddle::sync::{CachePadded, Counter, Gauge};

/// A class for each power of two, of nanoseconds: the last is above 9 minutes.
const CLASSES: usize = 40;

/// One writer, the shard; read by the watcher while it runs.
#[derive(Default)]
pub struct Ledger(CachePadded<Counts>);

#[derive(Default)]
pub struct Counts {
    /// Pushes made, and pushes in hand.
    pub sent: Counter,
    pub seen: Counter,
    /// Sleeps: the bell armed, every ring looked at, nothing there.
    pub sleeps: Counter,
    /// Sleeps after which a push was in hand: the cycles.
    pub ended: Counter,
    /// Sleeps that ended for nothing.
    pub idle: Counter,
    /// Pushes found by the look after the arming: the race that it is there for.
    pub found: Counter,
    /// Sleeps of full length during which a push lay there.
    pub slept_on: Counter,
    /// Wake-ups sent: pushes that won an arming of the peer.
    pub wakes: Counter,
    /// Pushes seen too late, and the latest.
    pub late: Counter,
    pub latest_ns: Gauge,
    /// How often the kernel took the thread off its core because it waited.
    pub blocked: Gauge,
    latency: Histogram<Counter>,
}

struct Histogram<T>([T; CLASSES]);

impl<T: Default> Default for Histogram<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| T::default()))
    }
}

impl std::ops::Deref for Ledger {
    type Target = Counts;

    fn deref(&self) -> &Counts {
        &self.0
    }
}

impl Counts {
    /// A push is in hand, so long after it was begun.
    pub fn see(&self, took: Duration, late: Duration) {
        let nanos = took.as_nanos() as u64;
        self.seen.increment();
        self.latency.0[class_of(nanos)].increment();
        if nanos > self.latest_ns.get() {
            self.latest_ns.set(nanos);
        }
        if took > late {
            self.late.increment();
        }
    }
}

/// The class of what takes less than 2^(class + 1) ns, and no less than half that.
fn class_of(nanos: u64) -> usize {
    (nanos.max(1).ilog2() as usize).min(CLASSES - 1)
}

/// The sum over shards.
#[derive(Default)]
pub struct Total {
    pub sent: u64,
    pub seen: u64,
    pub sleeps: u64,
    pub ended: u64,
    pub idle: u64,
    pub found: u64,
    pub slept_on: u64,
    pub wakes: u64,
    pub late: u64,
    pub latest_ns: u64,
    pub blocked: u64,
    latency: Histogram<u64>,
}

impl Total {
    pub fn of<'a>(ledgers: impl IntoIterator<Item = &'a Ledger>) -> Self {
        let mut total = Self::default();
        for ledger in ledgers {
            total.sent += ledger.sent.get();
            total.seen += ledger.seen.get();
            total.sleeps += ledger.sleeps.get();
            total.ended += ledger.ended.get();
            total.idle += ledger.idle.get();
            total.slept_on += ledger.slept_on.get();
            total.found += ledger.found.get();
            total.wakes += ledger.wakes.get();
            total.late += ledger.late.get();
            total.latest_ns = total.latest_ns.max(ledger.latest_ns.get());
            total.blocked += ledger.blocked.get();
            for (sum, class) in total.latency.0.iter_mut().zip(&ledger.latency.0) {
                *sum += class.get();
            }
        }
        total
    }

    /// From push to hand, in classes: a line for each that is not empty.
    pub fn histogram(&self) -> &impl fmt::Display {
        &self.latency
    }
}

impl fmt::Display for Histogram<u64> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.0.iter().sum::<u64>().max(1) as f64;
        for (class, count) in self.0.iter().enumerate().filter(|(_, count)| **count > 0) {
            let below = format!("{:.1?}", Duration::from_nanos(2 << class));
            writeln!(f, "  below {below:>9} {count:>12} {:>10.5} %", *count as f64 * 100.0 / all)?;
        }
        Ok(())
    }
}

/// How often this thread has waited so far, as the kernel counts it.
pub fn blocked_so_far() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}
