//! Where memories lie, and how what one guest left is gone before the next one comes.
//!
//! ```text
//!              ┌──────────────── warm: zero, with its pages ◄──────┐
//!   a memory ◄─┤   a few of each size, of its own for each thread     ├── given back
//!              └── cold: no pages, a page fault each when touched ◄─┘
//!                    as many of each size as were ever needed
//! ```
//!
//! A slot that goes back warm is read, and what is not zero is written over. Most of a
//! memory was never touched: there the system shows one page of zeros again and again,
//! which stays in the caches. To give pages back and to get others would take two
//! system calls' time and more, and threads would wait for each other in the system.

use std::ptr::NonNull;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap_anonymous, mremap, munmap};

use super::NO_ROOM;
use crate::sync::{CachePadded, SharedCounter};

/// A page of WebAssembly, and the smallest class.
pub(super) const WASM_PAGE_BYTES: usize = 64 << 10;
/// From 64 KiB to 2 MiB.
pub(super) const CLASSES: usize = 6;
const SLAB_BYTES: usize = 64 << 20;
pub(super) const PAGE_BYTES: usize = 4096;
static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// To read a larger memory takes longer than to give its pages back.
const WARM_MEMORY_BYTES_MAX: usize = 256 << 10;
/// How many slots of one size stay warm for each thread: what a shard's pool of ready
/// instances takes at the most, unless it is told otherwise.
const WARM_SLOTS_MAX: usize = 64;
/// How many threads have warm slots of their own; more than so many share them.
const STOCKS: usize = 16;

pub(super) const fn class_bytes(class: usize) -> usize {
    WASM_PAGE_BYTES << class
}

/// The smallest class that holds so many bytes.
pub(super) fn class_of(bytes: usize) -> Option<usize> {
    (0..CLASSES).find(|&class| bytes <= class_bytes(class))
}

/// Is all of a page, or of less, zero? Many times as fast as to look at byte after byte.
pub(super) fn is_zero(page: &[u8]) -> bool {
    page == &ZEROS[..page.len()]
}

thread_local! {
    /// Which stock of warm slots this thread's is.
    static STOCK: usize = {
        static THREADS: LazyLock<SharedCounter> = LazyLock::new(SharedCounter::new);
        THREADS.add(1) as usize % STOCKS
    };
}

/// Readable, writable, private pages, zero at first, and taken from the system
/// when they are first touched.
pub(super) struct Mapping {
    pub(super) start: NonNull<u8>,
    pub(super) bytes: usize,
}

// SAFETY: it owns its pages.
unsafe impl Send for Mapping {}
// SAFETY: nothing can be reached through a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn new(bytes: usize) -> Result<Self, String> {
        let (protection, flags) =
            (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: wherever it is, nothing else is there.
        let start = unsafe { mmap_anonymous(std::ptr::null_mut(), bytes, protection, flags) };
        let start = start.map_err(|error| format!("{NO_ROOM} ({bytes} bytes): {error}"))?;
        let mapping = Self { start: NonNull::new(start.cast()).ok_or(NO_ROOM)?, bytes };
        // One byte touched must not cost 2 MiB. Where there are no huge pages,
        // there is nothing to refuse.
        // SAFETY: advice on a mapping that is ours alone, and changes no content.
        let _ = unsafe { madvise(start, bytes, Advice::LinuxNoHugepage) };
        Ok(mapping)
    }

    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), String> {
        // SAFETY: the mapping is ours as a whole, and the caller takes its new
        // place from `start`.
        let start = unsafe { mremap(self.start.as_ptr().cast(), self.bytes, bytes, MremapFlags::MAYMOVE) };
        let start = start.map_err(|error| format!("{NO_ROOM} ({bytes} bytes): {error}"))?;
        self.start = NonNull::new(start.cast()).ok_or(NO_ROOM)?;
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours as a whole, and whoever drops it has no
        // pointers into it any more. If it fails, it leaks.
        let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes) };
    }
}

/// Room for one memory, in a slab: all of it zero, or ending in the hands of a guest.
pub(super) struct Slot {
    pub(super) start: NonNull<u8>,
    pub(super) class: usize,
    /// Whatever of it was used has pages, so that it can be read without a page fault.
    has_pages: bool,
}

// SAFETY: nobody else has it, and the slab that it lies in lives as long as its class.
unsafe impl Send for Slot {}

impl Slot {
    /// Writes zeros where it is not zero, of its first so many bytes.
    fn wipe(&mut self, bytes: usize) {
        if !self.has_pages {
            // All at once, for what was never touched. If that cannot be, one at a time, below.
            // SAFETY: the slot is in a private anonymous mapping, and its content stays.
            let _ = unsafe { madvise(self.start.as_ptr().cast(), bytes, Advice::LinuxPopulateRead) };
            self.has_pages = true;
        }
        // SAFETY: the memory is gone, the slot ours, and no memory was longer than it.
        let memory = unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), bytes) };
        for page in memory.chunks_mut(PAGE_BYTES) {
            // Zero is what most are; writing it would take memory.
            if !is_zero(page) {
                page.fill(0);
            }
        }
    }

    /// Gives its pages back to the system, those of its first so many bytes. Could it?
    fn chill(&mut self, bytes: usize) -> bool {
        self.has_pages = false;
        // SAFETY: the slot is in a private anonymous mapping, where this puts zero
        // pages, and its memory is gone.
        bytes == 0 || unsafe { madvise(self.start.as_ptr().cast(), bytes, Advice::LinuxDontNeed) }.is_ok()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing in here panics half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slots of one size.
pub(super) struct Class {
    class: usize,
    warm: [CachePadded<Mutex<Vec<Slot>>>; STOCKS],
    cold: Mutex<Cold>,
}

#[derive(Default)]
struct Cold {
    slabs: Vec<Mapping>,
    free: Vec<Slot>,
}

impl Class {
    pub(super) fn new(class: usize) -> Self {
        Self { class, warm: Default::default(), cold: Mutex::default() }
    }

    fn warm(&self) -> &Mutex<Vec<Slot>> {
        &self.warm[STOCK.with(|stock| *stock)].0
    }

    /// A slot that is zero.
    pub(super) fn take(&self) -> Result<Slot, String> {
        if let Some(slot) = lock(self.warm()).pop() {
            return Ok(slot);
        }
        lock(&self.cold).take(self.class)
    }

    /// Takes a slot back of which so many bytes, at the start, may not be zero.
    pub(super) fn give(&self, mut slot: Slot, bytes: usize) {
        // No lock is held while it is made zero, so whoever shares the stock may be a slot
        // ahead: one more then.
        if bytes <= WARM_MEMORY_BYTES_MAX && lock(self.warm()).len() < WARM_SLOTS_MAX {
            slot.wipe(bytes);
            lock(self.warm()).push(slot);
        } else if slot.chill(bytes) {
            lock(&self.cold).free.push(slot);
        }
        // What could not be cleared nobody gets again.
    }

    #[cfg(test)]
    pub(super) fn slab_count(&self) -> usize {
        lock(&self.cold).slabs.len()
    }
}

impl Cold {
    fn take(&mut self, class: usize) -> Result<Slot, String> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slab = Mapping::new(SLAB_BYTES)?;
        let slots = (0..SLAB_BYTES / class_bytes(class)).rev();
        self.free.extend(slots.map(|index| {
            // SAFETY: the offset is within the slab.
            let start = unsafe { slab.start.add(index * class_bytes(class)) };
            Slot { start, class, has_pages: false }
        }));
        self.slabs.push(slab);
        self.free.pop().ok_or_else(|| NO_ROOM.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many pages of it the process holds.
    fn resident_pages(slot: &Slot, bytes: usize) -> usize {
        let address = slot.start.as_ptr() as usize / PAGE_BYTES;
        let map = std::fs::File::open("/proc/self/pagemap").unwrap();
        let mut entries = vec![0; bytes / PAGE_BYTES * 8];
        std::os::unix::fs::FileExt::read_exact_at(&map, &mut entries, address as u64 * 8).unwrap();
        // Bit 63: there is a page.
        let entries = entries.chunks(8).map(|entry| u64::from_ne_bytes(entry.try_into().unwrap()));
        entries.filter(|entry| entry >> 63 == 1).count()
    }

    fn content(slot: &mut Slot, bytes: usize) -> &mut [u8] {
        // SAFETY: the slot is borrowed, and so long.
        unsafe { std::slice::from_raw_parts_mut(slot.start.as_ptr(), bytes) }
    }

    #[test]
    fn what_goes_back_is_zero_wherever_it_was_touched() {
        let class = Class::new(0);
        let bytes = class_bytes(0);
        for touched in [0, 1, 63, 4095, 4096, 40_000, 65_535] {
            let mut slot = class.take().unwrap();
            assert!(content(&mut slot, bytes).iter().all(|byte| *byte == 0), "before {touched}");
            content(&mut slot, bytes)[touched] = 0x80;
            class.give(slot, bytes);
        }
        let mut slot = class.take().unwrap();
        content(&mut slot, bytes).fill(7);
        class.give(slot, bytes);
        assert!(content(&mut class.take().unwrap(), bytes).iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_warm_slot_keeps_its_pages_and_a_cold_one_has_none() {
        let small = Class::new(0);
        let mut slot = small.take().unwrap();
        content(&mut slot, 65_536)[5000] = 1;
        assert_eq!(resident_pages(&slot, 65_536), 1);
        small.give(slot, 65_536);
        let slot = small.take().unwrap();
        assert!(resident_pages(&slot, 65_536) >= 1);

        let large = Class::new(3);
        let mut slot = large.take().unwrap();
        let bytes = class_bytes(3);
        content(&mut slot, bytes)[5000] = 1;
        large.give(slot, bytes);
        let slot = large.take().unwrap();
        assert_eq!(resident_pages(&slot, bytes), 0, "it is too large to be kept");
    }

    #[test]
    fn no_more_stay_warm_than_may() {
        let class = Class::new(2);
        let bytes = class_bytes(2);
        let slots: Vec<_> = (0..WARM_SLOTS_MAX + 5).map(|_| class.take().unwrap()).collect();
        let cold_before = lock(&class.cold).free.len();
        for slot in slots {
            class.give(slot, bytes);
        }
        assert_eq!(lock(class.warm()).len(), WARM_SLOTS_MAX);
        assert_eq!(lock(&class.cold).free.len(), cold_before + 5);
    }

    #[test]
    fn threads_have_slots_of_their_own_and_all_are_used_again() {
        let class = Class::new(0);
        let address = |slot: &Slot| slot.start.as_ptr() as usize;
        let slot = class.take().unwrap();
        let first = address(&slot);
        class.give(slot, 4096);
        // The stocks go round, so another thread may happen to have the same one.
        let mine = STOCK.with(|stock| *stock);
        let elsewhere =
            || (STOCK.with(|stock| *stock) != mine).then(|| class.take().map(|slot| address(&slot)).unwrap());
        let other = std::thread::scope(|scope| {
            let mut others = (0..2 * STOCKS).map(|_| scope.spawn(elsewhere).join().unwrap());
            others.find_map(|other| other).expect("a stock of its own for one of so many threads")
        });
        assert_ne!(other, first);
        assert_eq!(class.take().map(|slot| address(&slot)).unwrap(), first);
    }

    #[test]
    fn a_class_holds_what_it_is_for() {
        assert_eq!(class_of(0), Some(0));
        assert_eq!(class_of(65_536), Some(0));
        assert_eq!(class_of(65_537), Some(1));
        assert_eq!(class_of(2 << 20), Some(5));
        assert_eq!(class_of((2 << 20) + 1), None);
    }
}
