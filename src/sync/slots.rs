//! The slots of a ring: memory that starts on a cache line.
//!
//! ```text
//!   ┌────────────── line ─────────────┬────────────── line ─────────────┐
//!   │ slot 0                          │ slot 1                          │ …
//!   └─────────────────────────────────┴─────────────────────────────────┘
//!   slot of index i: i modulo the capacity, which is a power of two
//! ```
//!
//! An item of a line's size touches one line, not two of which the other half is
//! its neighbour's, who may be on the other core.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::primitive::{CachePadded, UnsafeCell};

pub(super) type Slot<T> = UnsafeCell<MaybeUninit<T>>;

/// Where the slots are, for whoever keeps them alive.
pub(super) struct Slots<T> {
    first: NonNull<Slot<T>>,
    /// The capacity minus one.
    mask: usize,
}

impl<T> Clone for Slots<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slots<T> {}

impl<T> Slots<T> {
    /// Allocates; the caller frees.
    pub(super) fn allocate(capacity: usize) -> Self {
        assert!(capacity.is_power_of_two(), "slots are found by a mask");
        let layout = Self::layout(capacity);
        // SAFETY: the layout's size is not 0.
        let memory = unsafe { alloc(layout) };
        let Some(first) = NonNull::new(memory.cast::<Slot<T>>()) else {
            handle_alloc_error(layout);
        };
        for index in 0..capacity {
            // SAFETY: `index` is below the capacity that was allocated.
            let slot = unsafe { first.add(index) };
            // SAFETY: allocated and aligned for it, and nothing is there yet.
            unsafe { slot.write(UnsafeCell::new(MaybeUninit::uninit())) };
        }
        Self { first, mask: capacity - 1 }
    }

    /// Frees the memory, not the items.
    ///
    /// # Safety
    /// Once, and no copy of this is used after it.
    pub(super) unsafe fn free(self) {
        for index in 0..self.capacity() {
            // SAFETY: `index` is below the capacity.
            let slot = unsafe { self.first.add(index) };
            // SAFETY: written in `allocate`, dropped once.
            unsafe { slot.drop_in_place() };
        }
        let memory = self.first.as_ptr().cast::<u8>();
        // SAFETY: allocated with the same layout, freed once.
        unsafe { dealloc(memory, Self::layout(self.capacity())) };
    }

    fn layout(capacity: usize) -> Layout {
        let align = align_of::<CachePadded<Slot<T>>>();
        size_of::<Slot<T>>()
            .checked_mul(capacity)
            .and_then(|size| Layout::from_size_align(size.max(1), align).ok())
            .expect("a ring larger than the address space")
    }

    #[inline(always)]
    pub(super) fn capacity(&self) -> usize {
        self.mask + 1
    }

    /// # Safety
    /// The slots were not freed.
    #[inline(always)]
    pub(super) unsafe fn slot(&self, index: usize) -> &Slot<T> {
        // SAFETY: masked, the index is below the capacity.
        let slot = unsafe { self.first.add(index & self.mask) };
        // SAFETY: written in `allocate` and, says the caller, still there.
        unsafe { slot.as_ref() }
    }

    /// Asks for the line of a slot that is soon read, beside whatever is loaded
    /// meanwhile.
    #[inline(always)]
    pub(super) fn fetch_for_read(&self, index: usize) {
        fetch_for_read(self.first.as_ptr().wrapping_add(index & self.mask));
    }

    /// Asks for the line of a slot that is soon written: the other core had it
    /// last, and fetching it takes longer than everything else here.
    #[inline(always)]
    pub(super) fn fetch_for_write(&self, index: usize) {
        fetch_for_write(self.first.as_ptr().wrapping_add(index & self.mask));
    }
}

/// Asks for a line that is soon read.
#[inline(always)]
pub(super) fn fetch_for_read<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    {
        // SAFETY: a hint: it reads and writes nothing, whatever the address.
        unsafe {
            std::arch::asm!("prefetcht0 [{0}]", in(reg) place, options(nostack, preserves_flags, readonly));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
    let _ = place;
}

/// Asks for a line that is soon written.
#[inline(always)]
pub(super) fn fetch_for_write<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    {
        // SAFETY: a hint: it reads and writes nothing, whatever the address; a processor
        // without it takes it for a no-op.
        unsafe {
            std::arch::asm!("prefetchw [{0}]", in(reg) place, options(nostack, preserves_flags, readonly));
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
    let _ = place;
}
