//! A bounded queue: many push, one pops.
//!
//! A slot's *stamp* tells whose turn it is. Stamp = 2 × index: free for the push of
//! that index. One more: full, for the pop of that index.
//!
//! ```text
//!   push i: stamp = 2i (Q3)?    tail CAS i → i+1, write slot, stamp.store 2i+1 (Q1)
//!   pop  i: stamp = 2i+1 (Q2)?  read slot, stamp.store 2(i+capacity) (Q4)
//! ```
//!
//! Who pops looks at nothing but the stamp of the next slot, beside the item that it
//! is about to read: one cache line crosses for both, and the pushers keep theirs.
//!
//! Strictly it is not lock-free: behind a pusher that stalls between reserving its
//! slot and filling it, nothing is seen.

use std::mem::MaybeUninit;

use super::mutation::{mutant, ord};
use super::primitive::atomic::{Ordering, Ordering::Relaxed};
use super::primitive::{AtomicUsize, CachePadded, UnsafeCell};
use super::slots::{fetch_for_read, fetch_for_write};
use super::taken::Taken;

const LINE_BYTES: usize = 64;

/// On lines of its own, the stamp beside the start of the item.
#[repr(C, align(64))]
struct Slot<T> {
    stamp: AtomicUsize,
    item: UnsafeCell<MaybeUninit<T>>,
}

impl<T> Slot<T> {
    /// Where each of its cache lines begins.
    fn lines(&self) -> impl Iterator<Item = *const u8> + use<T> {
        let start = std::ptr::from_ref(self).cast::<u8>();
        (0..size_of::<Self>()).step_by(LINE_BYTES).map(move |line| start.wrapping_add(line))
    }
}

pub(super) struct Queue<T> {
    /// The index of the next push.
    tail: CachePadded<AtomicUsize>,
    /// The index of the next pop. Written by the popping thread alone.
    head: CachePadded<AtomicUsize>,
    slots: Box<[Slot<T>]>,
}

// SAFETY: items move between threads, never shared; the stamp of a slot says
// which one thread may touch it.
unsafe impl<T: Send> Send for Queue<T> {}
// SAFETY: as above; and one thread pops.
unsafe impl<T: Send> Sync for Queue<T> {}

/// What is in it. A model adds 0 instead: loom remembers only the last access to an
/// atomic, and a load before a write of the same thread would hide that another one
/// had looked before, and with it every run in which that one comes first.
#[inline(always)]
fn look(word: &AtomicUsize, order: Ordering) -> usize {
    if cfg!(loom) { word.fetch_add(0, order) } else { word.load(order) }
}

/// Stores. A model swaps instead, beside those additions: loom orders plain stores only
/// as far as threads have synchronised.
#[inline(always)]
fn put(word: &AtomicUsize, value: usize, order: Ordering) {
    if cfg!(loom) {
        word.swap(value, order);
    } else {
        word.store(value, order);
    }
}

impl<T> Queue<T> {
    /// # Panics
    /// If there is no room at all.
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room");
        let slot =
            |index| Slot { stamp: AtomicUsize::new(2 * index), item: UnsafeCell::new(MaybeUninit::uninit()) };
        Self {
            tail: CachePadded(AtomicUsize::new(0)),
            head: CachePadded(AtomicUsize::new(0)),
            slots: (0..capacity).map(slot).collect(),
        }
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> &Slot<T> {
        let slots = self.slots.len();
        // The usual number of slots needs no division.
        let at = if slots.is_power_of_two() { index & (slots - 1) } else { index % slots };
        &self.slots[at]
    }

    /// By any thread.
    ///
    /// # Errors
    /// The item, if there is no room.
    pub(super) fn push(&self, item: T) -> Result<(), T> {
        // Relaxed: the stamp decides whether the slot may be had, and the exchange
        // by whom.
        let mut tail = look(&self.tail, Relaxed);
        loop {
            let slot = self.slot(tail);
            // Acquire (Q3): the slot was read before it is written again. Pairs with
            // the Release (Q4) in `pop`.
            let stamp = look(&slot.stamp, ord!("queue.push.free", Acquire));
            if stamp < 2 * tail {
                // Of the lap before: not popped yet.
                return Err(item);
            }
            if stamp > 2 * tail {
                // Others have pushed meanwhile.
                tail = look(&self.tail, Relaxed);
                continue;
            }
            match self.tail.compare_exchange_weak(tail, tail + 1, Relaxed, Relaxed) {
                Err(now) => tail = now,
                Ok(_) => {
                    if mutant!("queue.full_before_write") {
                        put(&slot.stamp, 2 * tail + 1, Relaxed);
                    }
                    // SAFETY: the stamp said free, and the exchange made this index
                    // ours alone.
                    slot.item.with_mut(|place| unsafe {
                        (*place).write(item);
                    });
                    // Release (Q1): the item is written before it is popped. Pairs
                    // with the Acquire (Q2) in `pop`.
                    put(&slot.stamp, 2 * tail + 1, ord!("queue.push.full", Release));
                    // Who pops had them last, a lap ago; and a pusher that waits for an
                    // answer has the time.
                    self.slot(tail + 1).lines().for_each(fetch_for_write);
                    return Ok(());
                }
            }
        }
    }

    /// The next index and slot, if its item is here. By the one thread that pops.
    fn next(&self) -> Option<(usize, &Slot<T>)> {
        let head = self.head.load(Relaxed);
        let slot = self.slot(head);
        // Acquire (Q2): pairs with the Release (Q1) in `push`.
        let stamp = slot.stamp.load(ord!("queue.pop.full", Acquire));
        (stamp == 2 * head + 1).then_some((head, slot))
    }

    /// By one thread.
    pub(super) fn pop(&self) -> Option<T> {
        self.pop_to(&mut MaybeUninit::uninit()).map(Taken::into_inner)
    }

    /// The same, and the item goes to where its receiver wants it.
    #[inline(always)]
    pub(super) fn pop_to<'a>(&self, to: &'a mut MaybeUninit<T>) -> Option<Taken<'a, T>> {
        let (head, slot) = self.next()?;
        // While this one is looked at, the next one comes.
        self.slot(head + 1).lines().for_each(fetch_for_read);
        // SAFETY: the stamp said full, and there is one popping thread. An exclusive
        // reference points to nothing in the queue.
        slot.item.with(|place| unsafe { to.as_mut_ptr().copy_from_nonoverlapping(place.cast(), 1) });
        self.head.store(head + 1, Relaxed);
        // Release (Q4): the item is read before the slot is written again. Pairs with
        // the Acquire (Q3) in `push`.
        put(&slot.stamp, 2 * (head + self.slots.len()), ord!("queue.pop.free", Release));
        // SAFETY: it was moved out of the slot, which is free now.
        Some(unsafe { Taken::new(to) })
    }

    /// Whether [`pop`](Self::pop) would give one, by the thread that pops. If so, it asks
    /// for all of it.
    pub(super) fn has_next(&self) -> bool {
        let next = self.next();
        if let Some((_, slot)) = next {
            slot.lines().for_each(fetch_for_read);
        }
        next.is_some()
    }

    /// How many pushes there ever were, with those under way.
    pub(super) fn pushed(&self) -> usize {
        self.tail.load(Relaxed)
    }

    /// How many are inside, with those that pushers are just writing: a hint.
    pub(super) fn len(&self) -> usize {
        let head = self.head.load(Relaxed);
        self.pushed().saturating_sub(head)
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
