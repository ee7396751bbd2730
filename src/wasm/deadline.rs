//! How long one call of a guest may take.
//!
//! wasmtime's epochs count ticks of the wall clock, also those in which the shard's
//! thread did not run. So the first deadline of a call is only its first slice:
//! when it passes, the thread's CPU time is noted, and from then on that counts.
//! Most calls are over long before, and pay for none of it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wasmtime::UpdateDeadline;

use super::limits::Limits;

/// Ticks until the thread's clock is read first. The one under way may end at
/// once, so this is one tick at least.
pub(super) const FIRST_SLICE_TICKS: u64 = 2;

/// Which limit a call is under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Call {
    Message,
    /// So many messages, with the time of as many.
    Batch {
        messages: usize,
    },
    Lifecycle,
    /// Its last call, for which whoever stops it may leave it less time.
    Stop {
        within: Duration,
    },
}

/// How long calls may take: worked out once for all stores of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeLimits {
    tick: Duration,
    message_time_max: Duration,
    lifecycle_time_max: Duration,
}

impl TimeLimits {
    pub(super) fn new(limits: &Limits, tick: Duration) -> Self {
        let Limits { message_time_max, lifecycle_time_max, .. } = *limits;
        Self { tick, message_time_max, lifecycle_time_max }
    }

    fn of(&self, call: Call) -> Duration {
        match call {
            Call::Message => self.message_time_max,
            Call::Batch { messages } => {
                self.message_time_max.saturating_mul(u32::try_from(messages).unwrap_or(u32::MAX))
            }
            Call::Lifecycle => self.lifecycle_time_max,
            Call::Stop { within } => self.lifecycle_time_max.min(within),
        }
    }
}

/// The clock of one store's calls. What every call touches comes first.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Deadline {
    call: Call,
    /// The thread's CPU time at the end of the first slice.
    measured_from: Option<Duration>,
    /// Of a suspendable actor: the slices, of a tick each, that it has used. It gives
    /// way after each, so that what its thread does meanwhile is not counted.
    slices: Option<u32>,
}

impl Deadline {
    pub(super) fn new(gives_way: bool) -> Self {
        Self { call: Call::Lifecycle, measured_from: None, slices: gives_way.then_some(0) }
    }

    /// How many slices the call has used, if it is that of a suspendable actor.
    pub(super) fn slices(&self) -> Option<u32> {
        self.slices
    }

    /// Is it that of a suspendable actor?
    pub(super) fn gives_way(&self) -> bool {
        self.slices.is_some()
    }

    /// A call starts: in so many ticks ask [`passed`](Self::passed).
    pub(super) fn start(&mut self, call: Call) -> u64 {
        self.call = call;
        self.measured_from = None;
        if let Some(slices) = &mut self.slices {
            *slices = 0;
        }
        FIRST_SLICE_TICKS
    }

    /// The name and figure of the limit that the call is under.
    pub(super) fn limit(&self, limits: &TimeLimits) -> String {
        let ms = |time: Duration| time.as_millis();
        match self.call {
            Call::Message => format!("message_time_max ({} ms)", ms(limits.message_time_max)),
            Call::Batch { messages } => {
                format!("message_time_max ({} ms) for each of {messages}", ms(limits.message_time_max))
            }
            Call::Stop { within } if within < limits.lifecycle_time_max => {
                format!("{} ms left to stop in", ms(within))
            }
            Call::Lifecycle | Call::Stop { .. } => {
                format!("lifecycle_time_max ({} ms)", ms(limits.lifecycle_time_max))
            }
        }
    }

    /// The deadline has passed: has the time?
    pub(super) fn passed(&mut self, limits: &TimeLimits) -> UpdateDeadline {
        match &mut self.slices {
            None => self.passed_at(thread_time(), limits),
            Some(slices) => {
                *slices = slices.saturating_add(1);
                let used = limits.tick.saturating_mul(*slices);
                if used >= limits.of(self.call) {
                    UpdateDeadline::Interrupt
                } else {
                    UpdateDeadline::Yield(1)
                }
            }
        }
    }

    fn passed_at(&mut self, now: Duration, limits: &TimeLimits) -> UpdateDeadline {
        let time_max = limits.of(self.call);
        let used = now.saturating_sub(*self.measured_from.get_or_insert(now));
        match time_max.checked_sub(used) {
            None | Some(Duration::ZERO) => UpdateDeadline::Interrupt,
            Some(left) => {
                let ticks = left.as_nanos().div_ceil(limits.tick.as_nanos());
                UpdateDeadline::Continue(u64::try_from(ticks).unwrap_or(u64::MAX >> 1).min(u64::MAX >> 1))
            }
        }
    }
}

/// How long this thread has run.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(update: UpdateDeadline) -> Option<u64> {
        match update {
            UpdateDeadline::Continue(ticks) => Some(ticks),
            _ => None,
        }
    }

    #[test]
    fn only_its_own_time_counts() {
        let ms = Duration::from_millis;
        let limits = TimeLimits::new(&Limits { message_time_max: ms(10), ..Limits::default() }, ms(1));
        let mut deadline = Deadline::new(false);
        deadline.start(Call::Message);
        assert_eq!(ticks(deadline.passed_at(ms(500), &limits)), Some(10));
        // Ten ticks went by, and the thread ran in three of them.
        assert_eq!(ticks(deadline.passed_at(ms(503), &limits)), Some(7));
        assert_eq!(ticks(deadline.passed_at(ms(503), &limits)), Some(7));
        assert_eq!(ticks(deadline.passed_at(ms(509) + Duration::from_nanos(1), &limits)), Some(1));
        assert_eq!(ticks(deadline.passed_at(ms(510), &limits)), None);
        // The next call starts from nothing.
        deadline.start(Call::Message);
        assert_eq!(ticks(deadline.passed_at(ms(510), &limits)), Some(10));
    }

    #[test]
    fn a_limit_of_nothing_ends_at_the_first_slice() {
        let limits = Limits { message_time_max: Duration::ZERO, ..Limits::default() };
        let limits = TimeLimits::new(&limits, Duration::from_millis(1));
        let mut deadline = Deadline::new(false);
        deadline.start(Call::Message);
        assert_eq!(ticks(deadline.passed_at(Duration::from_secs(1), &limits)), None);
    }

    #[test]
    fn the_clock_of_a_thread_stands_while_it_sleeps() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_time() - before < Duration::from_millis(25));
    }
}
