//! Where messages lie that come without an allocation.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::bindings::imports::raddle::actor::inbox;

/// The largest message that comes there, or so much of many: their heads and payloads. What
/// nothing was ever written to takes no memory of the host.
const INBOX_BYTES: usize = 4096;

/// Written by the runtime, before it enters the guest.
#[repr(align(16))]
struct Inbox(UnsafeCell<[u8; INBOX_BYTES]>);

// SAFETY: a component without threads has one.
unsafe impl Sync for Inbox {}

static INBOX: Inbox = Inbox(UnsafeCell::new([0; INBOX_BYTES]));
/// How many messages have come without it, as far as that matters.
static WITHOUT: AtomicU8 = AtomicU8::new(0);

/// Does this payload lie there?
#[inline]
pub(crate) fn holds(payload: *const u8) -> bool {
    payload == INBOX.0.get().cast()
}

/// A message has come that does not lie there. At the second one this asks for the others
/// to be put there: an actor that handles one in its life need not ask.
#[inline]
pub(crate) fn ask_for_more() {
    let before = WITHOUT.load(Relaxed);
    if cfg!(target_family = "wasm") && before < 2 {
        WITHOUT.store(before + 1, Relaxed);
        if before == 1 {
            // SAFETY: nothing reads or writes it meanwhile; the runtime notes where it is.
            inbox::register(unsafe { &*INBOX.0.get() });
        }
    }
}
