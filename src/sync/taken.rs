//! An item in a place of its receiver's: owned by it, and moved there once.
//!
//! What is returned is moved again and again on its way, and each move of something large
//! waits for the one before it: it reads in pieces that were not written so.

use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};

/// An item that was taken, in the place that was lent for it.
pub struct Taken<'a, T>(&'a mut MaybeUninit<T>);

impl<'a, T> Taken<'a, T> {
    /// # Safety
    /// The item is written, and nobody else has it.
    pub(super) unsafe fn new(place: &'a mut MaybeUninit<T>) -> Self {
        Self(place)
    }

    /// Puts an item into the place.
    pub fn put(item: T, place: &'a mut MaybeUninit<T>) -> Self {
        place.write(item);
        Self(place)
    }

    /// The item itself.
    #[inline(always)]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: it is there for as long as this is, which ends here without a drop.
        unsafe { this.0.assume_init_read() }
    }
}

impl<T> Deref for Taken<'_, T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: as in `into_inner`.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<T> DerefMut for Taken<'_, T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `into_inner`.
        unsafe { self.0.assume_init_mut() }
    }
}

impl<T> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        // SAFETY: as in `into_inner`.
        unsafe { self.0.assume_init_drop() };
    }
}

impl<T: std::fmt::Debug> std::fmt::Debug for Taken<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn an_item_is_dropped_once_whether_it_is_taken_out_or_not() {
        let witness = Arc::new(7);
        let mut place = MaybeUninit::uninit();
        drop(Taken::put(witness.clone(), &mut place));
        assert_eq!(Arc::strong_count(&witness), 1);
        let mut taken = Taken::put(Arc::new(1), &mut place);
        *taken = witness.clone();
        assert_eq!((**taken, Arc::strong_count(&witness)), (7, 2));
        let out = taken.into_inner();
        assert_eq!(Arc::strong_count(&witness), 2);
        drop(out);
        assert_eq!(Arc::strong_count(&witness), 1);
    }
}
