//! Latency histograms.

use hdrhistogram::Histogram;

/// A histogram of latencies in ns: 3 significant digits, up to one minute;
/// what is longer counts as one minute.
#[derive(Debug, Clone)]
pub struct Latency(Histogram<u64>);

impl Latency {
    const MAX_NS: u64 = 60_000_000_000;

    /// An empty one.
    pub fn new() -> Self {
        Self(Histogram::new_with_bounds(1, Self::MAX_NS, 3).expect("the bounds are constants"))
    }

    /// Records one latency, in ns.
    pub fn record_ns(&mut self, latency_ns: u64) {
        self.0.saturating_record(latency_ns.max(1));
    }

    /// Adds what another one recorded.
    pub fn merge(&mut self, other: &Self) {
        self.0.add(&other.0).expect("all have the same bounds");
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.0.reset();
    }

    /// How many were recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The figures that a report shows.
    pub fn summary(&self) -> LatencySummary {
        let at = |quantile| self.0.value_at_quantile(quantile);
        LatencySummary {
            count: self.0.len(),
            p50_ns: at(0.5),
            p90_ns: at(0.9),
            p99_ns: at(0.99),
            p999_ns: at(0.999),
            max_ns: self.0.max(),
        }
    }

    /// The histogram itself.
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

impl Default for Latency {
    fn default() -> Self {
        Self::new()
    }
}

/// The usual percentiles.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatencySummary {
    /// How many were recorded.
    pub count: u64,
    /// The median, in ns.
    pub p50_ns: u64,
    /// The 90th percentile, in ns.
    pub p90_ns: u64,
    /// The 99th percentile, in ns.
    pub p99_ns: u64,
    /// The 99.9th percentile, in ns.
    pub p999_ns: u64,
    /// The longest, in ns.
    pub max_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let mut low = Latency::new();
        let mut high = Latency::new();
        for ns in 1..=900 {
            low.record_ns(ns);
        }
        for ns in 901..=1000 {
            high.record_ns(ns);
        }
        low.merge(&high);
        let summary = low.summary();
        assert_eq!(summary.count, 1000);
        assert_eq!(summary.p50_ns, 500);
        assert_eq!(summary.p90_ns, 900);
        assert_eq!(summary.max_ns, 1000);
    }

    #[test]
    fn out_of_range_is_counted_at_the_edges() {
        let mut latency = Latency::new();
        latency.record_ns(0);
        latency.record_ns(u64::MAX);
        assert_eq!(latency.count(), 2);
        assert!(latency.summary().max_ns >= Latency::MAX_NS);
    }
}
