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
//! that are not zero. A slot that is given back is zero again, and takes no memory, but
//! for a [few](slots) that each thread keeps for the next ones. There are no guards:
//! engines with these memories check every access.
//!
//! Slots are handed out under a lock, off the path of messages: when an instance
//! is made, dropped, or outgrows its slot. wasmtime's pool locks there as well.

// Memories of one's own are an unsafe trait of wasmtime's: it is told where a
// memory lies, and believes it.
#![allow(unsafe_code)]

use std::ptr::NonNull;
use std::sync::Arc;

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use slots::{CLASSES, Class, Mapping, PAGE_BYTES, Slot, WASM_PAGE_BYTES, class_bytes, class_of, is_zero};

mod slots;

/// How every error of this module starts that says that there is no room.
pub(super) const NO_ROOM: &str = "no address space for a linear memory";

/// Makes linear memories.
pub(super) struct CompactMemories {
    classes: Arc<[Class; CLASSES]>,
}

impl Default for CompactMemories {
    fn default() -> Self {
        Self { classes: Arc::new(std::array::from_fn(Class::new)) }
    }
}

/// Where a memory lies.
enum Place {
    Slot(Slot),
    Alone(Mapping),
    /// It is given back.
    Nowhere,
}

/// One linear memory.
struct CompactMemory {
    classes: Arc<[Class; CLASSES]>,
    place: Place,
    /// As the guest knows it. What follows, up to the capacity, is zero.
    bytes: usize,
    bytes_max: usize,
}

// SAFETY: it owns its place.
unsafe impl Send for CompactMemory {}
// SAFETY: nothing is changed through a shared reference.
unsafe impl Sync for CompactMemory {}

impl Place {
    fn new(classes: &[Class; CLASSES], bytes: usize) -> Result<Self, String> {
        match class_of(bytes) {
            Some(class) => Ok(Self::Slot(classes[class].take()?)),
            None => Ok(Self::Alone(Mapping::new(bytes.next_multiple_of(PAGE_BYTES))?)),
        }
    }

    fn start(&self) -> NonNull<u8> {
        match self {
            Self::Slot(slot) => slot.start,
            Self::Alone(mapping) => mapping.start,
            Self::Nowhere => NonNull::dangling(),
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Slot(slot) => class_bytes(slot.class),
            Self::Alone(mapping) => mapping.bytes,
            Self::Nowhere => 0,
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
            if !is_zero(old) {
                new.copy_from_slice(old);
            }
        }
        self.give_back(place);
        Ok(())
    }

    /// Puts another place in its place.
    fn give_back(&mut self, place: Place) {
        if let Place::Slot(slot) = std::mem::replace(&mut self.place, place) {
            self.classes[slot.class].give(slot, self.bytes);
        }
    }
}

impl Drop for CompactMemory {
    fn drop(&mut self) {
        self.give_back(Place::Nowhere);
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
        // The allocators of most languages begin by growing by a page. A guest with one page
        // alone is made to be small, and to live in very many instances.
        let grows = minimum > WASM_PAGE_BYTES && maximum.is_none_or(|maximum| minimum < maximum);
        let room = if grows { minimum.saturating_add(WASM_PAGE_BYTES) } else { minimum };
        let place = Place::new(&self.classes, room.max(reserved.unwrap_or(0)))?;
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
        assert_eq!(memories.classes[0].slab_count(), 2, "slots are used again");
    }

    #[test]
    fn what_may_grow_has_a_page_to_spare_unless_it_is_as_small_as_can_be() {
        let memories = CompactMemories::default();
        let capacity = |pages: usize, pages_max: Option<usize>| {
            let ty = MemoryType::new(pages as u32, pages_max.map(|pages| pages as u32));
            let bytes = |pages| pages * WASM_PAGE_BYTES;
            memories.new_memory(ty, bytes(pages), pages_max.map(bytes), None, 0).unwrap().byte_capacity()
                / WASM_PAGE_BYTES
        };
        assert_eq!((capacity(2, None), capacity(2, Some(3)), capacity(2, Some(2))), (4, 4, 2));
        assert_eq!((capacity(3, None), capacity(1, None), capacity(0, None)), (4, 1, 1));
        // Larger than any slot: as it is, and one more.
        assert_eq!((capacity(100, None), capacity(100, Some(100))), (101, 100));
    }
}
