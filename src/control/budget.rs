//! How many instances a shard makes in a second, so that what crashes in a loop
//! leaves time for its neighbours.

/// So many in a second, and so many at once after a quiet while. Who comes too
/// early is told to wait, and has its turn then: first come, first served.
#[derive(Debug, Clone)]
pub struct Budget {
    interval_ns: u64,
    burst_ns: u64,
    /// When all that was granted so far would have been granted, one by one.
    granted_until_ns: u64,
}

impl Budget {
    /// `per_second` in a second, `burst` at once. At least one of each.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval_ns = 1_000_000_000 / u64::from(per_second.max(1));
        Self { interval_ns, burst_ns: interval_ns * u64::from(burst.max(1)), granted_until_ns: 0 }
    }

    /// Takes one. How long to wait for it, in ns.
    pub fn take(&mut self, now_ns: u64) -> u64 {
        self.granted_until_ns = self.granted_until_ns.max(now_ns) + self.interval_ns;
        self.granted_until_ns.saturating_sub(now_ns + self.burst_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_at_once_and_the_rest_one_by_one() {
        let mut budget = Budget::new(1_000, 3);
        let waits: Vec<_> = (0..6).map(|_| budget.take(5_000_000_000)).collect();
        assert_eq!(waits, [0, 0, 0, 1_000_000, 2_000_000, 3_000_000]);
        assert_eq!(budget.take(5_004_000_000), 0, "those that waited have had theirs");
        let waits: Vec<_> = (0..4).map(|_| budget.take(9_000_000_000)).collect();
        assert_eq!(waits, [0, 0, 0, 1_000_000], "a quiet while does not add up");
    }

    #[test]
    fn over_a_second_it_grants_no_more_than_it_says() {
        let mut budget = Budget::new(50, 10);
        let due = (0..1_000).map(|_| budget.take(0)).filter(|&wait_ns| wait_ns < 1_000_000_000);
        assert_eq!(due.count(), 59, "the burst, and one each 20 ms up to the end of the second");
    }
}
