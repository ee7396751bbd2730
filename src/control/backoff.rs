//! How long to wait before a restart.

/// By what waits grow while one failure follows another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// The `n`-th in a row waits `n` times the base.
    Linear,
    /// Each waits so many times as long as the one before.
    Exponential(f64),
}

/// How long a child waits before it is started again: longer with each restart in
/// a row, at most `max`, less a random part of up to `jitter` of it, so that no
/// wait is ever longer than the maximum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backoff {
    /// By what waits grow.
    pub growth: Growth,
    /// The first wait, in ns; 0 restarts at once, always.
    pub base_ns: u64,
    /// The longest wait, in ns.
    pub max_ns: u64,
    /// The random part, from 0 to 1.
    pub jitter: f64,
    /// When it was up for so long, in ns, the count begins anew.
    pub stable_after_ns: u64,
    /// The most restarts in a row; at one more its supervisor gives up.
    pub restarts_in_a_row_max: u32,
}

impl Backoff {
    /// As OTP does: no wait.
    pub const IMMEDIATE: Self = Self {
        growth: Growth::Linear,
        base_ns: 0,
        max_ns: 0,
        jitter: 0.0,
        stable_after_ns: 0,
        restarts_in_a_row_max: u32::MAX,
    };

    /// Waits that grow by this factor. As in Pekko, the count begins anew when it was up
    /// for as long as the first wait.
    pub const fn exponential(base_ns: u64, factor: f64, max_ns: u64) -> Self {
        Self { growth: Growth::Exponential(factor), ..Self::linear(base_ns, max_ns) }
    }

    /// Waits that grow by the first one; else as [`exponential`](Self::exponential).
    pub const fn linear(base_ns: u64, max_ns: u64) -> Self {
        Self { base_ns, max_ns, stable_after_ns: base_ns, ..Self::IMMEDIATE }
    }

    /// The wait before the `attempt`-th restart in a row, from 1, in ns.
    /// `random` is from 0 up to 1.
    pub fn delay_ns(&self, attempt: u32, random: f64) -> u64 {
        let times = match self.growth {
            Growth::Linear => f64::from(attempt.max(1)),
            Growth::Exponential(factor) => {
                factor.powi(i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX))
            }
        };
        // Not a number only if 0 is multiplied with infinity: then there is no wait.
        let grown = self.base_ns as f64 * times;
        let full = if grown.is_nan() { 0 } else { (grown as u64).min(self.max_ns) };
        full - (full as f64 * (self.jitter * random).clamp(0.0, 1.0)) as u64
    }

    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<&'static str> {
        let shrinks = matches!(self.growth, Growth::Exponential(factor) if factor.is_nan() || factor < 1.0);
        if shrinks {
            Some("its factor is less than 1")
        } else if !(0.0..=1.0).contains(&self.jitter) {
            Some("its jitter is not from 0 to 1")
        } else if self.max_ns < self.base_ns {
            Some("its maximum is less than its first wait")
        } else {
            None
        }
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

    const SECOND: u64 = 1_000_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const DAY: u64 = 24 * 60 * MINUTE;

    /// The table of Pekko's `BackoffSupervisorSpec`, "correctly calculate the
    /// delay". Pekko counts restarts from 0.
    #[test]
    fn correctly_calculate_the_delay() {
        for (restarts, base_ns, max_ns, expected_ns) in [
            (0, 0, 0, 0),
            (0, 5 * MINUTE, 7 * MINUTE, 5 * MINUTE),
            (2, 5 * SECOND, 7 * SECOND, 7 * SECOND),
            (2, 5 * SECOND, 7 * DAY, 20 * SECOND),
            (29, 5 * MINUTE, 10 * MINUTE, 10 * MINUTE),
            (29, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY),
            (u32::MAX - 1, 10_000 * DAY, 10_000 * DAY, 10_000 * DAY),
        ] {
            let backoff = Backoff::exponential(base_ns, 2.0, max_ns);
            assert_eq!(backoff.delay_ns(restarts + 1, 0.0), expected_ns, "restart {restarts}");
        }
    }

    #[test]
    fn exponential_waits_double_up_to_their_maximum_and_linear_ones_add() {
        let delays = |backoff: Backoff| (1..=6).map(|nth| backoff.delay_ns(nth, 0.0)).collect::<Vec<_>>();
        assert_eq!(delays(Backoff::exponential(100, 2.0, 1_000)), [100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(delays(Backoff::linear(100, 450)), [100, 200, 300, 400, 450, 450]);
        assert_eq!(delays(Backoff::IMMEDIATE), [0; 6]);
    }

    #[test]
    fn no_jitter_ever_goes_beyond_the_maximum_and_it_is_real() {
        let backoff = Backoff { jitter: 0.2, ..Backoff::exponential(100, 2.0, 1_000) };
        for attempt in [1, 2, 3, 4, 5, 10, u32::MAX] {
            let full = Backoff { jitter: 0.0, ..backoff }.delay_ns(attempt, 0.0);
            for random in [0.0, 0.3, 0.999] {
                let delay = backoff.delay_ns(attempt, random);
                assert!(delay <= full && delay as f64 >= full as f64 * 0.8 - 1.0, "{delay} of {full}");
            }
            assert!(backoff.delay_ns(attempt, 0.999) < full);
        }
        let whole = Backoff { jitter: 1.0, ..backoff };
        assert_eq!(whole.delay_ns(3, 1.0), 0);
    }
}
