//! The door for threads that are no shard: many push, one shard drains.
//!
//! ```text
//!   a pusher                                   the shard
//!   ────────                                   ─────────
//!   gate: closed?  yes → Closed(item)          drain: queue.pop, up to max
//!         no → in flight += 1  (one CAS)
//!   queue.push     full → Full(item)           close: gate |= CLOSED
//!   gate: in flight −= 1, Release (I1) ───────►  then wait for in flight = 0:
//!   doorbell.ring                                Acquire (I2)
//!                                                now every accepted item is in
//!                                                the queue, and no other comes
//!
//!   gate:  ┌────────┬───────────────────────┐
//!          │ CLOSED │ pushers in flight     │   one atomic: a pusher is either
//!          └────────┴───────────────────────┘   counted before the close, or sees it
//!            bit 63   bits 0–62
//! ```
//!
//! Strictly it is not lock-free: a pusher that stalls between reserving its slot
//! and filling it hides what is behind it from `drain`, and `close` waits for pushers
//! under way. That is the price of letting strangers in, and why shards talk through
//! [`ring`]s instead.
//!
//! [`ring`]: super::ring()

use std::mem::MaybeUninit;

use super::doorbell::Doorbell;
use super::mutation::{mutant, ord};
use super::primitive::{Arc, AtomicU64, CachePadded, atomic::Ordering::Relaxed, yield_now};
use super::queue::Queue;
use super::taken::Taken;

/// Why an item was not accepted; it comes back inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PushError<T> {
    /// No room now.
    #[error("the injector is full")]
    Full(T),
    /// The shard takes nothing more, for good.
    #[error("the injector is closed")]
    Closed(T),
}

impl<T> PushError<T> {
    /// The item that was not accepted.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) => item,
        }
    }
}

const CLOSED: u64 = 1 << 63;

struct Shared<T> {
    queue: Queue<T>,
    gate: CachePadded<Gate>,
    doorbell: std::sync::Arc<Doorbell>,
}

/// Belongs to the pushers.
struct Gate {
    state: AtomicU64,
}

impl Gate {
    /// Counts the caller as in flight, unless the gate is closed.
    fn enter(&self) -> bool {
        let mut state = self.state.load(Relaxed);
        loop {
            if state & CLOSED != 0 {
                return false;
            }
            if mutant!("inject.check_without_entering") {
                return true;
            }
            // Relaxed: the gate decides who is in; it carries no data inwards.
            match self.state.compare_exchange_weak(state, state + 1, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
    }

    fn leave(&self) {
        if mutant!("inject.check_without_entering") {
            return;
        }
        // Release (I1): the items pushed, and the index after them, stand before this.
        // Pairs with the Acquire (I2) in `is_settled`.
        self.state.fetch_sub(1, ord!("inject.gate.leave", Release));
    }
}

/// Leaves the gate when dropped: an iterator that panics must not keep it busy.
struct Entered<'a>(&'a Gate);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// Makes an injector with room for `capacity` items, which rings `doorbell`.
///
/// # Panics
/// If `capacity` is 0.
pub fn injector<T>(capacity: usize, doorbell: std::sync::Arc<Doorbell>) -> (Injector<T>, Intake<T>) {
    let shared = Arc::new(Shared {
        queue: Queue::new(capacity),
        gate: CachePadded(Gate { state: AtomicU64::new(0) }),
        doorbell,
    });
    (Injector(shared.clone()), Intake(shared))
}

/// The pushing end: for any thread, any number of them.
pub struct Injector<T>(Arc<Shared<T>>);

impl<T> Clone for Injector<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Injector<T> {
    /// Hands an item to the shard, and wakes it if it sleeps.
    ///
    /// # Errors
    /// [`PushError`] gives the item back.
    pub fn push(&self, item: T) -> Result<(), PushError<T>> {
        let shared = &*self.0;
        if !shared.gate.enter() {
            return Err(PushError::Closed(item));
        }
        if mutant!("inject.ring_before_push") {
            shared.doorbell.ring();
        }
        let entered = Entered(&shared.gate);
        if mutant!("inject.leave_before_push") {
            drop(entered);
            shared.queue.push(item).map_err(PushError::Full)?;
            shared.doorbell.ring();
            return Ok(());
        }
        shared.queue.push(item).map_err(PushError::Full)?;
        drop(entered);
        if !mutant!("inject.ring_before_push") {
            shared.doorbell.ring();
        }
        Ok(())
    }

    /// Hands over what fits, in order, and rings once at the end.
    ///
    /// Returns how many were accepted, and why it stopped if it did: with the
    /// item that was refused; the rest is still in `items` if that was lent.
    pub fn push_all(&self, items: impl IntoIterator<Item = T>) -> (usize, Option<PushError<T>>) {
        let shared = &*self.0;
        let mut items = items.into_iter();
        if !shared.gate.enter() {
            return (0, items.next().map(PushError::Closed));
        }
        let entered = Entered(&shared.gate);
        let mut count = 0;
        let mut refused = None;
        for item in items {
            match shared.queue.push(item) {
                Ok(()) => count += 1,
                Err(item) => {
                    refused = Some(PushError::Full(item));
                    break;
                }
            }
        }
        drop(entered);
        if count > 0 {
            shared.doorbell.ring();
        }
        (count, refused)
    }

    /// How many items were ever accepted, by all pushers. Exact once the intake
    /// is closed; before that a push under way may be counted, or not.
    pub fn accepted(&self) -> u64 {
        self.0.queue.pushed() as u64
    }

    /// The bell of the shard behind it.
    pub fn doorbell(&self) -> &std::sync::Arc<Doorbell> {
        &self.0.doorbell
    }

    /// Whether the shard takes nothing more.
    pub fn is_closed(&self) -> bool {
        self.0.gate.state.load(Relaxed) & CLOSED != 0
    }

    /// How many items wait: a hint.
    pub fn len(&self) -> usize {
        self.0.queue.len()
    }

    /// Whether none waits: a hint.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items fit.
    pub fn capacity(&self) -> usize {
        self.0.queue.capacity()
    }
}

/// The draining end: the shard's. Dropped, it closes and drops what is inside.
pub struct Intake<T>(Arc<Shared<T>>);

impl<T> Intake<T> {
    /// Takes the oldest item.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        self.0.queue.pop()
    }

    /// Takes the oldest item, and puts it there.
    #[inline]
    pub fn pop_to<'a>(&mut self, place: &'a mut MaybeUninit<T>) -> Option<Taken<'a, T>> {
        self.0.queue.pop_to(place)
    }

    /// Takes up to `max` items, oldest first; tells how many.
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(T)) -> usize {
        let mut count = 0;
        while count < max {
            let Some(item) = self.pop() else { break };
            count += 1;
            each(item);
        }
        count
    }

    /// How many items wait, with those that pushers are just writing.
    pub fn len(&self) -> usize {
        self.0.queue.len()
    }

    /// Whether none waits and none is being written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether [`drain`](Self::drain) would find one. If not, that is a reason to
    /// sleep, after the doorbell was armed: who is just writing one rings it.
    ///
    /// To be asked again and again: it looks at no line that pushers share.
    #[inline]
    pub fn has_next(&self) -> bool {
        self.0.queue.has_next()
    }

    /// How many items were ever accepted: see [`Injector::accepted`].
    pub fn accepted(&self) -> u64 {
        self.0.queue.pushed() as u64
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.0.gate.state.load(Relaxed) & CLOSED != 0
    }

    /// Refuses pushes from now on, without waiting for those under way: ask
    /// [`is_settled`](Self::is_settled) each turn.
    pub fn begin_close(&self) {
        self.0.gate.state.fetch_or(CLOSED, Relaxed);
    }

    /// Whether it is closed and no push is under way: what is inside now is all
    /// that ever will be.
    pub fn is_settled(&self) -> bool {
        if mutant!("inject.settle_without_waiting") {
            return true;
        }
        // Acquire (I2): the items and the indices of every pusher that left are
        // visible. Pairs with the Release (I1) in `Gate::leave`; leaves and
        // entries are read-modify-writes, so each heads the next one's release
        // sequence.
        let order = ord!("inject.gate.settled", Acquire);
        self.0.gate.state.load(order) == CLOSED
    }

    /// Refuses pushes from now on. When it returns, every push either is inside,
    /// to be drained, or was given back: never both, never neither.
    ///
    /// It waits for pushes under way, which take a bounded number of steps.
    pub fn close(&self) {
        self.begin_close();
        while !self.is_settled() {
            yield_now();
        }
    }

    /// Closes, then takes all that is inside; tells how many.
    pub fn close_and_drain(&mut self, each: impl FnMut(T)) -> usize {
        self.close();
        self.drain(usize::MAX, each)
    }
}

impl<T> Drop for Intake<T> {
    fn drop(&mut self) {
        // A model that has failed runs nobody that one could wait for.
        if cfg!(loom) && std::thread::panicking() {
            return;
        }
        self.close_and_drain(drop);
    }
}

impl<T> std::fmt::Debug for Injector<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Injector").field("len", &self.len()).finish()
    }
}

impl<T> std::fmt::Debug for Intake<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Intake").field("len", &self.len()).finish()
    }
}
