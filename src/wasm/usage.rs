//! How much an actor uses: counted, and its CPU time bounded over a window.
//!
//! Reading a clock around every message would cost more than most messages. So the
//! runtime's tick is looked at before and after: a call that saw n ticks go by is
//! charged n ticks. Short calls mostly see none; the sum is right on average.

use std::cell::Cell;
use std::time::Duration;

use super::limits::Limits;
use crate::actor::{Account, ExitReason, TrapCause};

/// How much CPU time is too much, in ticks: worked out once for all stores of a kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    tick_ns: u64,
    ticks: u64,
    ticks_max: u64,
}

impl Window {
    pub(super) fn new(limits: &Limits, tick: Duration) -> Self {
        let tick_ns = u64::try_from(tick.as_nanos()).unwrap_or(u64::MAX).max(1);
        let ticks_max = match limits.window_time_max >= limits.window {
            true => u64::MAX,
            false => ticks(limits.window_time_max, tick_ns),
        };
        Self { tick_ns, ticks: ticks(limits.window, tick_ns).max(1), ticks_max }
    }
}

/// What one store has used. What every call touches comes last.
#[derive(Default)]
#[repr(C)]
pub(super) struct Usage {
    window_began: u64,
    used_in_window: u64,
    cpu_ns: u64,
    pub(super) denied: u64,
    host_calls: Cell<u64>,
    entered_at: u64,
    messages: u64,
    is_over: bool,
}

fn ticks(time: Duration, tick_ns: u64) -> u64 {
    u64::try_from(time.as_nanos() / u128::from(tick_ns)).unwrap_or(u64::MAX)
}

impl Usage {
    /// A call of the guest begins, with so many messages.
    #[inline]
    pub(super) fn enter(&mut self, tick: u64, messages: usize) {
        self.entered_at = tick;
        self.messages += messages as u64;
    }

    /// It is over.
    #[inline]
    pub(super) fn leave(&mut self, tick: u64, window: &Window) {
        if tick != self.entered_at {
            self.charge(tick.saturating_sub(self.entered_at), tick, window);
        }
    }

    /// It has used so many ticks.
    #[cold]
    pub(super) fn charge(&mut self, used: u64, tick: u64, window: &Window) {
        self.cpu_ns = self.cpu_ns.saturating_add(used.saturating_mul(window.tick_ns));
        if tick.saturating_sub(self.window_began) >= window.ticks {
            self.window_began = tick;
            self.used_in_window = 0;
        }
        self.used_in_window = self.used_in_window.saturating_add(used);
        self.is_over = self.used_in_window > window.ticks_max;
    }

    /// Why it may not be called any more, if it may not.
    #[inline]
    pub(super) fn over(&self, window: &Window) -> Option<ExitReason> {
        if self.is_over { Some(self.why_over(window)) } else { None }
    }

    #[cold]
    fn why_over(&self, window: &Window) -> ExitReason {
        let ms = |ticks: u64| ticks.saturating_mul(window.tick_ns) / 1_000_000;
        let (used, most, window) = (ms(self.used_in_window), ms(window.ticks_max), ms(window.ticks));
        ExitReason::Trap {
            cause: TrapCause::Limit,
            message: format!(
                "window_time_max: used {used} ms of CPU time, and the most is {most} in {window} ms"
            ),
        }
    }

    /// It calls a function of the host.
    #[inline]
    pub(super) fn count_host_call(&self) {
        self.host_calls.set(self.host_calls.get() + 1);
    }

    /// All of it, with the memory that it holds.
    #[inline]
    pub(super) fn account(&self, memory_bytes: usize) -> Account {
        Account {
            cpu_ns: self.cpu_ns,
            memory_bytes: memory_bytes as u64,
            messages: self.messages,
            host_calls: self.host_calls.get(),
            denied: self.denied,
        }
    }
}

/// So many a second, and no more.
#[derive(Debug)]
pub(super) struct Rate {
    per_s_max: u32,
    second: u64,
    used: u32,
}

impl Rate {
    pub(super) fn new(per_s_max: u32) -> Self {
        Self { per_s_max, second: u64::MAX, used: 0 }
    }

    /// One more now? `None`: no. Else: is it the last one of its second?
    pub(super) fn take(&mut self, now_ns: u64) -> Option<bool> {
        let second = now_ns / 1_000_000_000;
        if second != self.second {
            (self.second, self.used) = (second, 0);
        }
        if self.used >= self.per_s_max {
            return None;
        }
        self.used += 1;
        Some(self.used == self.per_s_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_that_go_by_in_calls_are_charged_and_bounded_over_the_window() {
        let ms = Duration::from_millis;
        let limits = Limits { window: ms(100), window_time_max: ms(30), ..Limits::default() };
        let window = Window::new(&limits, ms(1));
        let mut usage = Usage::default();
        let call = |usage: &mut Usage, window: &Window, from, to| {
            usage.enter(from, 1);
            usage.leave(to, window);
            usage.over(window).is_some()
        };
        assert!(!call(&mut usage, &window, 1000, 1000), "nothing went by");
        assert!(!call(&mut usage, &window, 1000, 1030), "just as much as it may");
        assert!(call(&mut usage, &window, 1040, 1041), "one more");
        assert!(!call(&mut usage, &window, 1140, 1145), "a new window");
        assert_eq!(
            usage.account(7),
            Account { cpu_ns: 36_000_000, memory_bytes: 7, messages: 4, host_calls: 0, denied: 0 }
        );
        let free = Limits { window: ms(100), window_time_max: ms(100), ..Limits::default() };
        let window = Window::new(&free, ms(1));
        let mut usage = Usage::default();
        assert!(!call(&mut usage, &window, 0, 1_000_000), "all of it is all of it");
        assert!(Usage::default().over(&window).is_none());
    }

    #[test]
    fn a_rate_is_one_of_each_second() {
        let mut rate = Rate::new(2);
        assert_eq!((rate.take(0), rate.take(5), rate.take(999_999_999)), (Some(false), Some(true), None));
        assert_eq!(rate.take(1_000_000_000), Some(false));
    }
}
