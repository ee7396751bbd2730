//! How quiet the machine is: threads on the shards' cores do nothing but look at
//! the clock, and record the gaps in which they could not.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::recording::{clock, histogram};

/// A gap longer than this is time that somebody else had.
const STOLEN_NS_MIN: u64 = 5_000;
/// Somebody is thought to come so often: whoever comes in a gap waits for its end.
const ARRIVAL_NS: u64 = 1_000;

/// The machine's own latencies: what somebody would have waited who came at any
/// time, on a core that has nothing else to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Noise {
    pub(crate) p99_ns: u64,
    pub(crate) p999_ns: u64,
    pub(crate) max_ns: u64,
    /// Of the time, how much somebody else had.
    pub(crate) stolen_percent: f64,
}

/// Gaps, of all cores together.
pub(crate) struct Gaps {
    waits: Histogram<u64>,
    stolen_ns: u64,
    watched_ns: u64,
}

impl Gaps {
    pub(crate) fn new() -> Self {
        Self { waits: histogram(3), stolen_ns: 0, watched_ns: 0 }
    }

    /// Watches the clock on these cores, all at once.
    pub(crate) fn watch(&mut self, cpus: &[Option<usize>], during: Duration) {
        let watchers: Vec<_> =
            cpus.iter().map(|&cpu| std::thread::spawn(move || watch_on(cpu, during))).collect();
        for watcher in watchers {
            let one = watcher.join().expect("a watcher only looks at the clock");
            self.add(&one);
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.waits.add(&other.waits).expect("all have the same bounds");
        self.stolen_ns += other.stolen_ns;
        self.watched_ns += other.watched_ns;
    }

    fn record(&mut self, gap_ns: u64) {
        self.watched_ns += gap_ns;
        if gap_ns >= STOLEN_NS_MIN {
            self.stolen_ns += gap_ns;
        }
        // Whoever came in this gap, evenly: the first waits for all of it.
        let mut left_ns = gap_ns;
        while left_ns >= ARRIVAL_NS {
            self.waits.saturating_record(left_ns);
            left_ns -= ARRIVAL_NS;
        }
    }

    pub(crate) fn summary(&self) -> Noise {
        // Those who came while nothing was amiss waited for nothing.
        let arrivals = (self.watched_ns / ARRIVAL_NS).max(self.waits.len()).max(1);
        let at = |quantile: f64| {
            let above = ((1.0 - quantile) * arrivals as f64) as u64;
            let waited = self.waits.len();
            if above >= waited {
                return 0;
            }
            self.waits.value_at_quantile(1.0 - above as f64 / waited as f64)
        };
        Noise {
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: self.waits.max(),
            stolen_percent: 100.0 * self.stolen_ns as f64 / self.watched_ns.max(1) as f64,
        }
    }
}

fn watch_on(cpu: Option<usize>, during: Duration) -> Gaps {
    if let Some(id) = cpu {
        core_affinity::set_for_current(core_affinity::CoreId { id });
    }
    let mut gaps = Gaps::new();
    let start_ns = clock().now_ns();
    let end_ns = start_ns + during.as_nanos() as u64;
    let mut last_ns = start_ns;
    while last_ns < end_ns {
        let now_ns = clock().now_ns();
        gaps.record(now_ns - last_ns);
        last_ns = now_ns;
    }
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_in_a_gap_waits_for_its_end() {
        let mut gaps = Gaps::new();
        // 1 ms in which nothing is amiss, but for one gap of 100 µs.
        for _ in 0..9_000 {
            gaps.record(100);
        }
        gaps.record(100_000);
        let noise = gaps.summary();
        assert!((noise.stolen_percent - 10.0).abs() < 0.1, "{noise:?}");
        assert!((99_000..=101_000).contains(&noise.max_ns), "{noise:?}");
        // 1 in 10 came in the gap; of those 1 in 10 waited for 90 µs or more.
        assert!((89_000..=92_000).contains(&noise.p99_ns), "{noise:?}");
    }

    #[test]
    fn a_quiet_machine_has_none() {
        let mut gaps = Gaps::new();
        (0..1_000).for_each(|_| gaps.record(30));
        assert_eq!(gaps.summary(), Noise::default());
    }
}
