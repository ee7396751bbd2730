//! A value that stays on its thread, inside one that must be `Send`.

// wasmtime's asynchronous calls and its WASI demand that the data of a store is
// `Send`, whether or not the store ever leaves its thread. Ours never does.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::thread::{self, ThreadId};

thread_local! {
    static HERE: ThreadId = thread::current().id();
}

/// Owns a `T` that only the thread that made it can reach.
pub(super) struct ThreadBound<T> {
    home: ThreadId,
    value: ManuallyDrop<T>,
}

// SAFETY: `get` and `drop` touch the value on the thread that made it only, so
// it is never reached from two threads, whichever of them holds the wrapper.
unsafe impl<T> Send for ThreadBound<T> {}

impl<T> ThreadBound<T> {
    pub(super) fn new(value: T) -> Self {
        Self { home: HERE.with(|here| *here), value: ManuallyDrop::new(value) }
    }

    fn is_home(&self) -> bool {
        HERE.with(|here| *here == self.home)
    }

    /// The value.
    ///
    /// # Panics
    /// On any other thread: a bug of the caller.
    #[track_caller]
    pub(super) fn get(&self) -> &T {
        assert!(self.is_home(), "a store was used away from its shard's thread");
        &self.value
    }
}

impl<T> Drop for ThreadBound<T> {
    fn drop(&mut self) {
        // Away from home the value leaks: better than a data race.
        if self.is_home() {
            // SAFETY: this is the thread that made it, and nobody sees it again.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn it_is_reached_and_dropped_at_home() {
        let counted = Rc::new(());
        let bound = ThreadBound::new(counted.clone());
        assert_eq!(Rc::strong_count(bound.get()), 2);
        drop(bound);
        assert_eq!(Rc::strong_count(&counted), 1);
    }

    #[test]
    fn elsewhere_it_is_neither_reached_nor_dropped() {
        let counted = Rc::new(());
        let bound = ThreadBound::new(counted.clone());
        let elsewhere = thread::spawn(move || bound.get().as_ref() == &());
        assert!(elsewhere.join().is_err());
        assert_eq!(Rc::strong_count(&counted), 2);
    }
}
