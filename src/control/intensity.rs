//! How often a supervisor may restart its children before it gives up.

use std::collections::VecDeque;

/// More than `restarts_max` restarts within `period_ns` are too many.
#[derive(Debug, Clone)]
pub struct Intensity {
    restarts_max: u32,
    period_ns: u64,
    recent: VecDeque<u64>,
}

impl Intensity {
    /// OTP's default: one restart in 5 s.
    pub const RESTARTS_MAX_DEFAULT: u32 = 1;
    /// OTP's default: one restart in 5 s.
    pub const PERIOD_NS_DEFAULT: u64 = 5_000_000_000;

    /// No restarts yet.
    pub fn new(restarts_max: u32, period_ns: u64) -> Self {
        Self { restarts_max, period_ns, recent: VecDeque::new() }
    }

    /// Counts a restart. Is it within what is allowed? The window includes both
    /// of its ends.
    pub fn allow(&mut self, now_ns: u64) -> bool {
        let oldest = now_ns.saturating_sub(self.period_ns);
        while self.recent.front().is_some_and(|&at| at < oldest) {
            self.recent.pop_front();
        }
        self.recent.push_back(now_ns);
        self.recent.len() <= self.restarts_max as usize
    }
}

impl Default for Intensity {
    fn default() -> Self {
        Self::new(Self::RESTARTS_MAX_DEFAULT, Self::PERIOD_NS_DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_includes_its_ends() {
        let mut intensity = Intensity::new(2, 100);
        assert!(intensity.allow(1_000));
        assert!(intensity.allow(1_050));
        assert!(!intensity.allow(1_100), "three within [1000, 1100]");
        let mut intensity = Intensity::new(2, 100);
        assert!(intensity.allow(1_000));
        assert!(intensity.allow(1_050));
        assert!(intensity.allow(1_101), "the first has left the window");
    }

    #[test]
    fn none_allowed_means_the_first_is_too_many() {
        assert!(!Intensity::new(0, 100).allow(1));
    }
}
