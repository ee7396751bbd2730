//! The bounded ring between two threads: one pushes, one pops.
//!
//! ```text
//!              head                 published      tail
//!               │                       │            │
//!   ┌─────┬─────▼─────┬─────┬─────┬─────▼─────┬──────▼─────┬─────┐
//!   │free │ full      │full │full │full │ staged     │ free       │
//!   └─────┴───────────┴─────┴─────┴─────┴────────────┴────────────┘
//!           the consumer takes here      only the producer knows these
//!
//!   producer                                consumer
//!   ────────                                ────────
//!   stage:   write slot[tail], tail += 1    tail.load Acquire (A1) when the
//!   publish: tail.store Release (R1) ─────►   cached tail has been used up
//!                                           read slots, head += n
//!   head.load Acquire (A2) when the  ◄───── head.store Release (R2)
//!     cached head says "full"                 once a batch
//!
//!   closing: the producer publishes nothing more, then
//!   closed.store Release (R3) ────────────► closed.load Acquire (A3), and only
//!                                             then tail: closed and empty is final
//! ```
//!
//! Indices run freely and wrap; a slot is its index modulo the capacity, which is
//! a power of two. Each side keeps a copy of the other's index and looks at the
//! real one only when the copy says "full" or "empty", so that in the steady
//! state a batch costs each side one line transfer.
//!
//! Neither side ever waits for the other, whatever the other does.

use std::mem::MaybeUninit;

use super::mutation::{mutant, ord};
use super::primitive::{Arc, AtomicBool, AtomicUsize, CachePadded, atomic::Ordering::Relaxed};
use super::slots::Slots;

/// The ring has no room; here is the item back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ring is full")]
pub struct Full<T>(pub T);

/// How many slots ahead the producer asks for a line: enough to hide the way from
/// the other core, few enough to stay clear of the consumer. Without it a 64-byte
/// item in a batch of 32 takes 15 ns across two cores, with it 4 (best of 15 runs,
/// two-core x86-64 machine).
const AHEAD: usize = 8;

/// How many slots ahead a draining consumer asks for a line. An eighth off a 64-byte
/// item in a batch of 32 or 128 (3.7 to 3.3 ns, best tenths of paired runs). Asking
/// for the next slot while the ring is empty as well made a round trip of 8 bytes a
/// third longer: it takes the line from the producer that is about to write it.
const READ_AHEAD: usize = 6;

/// What one side writes and the other reads; a cache line pair for each side.
struct Side {
    index: AtomicUsize,
    gone: AtomicBool,
}

struct Shared<T> {
    /// Written by the producer: the end of what is published.
    tail: CachePadded<Side>,
    /// Written by the consumer: the start of what is not yet taken.
    head: CachePadded<Side>,
    slots: Slots<T>,
}

// SAFETY: as for `Shared`, which keeps the slots alive.
unsafe impl<T: Send> Send for Producer<T> {}
// SAFETY: as above; what takes `&self` touches atomics only.
unsafe impl<T: Send> Sync for Producer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Consumer<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Consumer<T> {}

// SAFETY: an item moves from the producer's thread to the consumer's, which
// needs `T: Send`; no two threads ever hold a reference to the same item.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above. A slot is touched by one side at a time: the indices say
// whose it is.
unsafe impl<T: Send> Sync for Shared<T> {}

/// Moves the item of a slot out.
///
/// # Safety
/// The slots live, this one is full, and the caller's side owns it.
#[inline(always)]
unsafe fn take<T>(slots: Slots<T>, index: usize) -> T {
    // SAFETY: the caller says that the slots live.
    let slot = unsafe { slots.slot(index) };
    slot.with(|slot| {
        // SAFETY: the caller says that the slot is initialised and its own.
        unsafe { slot.cast::<T>().read() }
    })
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Both sides are gone, and the last `Arc` has synchronised with both.
        let tail = self.tail.index.load(Relaxed);
        let mut head = self.head.index.load(Relaxed);
        while head != tail {
            // SAFETY: published and never taken; nobody else is left.
            drop(unsafe { take(self.slots, head) });
            head = head.wrapping_add(1);
        }
        // SAFETY: the last owner, once; the ends that had copies are gone.
        unsafe { self.slots.free() };
    }
}

/// Makes a ring with room for `slots` items, rounded up to a power of two.
///
/// # Panics
/// If `slots` is 0.
///
/// # Examples
/// ```
/// let (mut producer, mut consumer) = raddle::sync::ring(4);
/// producer.push("warp").unwrap();
/// producer.stage("weft").unwrap();
/// assert_eq!(consumer.pop(), Some("warp"));
/// assert_eq!(consumer.pop(), None); // staged only
/// producer.publish();
/// assert_eq!(consumer.pop(), Some("weft"));
/// ```
pub fn ring<T>(slots: usize) -> (Producer<T>, Consumer<T>) {
    ring_from(slots, 0)
}

/// As [`ring`], with indices that start at `first`: for tests of the wrap.
#[doc(hidden)]
pub fn ring_from<T>(slots: usize, first: usize) -> (Producer<T>, Consumer<T>) {
    assert!(slots > 0, "a ring needs room");
    let side = || CachePadded(Side { index: AtomicUsize::new(first), gone: AtomicBool::new(false) });
    let slots = Slots::allocate(slots.next_power_of_two());
    let shared = Arc::new(Shared { tail: side(), head: side(), slots });
    let producer =
        Producer { shared: shared.clone(), slots, tail: first, published: first, head_seen: first };
    let consumer = Consumer { shared, slots, head: first, tail_seen: first };
    (producer, consumer)
}

/// The pushing end.
///
/// Dropped, it publishes nothing more: staged items are dropped with it.
pub struct Producer<T> {
    shared: Arc<Shared<T>>,
    /// A copy of `shared.slots`, one step nearer; `shared` keeps them alive.
    slots: Slots<T>,
    /// One past the last staged item.
    tail: usize,
    /// What the consumer may see: `shared.tail.index`.
    published: usize,
    /// A copy of `shared.head.index`, perhaps old.
    head_seen: usize,
}

impl<T> Producer<T> {
    /// Pushes one item and publishes it, with all that is staged.
    ///
    /// # Errors
    /// [`Full`] gives the item back; what is staged stays so.
    #[inline]
    pub fn push(&mut self, item: T) -> Result<(), Full<T>> {
        self.stage(item)?;
        self.show();
        Ok(())
    }

    /// Writes an item into its slot without showing it.
    ///
    /// # Errors
    /// [`Full`] gives the item back.
    #[inline]
    pub fn stage(&mut self, item: T) -> Result<(), Full<T>> {
        if !self.has_room() {
            return Err(Full(item));
        }
        self.put(|slot| {
            slot.write(item);
        });
        Ok(())
    }

    /// As [`stage`](Self::stage), with an item that is filled in where it lies: a
    /// large one is not moved there.
    ///
    /// # Errors
    /// [`Full`] gives back what would have filled it.
    #[inline(always)]
    pub fn stage_in_place<F: FnOnce(&mut T)>(&mut self, fill: F) -> Result<(), Full<F>>
    where
        T: Default,
    {
        if !self.has_room() {
            return Err(Full(fill));
        }
        self.put(|slot| fill(slot.write(T::default())));
        Ok(())
    }

    #[inline(always)]
    fn has_room(&mut self) -> bool {
        let capacity = self.slots.capacity();
        let limit = if mutant!("ring.capacity_off_by_one") { capacity + 1 } else { capacity };
        if self.tail.wrapping_sub(self.head_seen) < limit {
            return true;
        }
        self.refresh();
        self.tail.wrapping_sub(self.head_seen) < limit
    }

    /// Writes the next slot. To be called only if there is room.
    #[inline(always)]
    fn put(&mut self, write: impl FnOnce(&mut MaybeUninit<T>)) {
        if mutant!("ring.publish_before_write") {
            self.tail = self.tail.wrapping_add(1);
            self.publish();
            self.tail = self.tail.wrapping_sub(1);
        }
        // SAFETY: `shared` keeps the slots alive.
        let slot = unsafe { self.slots.slot(self.tail) };
        slot.with_mut(|slot| {
            // SAFETY: the slot is free (its last item was taken before the
            // `head` that we acquired), and free slots are the producer's.
            write(unsafe { &mut *slot });
        });
        self.tail = self.tail.wrapping_add(1);
        // Only slots that are free: the consumer still needs the others.
        if self.tail.wrapping_sub(self.head_seen) + AHEAD < self.slots.capacity() {
            self.slots.fetch_for_write(self.tail.wrapping_add(AHEAD));
        }
    }

    /// Shows the consumer all that is staged; tells how many that was.
    #[inline]
    pub fn publish(&mut self) -> usize {
        let count = self.tail.wrapping_sub(self.published);
        if count > 0 {
            self.show();
        }
        count
    }

    #[inline(always)]
    fn show(&mut self) {
        // Release (R1): the slots written become visible with this index.
        // Pairs with the Acquire (A1) in `Consumer::refresh`.
        let order = ord!("ring.tail.publish", Release);
        self.shared.tail.index.store(self.tail, order);
        self.published = self.tail;
    }

    #[inline]
    fn refresh(&mut self) {
        // Acquire (A2): the consumer has finished with the slots before `head`,
        // so they may be written. Pairs with the Release (R2) of
        // `Consumer::release`.
        let order = ord!("ring.head.refresh", Acquire);
        self.head_seen = self.shared.head.index.load(order);
    }

    /// How many items fit now. There may be more the moment after, never fewer.
    #[inline]
    pub fn free_slots(&mut self) -> usize {
        self.refresh();
        self.capacity() - self.tail.wrapping_sub(self.head_seen)
    }

    /// How many items are inside, staged ones included: the consumer may take
    /// some meanwhile, but adds none.
    #[inline]
    pub fn len(&self) -> usize {
        self.tail.wrapping_sub(self.shared.head.index.load(Relaxed))
    }

    /// Whether the consumer has taken all that was ever staged.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the ring holds at most.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Whether the consumer is gone: what is pushed from now on nobody takes; it
    /// is dropped with the producer.
    #[inline]
    pub fn is_closed(&self) -> bool {
        // Acquire (A4): what the consumer did before it left is visible. Pairs
        // with the Release (R4) in `Consumer::drop`.
        let order = ord!("ring.consumer_gone.check", Acquire);
        self.shared.head.gone.load(order)
    }
}

impl<T> Drop for Producer<T> {
    fn drop(&mut self) {
        // Release (R3): all that was published stands before this flag. Pairs
        // with the Acquire (A3) in `Consumer::is_closed`.
        let order = ord!("ring.producer_gone", Release);
        self.shared.tail.gone.store(true, order);
        while self.tail != self.published {
            self.tail = self.tail.wrapping_sub(1);
            // SAFETY: staged and never published: still the producer's.
            drop(unsafe { take(self.slots, self.tail) });
        }
    }
}

/// The popping end.
///
/// Dropped, it drops what it has not popped; what comes later is dropped with
/// the producer.
pub struct Consumer<T> {
    shared: Arc<Shared<T>>,
    /// A copy of `shared.slots`, one step nearer; `shared` keeps them alive.
    slots: Slots<T>,
    /// The next item to take. `shared.head.index`, but inside a batch.
    head: usize,
    /// A copy of `shared.tail.index`, perhaps old.
    tail_seen: usize,
}

impl<T> Consumer<T> {
    /// Takes the oldest item.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        if self.head == self.tail_seen {
            self.refresh();
            if self.head == self.tail_seen {
                return None;
            }
        }
        if mutant!("ring.release_before_read") {
            self.head = self.head.wrapping_add(1);
            self.release();
            self.head = self.head.wrapping_sub(1);
        }
        // SAFETY: between `head` and the published `tail` slots are full, and
        // the consumer's.
        let item = unsafe { take(self.slots, self.head) };
        self.head = self.head.wrapping_add(1);
        self.release();
        Some(item)
    }

    /// Takes up to `max` items, oldest first; tells how many.
    ///
    /// One acquire and one release for all of them. If `each` panics, the items
    /// that it was given are gone and the rest stays.
    #[inline]
    pub fn drain(&mut self, max: usize, mut each: impl FnMut(T)) -> usize {
        let slots = self.slots;
        // SAFETY: `shared` keeps the slots alive, and the slot of the index is full
        // and the consumer's.
        self.drain_slots(max, |index| each(unsafe { take(slots, index) }))
    }

    /// As [`drain`](Self::drain), with each item lent where it lies; it is dropped
    /// afterwards. What `each` wants of a large item need not be moved twice.
    #[inline]
    pub fn drain_in_place(&mut self, max: usize, mut each: impl FnMut(&mut T)) -> usize {
        let slots = self.slots;
        self.drain_slots(max, |index| {
            // SAFETY: `shared` keeps the slots alive.
            let slot = unsafe { slots.slot(index) };
            slot.with_mut(|slot| {
                // SAFETY: the slot of the index is full and the consumer's.
                let lent = Lent(unsafe { &mut *slot.cast::<T>() });
                each(lent.0);
            });
        })
    }

    /// Gives the indices of up to `max` full slots to `empty`, oldest first, each
    /// once: it has to take out or drop what is there. An index counts as taken
    /// before `empty` has it, so that one that panics never sees it again.
    #[inline(always)]
    fn drain_slots(&mut self, max: usize, mut empty: impl FnMut(usize)) -> usize {
        let mut ready = self.tail_seen.wrapping_sub(self.head);
        if ready < max {
            self.refresh();
            ready = self.tail_seen.wrapping_sub(self.head);
        }
        let count = ready.min(max);
        if count == 0 {
            return 0;
        }
        let batch = Batch { consumer: self };
        for _ in 0..count {
            let head = batch.consumer.head;
            // Only slots that are full: the producer still needs the others.
            if batch.consumer.tail_seen.wrapping_sub(head) > READ_AHEAD {
                batch.consumer.slots.fetch_for_read(head.wrapping_add(READ_AHEAD));
            }
            batch.consumer.head = head.wrapping_add(1);
            empty(head);
        }
        count
    }

    /// The oldest item, left where it is.
    #[inline]
    pub fn peek(&mut self) -> Option<&T> {
        if self.head == self.tail_seen {
            self.refresh();
            if self.head == self.tail_seen {
                return None;
            }
        }
        // SAFETY: `shared` keeps the slots alive.
        let slot = unsafe { self.slots.slot(self.head) };
        let item = slot.with(|slot| {
            // SAFETY: the slot is full and the consumer's; it stays so while
            // `self` is borrowed, since only `self` can take the item.
            unsafe { &*slot.cast::<T>() }
        });
        Some(item)
    }

    #[inline]
    fn refresh(&mut self) {
        // Acquire (A1): the slots before `tail` are written. Pairs with the
        // Release (R1) in `Producer::publish`.
        let order = ord!("ring.tail.refresh", Acquire);
        self.tail_seen = self.shared.tail.index.load(order);
    }

    /// Gives the slots before `head` back to the producer.
    #[inline]
    fn release(&mut self) {
        // Release (R2): the slots have been read before the producer may write
        // them. Pairs with the Acquire (A2) in `Producer::refresh`.
        let order = ord!("ring.head.release", Release);
        self.shared.head.index.store(self.head, order);
    }

    /// How many items are published and not taken. There may be more the moment
    /// after, never fewer.
    #[inline]
    pub fn len(&self) -> usize {
        // The fences of the doorbell, not this load, make an empty ring a reason
        // to sleep; whoever takes an item acquires it then.
        self.shared.tail.index.load(Relaxed).wrapping_sub(self.head)
    }

    /// Whether there is nothing to take, now.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many items the ring holds at most.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slots.capacity()
    }

    /// Whether the ring is empty and stays so: the producer is gone, and its
    /// last item was taken.
    #[inline]
    pub fn is_closed(&self) -> bool {
        if mutant!("ring.closed_without_looking") {
            return self.shared.tail.gone.load(Relaxed);
        }
        if mutant!("ring.empty_before_closed") {
            return self.is_empty() && self.shared.tail.gone.load(Relaxed);
        }
        // Acquire (A3): the flag first, then the index: so the index is the
        // last one. Pairs with the Release (R3) in `Producer::drop`.
        let order = ord!("ring.producer_gone.check", Acquire);
        self.shared.tail.gone.load(order) && self.is_empty()
    }
}

impl<T> Drop for Consumer<T> {
    fn drop(&mut self) {
        // Release (R4): pairs with the Acquire (A4) in `Producer::is_closed`.
        let order = ord!("ring.consumer_gone", Release);
        self.shared.head.gone.store(true, order);
        while self.pop().is_some() {}
    }
}

/// An item lent where it lies: dropped when that ends, however it ends.
struct Lent<'a, T>(&'a mut T);

impl<T> Drop for Lent<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the consumer's index has moved past this item's slot, so nobody
        // looks at it again before it is written anew.
        unsafe { std::ptr::drop_in_place(self.0) };
    }
}

/// A batch being taken: gives its slots back when it ends, however it ends.
struct Batch<'a, T> {
    consumer: &'a mut Consumer<T>,
}

impl<T> Drop for Batch<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.consumer.release();
    }
}

impl<T> std::fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer").field("len", &self.len()).finish()
    }
}

impl<T> std::fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer").field("len", &self.len()).finish()
    }
}
