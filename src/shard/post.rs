//! Where messages wait: mailboxes, the run queue, and the ways to other shards.
//!
//! It is what an actor touches of its shard while it runs. A message is written
//! once, from wherever its bytes are, into the place where it waits; so its sender
//! knows at once whether there is room.
//!
//! ```text
//!   Context::send ─┐                 ┌─► mailbox ─► run queue     this shard
//!                  ├─► Post: room? ──┤
//!   rings, outside ┘                 └─► outbox ─► ring           another one
//! ```

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::actor::{ActorId, DeadReason, Envelope, Message, Payload, SendError, ShardId, View};
use crate::control::registry::Replica;
use crate::metrics::Clock;

use super::mailbox::{Mailbox, Pool};
use super::mesh::Outlets;

/// The bounds of mailboxes and of what an actor may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The most messages in a mailbox.
    pub mailbox_messages_max: u32,
    /// The most bytes of payload in a mailbox; a single message is taken even if
    /// it is larger.
    pub mailbox_bytes_max: u32,
    /// The most bytes in one message.
    pub message_bytes_max: u32,
    /// The most messages that wait for room in the ring to one other shard.
    pub outbox_messages_max: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            // At 1 µs a message, about 4 ms of waiting.
            mailbox_messages_max: 4_096,
            mailbox_bytes_max: 16 << 20,
            message_bytes_max: 1 << 20,
            outbox_messages_max: 8_192,
        }
    }
}

/// The messages of one shard that nobody has taken yet.
pub(super) struct Post {
    shard: ShardId,
    bounds: Bounds,
    /// By the slot of the actor.
    mailboxes: Vec<Mailbox>,
    pool: Pool,
    run_queue: VecDeque<ActorId>,
    pub(super) outlets: Outlets,
    /// Messages for each shard that are accepted and not yet in a ring.
    on_their_way: Vec<u32>,
    /// Accepted since this was asked last.
    accepted: u64,
    /// Refused since this was asked last.
    refused: u64,
}

impl Post {
    pub(super) fn new(shard: ShardId, shards: usize, bounds: Bounds, outlets: Outlets) -> Self {
        Self {
            shard,
            bounds,
            mailboxes: Vec::new(),
            pool: Pool::new(),
            run_queue: VecDeque::new(),
            outlets,
            on_their_way: vec![0; shards],
            accepted: 0,
            refused: 0,
        }
    }

    /// An actor moves in.
    pub(super) fn open(&mut self, actor: ActorId) {
        let slot = actor.slot() as usize;
        if self.mailboxes.len() <= slot {
            self.mailboxes.resize(slot + 1, Mailbox::new(0));
        }
        self.mailboxes[slot] = Mailbox::new(actor.generation());
    }

    /// An actor is gone for good, and its mailbox is empty.
    pub(super) fn close(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor) {
            debug_assert_eq!(mailbox.messages, 0);
            mailbox.generation = 0;
        }
    }

    #[inline(always)]
    fn mailbox(&mut self, actor: ActorId) -> Option<&mut Mailbox> {
        let mailbox = self.mailboxes.get_mut(actor.slot() as usize)?;
        (mailbox.generation == actor.generation()).then_some(mailbox)
    }

    /// Makes a place for a message of `bytes` bytes in a mailbox of this shard, if
    /// there is room. The caller writes it.
    #[inline(always)]
    fn enter(&mut self, to: ActorId, bytes: usize) -> Result<&mut Message, SendError> {
        let mailbox = match self.mailboxes.get_mut(to.slot() as usize) {
            Some(mailbox) if mailbox.generation == to.generation() => mailbox,
            _ => return Err(SendError::NoSuchActor(to)),
        };
        let fits = mailbox.messages < self.bounds.mailbox_messages_max
            && (mailbox.bytes.saturating_add(bytes as u32) <= self.bounds.mailbox_bytes_max
                || mailbox.messages == 0);
        if !fits {
            return Err(SendError::MailboxFull(to));
        }
        if mailbox.up && !mailbox.queued {
            mailbox.queued = true;
            self.run_queue.push_back(to);
        }
        Ok(mailbox.push(&mut self.pool, bytes))
    }

    /// A message has come from another shard, or from outside.
    ///
    /// # Errors
    /// Why there is no place for it; then it is left where it was.
    pub(super) fn arrive(&mut self, message: &mut Message) -> Result<(), SendError> {
        let Some(to) = message.to else { return Err(SendError::Closed) };
        let place = self.enter(to, message.payload.len())?;
        place.take_over(message);
        Ok(())
    }

    /// Accepts a message from an actor of this shard.
    #[inline(always)]
    fn send(&mut self, envelope: Envelope, bytes: usize, payload: impl Parcel) -> Result<(), SendError> {
        let bytes_max = self.bounds.message_bytes_max as usize;
        let refused = if bytes > bytes_max {
            SendError::TooLarge { bytes, bytes_max }
        } else if envelope.to.shard() == self.shard {
            match self.enter(envelope.to, bytes) {
                Ok(place) => {
                    place.address(envelope);
                    payload.put(&mut place.payload);
                    self.accepted += 1;
                    return Ok(());
                }
                Err(error) => error,
            }
        } else {
            match self.take_way(envelope.to) {
                Ok(()) => {
                    self.outlets.send_message(envelope.to.shard(), |place| {
                        place.address(envelope);
                        payload.put(&mut place.payload);
                    });
                    self.accepted += 1;
                    return Ok(());
                }
                Err(error) => error,
            }
        };
        self.refused += 1;
        Err(refused)
    }

    /// Makes room on the way to another shard.
    fn take_way(&mut self, to: ActorId) -> Result<(), SendError> {
        let way = self.on_their_way.get_mut(to.shard().index()).ok_or(SendError::NoSuchActor(to))?;
        if *way >= self.bounds.outbox_messages_max {
            return Err(SendError::OutboxFull(to));
        }
        *way += 1;
        Ok(())
    }

    /// Shows the other shards what is for them. Did anything move?
    pub(super) fn flush(&mut self) -> bool {
        let ways = &mut self.on_their_way;
        self.outlets.flush(|shard, messages| {
            let way = &mut ways[shard.index()];
            debug_assert!(*way as usize >= messages);
            *way = way.saturating_sub(messages as u32);
        })
    }

    /// Takes the oldest message of an actor into the hand.
    #[inline]
    pub(super) fn pop(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return false };
        mailbox.generation == actor.generation() && mailbox.pop(&mut self.pool, hand)
    }

    /// Takes the oldest messages of an actor into the hands, as long as they are
    /// plain. How many?
    pub(super) fn pop_plain(&mut self, actor: ActorId, hands: &mut [Box<Message>]) -> usize {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return 0 };
        if mailbox.generation != actor.generation() {
            return 0;
        }
        let mut taken = 0;
        for hand in hands {
            if !mailbox.peek(&self.pool).is_some_and(Message::is_plain) {
                break;
            }
            mailbox.pop(&mut self.pool, hand);
            taken += 1;
        }
        taken
    }

    /// Puts messages in hand back to where they were, in order.
    pub(super) fn put_back(&mut self, actor: ActorId, hands: &mut [Box<Message>]) {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return };
        debug_assert_eq!(mailbox.generation, actor.generation());
        for hand in hands.iter_mut().rev() {
            mailbox.put_back(&mut self.pool, hand);
        }
    }

    /// An actor comes up, or is up no longer.
    pub(super) fn set_up(&mut self, actor: ActorId, up: bool) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.up = up;
        }
    }

    /// The actor whose turn it is. It counts as queued until
    /// [`rest`](Self::rest).
    pub(super) fn next_ready(&mut self) -> Option<ActorId> {
        self.run_queue.pop_front()
    }

    /// An actor does not run any longer: it is queued again if it has mail.
    pub(super) fn rest(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.queued = false;
        }
        self.make_ready(actor);
    }

    /// Queues an actor that is up and has mail.
    pub(super) fn make_ready(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && mailbox.up
            && !mailbox.queued
            && mailbox.messages > 0
        {
            mailbox.queued = true;
            self.run_queue.push_back(actor);
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.run_queue.is_empty()
    }

    /// How many messages wait in mailboxes and outboxes.
    pub(super) fn resident(&self) -> usize {
        self.pool.in_use() + self.outlets.resident()
    }

    /// How many sends were accepted since this was asked last.
    #[inline(always)]
    pub(super) fn take_accepted(&mut self) -> u64 {
        std::mem::take(&mut self.accepted)
    }

    /// How many sends were refused since this was asked last.
    pub(super) fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }
}

/// A payload on its way into a message.
trait Parcel {
    /// Over an old one.
    fn put(self, over: &mut Payload);
}

impl Parcel for &[u8] {
    #[inline(always)]
    fn put(self, over: &mut Payload) {
        over.assign(self);
    }
}

impl Parcel for Payload {
    fn put(self, over: &mut Payload) {
        *over = self;
    }
}

/// Why a message that has arrived is dead, if its receiver does not take it.
pub(super) fn dead_on_arrival(refusal: &SendError, slot_is_known: bool) -> DeadReason {
    match refusal {
        SendError::NoSuchActor(_) if slot_is_known => DeadReason::StaleGeneration,
        SendError::NoSuchActor(_) => DeadReason::NoSuchActor,
        _ => DeadReason::MailboxFull,
    }
}

/// What a shard shares with its actors while they run.
pub(super) struct Local {
    pub(super) post: RefCell<Post>,
    pub(super) names: RefCell<Replica>,
    clock: Clock,
}

impl Local {
    pub(super) fn new(post: Post, clock: Clock) -> Self {
        Self { post: RefCell::new(post), names: RefCell::default(), clock }
    }
}

/// The view that the actors of a shard have of it.
pub(super) struct ShardView(pub(super) Rc<Local>);

impl View for ShardView {
    fn send_bytes(
        &self,
        to: ActorId,
        from: Option<ActorId>,
        sent_at_ns: u64,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        let envelope = Envelope { to, from, request: None, sent_at_ns, expires_at_ns: 0 };
        self.0.post.borrow_mut().send(envelope, bytes.len(), bytes)
    }

    fn send(&self, envelope: Envelope, payload: Payload) -> Result<(), SendError> {
        self.0.post.borrow_mut().send(envelope, payload.len(), payload)
    }

    fn lookup(&self, name: &str) -> Option<ActorId> {
        self.0.names.borrow().lookup(name)
    }

    fn now_ns(&self) -> u64 {
        self.0.clock.now_ns()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post() -> Post {
        let bounds = Bounds {
            mailbox_messages_max: 3,
            mailbox_bytes_max: 100,
            message_bytes_max: 500,
            outbox_messages_max: 2,
        };
        Post::new(ShardId(0), 2, bounds, crate::shard::mesh::loose_outlets(2))
    }

    fn send(post: &mut Post, to: ActorId, bytes: usize) -> Result<(), SendError> {
        let envelope = Envelope { to, from: None, request: None, sent_at_ns: 0, expires_at_ns: 0 };
        post.send(envelope, bytes, &vec![7; bytes][..])
    }

    #[test]
    fn a_mailbox_is_bounded_in_messages_and_in_bytes() {
        let mut post = post();
        let mut hand = Box::default();
        let actor = ActorId::new(ShardId(0), 4, 2);
        assert_eq!(send(&mut post, actor, 1), Err(SendError::NoSuchActor(actor)));
        post.open(actor);
        for _ in 0..3 {
            assert_eq!(send(&mut post, actor, 10), Ok(()));
        }
        assert_eq!(send(&mut post, actor, 10), Err(SendError::MailboxFull(actor)));
        assert!(post.pop(actor, &mut hand));
        assert_eq!(send(&mut post, actor, 81), Err(SendError::MailboxFull(actor)), "20 + 81 bytes");
        assert_eq!(send(&mut post, actor, 80), Ok(()));
        for bytes in [10, 10, 80] {
            assert!(post.pop(actor, &mut hand));
            assert_eq!(hand.payload.as_slice(), vec![7; bytes]);
        }
        assert!(!post.pop(actor, &mut hand));
        assert_eq!(send(&mut post, actor, 400), Ok(()), "a large one, alone");
        assert_eq!((post.take_accepted(), post.take_refused()), (5, 3));
        assert!(post.pop(actor, &mut hand));
        post.close(actor);
        assert_eq!(send(&mut post, actor, 1), Err(SendError::NoSuchActor(actor)));
    }

    #[test]
    fn a_successor_starts_empty_and_its_predecessor_is_stale() {
        let mut post = post();
        let first = ActorId::new(ShardId(0), 0, 1);
        let second = ActorId::new(ShardId(0), 0, 2);
        post.open(first);
        send(&mut post, first, 1).unwrap();
        assert!(post.pop(first, &mut Box::default()));
        post.close(first);
        post.open(second);
        assert_eq!(send(&mut post, first, 1), Err(SendError::NoSuchActor(first)));
        for _ in 0..3 {
            assert_eq!(send(&mut post, second, 1), Ok(()));
        }
    }

    #[test]
    fn the_way_to_another_shard_is_bounded_until_messages_have_crossed() {
        let mut post = post();
        let far = ActorId::new(ShardId(1), 0, 1);
        assert_eq!(send(&mut post, far, 1), Ok(()));
        assert_eq!(send(&mut post, far, 1), Ok(()));
        assert_eq!(send(&mut post, far, 1), Err(SendError::OutboxFull(far)));
        assert!(post.flush());
        assert_eq!(send(&mut post, far, 1), Ok(()));
        let nowhere = ActorId::new(ShardId(7), 0, 1);
        assert_eq!(send(&mut post, nowhere, 1), Err(SendError::NoSuchActor(nowhere)));
        assert!(matches!(send(&mut post, far, 501), Err(SendError::TooLarge { .. })));
    }

    #[test]
    fn only_plain_messages_are_taken_together_and_can_be_put_back() {
        let mut post = post();
        let actor = ActorId::new(ShardId(0), 0, 1);
        post.open(actor);
        let envelope = Envelope { to: actor, from: None, request: None, sent_at_ns: 0, expires_at_ns: 0 };
        for (number, expires_at_ns) in [(1, 0), (2, 0), (3, 9)] {
            post.send(Envelope { expires_at_ns, ..envelope }, 1, &[number][..]).unwrap();
        }
        let mut hands: Vec<Box<Message>> = (0..5).map(|_| Box::default()).collect();
        assert_eq!(post.pop_plain(actor, &mut hands), 2);
        post.put_back(actor, &mut hands[..2]);
        let numbers: Vec<u8> =
            std::iter::from_fn(|| post.pop(actor, &mut hands[0]).then(|| hands[0].payload[0])).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
