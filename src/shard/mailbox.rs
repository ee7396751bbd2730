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

use std::num::NonZeroU64;

use crate::actor::{ActorId, Envelope, Frames, Message};
pub use crate::control::overflow::Overflow;

use super::post::Bounds;

const NOBODY: u32 = u32::MAX;
const GROWTH: usize = 256;
/// In the index of a node that is a run.
const RUN: u32 = 1 << 31;

/// The number of the run that this node is, if it is one.
#[inline(always)]
fn run_at(index: u32) -> Option<usize> {
    (index & RUN != 0 && index != NOBODY).then_some((index & !RUN) as usize)
}

/// All nodes of one shard.
pub(super) struct Pool {
    next: Vec<u32>,
    #[expect(clippy::vec_box, reason = "messages stay where they are; their pointers are swapped")]
    letters: Vec<Box<Message>>,
    free: u32,
    runs: Vec<Run>,
    free_runs: Vec<u32>,
    letters_in_use: usize,
}

struct Run {
    next: u32,
    frames: Frames,
}

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            next: Vec::new(),
            letters: Vec::new(),
            free: NOBODY,
            runs: Vec::new(),
            free_runs: Vec::new(),
            letters_in_use: 0,
        }
    }

    /// How many messages wait in mailboxes.
    pub(super) fn in_use(&self) -> usize {
        let in_runs: usize = self.runs.iter().map(|run| run.frames.len()).sum();
        self.letters_in_use + in_runs
    }

    #[cold]
    fn grow(&mut self) {
        let first = self.next.len();
        let past = u32::try_from(first + GROWTH).ok().filter(|&past| past < RUN);
        let past = past.expect("fewer than 2^31 messages");
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
        self.letters_in_use += 1;
        index
    }

    /// A free run, for the caller to fill.
    #[inline]
    fn allocate_run(&mut self) -> u32 {
        match self.free_runs.pop() {
            Some(index) => index,
            None => self.grow_runs(),
        }
    }

    #[cold]
    fn grow_runs(&mut self) -> u32 {
        let index = u32::try_from(self.runs.len()).ok().filter(|&index| index < RUN - 1);
        self.runs.push(Run { next: NOBODY, frames: Frames::new() });
        RUN | index.expect("fewer than 2^31 runs")
    }

    /// The run has been emptied.
    fn release_run(&mut self, index: u32, run: usize) {
        self.runs[run].frames.clear();
        self.runs[run].next = NOBODY;
        self.free_runs.push(index);
    }

    #[inline(always)]
    fn next(&self, index: u32) -> u32 {
        match run_at(index) {
            None => self.next[index as usize],
            Some(run) => self.runs[run].next,
        }
    }

    #[inline(always)]
    fn set_next(&mut self, index: u32, next: u32) {
        match run_at(index) {
            None => self.next[index as usize] = next,
            Some(run) => self.runs[run].next = next,
        }
    }

    /// What waits in this node goes into the hand; the node is free.
    #[inline]
    fn release(&mut self, index: u32, hand: &mut Box<Message>) {
        std::mem::swap(&mut self.letters[index as usize], hand);
        self.free_letter(index);
    }

    #[inline(always)]
    fn free_letter(&mut self, index: u32) {
        self.next[index as usize] = self.free;
        self.free = index;
        self.letters_in_use -= 1;
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
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::actor::{Payload, ShardId};

    fn mailbox() -> Mailbox {
        Mailbox::new(1, MailboxSpec::default(), &Bounds::default())
    }

    fn actor(slot: u32) -> ActorId {
        ActorId::new(ShardId(0), slot, 1)
    }

    fn push(mailbox: &mut Mailbox, pool: &mut Pool, number: u32) {
        mailbox.push(pool, 4).payload.assign(&number.to_le_bytes());
    }

    fn parse(payload: &[u8]) -> u32 {
        u32::from_le_bytes(payload.try_into().unwrap())
    }

    /// Many mailboxes on one pool against as many `VecDeque`s. The odd ones take frames.
    #[test]
    fn mailboxes_are_fifo_and_share_nothing_but_the_pool() {
        let mut pool = Pool::new();
        let mut hand = Box::<Message>::default();
        let mut run = Frames::new();
        let mut boxes: Vec<Mailbox> = (0..7).map(|_| mailbox()).collect();
        for odd in [1, 3, 5] {
            boxes[odd].set_frames_max(6);
        }
        let mut runs_taken = 0;
        let mut oracle: Vec<VecDeque<u32>> = vec![VecDeque::new(); 7];
        let mut state = 1_u64;
        for step in 0..100_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let which = (state >> 33) as usize % 7;
            let (mailbox, expected) = (&mut boxes[which], &mut oracle[which]);
            match state >> 60 {
                0 if which % 2 == 1 => {
                    let numbers: Vec<[u8; 4]> = (0..step % 9).map(|_| step.to_le_bytes()).collect();
                    let payloads: Vec<&[u8]> = numbers.iter().map(|number| &number[..]).collect();
                    let pushed =
                        mailbox.push_frames(&mut pool, actor(which as u32), Some(actor(step % 9)), &payloads);
                    assert_eq!(pushed, payloads.len());
                    expected.extend(numbers.iter().map(|number| parse(number)));
                }
                1..5 if which % 2 == 1 => {
                    assert!(mailbox.takes_frame(0, 4));
                    mailbox.push_frame(
                        &mut pool,
                        actor(which as u32),
                        Some(actor(step % 9)),
                        &step.to_le_bytes(),
                    );
                    expected.push_back(step);
                }
                0..8 => {
                    push(mailbox, &mut pool, step);
                    expected.push_back(step);
                }
                kind @ (8..10) => {
                    if mailbox.take_run(&mut pool, &mut run) {
                        runs_taken += 1;
                        assert!((2..=6).contains(&run.len()));
                        // Some are handled, and the rest waits again.
                        let settled = if kind == 8 { run.len() } else { (step as usize) % (run.len() + 1) };
                        for frame in run.iter().take(settled) {
                            let number = parse(frame.payload);
                            assert_eq!(Some(number), expected.pop_front());
                            assert_eq!(frame.from, Some(actor(number % 9)));
                        }
                        run.skip(settled);
                        mailbox.put_back_run(&mut pool, &mut run);
                        run.clear();
                    }
                }
                kind => {
                    let is_out = mailbox.pop(&mut pool, actor(which as u32), &mut hand);
                    let got = is_out.then(|| parse(&hand.payload));
                    assert_eq!(got, expected.pop_front());
                    if let Some(got) = got.filter(|_| kind == 11) {
                        mailbox.put_back(&mut pool, &mut hand);
                        expected.push_front(got);
                    }
                }
            }
            if let Some(letter) = mailbox.peek(&pool) {
                assert_eq!(Some(parse(&letter.payload)), expected.front().copied());
            }
            assert_eq!(mailbox.messages as usize, expected.len());
            assert_eq!(mailbox.bytes as usize, 4 * expected.len());
            assert_eq!(pool.in_use(), oracle.iter().map(VecDeque::len).sum::<usize>());
        }
        assert!(runs_taken > 1_000, "{runs_taken}");
    }

    #[test]
    fn one_message_of_a_run_is_a_letter_like_any_other() {
        let mut pool = Pool::new();
        let mut mailbox = mailbox();
        mailbox.set_frames_max(2);
        for payload in [&b"one"[..], b"two", b"three"] {
            mailbox.push_frame(&mut pool, actor(1), Some(actor(5)), payload);
        }
        let mut hand = Box::<Message>::default();
        for payload in [&b"one"[..], b"two"] {
            assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
            assert_eq!((hand.to, hand.from), (Some(actor(1)), Some(actor(5))));
            assert_eq!(hand.payload.as_slice(), payload);
        }
        let mut run = Frames::new();
        assert!(!mailbox.take_run(&mut pool, &mut run), "one is no run");
        assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!(hand.payload.as_slice(), b"three");
        assert!(!mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!((pool.in_use(), pool.runs.len(), pool.free_runs.len()), (0, 2, 2));
    }

    #[test]
    fn one_message_alone_needs_no_run_and_becomes_the_first_of_two() {
        let (mut pool, mut mailbox, mut run) = (Pool::new(), mailbox(), Frames::new());
        mailbox.set_frames_max(4);
        mailbox.push_frame(&mut pool, actor(1), Some(actor(5)), b"one");
        assert_eq!((pool.in_use(), pool.runs.len()), (1, 0));
        assert!(!mailbox.take_run(&mut pool, &mut run));
        mailbox.push_frame(&mut pool, actor(1), None, b"two");
        assert!(mailbox.take_run(&mut pool, &mut run));
        let told: Vec<_> = run.iter().map(|frame| (frame.from, frame.payload)).collect();
        assert_eq!(told, [(Some(actor(5)), &b"one"[..]), (None, b"two")]);
        assert_eq!((pool.in_use(), mailbox.messages, mailbox.bytes), (0, 0, 0));
        // But not one that there is more to say of.
        mailbox.push(&mut pool, 3).sent_at_ns = 7;
        run.clear();
        for payload in [&b"two"[..], b"three"] {
            mailbox.push_frame(&mut pool, actor(1), None, payload);
        }
        assert!(!mailbox.take_run(&mut pool, &mut run), "the measured one is first");
        let mut hand = Box::default();
        assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!(hand.sent_at_ns, 7);
        assert!(mailbox.take_run(&mut pool, &mut run));
        assert_eq!(run.len(), 2);
    }

    #[test]
    fn what_is_long_or_may_wait_only_for_a_while_is_no_frame() {
        let mut long = mailbox();
        assert!(!long.takes_frame(0, 1), "its actor takes none");
        long.set_frames_max(32);
        assert!(long.takes_frame(0, Frames::PAYLOAD_BYTES_MAX));
        assert!(!long.takes_frame(0, Frames::PAYLOAD_BYTES_MAX + 1));
        let spec = MailboxSpec { time_to_live_ns: NonZeroU64::new(1), ..MailboxSpec::default() };
        let mut short_lived = Mailbox::new(1, spec, &Bounds::default());
        short_lived.set_frames_max(32);
        assert!(!short_lived.takes_frame(0, 1));
    }

    #[test]
    fn of_many_as_many_are_taken_as_there_is_room_for() {
        let spec = MailboxSpec { messages_max: Some(5), bytes_max: Some(100), ..MailboxSpec::default() };
        let mut pool = Pool::new();
        let mut mailbox = Mailbox::new(1, spec, &Bounds::default());
        assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[b"its actor takes none"]), 0);
        mailbox.set_frames_max(3);
        assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[&[1; 40], &[2; 40], &[3; 40]]), 2);
        assert_eq!((mailbox.messages, mailbox.bytes), (2, 80));
        assert_eq!(mailbox.push_frames(&mut pool, actor(1), None, &[&[4][..]; 9]), 3);
        assert_eq!((mailbox.messages, mailbox.bytes, pool.in_use()), (5, 83, 5));
        let mut run = Frames::new();
        let mut lengths = Vec::new();
        while mailbox.take_run(&mut pool, &mut run) {
            lengths.push(run.iter().map(|frame| frame.payload.len()).collect::<Vec<_>>());
        }
        assert_eq!(lengths, [vec![40, 40, 1], vec![1, 1]]);
        let long = [&[0; 4][..], &[0; Frames::PAYLOAD_BYTES_MAX + 1], &[0; 4]];
        let mut roomy = self::mailbox();
        roomy.set_frames_max(3);
        assert_eq!(roomy.push_frames(&mut pool, actor(1), None, &long), 1);
    }

    #[test]
    fn nodes_are_used_again() {
        let mut pool = Pool::new();
        let mut mailbox = mailbox();
        let mut hand = Box::default();
        for round in 0..10_000 {
            push(&mut mailbox, &mut pool, round);
            assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
            assert_eq!(parse(&hand.payload), round);
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
        assert!(mailbox.pop(&mut pool, actor(1), &mut hand));
        assert_eq!(std::sync::Arc::strong_count(&bytes), 2);
        hand.payload.release_heap();
        assert_eq!(std::sync::Arc::strong_count(&bytes), 1);
    }
}
