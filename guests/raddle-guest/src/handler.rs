//! The export `handle`, written by hand.
//!
//! What `wit-bindgen` makes of it does the same in more steps: after every message the
//! runtime would call a `cabi_post_` function, which frees the answer. Here the answer
//! stays until the guest is entered again, by its next message or by the allocation for
//! that, and nothing is called for it.

use std::cell::{Cell, UnsafeCell};

use crate::inbox;
use crate::{Actor, ActorId, Answer, Failure};

/// `result<option<list<u8>>, failure>`, as the canonical ABI lays it out on wasm32.
#[repr(C)]
pub struct Flat {
    /// 0: ok, 1: a failure.
    tag: u32,
    /// Of the option: is there a reply? Of the failure: which?
    case: u32,
    start: *const u8,
    len: usize,
}

/// The last answer.
struct Answered {
    flat: UnsafeCell<Flat>,
    /// What it points to.
    bytes: Cell<Vec<u8>>,
}

// SAFETY: a component without threads has one.
unsafe impl Sync for Answered {}

static ANSWERED: Answered = Answered {
    flat: UnsafeCell::new(Flat { tag: 0, case: 0, start: std::ptr::null(), len: 0 }),
    bytes: Cell::new(Vec::new()),
};

impl Answered {
    /// The runtime has read it.
    #[inline]
    fn free(&self) {
        // SAFETY: nobody else has a reference to it.
        if unsafe { &*self.bytes.as_ptr() }.capacity() > 0 {
            self.bytes.take();
        }
    }

    #[inline]
    fn set(&self, answer: Answer) -> *const Flat {
        let (tag, case, bytes) = match answer {
            Ok(None) => (0, 0, Vec::new()),
            Ok(Some(reply)) => (0, 1, reply),
            Err(Failure::Rejected(why)) => (1, 0, why.into_bytes()),
            Err(Failure::Retry(why)) => (1, 1, why.into_bytes()),
            Err(Failure::Other(why)) => (1, 2, why.into_bytes()),
        };
        let flat = Flat { tag, case, start: bytes.as_ptr(), len: bytes.len() };
        // SAFETY: the runtime reads it between two calls of the guest, and nobody else.
        unsafe { self.flat.get().write(flat) };
        if bytes.capacity() > 0 {
            self.bytes.set(bytes);
        }
        self.flat.get()
    }
}

/// What [`actor!`](crate::actor) exports as `handle`. An actor that is `IN_PLACE` takes
/// messages where they lie.
///
/// # Safety
/// `start` and `len` are those of a payload that the runtime hands over: in the inbox, or
/// a block that the guest's `realloc` gave.
#[inline]
pub unsafe fn handle<A: Actor, const IN_PLACE: bool>(
    actor: &mut A,
    sender: ActorId,
    start: *mut u8,
    len: usize,
) -> *const Flat {
    ANSWERED.free();
    if IN_PLACE && inbox::holds(start) {
        // SAFETY: the runtime has put it there, and leaves it alone until this returns.
        let payload = unsafe { std::slice::from_raw_parts(start, len) };
        return ANSWERED.set(actor.handle_in_place(sender, payload));
    }
    // SAFETY: the caller vouches for a block of this size.
    let payload = unsafe { Vec::from_raw_parts(start, len, len) };
    if IN_PLACE {
        inbox::ask_for_more();
        ANSWERED.set(actor.handle_in_place(sender, &payload))
    } else {
        ANSWERED.set(actor.handle(sender, payload))
    }
}

/// Every actor is checked, on any target.
pub fn assert_actor<A: Actor>() {}

/// What every export begins with, as `wit-bindgen` has it: what C libraries want to have
/// run first.
#[inline]
pub fn enter() {
    crate::bindings::exports::handler::__link_custom_section_describing_imports();
    #[cfg(target_arch = "wasm32")]
    wit_bindgen::rt::run_ctors_once();
}

/// The memory for what the runtime hands over.
///
/// Stands for the weak one of `wit-bindgen`: the last answer makes room first.
///
/// # Safety
/// As for any `realloc`.
#[cfg(target_family = "wasm")]
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(start: *mut u8, len: usize, align: usize, new_len: usize) -> *mut u8 {
    use std::alloc::{Layout, alloc, realloc};

    ANSWERED.free();
    // SAFETY: the runtime asks for no size that a 32-bit memory could not have.
    let layout = |len| unsafe { Layout::from_size_align_unchecked(len, align) };
    let block = match (len, new_len) {
        (0, 0) => return std::ptr::without_provenance_mut(align),
        // SAFETY: the size is not 0.
        (0, _) => unsafe { alloc(layout(new_len)) },
        // SAFETY: the caller vouches for the block.
        _ => unsafe { realloc(start, layout(len), new_len) },
    };
    if block.is_null() {
        core::arch::wasm32::unreachable();
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Odd;

    impl Default for Odd {
        fn default() -> Self {
            Odd
        }
    }

    impl Actor for Odd {
        fn handle(&mut self, _: ActorId, payload: Vec<u8>) -> Answer {
            match payload.first() {
                None => Ok(None),
                Some(b'r') => Err(Failure::Retry("again".into())),
                Some(_) => Ok(Some(payload)),
            }
        }
    }

    /// The answer to a payload, as the runtime reads it.
    fn answer(payload: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut owned = payload.to_vec().into_boxed_slice();
        let (start, len) = (owned.as_mut_ptr(), owned.len());
        std::mem::forget(owned);
        // SAFETY: a block of that size, which is nobody's any more.
        let flat = unsafe { &*handle::<_, false>(&mut Odd, 0, start, len) };
        // SAFETY: it lies there until the next call.
        let bytes = unsafe { std::slice::from_raw_parts(flat.start, flat.len) };
        (flat.tag, flat.case, bytes.to_vec())
    }

    #[test]
    fn an_answer_is_laid_out_as_the_contract_says() {
        assert_eq!(answer(b""), (0, 0, Vec::new()));
        assert_eq!(answer(b"echo"), (0, 1, b"echo".to_vec()));
        assert_eq!(answer(b"r"), (1, 1, b"again".to_vec()));
    }
}
