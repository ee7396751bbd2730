//! What is left of instances that have trapped.
//!
//! Clearing one takes as long as many messages, and its successor may be waiting: so it
//! is done in an idle turn, or as soon as somebody wants the room.

use std::cell::RefCell;
use std::rc::Rc;

use super::instance::Live;

/// The most that wait to be cleared; further ones are cleared at once.
const REMAINS_MAX: usize = 4;
/// The most memory, in bytes, that one may have which waits.
const MEMORY_BYTES_MAX: usize = 1 << 20;

/// Instances of one pool that have ended, and wait to be cleared.
#[derive(Clone, Default)]
pub(super) struct Remains(Rc<RefCell<Vec<Live>>>);

impl Remains {
    /// Takes what is left of one. What somebody could miss goes at once: much memory,
    /// files that are open, and room, if not half of it is free.
    pub(super) fn take_in(&self, ended: Live) {
        let state = ended.store.data();
        let may_wait = state.wasi.is_none()
            && state.limiter.memory_bytes() <= MEMORY_BYTES_MAX
            && state.terms.engine.is_half_free();
        if may_wait && self.0.borrow().len() < REMAINS_MAX {
            self.0.borrow_mut().push(ended);
        }
    }

    /// Clears one. Was there any?
    pub(super) fn clear_one(&self) -> bool {
        let ended = self.0.borrow_mut().pop();
        ended.is_some()
    }
}
