//! The runtime's clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

/// Monotonic nanoseconds since the runtime started, from the time stamp counter
/// where the machine has a good one. Never 0, so that 0 can mean "not measured".
#[derive(Debug, Clone)]
pub struct Clock {
    source: quanta::Clock,
    origin: u64,
    origin_instant: Instant,
}

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self::from_source(quanta::Clock::new())
    }

    /// A clock that moves only when told to, for tests and simulations.
    pub fn manual() -> (Self, Arc<quanta::Mock>) {
        let (source, hand) = quanta::Clock::mock();
        (Self::from_source(source), hand)
    }

    fn from_source(source: quanta::Clock) -> Self {
        let origin = source.raw();
        Self { source, origin, origin_instant: Instant::now() }
    }

    /// The time in ns since the start, at least 1.
    pub fn now_ns(&self) -> u64 {
        self.source.delta_as_nanos(self.origin, self.source.raw()) + 1
    }

    /// The time that an instant of the standard library has on this clock, in ns.
    pub fn at_instant_ns(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.origin_instant);
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// The instant of the standard library at a time of this clock.
    pub fn to_instant(&self, at_ns: u64) -> Instant {
        self.origin_instant + Duration::from_nanos(at_ns.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_standard_clock() {
        let clock = Clock::start();
        let before = clock.at_instant_ns(Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        let now = clock.now_ns();
        let after = clock.at_instant_ns(Instant::now());
        let slack = 2_000_000;
        assert!(before < now && now < after + slack, "{before} {now} {after}");
        assert!(now > 19_000_000);
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let (clock, hand) = Clock::manual();
        assert_eq!(clock.now_ns(), 1);
        hand.increment(41);
        assert_eq!(clock.now_ns(), 42);
    }
}
