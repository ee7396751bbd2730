//! What no guest should do.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

static STEPS: AtomicU64 = AtomicU64::new(0);

pub fn loop_forever() -> ! {
    loop {
        STEPS.fetch_add(1, Relaxed);
    }
}

/// Recurse without end. Each level does something after the next one returns,
/// so that it is no loop; and keeps nothing in memory, so that it is the
/// stack of calls that ends, not the guest's memory.
pub fn recurse() -> u64 {
    if STEPS.fetch_add(1, Relaxed) == u64::MAX {
        return 0;
    }
    let below = recurse();
    STEPS.fetch_sub(1, Relaxed) ^ below
}

/// A block of which every byte was written; `None` if it was refused.
pub fn allocate(size: usize) -> Option<Vec<u8>> {
    let mut block = Vec::new();
    block.try_reserve_exact(size).ok()?;
    block.resize(size, 0xa5);
    Some(block)
}

/// Returns the pages that the memory has then.
pub fn grow_until_refused() -> u64 {
    while memory::grow() {}
    memory_pages()
}

pub fn memory_pages() -> u64 {
    memory::pages()
}

#[cfg(target_arch = "wasm32")]
mod memory {
    use core::arch::wasm32::{memory_grow, memory_size};

    pub fn grow() -> bool {
        memory_grow::<0>(1) != usize::MAX
    }

    pub fn pages() -> u64 {
        memory_size::<0>() as u64
    }
}

#[cfg(not(target_arch = "wasm32"))]
mod memory {
    pub fn grow() -> bool {
        false
    }

    pub fn pages() -> u64 {
        0
    }
}
