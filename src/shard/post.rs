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

use std::collections::VecDeque;
use std::sync::Arc;

use crate::actor::{ActorId, Attached, DeadReason, Envelope, Frames, Message, Payload, SendError, ShardId};
use crate::sync::Rooms;

use super::edge::Edge;
use super::mailbox::{Hold, Mailbox, MailboxSpec, Pool};
use super::mesh::{Outlets, REQUEST_SLOTS};
use super::pressure::Pressure;

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
    pub(super) bounds: Bounds,
    /// By the slot of the actor.
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) pool: Pool,
    run_queue: VecDeque<ActorId>,
    pub(super) outlets: Outlets,
    /// Messages for each shard that are accepted and not yet in a ring.
    pub(super) on_their_way: Vec<u32>,
    /// Gone to other shards since this was asked last.
    crossed: u64,
    /// Accepted since this was asked last.
    pub(super) accepted: u64,
    /// Refused since this was asked last.
    refused: u64,
    /// Accepted, and lost at once, until they are buried.
    pub(super) lost: Vec<(Message, DeadReason)>,
    pub(super) pressure: Pressure,
    pub(super) edge: Edge,
    /// When the turn began, in ns on the runtime's clock.
    pub(super) now_ns: u64,
    /// Has any mailbox been opened in which messages may not wait for ever?
    has_time_to_live: bool,
}

impl Post {
    pub(super) fn new(
        shard: ShardId,
        shards: usize,
        bounds: Bounds,
        outlets: Outlets,
        rooms: Arc<Rooms>,
    ) -> Self {
        Self {
            shard,
            bounds,
            mailboxes: Vec::new(),
            pool: Pool::new(),
            run_queue: VecDeque::new(),
            outlets,
            on_their_way: vec![0; shards],
            crossed: 0,
            accepted: 0,
            refused: 0,
            lost: Vec::new(),
            edge: Edge::new(rooms),
            pressure: Pressure::default(),
            now_ns: 0,
            has_time_to_live: false,
        }
    }

    /// An actor moves in.
    pub(super) fn open(&mut self, actor: ActorId, spec: MailboxSpec) {
        let slot = actor.slot() as usize;
        if self.mailboxes.len() <= slot {
            self.mailboxes.resize(slot + 1, Mailbox::nobodys());
        }
        self.mailboxes[slot] = Mailbox::new(actor.generation(), spec, &self.bounds);
        self.has_time_to_live |= spec.time_to_live_ns.is_some();
    }

    /// An actor is gone for good, and its mailbox is empty.
    pub(super) fn close(&mut self, actor: ActorId) {
        self.relieve(actor);
        self.forget_sender(actor);
        self.show_free(actor);
        if let Some(mailbox) = self.mailbox(actor) {
            debug_assert_eq!(mailbox.messages, 0);
            mailbox.generation = 0;
        }
    }

    pub(super) fn shard(&self) -> ShardId {
        self.shard
    }

    #[inline(always)]
    pub(super) fn mailbox(&mut self, actor: ActorId) -> Option<&mut Mailbox> {
        let mailbox = self.mailboxes.get_mut(actor.slot() as usize)?;
        (mailbox.generation == actor.generation()).then_some(mailbox)
    }

    /// Puts a message that is nothing but its sender and these bytes into a mailbox of
    /// this shard, if its actor takes such as they are, and there is room of which
    /// nobody need be told. Else nothing has happened.
    #[inline(always)]
    fn frame(&mut self, to: ActorId, from: Option<ActorId>, extra: u32, payload: &[u8]) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(to.slot() as usize) else { return false };
        if mailbox.generation != to.generation() || !mailbox.takes_frame(extra, payload.len()) {
            return false;
        }
        if mailbox.is_ready() && !mailbox.queued {
            mailbox.queued = true;
            self.run_queue.push_back(to);
        }
        mailbox.push_frame(&mut self.pool, to, from, payload);
        true
    }

    /// As [`frame`](Self::frame), with many, up to the first for which it is false. For
    /// how many was it not?
    fn frame_many(&mut self, to: ActorId, from: Option<ActorId>, payloads: &[&[u8]]) -> usize {
        let Some(mailbox) = self.mailboxes.get_mut(to.slot() as usize) else { return 0 };
        if to.shard() != self.shard || mailbox.generation != to.generation() {
            return 0;
        }
        let framed = mailbox.push_frames(&mut self.pool, to, from, payloads);
        if framed > 0 && mailbox.is_ready() && !mailbox.queued {
            mailbox.queued = true;
            self.run_queue.push_back(to);
        }
        framed
    }

    /// Makes a place for a message of `bytes` bytes in a mailbox of this shard, if
    /// there is room. The caller writes it. `extra` is how many more messages may be
    /// in it than its bound.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        to: ActorId,
        from: Option<ActorId>,
        extra: u32,
        bytes: usize,
    ) -> Result<&mut Message, SendError> {
        let mailbox = match self.mailboxes.get_mut(to.slot() as usize) {
            Some(mailbox) if mailbox.generation == to.generation() => mailbox,
            _ => return Err(SendError::NoSuchActor(to)),
        };
        let fits = mailbox.messages < mailbox.messages_max.saturating_add(extra)
            && (mailbox.bytes.saturating_add(bytes as u32) <= mailbox.bytes_max || mailbox.messages == 0);
        if !fits {
            return self.make_room(to, bytes);
        }
        if mailbox.messages >= mailbox.pressure_at {
            self.press(from, to);
        }
        Ok(self.push(to, bytes))
    }

    /// When a message that enters a mailbox now is no longer worth handling, if it was
    /// sent to be handled until `expires_at_ns` (0 is for ever).
    #[inline(always)]
    pub(super) fn expiry(&self, to: ActorId, expires_at_ns: u64) -> u64 {
        if self.has_time_to_live { self.expiry_in_mailbox(to, expires_at_ns) } else { expires_at_ns }
    }

    #[cold]
    fn expiry_in_mailbox(&self, to: ActorId, expires_at_ns: u64) -> u64 {
        let mailbox = self.mailboxes.get(to.slot() as usize);
        let Some(time_to_live_ns) = mailbox.and_then(|mailbox| mailbox.time_to_live_ns) else {
            return expires_at_ns;
        };
        let own_ns = self.now_ns.saturating_add(time_to_live_ns.get());
        if expires_at_ns == 0 { own_ns } else { own_ns.min(expires_at_ns) }
    }

    #[inline(always)]
    pub(super) fn push(&mut self, to: ActorId, bytes: usize) -> &mut Message {
        let mailbox = &mut self.mailboxes[to.slot() as usize];
        if mailbox.is_ready() && !mailbox.queued {
            mailbox.queued = true;
            self.run_queue.push_back(to);
        }
        mailbox.push(&mut self.pool, bytes)
    }

    /// A message has come from another shard, or from outside: then there may be
    /// `extra` more than the bound. A receiver that presses has room for all that was
    /// under way before the senders' shards knew.
    ///
    /// # Errors
    /// Why there is no place for it; then it is left where it was.
    pub(super) fn arrive(&mut self, message: &mut Message, extra: u32) -> Result<(), SendError> {
        let Some(to) = message.to else { return Err(SendError::Closed) };
        let wants_backpressure =
            self.mailboxes.get(to.slot() as usize).is_some_and(|mailbox| mailbox.pressure_at != u32::MAX);
        let extra = if wants_backpressure { extra.max(self.under_way_max()) } else { extra };
        if message.is_bare() && self.frame(to, message.from, extra, &message.payload) {
            message.release_heap();
        } else {
            let expires_at_ns = self.expiry(to, message.expires_at_ns);
            let place = self.enter(to, message.from, extra, message.payload.len())?;
            place.take_over(message);
            place.expires_at_ns = expires_at_ns;
        }
        self.show_if_full(to);
        Ok(())
    }

    /// The most messages that are on their way here from other shards.
    fn under_way_max(&self) -> u32 {
        let from_one = self.bounds.outbox_messages_max.saturating_add(REQUEST_SLOTS as u32);
        from_one.saturating_mul(self.on_their_way.len() as u32 - 1)
    }

    /// Accepts a message from an actor of this shard.
    #[inline(always)]
    fn send(&mut self, envelope: Envelope, bytes: usize, parcel: impl Parcel) -> Result<(), SendError> {
        match self.place(envelope, bytes, parcel) {
            Ok(()) => {
                self.accepted += 1;
                Ok(())
            }
            Err(refused) => {
                self.refused += 1;
                Err(refused)
            }
        }
    }

    #[inline(always)]
    fn place(&mut self, envelope: Envelope, bytes: usize, parcel: impl Parcel) -> Result<(), SendError> {
        let bytes_max = self.bounds.message_bytes_max as usize;
        if bytes > bytes_max {
            return Err(SendError::TooLarge { bytes, bytes_max });
        }
        if envelope.to.shard() == self.shard {
            if envelope.is_bare()
                && let Some(payload) = parcel.bare()
                && self.frame(envelope.to, envelope.from, 0, payload)
            {
                return Ok(());
            }
            let expires_at_ns = self.expiry(envelope.to, envelope.expires_at_ns);
            let place = self.enter(envelope.to, envelope.from, 0, bytes)?;
            place.address(Envelope { expires_at_ns, ..envelope });
            parcel.put(place);
            return Ok(());
        }
        self.take_way(envelope.to)?;
        self.outlets.send_message(envelope.to.shard(), |place| {
            place.address(envelope);
            parcel.put(place);
        });
        self.pause_for_far(envelope.from, envelope.to);
        Ok(())
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

    #[inline(always)]
    pub(super) fn send_bytes(&mut self, envelope: Envelope, bytes: &[u8]) -> Result<(), SendError> {
        self.send(envelope, bytes.len(), bytes)
    }

    /// Accepts messages from an actor of this shard, up to the first one that is
    /// refused. How many, and why that one?
    pub(super) fn send_many(
        &mut self,
        envelope: Envelope,
        payloads: &[&[u8]],
    ) -> (usize, Result<(), SendError>) {
        // If one of them is too long to be taken, each is looked at by itself.
        let is_long = |payload: &&[u8]| payload.len() > self.bounds.message_bytes_max as usize;
        let framed = match envelope.is_bare() && !payloads.iter().any(is_long) {
            true => self.frame_many(envelope.to, envelope.from, payloads),
            false => 0,
        };
        self.accepted += framed as u64;
        for (sent, payload) in payloads.iter().enumerate().skip(framed) {
            if let Err(refused) = self.send_bytes(envelope, payload) {
                return (sent, Err(refused));
            }
        }
        (payloads.len(), Ok(()))
    }

    pub(super) fn send_payload(&mut self, envelope: Envelope, payload: Payload) -> Result<(), SendError> {
        self.send(envelope, payload.len(), (payload, None))
    }

    pub(super) fn send_attached(
        &mut self,
        envelope: Envelope,
        payload: Payload,
        attached: Option<Arc<Attached>>,
    ) -> Result<(), SendError> {
        self.send(envelope, payload.len(), (payload, attached))
    }

    /// Offers a message that is not refused for good if there is no room: its
    /// sender has somebody else to send it to.
    pub(super) fn offer(&mut self, envelope: Envelope, payload: &Payload) -> Result<(), SendError> {
        self.place(envelope, payload.len(), payload)?;
        self.accepted += 1;
        Ok(())
    }

    /// Counts a refusal that [`offer`](Self::offer) did not.
    pub(super) fn count_refused(&mut self) {
        self.refused += 1;
    }

    /// Counts copies that were made of a message which counts as accepted already.
    pub(super) fn count_copies(&mut self, copies: u64) {
        self.accepted += copies;
    }

    /// Shows the other shards what is for them. Did anything move?
    pub(super) fn flush(&mut self) -> bool {
        let (ways, crossed) = (&mut self.on_their_way, &mut self.crossed);
        self.outlets.flush(|shard, messages| {
            let way = &mut ways[shard.index()];
            debug_assert!(*way as usize >= messages);
            *way = way.saturating_sub(messages as u32);
            *crossed += messages as u64;
        })
    }

    /// How many messages have gone to other shards since this was asked last.
    pub(super) fn take_crossed(&mut self) -> u64 {
        std::mem::take(&mut self.crossed)
    }

    /// Takes the oldest message of an actor into the hand.
    #[inline]
    pub(super) fn pop(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return false };
        let taken = mailbox.generation == actor.generation() && mailbox.pop(&mut self.pool, actor, hand);
        if mailbox.is_watched() {
            self.ease(actor);
        }
        taken
    }

    /// Somebody waits until there is room in this mailbox: is there?
    #[cold]
    fn ease(&mut self, actor: ActorId) {
        let Some(mailbox) = self.mailbox(actor) else { return };
        if mailbox.is_pressing && mailbox.messages <= mailbox.pressure_at / 2 {
            self.relieve(actor);
        }
        self.show_if_free(actor);
    }

    /// How many messages wait for an actor.
    pub(super) fn waiting(&self, actor: ActorId) -> usize {
        self.mailboxes.get(actor.slot() as usize).map_or(0, |mailbox| mailbox.messages as usize)
    }

    /// As [`pop`](Self::pop), for an actor that may handle it now.
    #[inline]
    pub(super) fn pop_ready(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        self.mailboxes.get(actor.slot() as usize).is_some_and(Mailbox::is_ready) && self.pop(actor, hand)
    }

    /// Takes the oldest messages of an actor into the hands, as long as they are
    /// plain. How many?
    pub(super) fn pop_plain(&mut self, actor: ActorId, hands: &mut [Box<Message>]) -> usize {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return 0 };
        if mailbox.generation != actor.generation() || !mailbox.is_ready() {
            return 0;
        }
        let mut taken = 0;
        for hand in hands {
            if !mailbox.peek(&self.pool).is_some_and(|message| message.is_plain(self.now_ns)) {
                break;
            }
            mailbox.pop(&mut self.pool, actor, hand);
            taken += 1;
        }
        if mailbox.is_watched() {
            self.ease(actor);
        }
        taken
    }

    /// Takes the oldest messages of an actor into the hand, if they are more than one
    /// and wait as frames.
    pub(super) fn take_run(&mut self, actor: ActorId, hand: &mut Frames) -> bool {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return false };
        let taken = mailbox.generation == actor.generation()
            && mailbox.is_ready()
            && mailbox.take_run(&mut self.pool, hand);
        if mailbox.is_watched() {
            self.ease(actor);
        }
        taken
    }

    /// Puts what is left of them back to where it was.
    pub(super) fn put_back_run(&mut self, actor: ActorId, hand: &mut Frames) {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return };
        debug_assert_eq!(mailbox.generation, actor.generation());
        mailbox.put_back_run(&mut self.pool, hand);
    }

    /// An actor takes so many messages at once as frames; 0 is none.
    pub(super) fn set_frames_max(&mut self, actor: ActorId, messages_max: u32) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.set_frames_max(messages_max);
        }
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
        if up { self.release(actor, Hold::Down) } else { self.hold(actor, Hold::Down) }
    }

    /// An actor takes no messages for a while.
    pub(super) fn hold(&mut self, actor: ActorId, hold: Hold) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.hold(hold);
        }
    }

    /// It takes them again, if nothing else holds it.
    pub(super) fn release(&mut self, actor: ActorId, hold: Hold) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.release(hold);
        }
    }

    /// The actor whose turn it is. It counts as queued until
    /// [`rest`](Self::rest).
    pub(super) fn next_ready(&mut self) -> Option<ActorId> {
        self.run_queue.pop_front()
    }

    /// An actor does not run any longer, and is not queued either.
    pub(super) fn rest_without_mail(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.queued = false;
        }
    }

    /// An actor does not run any longer: it is queued again if it has mail.
    pub(super) fn rest(&mut self, actor: ActorId) {
        self.rest_without_mail(actor);
        self.make_ready(actor);
    }

    /// Queues an actor that is up and has mail.
    pub(super) fn make_ready(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && mailbox.is_ready()
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

    /// How many messages wait in mailboxes, in outboxes, or for their burial.
    pub(super) fn resident(&self) -> usize {
        self.pool.in_use() + self.outlets.resident() + self.lost.len()
    }

    /// How many sends were accepted since this was asked last.
    #[inline(always)]
    pub(super) fn take_accepted(&mut self) -> u64 {
        std::mem::take(&mut self.accepted)
    }

    /// How many sends were accepted and not asked for yet.
    pub(super) fn uncounted(&mut self) -> u64 {
        self.accepted
    }

    /// How many sends were refused since this was asked last.
    pub(super) fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }
}

/// What is put into a message.
trait Parcel: Sized {
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

/// Why a message that has arrived is dead, if its receiver does not take it.
pub(super) fn dead_on_arrival(refusal: &SendError, slot_is_known: bool) -> DeadReason {
    match refusal {
        SendError::NoSuchActor(_) if slot_is_known => DeadReason::StaleGeneration,
        SendError::NoSuchActor(_) => DeadReason::NoSuchActor,
        _ => DeadReason::MailboxFull,
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
        Post::new(ShardId(0), 2, bounds, crate::shard::mesh::loose_outlets(2), Arc::new(Rooms::new(100)))
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
        post.open(actor, MailboxSpec::default());
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
        post.open(first, MailboxSpec::default());
        send(&mut post, first, 1).unwrap();
        assert!(post.pop(first, &mut Box::default()));
        post.close(first);
        post.open(second, MailboxSpec::default());
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
    fn what_has_not_expired_is_taken_together_and_can_be_put_back() {
        let mut post = post();
        let actor = ActorId::new(ShardId(0), 0, 1);
        post.open(actor, MailboxSpec::default());
        post.set_up(actor, true);
        let envelope = Envelope { to: actor, from: None, request: None, sent_at_ns: 0, expires_at_ns: 0 };
        for (number, expires_at_ns) in [(1, 0), (2, 0), (3, 9)] {
            post.send(Envelope { expires_at_ns, ..envelope }, 1, &[number][..]).unwrap();
        }
        let mut hands: Vec<Box<Message>> = (0..5).map(|_| Box::default()).collect();
        post.now_ns = 8;
        assert_eq!(post.pop_plain(actor, &mut hands), 3);
        post.put_back(actor, &mut hands[..3]);
        post.now_ns = 9;
        assert_eq!(post.pop_plain(actor, &mut hands), 2);
        post.put_back(actor, &mut hands[..2]);
        let numbers: Vec<u8> =
            std::iter::from_fn(|| post.pop(actor, &mut hands[0]).then(|| hands[0].payload[0])).collect();
        assert_eq!(numbers, [1, 2, 3]);
    }
}
