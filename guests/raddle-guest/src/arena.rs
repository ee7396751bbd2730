//! An allocator for actors of which there are very many.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

/// Allocates upwards from the end of the static data, and starts over whenever
/// nothing is allocated any more.
///
/// That suits an actor that keeps nothing on the heap from one message to the
/// next: its heap shares a page with its statics, where the default allocator
/// grows the memory by a 64 KiB page and touches several. Memory freed out of
/// order comes back only once everything is freed, so it suits no other.
///
/// ```ignore
/// #[global_allocator]
/// static ALLOCATOR: raddle_guest::Arena = raddle_guest::Arena::new();
/// ```
pub struct Arena {
    /// Where the next block starts; 0 until the first one.
    next: Cell<usize>,
    /// Blocks allocated and not yet freed.
    live_count: Cell<usize>,
}

// SAFETY: a component without threads has one, and allocation is not re-entered.
unsafe impl Sync for Arena {}

impl Arena {
    /// An arena with nothing in it.
    pub const fn new() -> Self {
        Arena {
            next: Cell::new(0),
            live_count: Cell::new(0),
        }
    }

    /// Make sure that the memory reaches up to `end`.
    fn reserve(&self, end: usize) -> bool {
        let size = memory::size();
        end <= size || memory::grow(end - size)
    }
}

impl Default for Arena {
    fn default() -> Self {
        Arena::new()
    }
}

// SAFETY: blocks lie between the end of the static data and the end of the
// memory; `next` only moves back over blocks that were freed.
unsafe impl GlobalAlloc for Arena {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = if self.live_count.get() == 0 {
            memory::base()
        } else {
            self.next.get()
        };
        let Some(start) = base.checked_next_multiple_of(layout.align()) else {
            return std::ptr::null_mut();
        };
        match start.checked_add(layout.size()) {
            Some(end) if self.reserve(end) => {
                self.next.set(end);
                self.live_count.set(self.live_count.get() + 1);
                std::ptr::with_exposed_provenance_mut(start)
            }
            _ => std::ptr::null_mut(),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.live_count.set(self.live_count.get() - 1);
        if block.addr() + layout.size() == self.next.get() {
            self.next.set(block.addr());
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let is_last = block.addr() + layout.size() == self.next.get();
        if new_size <= layout.size() || is_last {
            if is_last {
                match block.addr().checked_add(new_size) {
                    Some(end) if self.reserve(end) => self.next.set(end),
                    _ => return std::ptr::null_mut(),
                }
            }
            return block;
        }
        // SAFETY: the caller vouches for a `new_size` that is a valid one.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: as for `alloc`.
        let moved = unsafe { self.alloc(new_layout) };
        if !moved.is_null() {
            // SAFETY: two blocks that do not overlap, each of at least
            // `layout.size()` bytes, since the new one is the larger.
            unsafe { block.copy_to_nonoverlapping(moved, layout.size()) };
            // SAFETY: the block is the caller's, and is not used after this.
            unsafe { self.dealloc(block, layout) };
        }
        moved
    }
}

#[cfg(target_arch = "wasm32")]
mod memory {
    use core::arch::wasm32::{memory_grow, memory_size};

    const PAGE_SIZE: usize = 65_536;

    unsafe extern "C" {
        /// Set by the linker to the end of the static data.
        static __heap_base: u8;
    }

    pub fn base() -> usize {
        (&raw const __heap_base).addr()
    }

    pub fn size() -> usize {
        memory_size::<0>() * PAGE_SIZE
    }

    #[cold]
    pub fn grow(by: usize) -> bool {
        memory_grow::<0>(by.div_ceil(PAGE_SIZE)) != usize::MAX
    }
}

/// There is no arena outside of wasm: it refuses every allocation.
#[cfg(not(target_arch = "wasm32"))]
mod memory {
    pub fn base() -> usize {
        0
    }

    pub fn size() -> usize {
        0
    }

    pub fn grow(_by: usize) -> bool {
        false
    }
}
