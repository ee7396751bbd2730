//! What is sent: bytes, or what holds them already.

use std::sync::Arc;

use crate::actor::{Attached, Message, Payload};

/// What is put into a message.
pub(super) trait Parcel: Sized {
    /// Over an old one.
    fn put(self, letter: &mut Message);

    /// The bytes, if it is nothing else.
    fn bare(&self) -> Option<&[u8]>;
}

impl Parcel for &[u8] {
    #[inline(always)]
    fn put(self, letter: &mut Message) {
        letter.payload.assign(self);
    }

    #[inline(always)]
    fn bare(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Parcel for &Payload {
    fn put(self, letter: &mut Message) {
        letter.payload = self.clone();
    }

    fn bare(&self) -> Option<&[u8]> {
        Some(self)
    }
}

impl Parcel for (Payload, Option<Arc<Attached>>) {
    fn put(self, letter: &mut Message) {
        (letter.payload, letter.attached) = self;
    }

    fn bare(&self) -> Option<&[u8]> {
        self.1.is_none().then_some(&self.0)
    }
}
