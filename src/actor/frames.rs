//! Many plain messages as one run of bytes.

use super::{ActorId, Envelope, Message, copy_few};

/// Plain messages of one actor, one behind the other, as `wit/batch.wit` lays them out:
/// what an actor [takes](super::Actor::takes_frames) that hands them on as bytes.
///
/// They are in a buffer that grows up to a bound and is never made smaller, of which the
/// free part is still what it was:
///
/// ```text
///             start                        end
///   ┌───────────┬────────┬─────────┬─────────┬──────────┐
///   │ taken out │ frame  │ frame   │ frame   │ free     │
///   └───────────┴────────┴─────────┴─────────┴──────────┘
/// ```
pub struct Frames {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    messages: usize,
    payload_bytes: usize,
}

/// One message of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who sent it; nobody, if it came from outside the runtime.
    pub from: Option<ActorId>,
    /// The bytes.
    pub payload: &'a [u8],
}

const ALIGN: usize = 8;
/// How long a buffer is at least: many actors may have little mail.
const BYTES_MIN: usize = 512;

impl Frames {
    /// The most bytes in a run, heads and padding included.
    pub const BYTES_MAX: usize = 8 << 10;
    /// The most bytes of payload in a message of a run.
    pub const PAYLOAD_BYTES_MAX: usize = 1 << 10;
    /// Before each payload: who sent it, and its length, each a u64, little-endian.
    pub const HEAD_BYTES: usize = 16;

    /// No messages, and no buffer yet.
    pub fn new() -> Self {
        Self { buffer: Vec::new(), start: 0, end: 0, messages: 0, payload_bytes: 0 }
    }

    /// How many bytes a payload takes in a run.
    #[inline(always)]
    pub const fn bytes_of(payload_bytes: usize) -> usize {
        Self::HEAD_BYTES + payload_bytes.next_multiple_of(ALIGN)
    }

    /// How many messages.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.messages
    }

    /// Is there none?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// How many bytes their payloads have.
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// All of them, as they are laid out.
    #[inline(always)]
    pub fn as_bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Puts a message last. False if there is no room; then nothing has happened.
    #[inline(always)]
    pub fn push(&mut self, from: Option<ActorId>, payload: &[u8]) -> bool {
        let bytes = Self::bytes_of(payload.len());
        if self.end + bytes > self.buffer.len() && !self.grow(self.end + bytes) {
            return false;
        }
        write_frame(&mut self.buffer[self.end..self.end + bytes], from, payload);
        self.end += bytes;
        self.messages += 1;
        self.payload_bytes += payload.len();
        true
    }

    /// Puts messages of one sender last, as long as there is room. How many?
    #[inline]
    pub fn push_many(&mut self, from: Option<ActorId>, payloads: &[&[u8]]) -> usize {
        let (mut end, mut payload_bytes, mut pushed) = (self.end, 0, 0);
        for payload in payloads {
            let after = end + Self::bytes_of(payload.len());
            if after > self.buffer.len() && !self.grow(after) {
                break;
            }
            write_frame(&mut self.buffer[end..after], from, payload);
            end = after;
            payload_bytes += payload.len();
            pushed += 1;
        }
        self.end = end;
        self.messages += pushed;
        self.payload_bytes += payload_bytes;
        pushed
    }

    /// Makes the buffer so long, if it may be.
    #[cold]
    #[inline(never)]
    fn grow(&mut self, bytes: usize) -> bool {
        if bytes > Self::BYTES_MAX {
            return false;
        }
        self.buffer.resize(bytes.next_power_of_two().clamp(BYTES_MIN, Self::BYTES_MAX), 0);
        true
    }

    /// Takes the first message out, into one that is `to`'s.
    pub fn pop(&mut self, to: ActorId, letter: &mut Message) -> bool {
        let Some(Frame { from, payload }) = self.iter().next() else { return false };
        letter.address(Envelope { to, from, request: None, sent_at_ns: 0, expires_at_ns: 0 });
        letter.payload.assign(payload);
        self.skip(1);
        true
    }

    /// Forgets the first so many.
    pub fn skip(&mut self, messages: usize) {
        let (mut gone, mut bytes, mut payload_bytes) = (0, 0, 0);
        for frame in self.iter().take(messages) {
            gone += 1;
            bytes += Self::bytes_of(frame.payload.len());
            payload_bytes += frame.payload.len();
        }
        self.start += bytes;
        self.messages -= gone;
        self.payload_bytes -= payload_bytes;
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        (self.start, self.end, self.messages, self.payload_bytes) = (0, 0, 0, 0);
    }

    /// The messages, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut rest = self.as_bytes();
        std::iter::from_fn(move || {
            let (from, after) = rest.split_first_chunk()?;
            let (len, after) = after.split_first_chunk()?;
            let len = u64::from_le_bytes(*len) as usize;
            let payload = after.get(..len)?;
            rest = after.get(len.next_multiple_of(ALIGN)..)?;
            Some(Frame { from: ActorId::from_bits(u64::from_le_bytes(*from)), payload })
        })
    }
}

/// Writes one message over a frame of exactly its size. The padding is zeros.
///
/// # Panics
/// If the frame is of another size.
#[inline(always)]
pub fn write_frame(frame: &mut [u8], from: Option<ActorId>, payload: &[u8]) {
    let (head, body) = frame.split_at_mut(Frames::HEAD_BYTES);
    head[..8].copy_from_slice(&from.map_or(0, ActorId::to_bits).to_le_bytes());
    head[8..].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    if let Some(last) = body.last_chunk_mut::<ALIGN>() {
        *last = [0; ALIGN];
    }
    copy_few(&mut body[..payload.len()], payload);
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    fn id(slot: u32) -> ActorId {
        ActorId::new(ShardId(1), slot, 7)
    }

    #[test]
    fn a_run_is_laid_out_as_the_contract_says() {
        let mut frames = Frames::new();
        // What an earlier message has left does not show in the padding.
        assert!(frames.push(None, &[0xff; 64]));
        frames.clear();
        assert!(frames.push(Some(id(3)), b"seven b"));
        assert!(frames.push(None, b""));
        let mut bytes = id(3).to_bits().to_le_bytes().to_vec();
        bytes.extend(7_u64.to_le_bytes());
        bytes.extend(b"seven b\0");
        bytes.extend([0; 16]);
        assert_eq!(frames.as_bytes(), bytes);
        assert_eq!((frames.len(), frames.payload_bytes()), (2, 7));
    }

    #[test]
    fn what_was_put_in_comes_out_whole_and_in_order() {
        let payloads: Vec<Vec<u8>> = (0..40_usize).map(|n| vec![n as u8; n * 7 % 90]).collect();
        let mut frames = Frames::new();
        for (slot, payload) in payloads.iter().enumerate() {
            assert!(frames.push(Some(id(slot as u32)), payload));
        }
        let mut one_senders = Frames::new();
        let all: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        assert_eq!(one_senders.push_many(None, &all), 40);
        let told: Vec<_> = one_senders.iter().map(|frame| (frame.from, frame.payload)).collect();
        assert_eq!(told, all.iter().map(|payload| (None, *payload)).collect::<Vec<_>>());
        assert_eq!(one_senders.payload_bytes(), frames.payload_bytes());
        let told = |(slot, payload): (usize, &Vec<u8>)| (Some(id(slot as u32)), payload.clone());
        let expected: Vec<_> = payloads.iter().enumerate().map(told).collect();
        let all: Vec<_> = frames.iter().map(|frame| (frame.from, frame.payload.to_vec())).collect();
        assert_eq!(all, expected);

        let mut letter = Message::default();
        for (from, payload) in &expected[..5] {
            assert!(frames.pop(id(9), &mut letter));
            assert_eq!((letter.to, letter.from), (Some(id(9)), *from));
            assert_eq!(letter.payload.as_slice(), payload);
        }
        frames.skip(10);
        assert_eq!(frames.len(), 25);
        assert_eq!(frames.iter().next().map(|frame| frame.payload), Some(&payloads[15][..]));
        assert_eq!(frames.payload_bytes(), payloads[15..].iter().map(Vec::len).sum::<usize>());
        frames.skip(25);
        assert!(frames.is_empty() && frames.as_bytes().is_empty());
        assert!(!frames.pop(id(9), &mut letter));
    }

    #[test]
    fn a_run_is_bounded() {
        let mut frames = Frames::new();
        let most = Frames::BYTES_MAX / Frames::bytes_of(64);
        for _ in 0..most {
            assert!(frames.push(None, &[1; 64]));
        }
        assert!(!frames.push(None, &[2; 64]));
        assert_eq!(frames.push_many(None, &[&[3; 64]]), 0);
        assert_eq!((frames.len(), frames.iter().count()), (most, most));
    }
}
