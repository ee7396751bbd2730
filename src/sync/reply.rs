//! The place of one reply: one may fill it, one waits, and either may go.
//!
//! What becomes of it is decided by the modification order of **one** atomic:
//!
//! ```text
//!   state  ┌────────┬───────────┬──────────┬──────┐
//!          │ CLOSED │ ABANDONED │ COMPLETE │ TASK │
//!          └────────┴───────────┴──────────┴──────┘
//!
//!   reply          write the value, COMPLETE (Y1)
//!                                ── CLOSED came before? → the value goes back
//!   callee death   the resolver goes without a reply: ABANDONED (Y2)
//!   deadline       CLOSED (Y5)   ── COMPLETE came before? → the value is taken
//!   caller death   CLOSED, as above, and the value is dropped
//!
//!   waiting: write the waker, TASK (Y4) ── done already? → do not sleep
//!            a new waker: TASK off (Y3) ── done already? → hands off the waker,
//!                                            it is being called
//! ```
//!
//! Nobody waits for anybody but the waiter for its reply: a resolver that stalls
//! before COMPLETE does not hold up a deadline.
//!
//! While the waiter looks at the slot again and again, each access of the resolver
//! takes its cache line away and back. So there is one: the value lies beside the
//! state, and COMPLETE is an addition, which needs no look before it.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::lines::OnOwnLines;
use super::mutation::{mutant, ord};
use super::primitive::{Arc, AtomicUsize, UnsafeCell, atomic::Ordering::Relaxed};

/// A waker is in its place, and the one who completes may use it.
const TASK: usize = 1;
/// The value is written.
const COMPLETE: usize = 2;
/// The resolver is gone, and there never will be a value.
const ABANDONED: usize = 4;
/// The waiter is gone: nobody will take a value.
const CLOSED: usize = 8;

/// The resolver is gone and has not resolved: the reply never comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the reply was abandoned")]
pub struct Abandoned;

/// The deadline came first; the slot is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed before the reply")]
pub struct TimedOut;

#[repr(C)] // The state beside the value.
struct Slot<T> {
    state: AtomicUsize,
    value: UnsafeCell<Option<T>>,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the value moves from the resolver to the waiter, which needs
// `T: Send`; wakers are `Send` and `Sync`.
unsafe impl<T: Send> Send for Slot<T> {}
// SAFETY: as above. Value and waker are touched by one thread at a time: the
// state says by whom.
unsafe impl<T: Send> Sync for Slot<T> {}

/// Nothing changes any more: the waiter need not sleep, and owns the value. The
/// waker may be in use.
fn is_done(state: usize) -> bool {
    state & (COMPLETE | ABANDONED) != 0
}

impl<T> Slot<T> {
    /// # Safety
    /// The value cell is the caller's: the waiter's once COMPLETE was seen, the
    /// resolver's before and if it lost to CLOSED.
    unsafe fn take_value(&self) -> Option<T> {
        self.value.with_mut(|value| {
            // SAFETY: the caller says that nobody else touches the cell.
            unsafe { (*value).take() }
        })
    }

    /// # Safety
    /// The caller is the one who completed or abandoned, and TASK was set then.
    unsafe fn wake(&self) {
        self.waker.with(|waker| {
            // SAFETY: with TASK set, the waker is written, and the waiter keeps
            // its hands off it once the slot is done.
            if let Some(waker) = unsafe { &*waker } {
                waker.wake_by_ref();
            }
        });
    }

    /// # Safety
    /// The caller is the waiter, TASK is not set, or the slot is CLOSED and was
    /// not done when that happened.
    unsafe fn set_waker(&self, new: Option<Waker>) {
        self.waker.with_mut(|waker| {
            // SAFETY: the caller says that no resolver looks at the cell.
            unsafe { *waker = new }
        });
    }
}

/// Makes an empty slot: a resolver and the waiter.
///
/// # Examples
/// ```
/// let (resolver, waiter) = raddle::sync::reply_slot();
/// assert_eq!(resolver.resolve("yes"), Ok(()));
/// assert_eq!(waiter.wait(), Ok("yes"));
///
/// let (resolver, waiter) = raddle::sync::reply_slot();
/// assert_eq!(waiter.close(), None);
/// assert_eq!(resolver.resolve("late"), Err("late"));
/// ```
pub fn reply_slot<T>() -> (Resolver<T>, Waiter<T>) {
    let slot = OnOwnLines::share(Slot {
        state: AtomicUsize::new(0),
        value: UnsafeCell::new(None),
        waker: UnsafeCell::new(None),
    });
    (Resolver(Some(slot.clone())), Waiter(Some(slot)))
}

/// Fills the slot. Dropped, it abandons it.
pub struct Resolver<T>(Option<Arc<OnOwnLines<Slot<T>>>>);

impl<T> Resolver<T> {
    /// Gives the waiter its value.
    ///
    /// # Errors
    /// The value back, if the waiter is gone.
    pub fn resolve(mut self, value: T) -> Result<(), T> {
        let Some(slot) = self.0.take() else { return Err(value) };
        let early = mutant!("reply.complete_before_write").then(|| slot.state.fetch_add(COMPLETE, Relaxed));
        slot.value.with_mut(|cell| {
            // SAFETY: there is one resolver, and the waiter looks only after COMPLETE.
            // Nothing is in the cell, so nothing is lost by not looking.
            unsafe { cell.write(Some(value)) }
        });
        // AcqRel (Y1). Release: the value is visible to the waiter that sees
        // COMPLETE; pairs with the Acquire of (Y3), (Y4), (Y5) and (Y6).
        // Acquire: the waker is visible if TASK is; pairs with the Release (Y4).
        // The bit is not set yet, so to add it is to set it.
        let order = ord!("reply.complete", AcqRel);
        let before = early.unwrap_or_else(|| slot.state.fetch_add(COMPLETE, order));
        if before & CLOSED != 0 {
            if mutant!("reply.ignore_closed") {
                return Ok(());
            }
            // SAFETY: CLOSED came before COMPLETE, so the waiter never looks.
            let value = unsafe { slot.take_value() };
            return value.map_or(Ok(()), Err);
        }
        if before & TASK != 0 && !mutant!("reply.complete_without_wake") {
            // SAFETY: we completed, and TASK was set.
            unsafe { slot.wake() };
        }
        Ok(())
    }

    /// Itself, out of something that is dropped later: what stays there does nothing.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }

    /// Whether resolving is pointless: the waiter is gone.
    pub fn is_closed(&self) -> bool {
        self.0.as_ref().is_none_or(|slot| slot.state.load(Relaxed) & CLOSED != 0)
    }
}

impl<T> Drop for Resolver<T> {
    fn drop(&mut self) {
        let Some(slot) = self.0.take() else { return };
        // AcqRel (Y2). Release: what its owner did is visible to the waiter that
        // sees the slot abandoned; pairs with (Y3) to (Y6). Acquire: the waker
        // is visible if TASK is; pairs with the Release (Y4).
        let order = ord!("reply.abandon", AcqRel);
        let before = slot.state.fetch_add(ABANDONED, order);
        if before & TASK != 0 && before & CLOSED == 0 && !mutant!("reply.abandon_without_wake") {
            // SAFETY: we abandoned it, and TASK was set.
            unsafe { slot.wake() };
        }
    }
}

/// Waits for the value: as a future, or by blocking its thread. Dropped, it
/// closes the slot.
///
/// Without a slot once it has had its outcome.
#[must_use = "dropping the waiter closes the slot"]
pub struct Waiter<T>(Option<Arc<OnOwnLines<Slot<T>>>>);

impl<T> Waiter<T> {
    /// Blocks until the value is here.
    ///
    /// # Errors
    /// [`Abandoned`], if the resolver is gone.
    pub fn wait(self) -> Result<T, Abandoned> {
        park::block_on(self)
    }

    /// Blocks until the value is here or the deadline has passed; a later value
    /// goes back to its resolver.
    ///
    /// # Errors
    /// [`TimedOut`], if the deadline won. A value that won the race by a hair is
    /// returned, however late it is.
    pub fn wait_until(mut self, deadline: Instant) -> Result<Result<T, Abandoned>, TimedOut> {
        match park::block_until(&mut self, deadline) {
            Some(outcome) => Ok(outcome),
            None => self.close().ok_or(TimedOut),
        }
    }

    /// Stops waiting; the outcome, if there was one before.
    pub fn close(mut self) -> Option<Result<T, Abandoned>> {
        self.shut()
    }

    /// Whether waiting would not block.
    pub fn is_ready(&self) -> bool {
        // Relaxed: who takes the value acquires it then.
        self.0.as_ref().is_none_or(|slot| is_done(slot.state.load(Relaxed)))
    }

    /// The outcome, if it is there.
    fn take(&mut self) -> Option<Result<T, Abandoned>> {
        let slot = self.0.as_ref()?;
        // Acquire (Y6): the value is visible if COMPLETE is. Pairs with the
        // Release of (Y1) and (Y2).
        let state = slot.state.load(ord!("reply.poll", Acquire));
        if is_done(state) { self.outcome(state) } else { None }
    }

    /// Closes the slot, unless it has had its outcome.
    fn shut(&mut self) -> Option<Result<T, Abandoned>> {
        let slot = self.0.as_ref()?;
        // Acquire (Y5): the value is visible if COMPLETE is. Pairs with the
        // Release of (Y1) and (Y2).
        let before = slot.state.fetch_or(CLOSED, ord!("reply.close", Acquire));
        if is_done(before) {
            return self.outcome(before);
        }
        // SAFETY: closed and not done before: the resolver does not wake any more.
        unsafe { slot.set_waker(None) };
        self.0 = None;
        None
    }

    /// The outcome of a slot that is done.
    fn outcome(&mut self, state: usize) -> Option<Result<T, Abandoned>> {
        let slot = self.0.take()?;
        if state & COMPLETE == 0 {
            return Some(Err(Abandoned));
        }
        // SAFETY: COMPLETE was set before CLOSED was, so the value is the
        // waiter's, and an acquire came with seeing it.
        unsafe { slot.take_value() }.map(Ok)
    }
}

impl<T> Future for Waiter<T> {
    type Output = Result<T, Abandoned>;

    /// # Panics
    /// If polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        const TAKEN: &str = "polled after it was ready";
        if let Some(outcome) = self.take() {
            return Poll::Ready(outcome);
        }
        let slot = self.0.as_ref().expect(TAKEN);
        // Relaxed: the bit is the waiter's own.
        if slot.state.load(Relaxed) & TASK != 0 {
            let same = slot.waker.with(|waker| {
                // SAFETY: only the waiter writes the cell; others at most read.
                let waker = unsafe { &*waker };
                waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker()))
            });
            if same {
                return Poll::Pending;
            }
            // Acquire (Y3): as (Y6). Nobody looks at the waker after this, unless
            // the slot was done before.
            let order = ord!("reply.task_off", Acquire);
            let before = slot.state.fetch_and(!TASK, order);
            if is_done(before) && !mutant!("reply.replace_waker_in_use") {
                return Poll::Ready(self.outcome(before).expect(TAKEN));
            }
        }
        // SAFETY: TASK is off, and was off before the slot was done.
        unsafe { slot.set_waker(Some(context.waker().clone())) };
        // AcqRel (Y4). Release: the waker is visible to who completes; pairs with
        // the Acquire of (Y1) and (Y2). Acquire: as (Y6).
        let order = ord!("reply.task_on", AcqRel);
        let before = slot.state.fetch_or(TASK, order);
        if is_done(before) && !mutant!("reply.sleep_without_recheck") {
            return Poll::Ready(self.outcome(before).expect(TAKEN));
        }
        Poll::Pending
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        // A value that nobody took is dropped here, at once.
        drop(self.shut());
    }
}

impl<T> std::fmt::Debug for Resolver<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("closed", &self.is_closed()).finish()
    }
}

impl<T> std::fmt::Debug for Waiter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Waiter").field("ready", &self.is_ready()).finish()
    }
}

/// Blocking, on real threads.
#[cfg(not(loom))]
mod park {
    use super::*;
    use std::sync::Arc as StdArc;
    use std::task::Wake;
    use std::thread::{self, Thread};

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: StdArc<Self>) {
            self.0.unpark();
        }

        fn wake_by_ref(self: &StdArc<Self>) {
            self.0.unpark();
        }
    }

    pub(super) fn block_on<T>(mut waiter: Waiter<T>) -> Result<T, Abandoned> {
        if let Some(outcome) = waiter.take() {
            return outcome;
        }
        let waker = Waker::from(StdArc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut waiter).poll(&mut context) {
                return outcome;
            }
            thread::park();
        }
    }

    pub(super) fn block_until<T>(waiter: &mut Waiter<T>, deadline: Instant) -> Option<Result<T, Abandoned>> {
        if let Some(outcome) = waiter.take() {
            return Some(outcome);
        }
        let waker = Waker::from(StdArc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(outcome) = Pin::new(&mut *waiter).poll(&mut context) {
                return Some(outcome);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            thread::park_timeout(left);
        }
    }
}

/// Blocking, in a model, which knows no time: a deadline has always passed.
#[cfg(loom)]
mod park {
    use super::*;

    pub(super) fn block_on<T>(waiter: Waiter<T>) -> Result<T, Abandoned> {
        loom::future::block_on(waiter)
    }

    pub(super) fn block_until<T>(
        _waiter: &mut Waiter<T>,
        _deadline: Instant,
    ) -> Option<Result<T, Abandoned>> {
        None
    }
}
