//! Messages: bytes that start with a word, as the guest `sum` takes them.

use anyhow::ensure;

const INLINE_MAX: usize = 64;

/// The lowest byte of the word: add the value.
pub(crate) const ADD: u8 = 0;
/// Pass it on, with the value less 1, until that is 0.
pub(crate) const PASS: u8 = 3;
/// Add the value, and reply with the value and 1.
pub(crate) const ASK: u8 = 5;

/// A message. Small ones need no allocation.
#[derive(Debug, Clone)]
pub(crate) enum Packet {
    Inline(u8, [u8; INLINE_MAX]),
    Heap(Box<[u8]>),
}

impl Packet {
    pub(crate) fn new(op: u8, value: u64, bytes: usize) -> Self {
        let mut packet = if bytes <= INLINE_MAX {
            Self::Inline(bytes.max(8) as u8, [0; INLINE_MAX])
        } else {
            Self::Heap(vec![0; bytes].into())
        };
        packet.set(op, value);
        packet
    }

    pub(crate) fn copy_from(bytes: &[u8]) -> Self {
        if bytes.len() <= INLINE_MAX {
            let mut inline = [0; INLINE_MAX];
            inline[..bytes.len()].copy_from_slice(bytes);
            Self::Inline(bytes.len() as u8, inline)
        } else {
            Self::Heap(bytes.into())
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }

    pub(crate) fn set(&mut self, op: u8, value: u64) {
        let bytes = match self {
            Self::Inline(_, bytes) => &mut bytes[..],
            Self::Heap(bytes) => bytes,
        };
        bytes[..8].copy_from_slice(&(value << 8 | u64::from(op)).to_le_bytes());
    }

    /// What to do, and the value.
    pub(crate) fn word(bytes: &[u8]) -> (u8, u64) {
        let word = bytes.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        (word as u8, word >> 8)
    }
}

/// What actors have counted and added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    /// Messages.
    pub count: u64,
    /// Of their values. Wraps.
    pub sum: u64,
}

impl Proof {
    /// Of messages whose values count up from this one.
    pub(crate) fn of_values_from(first: u64, messages: u64) -> Self {
        let sum = (0..messages).fold(0, |sum: u64, index| sum.wrapping_add(first + index));
        Self { count: messages, sum }
    }

    pub(crate) fn add(&mut self, value: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(value);
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum.wrapping_add(other.sum) }
    }

    pub(crate) fn must_be(self, sent: Self) -> anyhow::Result<()> {
        ensure!(self == sent, "it does not add up: sent {sent:?}, handled {self:?}");
        Ok(())
    }
}
