//! A value on cache lines that nothing else is on, in an ordinary allocation.
//!
//! ```text
//!   allocation  ┌────────┬──────┬───────────────┬──────┐
//!               │ counts │ room │     value     │ room │
//!               └────────┴──────┴───────────────┴──────┘
//!                               ▲ a line begins        ▲ before this one does
//! ```
//!
//! An alignment would do it as well. But for aligned memory glibc searches anew each time,
//! and cuts the rest off, instead of taking what was freed last: some 40 ns more, for
//! what is made for every question from outside.

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Deref;

use super::primitive::Arc;

const LINE_BYTES: usize = 64;
/// As far as a line's begin may be from what is aligned for a word; and its end.
const ROOM_WORDS: usize = 2 * (LINE_BYTES / size_of::<u64>() - 1);

/// Never moved: where the value is depends on the address.
#[repr(C)]
pub(super) struct OnOwnLines<T> {
    bytes: UnsafeCell<(MaybeUninit<T>, [MaybeUninit<u64>; ROOM_WORDS])>,
}

// SAFETY: it is its value, and gives nothing but shared references to it.
unsafe impl<T: Sync> Sync for OnOwnLines<T> {}

impl<T> OnOwnLines<T> {
    pub(super) fn share(value: T) -> Arc<Self> {
        const { assert!(align_of::<T>() <= LINE_BYTES) };
        let room = (MaybeUninit::uninit(), [MaybeUninit::uninit(); ROOM_WORDS]);
        let shared = Arc::new(Self { bytes: UnsafeCell::new(room) });
        // SAFETY: the place is within, and nobody else has it yet.
        unsafe { shared.place().write(value) };
        shared
    }

    /// Where the first line begins that is its own.
    #[inline(always)]
    fn place(&self) -> *mut T {
        let start = self.bytes.get().cast::<u8>();
        let to_line = start.addr().wrapping_neg() % LINE_BYTES;
        start.wrapping_add(to_line).cast()
    }
}

impl<T> Deref for OnOwnLines<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: written by `share`, which alone makes one, and there until the drop.
        unsafe { &*self.place() }
    }
}

impl<T> Drop for OnOwnLines<T> {
    fn drop(&mut self) {
        // SAFETY: as above, and this is the drop.
        unsafe { self.place().drop_in_place() };
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_its_lines_for_itself_and_is_dropped_once() {
        let witness = std::sync::Arc::new(());
        // Kept, so that they lie in many places.
        let all: Vec<_> = (0..100_u64)
            .map(|number| {
                let apart = vec![0_u8; 16 * (number as usize % 7 + 1)];
                (OnOwnLines::share((number, witness.clone())), apart)
            })
            .collect();
        for (number, (shared, _)) in (0..).zip(&all) {
            let value: &(u64, std::sync::Arc<()>) = shared;
            let start = std::ptr::from_ref(value).addr();
            let end = start + size_of_val(value);
            let room = std::ptr::from_ref(&shared.bytes).addr();
            assert_eq!(start % LINE_BYTES, 0);
            assert!(room <= start && end.next_multiple_of(LINE_BYTES) <= room + size_of_val(&shared.bytes));
            assert_eq!(value.0, number);
        }
        assert_eq!(std::sync::Arc::strong_count(&witness), 101);
        drop(all);
        assert_eq!(std::sync::Arc::strong_count(&witness), 1);
    }
}
