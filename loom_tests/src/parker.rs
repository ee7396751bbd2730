//! How a shard of a model sleeps: loom's own notification, or a condition
//! variable that gives up, so that a missed wake-up fails instead of hanging.

use std::sync::Arc;

use raddle::sync::{SharedCounter, Wake};

#[derive(Clone)]
pub(crate) struct Parker(Arc<Shared>);

struct Shared {
    wakes: SharedCounter,
    bed: bed::Bed,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared { wakes: SharedCounter::new(), bed: bed::Bed::new() }))
    }

    pub(crate) fn sleep(&self) {
        self.0.bed.sleep();
    }

    /// How many wake-ups were sent.
    pub(crate) fn wakes(&self) -> u64 {
        self.0.wakes.get()
    }
}

impl Wake for Parker {
    fn wake(&self) {
        self.0.wakes.add(1);
        self.0.bed.wake();
    }
}

#[cfg(loom)]
mod bed {
    pub(super) struct Bed(loom::sync::Notify);

    impl Bed {
        pub(super) fn new() -> Self {
            Self(loom::sync::Notify::new())
        }

        pub(super) fn sleep(&self) {
            self.0.wait();
        }

        pub(super) fn wake(&self) {
            self.0.notify();
        }
    }
}

#[cfg(not(loom))]
mod bed {
    use std::sync::{Condvar, Mutex, PoisonError};
    use std::time::Duration;

    pub(super) struct Bed(Mutex<bool>, Condvar);

    impl Bed {
        pub(super) fn new() -> Self {
            Self(Mutex::new(false), Condvar::new())
        }

        pub(super) fn sleep(&self) {
            let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let patience = Duration::from_secs(10);
            let (mut woken, outcome) = self
                .1
                .wait_timeout_while(guard, patience, |woken| !*woken)
                .unwrap_or_else(PoisonError::into_inner);
            assert!(!outcome.timed_out(), "asleep, and nobody came");
            *woken = false;
        }

        pub(super) fn wake(&self) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.1.notify_one();
        }
    }
}

/// Counts how often the values made from it were dropped.
#[derive(Clone, Default)]
pub(crate) struct Drops(Arc<std::sync::Mutex<u64>>);

impl Drops {
    pub(crate) fn value(&self, id: u64) -> Counted {
        Counted { id, drops: self.clone(), _leak: raddle::sync::primitive::Track::new(()) }
    }

    pub(crate) fn count(&self) -> u64 {
        *self.0.lock().expect("no panic while counting")
    }
}

/// A value whose drops are counted, and whose leak loom reports.
pub(crate) struct Counted {
    pub(crate) id: u64,
    drops: Drops,
    _leak: raddle::sync::primitive::Track<()>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Ok(mut count) = self.drops.0.lock() {
            *count += 1;
        }
    }
}
