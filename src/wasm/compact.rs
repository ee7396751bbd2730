//! Linear memories for very many small actors.
//!
//! wasmtime's own memories without a pool are a mapping each, made and unmade with
//! the instance, copied as a whole whenever they grow; and with a guard or room to
//! grow they are two mappings, of the 65,530 that Linux gives a process. Ours:
//!
//! ```text
//!  slab, 64 MiB, one mapping                        larger than the last class
//!  ┌────────┬────────┬────────┬───────┬─────┐       ┌──────────────────────────┐
//!  │ memory │  free  │ memory │ memory│  …  │       │  memory, a mapping alone │
//!  └────────┴────────┴────────┴───────┴─────┘       └──────────────────────────┘
//!    slots of one class: 64 KiB, 128 KiB, … 2 MiB     grown by moving page tables
//! ```
//!
//! A memory grows within its slot for nothing, and out of it by copying the pages
//! that are not zero. A slot that is given back is zero pages again, and takes no
//! memory. There are no guards: engines with these memories check every access.
//!
//! Slots are handed out under a lock, off the path of messages: when an instance
//! is made, dropped, or outgrows its slot. wasmtime's pool locks there as well.

// Memories of one's own are an unsafe trait of wasmtime's: it is told where a
// memory lies, and believes it.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::mm::{Advice, MapFlags, MremapFlags, ProtFlags, madvise, mmap_anonymous, mremap, munmap};
use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

/// How every error of this module starts that says that there is no room.
pub(super) const NO_ROOM: &str = "no address space for a linear memory";

const CLASS_SMALLEST_BYTES: usize = 64 << 10;
const CLASSES: usize = 6;
const SLAB_BYTES: usize = 64 << 20;
const PAGE_BYTES: usize = 4096;

const fn class_bytes(class: usize) -> usize {
    CLASS_SMALLEST_BYTES << class
}

/// The smallest class that holds so many bytes.
fn class_of(bytes: usize) -> Option<usize> {
    (0..CLASSES).find(|&class| bytes <= class_bytes(class))
}

/// Makes linear memories.
#[derive(Default)]
pub(super) struct CompactMemories {
    classes: Arc<[Mutex<Class>; CLASSES]>,
}

/// The slots of one size.
#[derive(Default)]
struct Class {
    slabs: Vec<Mapping>,
    /// Where free slots start. Their pages are zero.
    free: Vec<NonNull<u8>>,
}

// SAFETY: the pointers are to memory that the slabs own, and no slot that is free
// is reached through anything else.
unsafe impl Send for Class {}

/// Readable, writable, private pages, zero at first, and taken from the system
/// when they are first touched.
struct Mapping {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: it owns its pages.
unsafe impl Send for Mapping {}
// SAFETY: nothing can be reached through a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(bytes: usize) -> Result<Self, String> {
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

    fn grow(&mut self, bytes: usize) -> Result<(), String> {
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

impl Class {
    fn take(&mut self, class: usize) -> Result<NonNull<u8>, String> {
        if let Some(slot) = self.free.pop() {
            return Ok(slot);
        }
        let slab = Mapping::new(SLAB_BYTES)?;
        let slots = (0..SLAB_BYTES / class_bytes(class)).rev();
        // SAFETY: the offsets are within the slab.
        self.free.extend(slots.map(|index| unsafe { slab.start.add(index * class_bytes(class)) }));
        self.slabs.push(slab);
        self.free.pop().ok_or_else(|| NO_ROOM.to_owned())
    }

    /// Takes a slot back of which so many bytes, at the start, may not be zero.
    fn give(&mut self, slot: NonNull<u8>, bytes: usize) {
        // SAFETY: the slot is in a private anonymous mapping, where this puts zero
        // pages, and its memory is gone.
        if bytes == 0 || unsafe { madvise(slot.as_ptr().cast(), bytes, Advice::LinuxDontNeed) }.is_ok() {
            self.free.push(slot);
        }
        // What could not be cleared nobody gets again.
    }
}

/// Where a memory lies.
enum Place {
    Slot { start: NonNull<u8>, class: usize },
    Alone(Mapping),
}

/// One linear memory.
struct CompactMemory {
    classes: Arc<[Mutex<Class>; CLASSES]>,
    place: Place,
    /// As the guest knows it. What follows, up to the capacity, is zero.
    bytes: usize,
    bytes_max: usize,
}

// SAFETY: it owns its place.
unsafe impl Send for CompactMemory {}
// SAFETY: nothing is changed through a shared reference.
unsafe impl Sync for CompactMemory {}

fn lock(class: &Mutex<Class>) -> MutexGuard<'_, Class> {
    // Nothing in here panics half-way through a change.
    class.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn new(classes: &[Mutex<Class>; CLASSES], bytes: usize) -> Result<Self, String> {
        match class_of(bytes) {
            Some(class) => Ok(Self::Slot { start: lock(&classes[class]).take(class)?, class }),
            None => Ok(Self::Alone(Mapping::new(bytes.next_multiple_of(PAGE_BYTES))?)),
        }
    }

    fn start(&self) -> NonNull<u8> {
        match self {
            Self::Slot { start, .. } => *start,
            Self::Alone(mapping) => mapping.start,
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Slot { class, .. } => class_bytes(*class),
            Self::Alone(mapping) => mapping.bytes,
        }
    }
}

impl CompactMemory {
    /// Moves it to where it has room for so many bytes.
    fn relocate(&mut self, bytes: usize) -> Result<(), String> {
        // Twice as much, so that growing page by page does not move it every time.
        let wanted = bytes.max(self.place.capacity().saturating_mul(2)).min(self.bytes_max).max(bytes);
        let wanted = wanted.next_multiple_of(PAGE_BYTES);
        if let Place::Alone(mapping) = &mut self.place {
            return mapping.grow(wanted);
        }
        let place = Place::new(&self.classes, wanted)?;
        // SAFETY: so long is the memory, and it is ours.
        let old = unsafe { std::slice::from_raw_parts(self.place.start().as_ptr(), self.bytes) };
        // SAFETY: the new place is longer, and nobody else's.
        let new = unsafe { std::slice::from_raw_parts_mut(place.start().as_ptr(), self.bytes) };
        for (old, new) in old.chunks(PAGE_BYTES).zip(new.chunks_mut(PAGE_BYTES)) {
            // Zero is what the new pages are; writing it would take memory.
            if old.iter().any(|byte| *byte != 0) {
                new.copy_from_slice(old);
            }
        }
        self.give_back(place);
        Ok(())
    }

    /// Puts another place in its place.
    fn give_back(&mut self, place: Place) {
        if let Place::Slot { start, class } = std::mem::replace(&mut self.place, place) {
            lock(&self.classes[class]).give(start, self.bytes);
        }
    }
}

impl Drop for CompactMemory {
    fn drop(&mut self) {
        if let Place::Slot { start, class } = self.place {
            lock(&self.classes[class]).give(start, self.bytes);
        }
    }
}

// SAFETY: `as_ptr` is the start of at least `byte_capacity` bytes that are this
// memory's alone, the first `byte_size` of which are the guest's.
unsafe impl LinearMemory for CompactMemory {
    fn byte_size(&self) -> usize {
        self.bytes
    }

    fn byte_capacity(&self) -> usize {
        self.place.capacity()
    }

    fn grow_to(&mut self, bytes: usize) -> wasmtime::Result<()> {
        if bytes > self.place.capacity() {
            self.relocate(bytes).map_err(wasmtime::Error::msg)?;
        }
        self.bytes = bytes;
        Ok(())
    }

    fn as_ptr(&self) -> *mut u8 {
        self.place.start().as_ptr()
    }
}

// SAFETY: the memories that it makes are zero, and no two of them overlap.
unsafe impl MemoryCreator for CompactMemories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        maximum: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        if guard > 0 {
            return Err(format!("a compact memory was asked for a guard of {guard} bytes: it has none"));
        }
        let place = Place::new(&self.classes, minimum.max(reserved.unwrap_or(0)))?;
        Ok(Box::new(CompactMemory {
            classes: self.classes.clone(),
            place,
            bytes: minimum,
            bytes_max: maximum.unwrap_or(usize::MAX),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(memories: &CompactMemories, bytes: usize) -> CompactMemory {
        CompactMemory {
            classes: memories.classes.clone(),
            place: Place::new(&memories.classes, bytes).unwrap(),
            bytes,
            bytes_max: 1 << 30,
        }
    }

    fn bytes(memory: &mut CompactMemory) -> &mut [u8] {
        // SAFETY: the memory is borrowed, and so long.
        unsafe { std::slice::from_raw_parts_mut(memory.as_ptr(), memory.byte_size()) }
    }

    #[test]
    fn growing_keeps_every_byte_and_adds_zeros() {
        let memories = CompactMemories::default();
        let mut subject = memory(&memories, 64 << 10);
        bytes(&mut subject)[100] = 1;
        let mut marks = vec![100];
        for pages in [2, 3, 16, 17, 33, 40, 64, 100, 1000] {
            let old = subject.byte_size();
            subject.grow_to(pages << 16).unwrap();
            assert!(subject.byte_capacity() >= pages << 16);
            assert!(bytes(&mut subject)[old..].iter().all(|byte| *byte == 0));
            assert!(marks.iter().all(|mark| bytes(&mut subject)[*mark] == 1), "{pages}");
            marks.push((pages << 16) - 1);
            bytes(&mut subject)[(pages << 16) - 1] = 1;
        }
    }

    #[test]
    fn slots_do_not_overlap_and_come_back_as_zeros() {
        let memories = CompactMemories::default();
        for round in 0..3 {
            // More than one slab.
            let mut all: Vec<_> = (0..1500).map(|_| memory(&memories, 64 << 10)).collect();
            for (index, one) in all.iter_mut().enumerate() {
                assert!(bytes(one).iter().all(|byte| *byte == 0), "round {round}");
                bytes(one)[0] = index as u8;
                bytes(one)[65_535] = index as u8;
            }
            for (index, one) in all.iter_mut().enumerate() {
                assert_eq!((bytes(one)[0], bytes(one)[65_535]), (index as u8, index as u8));
            }
        }
        assert_eq!(lock(&memories.classes[0]).slabs.len(), 2, "slots are used again");
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
