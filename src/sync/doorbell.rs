//! Sleeping without missing a message.
//!
//! ```text
//!   a pusher                              the shard
//!   ────────                              ─────────
//!   write the message                     arm(): armed = true
//!   publish its index                            fence (D2)
//!   ring(): fence (D1)                    look at ALL its rings again
//!           armed? no  → done               something there → disarm(), work
//!                  yes → swap(false)        nothing → sleep
//!                        won → wake()     woken → disarm(), work
//! ```
//!
//! Each side writes, then fences, then reads what the other side writes. Two
//! sequentially consistent fences are ordered, so at least one side sees the
//! other's write: the shard sees the message, or the pusher sees it armed. No
//! acquire/release pair can promise that: both loads could be early.
//!
//! `armed` carries no data, so its accesses are relaxed: what was pushed is
//! carried by the ring, and the wake-up itself by whatever implements [`Wake`].
//!
//! All writes of `armed` are swaps. Plain stores by the shard would do on paper,
//! since nothing may come between a swap and what it read; but loom orders the
//! stores to one atomic only as far as threads have synchronised, and then lets a
//! pusher read its own old swap instead of a newer arming. Next to a sleep, a
//! swap costs nothing.

use super::mutation::{fence, mutant};
use super::primitive::{AtomicBool, CachePadded, atomic::Ordering::Relaxed};

/// How to end a shard's sleep.
///
/// The contract: a `wake` that comes before the sleep ends it at once (a token,
/// as of `unpark` or of an eventfd; a second token may merge with the first),
/// and what the waking thread did before `wake` is visible to the shard after
/// the sleep that it ended.
pub trait Wake: Send + Sync {
    /// Ends the current sleep, or the next one.
    fn wake(&self);
}

/// The bell of one shard: everyone may ring, only the shard arms it.
pub struct Doorbell {
    armed: CachePadded<AtomicBool>,
    wake: Box<dyn Wake>,
}

impl Doorbell {
    /// A bell that is not armed.
    pub fn new(wake: Box<dyn Wake>) -> Self {
        Self { armed: CachePadded(AtomicBool::new(false)), wake }
    }

    /// Tells the shard that there is something to see, after it was published;
    /// true if the shard had to be woken.
    ///
    /// Costs a fence and a load while the shard is awake: call it once a batch.
    #[inline]
    pub fn ring(&self) -> bool {
        // SeqCst (D1): what was published before stands before the load below.
        // Pairs with the fence (D2) in `arm`.
        fence!("doorbell.ring.fence", SeqCst);
        // The load spares the read-modify-write while nobody sleeps. The swap
        // decides who wakes: one ring wins each arming.
        if self.armed.load(Relaxed) && self.take() {
            self.wake.wake();
            return true;
        }
        false
    }

    fn take(&self) -> bool {
        if mutant!("doorbell.keep_armed") {
            return true;
        }
        if mutant!("doorbell.disarm_only") {
            self.armed.swap(false, Relaxed);
            return false;
        }
        self.armed.swap(false, Relaxed)
    }

    /// Announces that the shard is about to sleep. It must look at all its rings
    /// after this and before it sleeps.
    pub fn arm(&self) {
        self.armed.swap(true, Relaxed);
        // SeqCst (D2): the announcement stands before the shard's last look at
        // its rings. Pairs with the fence (D1) in `ring`.
        fence!("doorbell.arm.fence", SeqCst);
    }

    /// The shard is awake again. A wake-up that was under way may still arrive
    /// and end the next sleep early; that is harmless.
    pub fn disarm(&self) {
        self.armed.swap(false, Relaxed);
    }

    /// Whether the shard is asleep, or about to be: a hint.
    pub fn is_armed(&self) -> bool {
        self.armed.load(Relaxed)
    }

    /// Wakes the shard whatever it does: for a stop, or for a driver's own use.
    pub fn wake_always(&self) {
        self.armed.swap(false, Relaxed);
        self.wake.wake();
    }
}

impl std::fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Doorbell").field("armed", &self.is_armed()).finish_non_exhaustive()
    }
}
