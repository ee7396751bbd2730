//! Mailboxes: linked lists of nodes from one pool per shard.
//!
//! ```text
//!   pool     next  ┌────┬────┬────┬────┬────┐
//!                  │  2 │  4 │  3 │ -- │ -- │    4 bytes a node
//!                  └────┴────┴────┴────┴────┘
//!            letter  │    │    │    │    │         a pointer a node, …
//!                  ┌─▼──┬─▼──┬─▼──┬─▼──┬─▼──┐
//!                  │msg │free│msg │msg │free│    … to two cache lines
//!                  └────┴────┴────┴────┴────┘
//!   mailbox: head 0, tail 3        in hand: ┌────┐
//!                                           │msg │  what is being handled
//!                                           └────┘
//! ```
//!
//! An idle actor's mailbox holds no node. The node that was freed last is used
//! next, so that those in use stay in the cache. A message is written once, where
//! it waits; to be handled its pointer is swapped with that of the one handled
//! last, so that it stays put while its actor sends, which changes the pool.
//!
//! **Invariant:** a node is in exactly one mailbox, or free. [`Pool::in_use`]
//! counts the former, for the ledger.

use std::num::NonZeroU64;

use crate::actor::Message;
pub use crate::control::overflow::Overflow;

use super::post::Bounds;

const NOBODY: u32 = u32::MAX;
const GROWTH: usize = 256;

/// All nodes of one shard.
pub(super) struct Pool {
    next: Vec<u32>,
    #[expect(clippy::vec_box, reason = "messages stay where they are; their pointers are swapped")]
    letters: Vec<Box<Message>>,
    free: u32,
    in_use: usize,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self { next: Vec::new(), letters: Vec::new(), free: NOBODY, in_use: 0 }
    }

    /// How many messages wait in mailboxes.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    #[cold]
    fn grow(&mut self) {
        let first = self.next.len();
        let past = u32::try_from(first + GROWTH).expect("fewer than 2^32 messages");
        self.next.extend(first as u32 + 1..past);
        self.next.push(self.free);
        self.letters.resize_with(first + GROWTH, Box::default);
        self.free = first as u32;
    }

    /// A free node, for the caller to fill.
    #[inline(always)]
    fn allocate(&mut self) -> u32 {
        if self.free == NOBODY {
            self.grow();
        }
        let index = self.free;
        self.free = std::mem::replace(&mut self.next[index as usize], NOBODY);
        self.in_use += 1;
        index
    }

    /// What waits in this node goes into the hand; the node is free.
    #[inline]
    fn release(&mut self, index: u32, hand: &mut Box<Message>) {
        std::mem::swap(&mut self.letters[index as usize], hand);
        self.next[index as usize] = self.free;
        self.free = index;
        self.in_use -= 1;
    }
}

/// How a mailbox is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MailboxSpec {
    /// The most messages in it; if unset, as the runtime has it.
    pub messages_max: Option<u32>,
    /// The most bytes of payload in it; if unset, as the runtime has it.
    pub bytes_max: Option<u32>,
    /// What becomes of those for which there is no room.
    pub overflow: Overflow,
    /// How long a message may wait in it, in ns; if unset, for ever.
    pub time_to_live_ns: Option<NonZeroU64>,
}

/// Why an actor takes no messages now: each is a bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Hold {
    /// It is not up.
    Down = 1,
    /// It waits, in the middle of a message.
    Suspended = 2,
    /// It has sent to one that has too much to do.
    Paused = 4,
}

/// The queue of one actor, and the room in it. Its nodes belong to the shard's
/// pool: empty it before it is dropped.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mailbox {
    /// Of the actor that it belongs to; 0 is nobody.
    pub(super) generation: u32,
    head: u32,
    tail: u32,
    /// How many messages are in it.
    pub(super) messages: u32,
    /// How many bytes of payload.
    pub(super) bytes: u32,
    /// The most messages.
    pub(super) messages_max: u32,
    /// The most bytes of payload.
    pub(super) bytes_max: u32,
    /// From so many on, whoever sends here is paused.
    pub(super) pressure_at: u32,
    pub(super) overflow: Overflow,
    holds: u8,
    /// Is its actor in the run queue, or running?
    pub(super) queued: bool,
    /// Is anybody paused because of it?
    pub(super) is_pressing: bool,
    /// Is it shown to outside threads as full?
    pub(super) is_shown_full: bool,
    /// How long a message may wait in it.
    pub(super) time_to_live_ns: Option<NonZeroU64>,
}

impl Mailbox {
    pub(super) const fn nobodys() -> Self {
        Self {
            generation: 0,
            head: NOBODY,
            tail: NOBODY,
            messages: 0,
            bytes: 0,
            messages_max: 0,
            bytes_max: 0,
            pressure_at: u32::MAX,
            overflow: Overflow::Reject,
            holds: Hold::Down as u8,
            queued: false,
            is_pressing: false,
            is_shown_full: false,
            time_to_live_ns: None,
        }
    }

    /// An empty one, of an actor of this generation.
    pub(super) fn new(generation: u32, spec: MailboxSpec, bounds: &Bounds) -> Self {
        let MailboxSpec { overflow, time_to_live_ns, .. } = spec;
        let messages_max = spec.messages_max.unwrap_or(bounds.mailbox_messages_max).max(1);
        let bytes_max = spec.bytes_max.unwrap_or(bounds.mailbox_bytes_max);
        let pressure_at = match overflow {
            Overflow::Backpressure => (messages_max / 2).max(1),
            _ => u32::MAX,
        };
        Self {
            generation,
            messages_max,
            bytes_max,
            pressure_at,
            overflow,
            time_to_live_ns,
            ..Self::nobodys()
        }
    }

    /// Does its actor take messages?
    #[inline(always)]
    pub(super) fn is_ready(&self) -> bool {
        self.holds == 0
    }

    /// Does somebody wait until there is room in it?
    #[inline(always)]
    pub(super) fn is_watched(&self) -> bool {
        self.is_pressing | self.is_shown_full
    }

    pub(super) fn hold(&mut self, hold: Hold) {
        self.holds |= hold as u8;
    }

    pub(super) fn release(&mut self, hold: Hold) {
        self.holds &= !(hold as u8);
    }

    /// Puts a message of `bytes` bytes last, for the caller to write: it is an old
    /// one still, with nothing on the heap.
    #[inline(always)]
    pub(super) fn push<'a>(&mut self, pool: &'a mut Pool, bytes: usize) -> &'a mut Message {
        let index = pool.allocate();
        if self.tail == NOBODY {
            self.head = index;
        } else {
            pool.next[self.tail as usize] = index;
        }
        self.tail = index;
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes as u32);
        &mut pool.letters[index as usize]
    }

    /// Puts a message in hand back, first.
    pub(super) fn put_back(&mut self, pool: &mut Pool, hand: &mut Box<Message>) {
        let index = pool.allocate();
        std::mem::swap(&mut pool.letters[index as usize], hand);
        pool.next[index as usize] = self.head;
        self.head = index;
        if self.tail == NOBODY {
            self.tail = index;
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(pool.letters[index as usize].payload.len() as u32);
    }

    /// The oldest message.
    #[inline]
    pub(super) fn peek<'a>(&self, pool: &'a Pool) -> Option<&'a Message> {
        pool.letters.get(self.head as usize).map(|letter| &**letter)
    }

    /// Takes the oldest message into the hand.
    #[inline]
    pub(super) fn pop(&mut self, pool: &mut Pool, hand: &mut Box<Message>) -> bool {
        if self.head == NOBODY {
            return false;
        }
        let index = self.head;
        self.head = pool.next[index as usize];
        if self.head == NOBODY {
            self.tail = NOBODY;
        }
        pool.release(index, hand);
        self.messages -= 1;
        self.bytes = self.bytes.saturating_sub(hand.payload.len() as u32);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::actor::Payload;

    fn mailbox() -> Mailbox {
        Mailbox::new(1, MailboxSpec::default(), &Bounds::default())
    }

    fn push(mailbox: &mut Mailbox, pool: &mut Pool, number: u32) {
        mailbox.push(pool, 4).payload.assign(&number.to_le_bytes());
    }

    fn number(message: &Message) -> u32 {
        u32::from_le_bytes(message.payload.as_slice().try_into().unwrap())
    }

    /// Many mailboxes on one pool against as many `VecDeque`s.
    #[test]
    fn mailboxes_are_fifo_and_share_nothing_but_the_pool() {
        let mut pool = Pool::new();
        let mut hand = Box::<Message>::default();
        let mut boxes: Vec<Mailbox> = (0..7).map(|_| mailbox()).collect();
        let mut oracle: Vec<VecDeque<u32>> = vec![VecDeque::new(); 7];
        let mut state = 1_u64;
        for step in 0..50_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let which = (state >> 33) as usize % 7;
            match state >> 60 {
                0..8 => {
                    push(&mut boxes[which], &mut pool, step);
                    oracle[which].push_back(step);
                }
                kind => {
                    let got = boxes[which].pop(&mut pool, &mut hand).then(|| number(&hand));
                    assert_eq!(got, oracle[which].pop_front());
                    if let Some(got) = got.filter(|_| kind == 8) {
                        boxes[which].put_back(&mut pool, &mut hand);
                        oracle[which].push_front(got);
                    }
                }
            }
            assert_eq!(boxes[which].peek(&pool).map(number), oracle[which].front().copied());
            assert_eq!(boxes[which].messages as usize, oracle[which].len());
            assert_eq!(boxes[which].bytes as usize, 4 * oracle[which].len());
            assert_eq!(pool.in_use(), oracle.iter().map(VecDeque::len).sum::<usize>());
        }
    }

    #[test]
    fn nodes_are_used_again() {
        let mut pool = Pool::new();
        let mut mailbox = mailbox();
        let mut hand = Box::default();
        for round in 0..10_000 {
            push(&mut mailbox, &mut pool, round);
            assert!(mailbox.pop(&mut pool, &mut hand));
            assert_eq!(number(&hand), round);
        }
        assert_eq!(pool.letters.len(), GROWTH);
    }

    #[test]
    fn heap_payloads_go_to_whoever_takes_them() {
        let bytes: std::sync::Arc<[u8]> = vec![1; 1000].into();
        let mut pool = Pool::new();
        let mut mailbox = mailbox();
        let mut hand = Box::<Message>::default();
        mailbox.push(&mut pool, 1000).payload = Payload::from(bytes.clone());
        assert!(mailbox.pop(&mut pool, &mut hand));
        assert_eq!(std::sync::Arc::strong_count(&bytes), 2);
        hand.payload.release_heap();
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }
}
