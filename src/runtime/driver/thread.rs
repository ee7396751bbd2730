//! The plain driver: a thread that parks.
//!
//! It parks on its own futex (`park_timeout`), not on an eventfd: a message
//! reaches the sleeper in 23 µs either way and costs its sender 9 µs (medians
//! on a two-core virtual machine; through glommio's ring it takes 38 µs), but
//! parking is one system call instead of two, poll and read, and there is no
//! descriptor to run out of. The test `wake_latency` measures it.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Instant;

use super::Drive;
use super::pace::{Pace, Step};
use crate::sync::Wake;

/// Timers of a shard's thread may fire this late. The kernel's default is
/// 50 µs, as much again as a wake-up costs.
const TIMER_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

pub(super) fn bell() -> (Bell, Sleeper) {
    let parking = Arc::<Parking>::default();
    (Bell(parking.clone()), Sleeper(parking))
}

/// What both halves know.
#[derive(Debug, Default)]
struct Parking {
    /// The thread to unpark, known once it runs.
    thread: OnceLock<Thread>,
    /// Somebody woke it before. Locked only until the thread is known.
    woken_early: Mutex<bool>,
}

impl Parking {
    fn early(&self) -> MutexGuard<'_, bool> {
        self.woken_early.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Bell(Arc<Parking>);

impl Wake for Bell {
    fn wake(&self) {
        if let Some(thread) = self.0.thread.get() {
            return thread.unpark();
        }
        let mut early = self.0.early();
        match self.0.thread.get() {
            Some(thread) => thread.unpark(),
            None => *early = true,
        }
    }
}

#[derive(Debug)]
pub(super) struct Sleeper(Arc<Parking>);

impl Sleeper {
    /// Settles in on the current thread.
    pub(super) fn settle(self) -> Engine {
        let early = self.0.early();
        let thread = self.0.thread.get_or_init(thread::current);
        if *early {
            thread.unpark();
        }
        // Worth having, not worth failing for.
        let _ = rustix::thread::set_current_timer_slack(Some(TIMER_SLACK_NS));
        Engine(())
    }
}

pub(super) struct Engine(());

impl Engine {
    pub(super) fn run<D: Drive>(self, mut pace: Pace<D>) {
        loop {
            match pace.step() {
                Step::Again => {}
                Step::Sleep(until) => {
                    // An unpark that came first is remembered: no wake is lost.
                    match until {
                        None => thread::park(),
                        Some(at) => {
                            thread::park_timeout(at.saturating_duration_since(Instant::now()));
                        }
                    }
                    pace.woken();
                }
                Step::Stop => return,
            }
        }
    }
}
