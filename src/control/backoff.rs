//! How long to wait before a restart.

/// Exponential backoff with jitter: the `n`-th restart in a row waits
/// `base × factor^(n−1)`, at most `max`, less a random part of up to `jitter` of
/// it, so that no wait is ever longer than the maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// The first wait, in ns; 0 restarts at once, always.
    pub base_ns: u64,
    /// By what each wait is longer than the one before.
    pub factor: f64,
    /// The longest wait, in ns.
    pub max_ns: u64,
    /// The random part, from 0 to 1.
    pub jitter: f64,
    /// After so long without a restart, in ns, the count begins anew.
    pub stable_after_ns: u64,
}

impl Backoff {
    /// As OTP does: no wait.
    pub const IMMEDIATE: Self = Self { base_ns: 0, factor: 1.0, max_ns: 0, jitter: 0.0, stable_after_ns: 0 };

    /// The wait before the `attempt`-th restart in a row, from 1, in ns.
    /// `random` is from 0 up to 1.
    pub fn delay_ns(&self, attempt: u32, random: f64) -> u64 {
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let full = (self.base_ns as f64 * self.factor.powi(exponent)).min(self.max_ns as f64);
        (full * (1.0 - self.jitter * random)) as u64
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::IMMEDIATE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: Backoff =
        Backoff { base_ns: 100, factor: 2.0, max_ns: 1_000, jitter: 0.2, stable_after_ns: 0 };

    #[test]
    fn it_doubles_up_to_its_maximum() {
        let delays: Vec<_> = (1..=6).map(|attempt| EXAMPLE.delay_ns(attempt, 0.0)).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(EXAMPLE.delay_ns(u32::MAX, 0.0), 1_000);
    }

    #[test]
    fn jitter_only_shortens() {
        for attempt in 1..10 {
            for random in [0.0, 0.3, 0.999] {
                let full = EXAMPLE.delay_ns(attempt, 0.0);
                let delay = EXAMPLE.delay_ns(attempt, random);
                assert!(delay <= full && delay as f64 >= full as f64 * 0.8 - 1.0);
            }
        }
    }

    #[test]
    fn immediate_never_waits() {
        assert_eq!(Backoff::IMMEDIATE.delay_ns(50, 0.5), 0);
    }
}
