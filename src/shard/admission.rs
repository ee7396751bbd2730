//! Who may still be sent to: the room in mailboxes and outboxes.
//!
//! An actor learns at once whether its message is accepted, though the message
//! leaves only after the actor has returned. So room is taken when the message is
//! admitted and given back when it is taken out of the mailbox (or, on its way to
//! another shard, when it is in the ring).

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::actor::{ActorId, DeadReason, SendError, ShardId, View};
use crate::control::registry::Replica;
use crate::metrics::Clock;

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

/// The room in one mailbox. Generation 0 is nobody's.
#[derive(Clone, Copy, Default)]
struct Room {
    generation: u32,
    messages: u32,
    bytes: u32,
}

/// What a shard shows to its actors while they run, and the book of who has room.
pub(super) struct Admission {
    shard: ShardId,
    bounds: Bounds,
    rooms: RefCell<Vec<Room>>,
    /// Messages for each shard that are admitted and not yet in a ring.
    on_their_way: Vec<Cell<u32>>,
    refused: Cell<u64>,
    pub(super) names: RefCell<Replica>,
    pub(super) clock: Clock,
}

impl Admission {
    pub(super) fn new(shard: ShardId, shards: usize, bounds: Bounds, clock: Clock) -> Self {
        Self {
            shard,
            bounds,
            rooms: RefCell::default(),
            on_their_way: vec![Cell::new(0); shards],
            refused: Cell::new(0),
            names: RefCell::default(),
            clock,
        }
    }

    /// An actor moves in.
    pub(super) fn open(&self, actor: ActorId) {
        let mut rooms = self.rooms.borrow_mut();
        let slot = actor.slot() as usize;
        if rooms.len() <= slot {
            rooms.resize(slot + 1, Room::default());
        }
        rooms[slot] = Room { generation: actor.generation(), ..Room::default() };
    }

    /// An actor is gone for good.
    pub(super) fn close(&self, actor: ActorId) {
        if let Some(room) = self.rooms.borrow_mut().get_mut(actor.slot() as usize)
            && room.generation == actor.generation()
        {
            room.generation = 0;
        }
    }

    /// Makes room in a mailbox of this shard.
    pub(super) fn enter(&self, to: ActorId, bytes: usize) -> Result<(), SendError> {
        let mut rooms = self.rooms.borrow_mut();
        let room = match rooms.get_mut(to.slot() as usize) {
            Some(room) if room.generation == to.generation() => room,
            _ => return Err(SendError::NoSuchActor(to)),
        };
        let bytes = bytes as u32;
        let fits = room.messages < self.bounds.mailbox_messages_max
            && (room.bytes.saturating_add(bytes) <= self.bounds.mailbox_bytes_max || room.messages == 0);
        if !fits {
            return Err(SendError::MailboxFull(to));
        }
        room.messages += 1;
        room.bytes = room.bytes.saturating_add(bytes);
        Ok(())
    }

    /// A message has left the mailbox of the actor in this slot.
    pub(super) fn leave(&self, slot: u32, bytes: usize) {
        let room = &mut self.rooms.borrow_mut()[slot as usize];
        debug_assert!(room.messages > 0);
        room.messages = room.messages.saturating_sub(1);
        room.bytes = room.bytes.saturating_sub(bytes as u32);
    }

    /// So many messages for that shard are in its ring now.
    pub(super) fn crossed(&self, to: ShardId, messages: usize) {
        let way = &self.on_their_way[to.index()];
        debug_assert!(way.get() as usize >= messages);
        way.set(way.get().saturating_sub(messages as u32));
    }

    /// How many sends were refused since this was asked last.
    pub(super) fn take_refused(&self) -> u64 {
        self.refused.take()
    }

    fn admit_anywhere(&self, to: ActorId, bytes: usize) -> Result<(), SendError> {
        let bytes_max = self.bounds.message_bytes_max as usize;
        if bytes > bytes_max {
            return Err(SendError::TooLarge { bytes, bytes_max });
        }
        if to.shard() == self.shard {
            return self.enter(to, bytes);
        }
        let way = self.on_their_way.get(to.shard().index()).ok_or(SendError::NoSuchActor(to))?;
        if way.get() >= self.bounds.outbox_messages_max {
            return Err(SendError::OutboxFull(to));
        }
        way.set(way.get() + 1);
        Ok(())
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

/// The view that the actors of a shard have of it.
pub(super) struct ShardView(pub(super) Rc<Admission>);

impl View for ShardView {
    fn admit(&self, to: ActorId, bytes: usize) -> Result<(), SendError> {
        let admitted = self.0.admit_anywhere(to, bytes);
        if admitted.is_err() {
            self.0.refused.set(self.0.refused.get() + 1);
        }
        admitted
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

    fn admission() -> Admission {
        let bounds = Bounds {
            mailbox_messages_max: 3,
            mailbox_bytes_max: 100,
            message_bytes_max: 500,
            outbox_messages_max: 2,
        };
        Admission::new(ShardId(0), 2, bounds, Clock::start())
    }

    #[test]
    fn a_mailbox_is_bounded_in_messages_and_in_bytes() {
        let admission = admission();
        let actor = ActorId::new(ShardId(0), 4, 2);
        assert_eq!(admission.enter(actor, 1), Err(SendError::NoSuchActor(actor)));
        admission.open(actor);
        for _ in 0..3 {
            assert_eq!(admission.enter(actor, 10), Ok(()));
        }
        assert_eq!(admission.enter(actor, 10), Err(SendError::MailboxFull(actor)));
        admission.leave(4, 10);
        assert_eq!(admission.enter(actor, 81), Err(SendError::MailboxFull(actor)), "20 + 81 bytes");
        assert_eq!(admission.enter(actor, 80), Ok(()));
        for bytes in [10, 10, 80] {
            admission.leave(4, bytes);
        }
        assert_eq!(admission.enter(actor, 400), Ok(()), "a large one, alone");
        admission.close(actor);
        assert_eq!(admission.enter(actor, 1), Err(SendError::NoSuchActor(actor)));
    }

    #[test]
    fn a_successor_starts_empty_and_its_predecessor_is_stale() {
        let admission = admission();
        let first = ActorId::new(ShardId(0), 0, 1);
        let second = ActorId::new(ShardId(0), 0, 2);
        admission.open(first);
        admission.enter(first, 1).unwrap();
        admission.close(first);
        admission.open(second);
        assert_eq!(admission.enter(first, 1), Err(SendError::NoSuchActor(first)));
        for _ in 0..3 {
            assert_eq!(admission.enter(second, 1), Ok(()));
        }
    }

    #[test]
    fn the_way_to_another_shard_is_bounded_until_messages_have_crossed() {
        let admission = admission();
        let far = ActorId::new(ShardId(1), 0, 1);
        assert_eq!(admission.admit_anywhere(far, 1), Ok(()));
        assert_eq!(admission.admit_anywhere(far, 1), Ok(()));
        assert_eq!(admission.admit_anywhere(far, 1), Err(SendError::OutboxFull(far)));
        admission.crossed(ShardId(1), 1);
        assert_eq!(admission.admit_anywhere(far, 1), Ok(()));
        let nowhere = ActorId::new(ShardId(7), 0, 1);
        assert_eq!(admission.admit_anywhere(nowhere, 1), Err(SendError::NoSuchActor(nowhere)));
        assert!(matches!(admission.admit_anywhere(far, 501), Err(SendError::TooLarge { .. })));
    }
}
