//! What the guest `sum` understands: the first word of each payload, and what it
//! answers. See `guests/tests/sum`.

use anyhow::{Context, ensure};
use raddle::{ActorId, Handle};

/// What a message wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Op {
    Add = 0,
    Get = 1,
    To = 2,
    Pass = 3,
    Fan = 4,
    Ask = 5,
    Trap = 6,
}

/// The bytes of the word.
pub(crate) const WORD_BYTES: usize = 8;
/// Where a measured message says when it was to be sent, and when it was.
const INTENDED_AT: usize = 8;
const SENT_AT: usize = 16;
/// Where somebody who sees it arrive on another shard may say when that was.
const ARRIVED_AT: usize = 24;
/// What a measured message takes at least.
pub(crate) const STAMPED_BYTES_MIN: usize = 32;

/// A payload of so many bytes, at least a word, that asks for this.
pub(crate) fn payload(op: Op, value: u64, bytes: usize) -> Vec<u8> {
    let mut payload = vec![0; bytes.max(WORD_BYTES)];
    write(&mut payload, op, value);
    payload
}

/// Writes the word over the start of a payload.
pub(crate) fn write(payload: &mut [u8], op: Op, value: u64) {
    payload[..WORD_BYTES].copy_from_slice(&(value << 8 | op as u64).to_le_bytes());
}

/// Writes when the message was to be sent, and when it is.
pub(crate) fn stamp(payload: &mut [u8], intended_ns: u64, sent_ns: u64) {
    payload[INTENDED_AT..SENT_AT].copy_from_slice(&intended_ns.to_le_bytes());
    payload[SENT_AT..ARRIVED_AT].copy_from_slice(&sent_ns.to_le_bytes());
}

/// Writes when a measured message came to its receiver's shard.
pub(crate) fn stamp_arrival(payload: &mut [u8], arrived_ns: u64) {
    payload[ARRIVED_AT..STAMPED_BYTES_MIN].copy_from_slice(&arrived_ns.to_le_bytes());
}

/// The message is not to be measured.
pub(crate) fn unstamp(payload: &mut [u8]) {
    payload[INTENDED_AT..SENT_AT].fill(0);
}

/// What a measured message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When it was to be sent, and when it was.
    pub(crate) intended_ns: u64,
    pub(crate) sent_ns: u64,
    /// When it came to its receiver's shard, if somebody saw it.
    pub(crate) arrived_ns: Option<u64>,
}

/// The stamps of a message, if it is one that bears them.
pub(crate) fn read_stamp(payload: &[u8]) -> Option<Stamp> {
    let op = *payload.first()?;
    if op != Op::Add as u8 && op != Op::Ask as u8 {
        return None;
    }
    let intended_ns = read(payload.get(INTENDED_AT..SENT_AT)?)?;
    let sent_ns = read(payload.get(SENT_AT..ARRIVED_AT)?)?;
    let arrived_ns = read(payload.get(ARRIVED_AT..STAMPED_BYTES_MIN)?)?;
    let arrived_ns = (arrived_ns != 0).then_some(arrived_ns);
    (intended_ns != 0).then_some(Stamp { intended_ns, sent_ns, arrived_ns })
}

/// How many hops a token has left, if it is one.
pub(crate) fn read_token(payload: &[u8]) -> Option<u64> {
    let word = read(payload)?;
    (word as u8 == Op::Pass as u8).then_some(word >> 8)
}

/// The word at the start of these bytes.
pub(crate) fn read(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What one guest, or several together, say that they have handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    pub(crate) count: u64,
    /// Wraps.
    pub(crate) sum: u64,
}

impl Proof {
    /// What `messages` messages add whose values count up from this one.
    pub(crate) fn of_values_from(first: u64, messages: u64) -> Self {
        let sum = u128::from(messages) * (2 * u128::from(first) + u128::from(messages.max(1)) - 1) / 2;
        Self { count: messages, sum: sum as u64 }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum.wrapping_add(other.sum) }
    }

    /// What came since an earlier look.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { count: self.count.wrapping_sub(earlier.count), sum: self.sum.wrapping_sub(earlier.sum) }
    }

    pub(crate) fn parse(reply: &[u8]) -> Option<Self> {
        Some(Self { count: read(reply)?, sum: read(reply.get(WORD_BYTES..)?)? })
    }

    /// What these guests say.
    pub(crate) fn of(handle: &Handle, guests: &[ActorId]) -> anyhow::Result<Self> {
        let get = payload(Op::Get, 0, WORD_BYTES);
        let mut all = Self::default();
        // Few enough at once that the way in has room.
        for guests in guests.chunks(1_024) {
            let asked: Vec<_> = guests.iter().map(|&guest| handle.request(guest, get.as_slice())).collect();
            for answer in asked {
                let answer = answer.wait().context("the guest does not say what it counted")?;
                all = all.and(Self::parse(&answer).context("what the guest counted is not two words")?);
            }
        }
        Ok(all)
    }

    /// # Errors
    /// If it is not what was sent.
    pub(crate) fn must_be(self, sent: Self) -> anyhow::Result<()> {
        ensure!(
            self == sent,
            "it does not add up: {} messages with the sum {} were sent, and the guests counted {} with the \
             sum {}",
            sent.count,
            sent.sum,
            self.count,
            self.sum
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_count_up_add_up() {
        assert_eq!(Proof::of_values_from(0, 0), Proof { count: 0, sum: 0 });
        assert_eq!(Proof::of_values_from(5, 3), Proof { count: 3, sum: 5 + 6 + 7 });
        assert!(Proof { count: 3, sum: 18 }.must_be(Proof::of_values_from(5, 3)).is_ok());
        let lost_and_doubled = Proof { count: 3, sum: 5 + 6 + 6 };
        assert!(lost_and_doubled.must_be(Proof::of_values_from(5, 3)).is_err());
    }

    #[test]
    fn only_measured_messages_have_stamps() {
        let mut message = payload(Op::Add, 7, 40);
        assert_eq!(read_stamp(&message), None);
        stamp(&mut message, 100, 120);
        let stamped = Stamp { intended_ns: 100, sent_ns: 120, arrived_ns: None };
        assert_eq!(read_stamp(&message), Some(stamped));
        stamp_arrival(&mut message, 150);
        assert_eq!(read_stamp(&message), Some(Stamp { arrived_ns: Some(150), ..stamped }));
        assert_eq!(read(&message), Some(7 << 8));
        unstamp(&mut message);
        assert_eq!(read_stamp(&message), None);
        stamp(&mut message, 100, 120);
        write(&mut message, Op::To, 7);
        assert_eq!(read_stamp(&message), None);
        assert_eq!(read_stamp(&message[..20]), None);
        assert_eq!(read_token(&message), None);
        write(&mut message, Op::Pass, 7);
        assert_eq!(read_token(&message), Some(7));
    }
}
