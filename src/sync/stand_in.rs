//! A bounded queue for loom, in the place of crossbeam's `ArrayQueue`.
//!
//! The same protocol, cut to what the injector uses: a slot's *stamp* tells whose
//! turn it is. Stamp = 2 × index: free for the push of that index. One more: full,
//! for the pop of that index.
//!
//! ```text
//!   push i: tail CAS i → i+1, write slot, stamp.store 2i+1 (Release)
//!   pop  i: stamp.load = 2i+1 (Acquire)?, read slot,
//!           stamp.store 2(i+capacity) (Release)
//! ```
//!
//! Like crossbeam's, `pop` waits for a pusher that has reserved the next slot and
//! not filled it yet.
//!
//! Its orderings are crossbeam's to prove, so they are no mutation sites.

use std::mem::MaybeUninit;

use super::primitive::{
    AtomicUsize, UnsafeCell,
    atomic::Ordering::{Acquire, Relaxed, Release, SeqCst},
    fence,
};

struct Slot<T> {
    stamp: AtomicUsize,
    item: UnsafeCell<MaybeUninit<T>>,
}

pub(super) struct ArrayQueue<T> {
    tail: AtomicUsize,
    head: AtomicUsize,
    slots: Box<[Slot<T>]>,
}

// SAFETY: items move between threads, never shared; the stamp of a slot says
// which one thread may touch it.
unsafe impl<T: Send> Send for ArrayQueue<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ArrayQueue<T> {}

impl<T> ArrayQueue<T> {
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a queue needs room");
        Self {
            tail: AtomicUsize::new(0),
            head: AtomicUsize::new(0),
            slots: (0..capacity)
                .map(|index| Slot {
                    stamp: AtomicUsize::new(2 * index),
                    item: UnsafeCell::new(MaybeUninit::uninit()),
                })
                .collect(),
        }
    }

    fn slot(&self, index: usize) -> &Slot<T> {
        &self.slots[index % self.slots.len()]
    }

    pub(super) fn push(&self, item: T) -> Result<(), T> {
        loop {
            // An addition of 0 instead of a load: loom remembers only the last access
            // to an atomic, and a load here would hide that the popping thread had
            // looked before, and with it every run in which we come first.
            let tail = self.tail.fetch_add(0, Relaxed);
            let slot = self.slot(tail);
            let stamp = slot.stamp.load(Acquire);
            if stamp == 2 * tail {
                if self.tail.compare_exchange(tail, tail + 1, SeqCst, Relaxed).is_ok() {
                    // SAFETY: the stamp said free, and the exchange made this
                    // index ours alone.
                    slot.item.with_mut(|place| unsafe {
                        (*place).write(item);
                    });
                    slot.stamp.store(2 * tail + 1, Release);
                    return Ok(());
                }
            } else {
                fence(SeqCst);
                let head = self.head.load(Relaxed);
                if tail >= head + self.slots.len() {
                    return Err(item);
                }
                super::primitive::yield_now();
            }
        }
    }

    /// For one popping thread.
    pub(super) fn pop(&self) -> Option<T> {
        let head = self.head.load(Relaxed);
        if self.tail.load(SeqCst) == head {
            return None;
        }
        let slot = self.slot(head);
        while slot.stamp.load(Acquire) != 2 * head + 1 {
            super::primitive::yield_now();
        }
        // SAFETY: the stamp said full, and there is one popping thread.
        let item = slot.item.with(|place| unsafe { place.cast::<T>().read() });
        self.head.store(head + 1, SeqCst);
        slot.stamp.store(2 * (head + self.slots.len()), Release);
        Some(item)
    }

    pub(super) fn len(&self) -> usize {
        let head = self.head.load(SeqCst);
        self.tail.load(SeqCst).saturating_sub(head)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.len()
    }
}

impl<T> Drop for ArrayQueue<T> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
