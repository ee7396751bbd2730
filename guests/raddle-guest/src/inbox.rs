//! Where messages lie that come without an allocation.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::bindings::imports::raddle::actor::inbox;

/// The largest message that comes there.
const INBOX_BYTES: usize = 1024;

/// Written by the runtime, before it enters the guest.
#[repr(align(16))]
struct Inbox(UnsafeCell<[u8; INBOX_BYTES]>);

// SAFETY: a component without threads has one.
unsafe impl Sync for Inbox {}

static INBOX: Inbox = Inbox(UnsafeCell::new([0; INBOX_BYTES]));
static IS_REGISTERED: AtomicBool = AtomicBool::new(false);

/// Does this payload lie there?
#[inline]
pub(crate) fn holds(payload: *const u8) -> bool {
    payload == INBOX.0.get().cast()
}

/// Have further messages put there.
#[inline]
pub(crate) fn register() {
    if cfg!(target_family = "wasm") && !IS_REGISTERED.load(Relaxed) {
        IS_REGISTERED.store(true, Relaxed);
        // SAFETY: nothing reads or writes it meanwhile; the runtime notes where it is.
        inbox::register(unsafe { &*INBOX.0.get() });
    }
}
