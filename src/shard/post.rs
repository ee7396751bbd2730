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

mod parcel;
mod taking;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::actor::{ActorId, Attached, DeadReason, Envelope, Message, Payload, SendError, ShardId};
use crate::sync::Rooms;

use parcel::Parcel;

use super::edge::Edge;
use super::mailbox::{Mailbox, MailboxSpec, Pool};
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
    /// Who runs next, before the queue: the first that was woken by one out of the queue.
    run_next: Option<ActorId>,
    /// Is one out of the queue running, which has woken nobody yet?
    can_wake_next: bool,
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
            run_next: None,
            can_wake_next: false,
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
        let wakes = mailbox.wakes();
        mailbox.push_frame(&mut self.pool, to, from, payload);
        if wakes {
            self.queue(to);
        }
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
        if framed > 0 && mailbox.wakes() {
            self.queue(to);
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
        if mailbox.messages >= mailbox.pressure_at {
            // Also if this one is refused: the next ones wait.
            self.press(from, to);
        }
        if fits { Ok(self.push(to, bytes)) } else { self.make_room(to, bytes) }
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
        if self.mailboxes[to.slot() as usize].wakes() {
            self.queue(to);
        }
        self.mailboxes[to.slot() as usize].push(&mut self.pool, bytes)
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

/// Why a message that has arrived is dead, if its receiver does not take it.
pub(super) fn dead_on_arrival(refusal: &SendError, slot_is_known: bool) -> DeadReason {
    match refusal {
        SendError::NoSuchActor(_) if slot_is_known => DeadReason::StaleGeneration,
        SendError::NoSuchActor(_) => DeadReason::NoSuchActor,
        _ => DeadReason::MailboxFull,
    }
}

#[cfg(test)]
mod tests;
