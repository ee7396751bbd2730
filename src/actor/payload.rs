//! What a message carries.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Bytes on their way from one actor to another.
///
/// Up to [`Payload::INLINE_MAX`] bytes travel inside the message; larger ones
/// are on the heap, and a payload that goes to many is shared.
#[derive(Clone)]
pub struct Payload(Repr);

#[derive(Clone)]
enum Repr {
    Inline { len: u8, bytes: [u8; Payload::INLINE_MAX] },
    Heap(Box<[u8]>),
    Shared(Arc<[u8]>),
}

impl Payload {
    /// The most bytes that travel without an allocation.
    pub const INLINE_MAX: usize = 78;

    /// No bytes.
    pub const fn empty() -> Self {
        Self(Repr::Inline { len: 0, bytes: [0; Self::INLINE_MAX] })
    }

    /// Copies the bytes.
    #[inline]
    pub fn copy_from(bytes: &[u8]) -> Self {
        if bytes.len() <= Self::INLINE_MAX {
            let mut inline = [0; Self::INLINE_MAX];
            inline[..bytes.len()].copy_from_slice(bytes);
            Self(Repr::Inline { len: bytes.len() as u8, bytes: inline })
        } else {
            Self(Repr::Heap(bytes.into()))
        }
    }

    /// Takes these bytes in place of its own: without an allocation, and without
    /// touching more than these bytes, if they fit inline.
    #[inline(always)]
    pub fn assign(&mut self, new: &[u8]) {
        match &mut self.0 {
            Repr::Inline { len, bytes } if new.len() <= Self::INLINE_MAX => {
                copy_few(&mut bytes[..new.len()], new);
                *len = new.len() as u8;
            }
            _ => *self = Self::copy_from(new),
        }
    }

    /// Becomes the other one, which keeps nothing that is on the heap.
    #[inline(always)]
    pub fn take_over(&mut self, other: &mut Self) {
        if other.is_on_heap() {
            *self = std::mem::take(other);
        } else {
            self.assign(other);
        }
    }

    /// Becomes another one like this, which shares its bytes if it can. In place of
    /// inline bytes it copies no more than there are.
    #[inline(always)]
    pub fn share(&mut self, other: &Self) {
        if other.is_on_heap() {
            *self = other.clone();
        } else {
            self.assign(other);
        }
    }

    /// Lets go of what it owns or shares on the heap. What it holds inline may stay.
    #[inline]
    pub fn release_heap(&mut self) {
        if self.is_on_heap() {
            *self = Self::empty();
        }
    }

    /// The same bytes for many receivers: each further clone is a counter.
    pub fn into_shared(self) -> Self {
        match self.0 {
            Repr::Heap(bytes) => Self(Repr::Shared(bytes.into())),
            other => Self(other),
        }
    }

    /// Does it own, or share, an allocation?
    #[inline(always)]
    pub fn is_on_heap(&self) -> bool {
        !matches!(self.0, Repr::Inline { .. })
    }

    /// The bytes.
    #[inline(always)]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Heap(bytes) => bytes,
            Repr::Shared(bytes) => bytes,
        }
    }
}

/// Copies as `copy_from_slice` does, and without a call where the bytes are as few as
/// those of most messages.
///
/// # Panics
/// If there are not as many bytes in both.
#[inline(always)]
pub fn copy_few(to: &mut [u8], from: &[u8]) {
    match from.len() {
        8..=16 => copy_ends::<8>(to, from),
        17..=32 => copy_ends::<16>(to, from),
        33..=64 => copy_ends::<32>(to, from),
        65..=128 => copy_ends::<64>(to, from),
        _ => to.copy_from_slice(from),
    }
}

/// The first and the last `N` bytes, which overlap unless there are twice as many.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    assert_eq!(to.len(), from.len(), "as many bytes");
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

impl Payload {
    /// The bytes, to be written over, unless others share them.
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        match &mut self.0 {
            Repr::Inline { len, bytes } => Some(&mut bytes[..usize::from(*len)]),
            Repr::Heap(bytes) => Some(bytes),
            Repr::Shared(_) => None,
        }
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::empty()
    }
}

impl Deref for Payload {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl From<&[u8]> for Payload {
    fn from(bytes: &[u8]) -> Self {
        Self::copy_from(bytes)
    }
}

impl<const N: usize> From<&[u8; N]> for Payload {
    fn from(bytes: &[u8; N]) -> Self {
        Self::copy_from(bytes)
    }
}

impl From<&str> for Payload {
    fn from(text: &str) -> Self {
        Self::copy_from(text.as_bytes())
    }
}

impl From<Vec<u8>> for Payload {
    /// Takes the bytes over where they do not fit inline.
    fn from(bytes: Vec<u8>) -> Self {
        if bytes.len() <= Self::INLINE_MAX { Self::copy_from(&bytes) } else { Self(Repr::Heap(bytes.into())) }
    }
}

impl From<String> for Payload {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Arc<[u8]>> for Payload {
    fn from(bytes: Arc<[u8]>) -> Self {
        if bytes.len() <= Self::INLINE_MAX { Self::copy_from(&bytes) } else { Self(Repr::Shared(bytes)) }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Payload {}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_slice().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_copied_whole_and_nothing_beside_them() {
        let from: Vec<u8> = (1..=200).collect();
        for len in 0..=200 {
            let mut to = [0; 202];
            copy_few(&mut to[1..=len], &from[..len]);
            assert_eq!(to[1..=len], from[..len]);
            assert_eq!((to[0], to[len + 1]), (0, 0), "{len}");
        }
    }

    #[test]
    fn bytes_come_back_whole_around_the_inline_limit() {
        for len in [0, 1, 64, Payload::INLINE_MAX - 1, Payload::INLINE_MAX, Payload::INLINE_MAX + 1, 4096] {
            let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            assert_eq!(Payload::copy_from(&bytes).as_slice(), bytes);
            assert_eq!(Payload::from(bytes.clone()).as_slice(), bytes);
            assert_eq!(Payload::from(Arc::<[u8]>::from(bytes.clone())).as_slice(), bytes);
            assert_eq!(Payload::copy_from(&bytes).into_shared().as_slice(), bytes);
            for mut old in [Payload::empty(), Payload::copy_from(&[9; 70]), Payload::copy_from(&[9; 700])] {
                old.assign(&bytes);
                assert_eq!(old.as_slice(), bytes);
                assert_eq!(old.is_on_heap(), len > Payload::INLINE_MAX);
                let mut next = Payload::copy_from(&[8; 70]);
                next.take_over(&mut old);
                assert_eq!(next.as_slice(), bytes);
                assert!(!old.is_on_heap());
                next.release_heap();
                assert!(!next.is_on_heap());
            }
        }
    }

    #[test]
    fn shared_payloads_share_their_bytes() {
        let first = Payload::copy_from(&[7; 1000]).into_shared();
        let second = first.clone();
        assert_eq!(first.as_ptr(), second.as_ptr());
    }

    #[test]
    fn it_fits_beside_a_header_in_two_cache_lines() {
        assert_eq!(size_of::<Payload>(), 80);
    }
}
