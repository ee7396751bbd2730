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
//! What goes to an actor that takes [`Frames`] is mostly bytes, and many of them at
//! once: they wait in one node, a *run*, laid out as the actor takes them. A run is
//! swapped out like a letter. Who wants one message takes it out of the run; and a
//! mailbox that holds only one has no run for it.
//!
//! **Invariant:** a node is in exactly one mailbox, or free; no run in a mailbox is
//! empty. [`Pool::in_use`] counts the messages in mailboxes, for the ledger.

mod pool;

use std::num::NonZeroU64;

use crate::actor::{ActorId, Envelope, Frames, Message};
pub use crate::control::overflow::Overflow;

pub(super) use pool::Pool;

use pool::{NOBODY, run_at};

use super::post::Bounds;

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
    /// The most messages in a run; 0 if its actor takes no frames.
    frames_max: u32,
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
            frames_max: 0,
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

    /// Its actor takes so many messages at once as frames; 0 is none. Where messages
    /// may not wait for ever each has a time of its own, and is a letter.
    pub(super) fn set_frames_max(&mut self, messages_max: u32) {
        self.frames_max = if self.time_to_live_ns.is_none() { messages_max } else { 0 };
    }

    /// May a message of so many bytes be put into a run, and is there room for it that
    /// nobody need be told of?
    #[inline(always)]
    pub(super) fn takes_frame(&self, extra: u32, bytes: usize) -> bool {
        self.frames_max != 0
            && bytes <= Frames::PAYLOAD_BYTES_MAX
            && self.messages < self.messages_max.saturating_add(extra).min(self.pressure_at)
            && self.bytes.saturating_add(bytes as u32) <= self.bytes_max
    }

    /// Does its actor take messages?
    #[inline(always)]
    pub(super) fn is_ready(&self) -> bool {
        self.holds == 0
    }

    /// Is its actor to be queued for this mail? Then it counts as queued.
    #[inline(always)]
    pub(super) fn wakes(&mut self) -> bool {
        self.is_ready() && !std::mem::replace(&mut self.queued, true)
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
        self.link_last(pool, index);
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(bytes as u32);
        &mut pool.letters[index as usize]
    }

    #[inline(always)]
    fn link_last(&mut self, pool: &mut Pool, index: u32) {
        if self.tail == NOBODY {
            self.head = index;
        } else {
            pool.set_next(self.tail, index);
        }
        self.tail = index;
    }

    fn link_first(&mut self, pool: &mut Pool, index: u32) {
        pool.set_next(index, self.head);
        self.head = index;
        if self.tail == NOBODY {
            self.tail = index;
        }
    }

    #[inline(always)]
    fn unlink_first(&mut self, pool: &Pool) -> u32 {
        let index = self.head;
        self.head = pool.next(index);
        if self.head == NOBODY {
            self.tail = NOBODY;
        }
        index
    }

    /// Puts a message last that it [takes](Self::takes_frame) into a run.
    #[inline(always)]
    pub(super) fn push_frame(&mut self, pool: &mut Pool, to: ActorId, from: Option<ActorId>, payload: &[u8]) {
        let is_in = run_at(self.tail).is_some_and(|run| {
            let frames = &mut pool.runs[run].frames;
            frames.len() < self.frames_max as usize && frames.push(from, payload)
        });
        if !is_in {
            self.push_beside_runs(pool, to, from, payload);
        }
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(payload.len() as u32);
    }

    /// Puts messages last that it takes into runs, as long as there is room of which
    /// nobody need be told. How many?
    #[inline]
    pub(super) fn push_frames(
        &mut self,
        pool: &mut Pool,
        to: ActorId,
        from: Option<ActorId>,
        payloads: &[&[u8]],
    ) -> usize {
        let room = self.messages_max.min(self.pressure_at).saturating_sub(self.messages);
        let bytes_room = self.bytes_max.saturating_sub(self.bytes) as usize;
        let (mut bytes, mut fit) = (0, 0);
        for payload in payloads.iter().take(if self.frames_max == 0 { 0 } else { room as usize }) {
            bytes += payload.len();
            if payload.len() > Frames::PAYLOAD_BYTES_MAX || bytes > bytes_room {
                bytes -= payload.len();
                break;
            }
            fit += 1;
        }
        let mut left = &payloads[..fit];
        if !left.is_empty() {
            self.letter_to_run(pool);
        }
        while !left.is_empty() {
            let pushed = run_at(self.tail).map_or(0, |run| {
                let frames = &mut pool.runs[run].frames;
                let room = (self.frames_max as usize).saturating_sub(frames.len()).min(left.len());
                frames.push_many(from, &left[..room])
            });
            left = &left[pushed..];
            match left {
                [] => {}
                [last] => {
                    self.push_beside_runs(pool, to, from, last);
                    left = &[];
                }
                [next, rest @ ..] => {
                    self.open_run(pool, from, next);
                    left = rest;
                }
            }
        }
        self.messages += fit as u32;
        self.bytes += bytes as u32;
        fit
    }

    /// Puts a message last for which there is no room in the last run. One alone is a
    /// letter.
    #[inline(never)]
    fn push_beside_runs(&mut self, pool: &mut Pool, to: ActorId, from: Option<ActorId>, payload: &[u8]) {
        if self.tail == NOBODY {
            let index = pool.allocate();
            self.link_last(pool, index);
            let letter = &mut pool.letters[index as usize];
            letter.address(Envelope { to, from, request: None, sent_at_ns: 0, expires_at_ns: 0 });
            letter.payload.assign(payload);
        } else if !(self.letter_to_run(pool)
            && run_at(self.tail).is_some_and(|run| pool.runs[run].frames.push(from, payload)))
        {
            self.open_run(pool, from, payload);
        }
    }

    /// The only message becomes the first one of a run, if it is a letter that could be
    /// in one. Did it?
    fn letter_to_run(&mut self, pool: &mut Pool) -> bool {
        if self.head != self.tail || self.head == NOBODY || run_at(self.head).is_some() {
            return false;
        }
        let letter = &pool.letters[self.head as usize];
        if !letter.is_bare() || letter.payload.len() > Frames::PAYLOAD_BYTES_MAX {
            return false;
        }
        let index = pool.allocate_run();
        let Some(run) = run_at(index) else { return false };
        let letter = &mut pool.letters[self.head as usize];
        let is_in = pool.runs[run].frames.push(letter.from, &letter.payload);
        debug_assert!(is_in, "an empty run has room");
        letter.release_heap();
        pool.free_letter(self.head);
        (self.head, self.tail) = (index, index);
        true
    }

    #[inline(never)]
    fn open_run(&mut self, pool: &mut Pool, from: Option<ActorId>, payload: &[u8]) {
        let index = pool.allocate_run();
        if let Some(run) = run_at(index) {
            let is_in = pool.runs[run].frames.push(from, payload);
            debug_assert!(is_in, "an empty run has room");
        }
        self.link_last(pool, index);
    }

    /// Takes the oldest messages into the hand, if they are a run of more than one.
    #[inline]
    pub(super) fn take_run(&mut self, pool: &mut Pool, hand: &mut Frames) -> bool {
        let Some(run) = run_at(self.head) else { return false };
        if pool.runs[run].frames.len() < 2 {
            return false;
        }
        let index = self.unlink_first(pool);
        std::mem::swap(&mut pool.runs[run].frames, hand);
        pool.release_run(index, run);
        self.messages -= hand.len() as u32;
        self.bytes = self.bytes.saturating_sub(hand.payload_bytes() as u32);
        true
    }

    /// Puts what is left in hand of a run back, first.
    pub(super) fn put_back_run(&mut self, pool: &mut Pool, hand: &mut Frames) {
        if hand.is_empty() {
            return;
        }
        let index = pool.allocate_run();
        let Some(run) = run_at(index) else { return };
        self.messages += hand.len() as u32;
        self.bytes = self.bytes.saturating_add(hand.payload_bytes() as u32);
        std::mem::swap(&mut pool.runs[run].frames, hand);
        self.link_first(pool, index);
    }

    /// Puts a message in hand back, first.
    pub(super) fn put_back(&mut self, pool: &mut Pool, hand: &mut Box<Message>) {
        let index = pool.allocate();
        std::mem::swap(&mut pool.letters[index as usize], hand);
        self.link_first(pool, index);
        self.messages += 1;
        self.bytes = self.bytes.saturating_add(pool.letters[index as usize].payload.len() as u32);
    }

    /// The oldest message, if it is a letter.
    #[inline]
    pub(super) fn peek<'a>(&self, pool: &'a Pool) -> Option<&'a Message> {
        pool.letters.get(self.head as usize).map(|letter| &**letter)
    }

    /// Takes the oldest message of this actor into the hand.
    #[inline]
    pub(super) fn pop(&mut self, pool: &mut Pool, actor: ActorId, hand: &mut Box<Message>) -> bool {
        if self.head == NOBODY {
            return false;
        }
        match run_at(self.head) {
            None => {
                let index = self.unlink_first(pool);
                pool.release(index, hand);
            }
            Some(run) => self.pop_from_run(pool, run, actor, hand),
        }
        self.messages -= 1;
        self.bytes = self.bytes.saturating_sub(hand.payload.len() as u32);
        true
    }

    #[inline(never)]
    fn pop_from_run(&mut self, pool: &mut Pool, run: usize, actor: ActorId, hand: &mut Box<Message>) {
        let frames = &mut pool.runs[run].frames;
        let is_out = frames.pop(actor, hand);
        debug_assert!(is_out, "no run in a mailbox is empty");
        if frames.is_empty() {
            let index = self.unlink_first(pool);
            pool.release_run(index, run);
        }
    }
}

#[cfg(test)]
mod tests;
