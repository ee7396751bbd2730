//! A snapshot that one thread publishes and any thread reads.
//!
//! ```text
//!   state ┌──────────────────────────────┬─────────┐
//!         │ readers that ever pinned it  │ current │   one atomic: who reads the
//!         └──────────────────────────────┴─────────┘   index is counted with it
//!           56 bits, wrapping              8 bits
//!
//!   slots ┌───────────┬───────────┬───────────┬───┐
//!         │ value     │ value     │ (vacant)  │ … │   value: Arc<T>
//!         │ unpinned  │ unpinned  │           │   │   unpinned: readers that left
//!         └───────────┴───────────┴───────────┴───┘
//!
//!   a reader                              the publisher
//!   ────────                              ─────────────
//!   state += 1 pin, Acquire (P2) ◄──┐     find a slot with pinned = unpinned,
//!   use slots[current].value        │       unpinned.load Acquire (P4)
//!   slots[current].unpinned += 1,   │     write its value
//!     Release (P3) ─────────► (P4)  └──── state.swap(slot, 0 pins) Release (P1)
//!                                         the swap tells how many pinned the old
//! ```
//!
//! A reader takes two read-modify-writes and never repeats one: it is wait-free,
//! whatever the publisher does. An old value is dropped by the publisher at its
//! next [`publish`] (or [`reclaim`]) after its last reader left.
//!
//! The publisher waits only if every slot but one is pinned by a reader in the
//! middle of its closure; each such reader holds up one slot, not the publisher.
//!
//! [`publish`]: Publisher::publish
//! [`reclaim`]: Publisher::reclaim

use std::sync::Arc as StdArc;

use super::mutation::{mutant, ord};
use super::primitive::{Arc, AtomicU64, CachePadded, UnsafeCell, atomic::Ordering::Relaxed, yield_now};

/// How many versions can be read at the same time.
#[cfg(not(loom))]
const SLOTS: usize = 32;
#[cfg(loom)]
const SLOTS: usize = 2;

const INDEX_BITS: u32 = 8;
const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
const PIN: u64 = 1 << INDEX_BITS;
const COUNT_MASK: u64 = u64::MAX >> INDEX_BITS;

const _: () = assert!(SLOTS >= 2 && SLOTS <= INDEX_MASK as usize);

fn index_of(state: u64) -> usize {
    (state & INDEX_MASK) as usize
}

struct Slot<T> {
    value: UnsafeCell<Option<StdArc<T>>>,
    unpinned: AtomicU64,
}

struct Shared<T> {
    state: CachePadded<AtomicU64>,
    slots: Box<[Slot<T>]>,
}

// SAFETY: readers on other threads get `&T` and `Arc<T>`, the publisher drops
// values that were made elsewhere: `T: Send + Sync`.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above. A slot is written only while it is neither current nor
// pinned.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

/// Publishes a first value.
///
/// # Examples
/// ```
/// let (mut publisher, reader) = raddle::sync::published(vec!["alpha"]);
/// publisher.publish(vec!["alpha", "beta"]);
/// assert_eq!(reader.read(|names| names.len()), 2);
/// ```
pub fn published<T>(first: T) -> (Publisher<T>, Reader<T>) {
    let mut first = Some(StdArc::new(first));
    let shared = Arc::new(Shared {
        state: CachePadded(AtomicU64::new(0)),
        slots: (0..SLOTS)
            .map(|_| Slot { value: UnsafeCell::new(first.take()), unpinned: AtomicU64::new(0) })
            .collect(),
    });
    let publisher = Publisher {
        shared: shared.clone(),
        current: 0,
        pinned: [0; SLOTS],
        vacant: std::array::from_fn(|index| index != 0),
    };
    (publisher, Reader(shared))
}

/// The one end that publishes.
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
    current: usize,
    /// How often each retired slot was pinned while it was current.
    pinned: [u64; SLOTS],
    vacant: [bool; SLOTS],
}

impl<T> Publisher<T> {
    /// Replaces the value: who reads from now on sees the new one.
    pub fn publish(&mut self, value: T) {
        let next = loop {
            self.reclaim();
            if let Some(next) = self.vacant.iter().position(|vacant| *vacant) {
                break next;
            }
            yield_now();
        };
        let slot = &self.shared.slots[next];
        slot.value.with_mut(|cell| {
            // SAFETY: the slot is vacant: not current, and every reader that
            // pinned it has left, which `reclaim` acquired.
            unsafe { *cell = Some(StdArc::new(value)) }
        });
        // Relaxed: readers come here through the state below.
        slot.unpinned.store(0, Relaxed);
        self.vacant[next] = false;

        // Release (P1): the slot is written before it is current. Pairs with the
        // Acquire (P2) in `Reader::pin`; pins in between are read-modify-writes
        // and carry it on.
        let order = ord!("published.swap", Release);
        let before = self.shared.state.swap(next as u64, order);
        self.pinned[self.current] = before >> INDEX_BITS;
        self.current = next;
        self.reclaim();
    }

    /// Drops the old values that nobody reads any more; tells how many are left.
    pub fn reclaim(&mut self) -> usize {
        let mut left = 0;
        for index in 0..SLOTS {
            if index == self.current || self.vacant[index] {
                continue;
            }
            let slot = &self.shared.slots[index];
            // Acquire (P4): every reader that is counted has finished with the
            // value. Pairs with the Release (P3) in `Pin::drop`.
            let order = ord!("published.reclaim", Acquire);
            let unpinned = slot.unpinned.load(order);
            if (unpinned ^ self.pinned[index]) & COUNT_MASK != 0 && !mutant!("published.reclaim_pinned") {
                left += 1;
                continue;
            }
            let old = slot.value.with_mut(|cell| {
                // SAFETY: not current, so nobody pins it any more; and those who
                // did have left.
                unsafe { (*cell).take() }
            });
            self.vacant[index] = true;
            drop(old);
        }
        left
    }

    /// The current value.
    pub fn get(&self) -> &T {
        self.shared.slots[self.current].value.with(|cell| {
            // SAFETY: the current slot is full and only `publish` changes it,
            // which needs `&mut self`.
            let value = unsafe { &*cell };
            &**value.as_ref().expect("the current slot is full")
        })
    }

    /// Another reader.
    pub fn reader(&self) -> Reader<T> {
        Reader(self.shared.clone())
    }
}

/// Reads the newest value; for any number of threads. It outlives the publisher.
pub struct Reader<T>(Arc<Shared<T>>);

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Reader<T> {
    /// Looks at the newest value in place. The value stays while `look` runs,
    /// even if a newer one is published: keep it short, or use
    /// [`load`](Self::load).
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let pin = self.pin();
        pin.with(|value| look(value))
    }

    /// The newest value, to keep.
    pub fn load(&self) -> StdArc<T> {
        self.pin().with(StdArc::clone)
    }

    fn pin(&self) -> Pin<'_, T> {
        if mutant!("published.load_then_pin") {
            let state = self.0.state.load(ord!("published.pin", Acquire));
            self.0.state.fetch_add(PIN, Relaxed);
            return Pin(&self.0.slots[index_of(state)]);
        }
        // Acquire (P2): the value is visible with the index. Pairs with the
        // Release (P1) in `Publisher::publish`. Reading the index and counting
        // the reader are one step: the publisher misses none.
        let order = ord!("published.pin", Acquire);
        let state = self.0.state.fetch_add(PIN, order);
        Pin(&self.0.slots[index_of(state)])
    }
}

/// A slot that stays as it is.
struct Pin<'a, T>(&'a Slot<T>);

impl<T> Pin<'_, T> {
    fn with<R>(&self, f: impl FnOnce(&StdArc<T>) -> R) -> R {
        self.0.value.with(|cell| {
            // SAFETY: pinned, so not written until `self` is dropped; and full,
            // since it was current when it was pinned.
            let value = unsafe { &*cell };
            f(value.as_ref().expect("a pinned slot is full"))
        })
    }
}

impl<T> Drop for Pin<'_, T> {
    fn drop(&mut self) {
        // Release (P3): the reader has finished with the value. Pairs with the
        // Acquire (P4) in `Publisher::reclaim`.
        let order = ord!("published.unpin", Release);
        self.0.unpinned.fetch_add(1, order);
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Publisher<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Publisher").field(self.get()).finish()
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.read(|value| f.debug_tuple("Reader").field(value).finish())
    }
}
