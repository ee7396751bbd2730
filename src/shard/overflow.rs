//! Messages for which there is no room, and those that nobody takes back if there
//! is none.

use std::sync::Arc;

use crate::actor::{ActorId, Attached, DeadReason, Envelope, Message, Payload, SendError, ShardId};

use super::mailbox::Overflow;
use super::post::{Post, dead_on_arrival};

impl Post {
    /// A place for a message in a mailbox without room, as its receiver wants it: in
    /// the mailbox, or among what is lost.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, to: ActorId, bytes: usize) -> Result<&mut Message, SendError> {
        self.show_full(to);
        let mailbox = &mut self.mailboxes[to.slot() as usize];
        let bytes_max = mailbox.bytes_max;
        match mailbox.overflow {
            Overflow::Reject | Overflow::Backpressure => Err(SendError::MailboxFull(to)),
            Overflow::DropNewest => {
                self.lost.push((Message::default(), DeadReason::MailboxFull));
                let (message, _) = self.lost.last_mut().expect("it was just put there");
                Ok(message)
            }
            Overflow::DropOldest => {
                let mut hand = Box::default();
                while mailbox.messages >= mailbox.messages_max
                    || mailbox.bytes.saturating_add(bytes as u32) > bytes_max
                {
                    if !mailbox.pop(&mut self.pool, to, &mut hand) {
                        break;
                    }
                    self.lost.push((std::mem::take(&mut *hand), DeadReason::MailboxFull));
                }
                Ok(self.push(to, bytes))
            }
        }
    }

    /// Accepts a message that its sender cannot take back: without room it is dead.
    ///
    /// # Errors
    /// Why it is.
    pub(super) fn send_or_lose(&mut self, envelope: Envelope, payload: Payload) -> Result<(), DeadReason> {
        let Err(refusal) = self.offer(envelope, &payload) else { return Ok(()) };
        self.accepted += 1;
        let reason = dead_on_arrival(&refusal, false);
        self.lost.push((envelope.with(payload), reason));
        Err(reason)
    }

    /// Copies of a message, which count as accepted: those without room are dead.
    pub(super) fn put_copies(&mut self, here: &[ActorId], of: &Message, attached: Option<&Arc<Attached>>) {
        let bytes = of.payload.len();
        for &to in here {
            let expires_at_ns = self.expiry(to, of.expires_at_ns);
            match self.enter(to, of.from, 0, bytes) {
                Ok(place) => {
                    let Message { from, sent_at_ns, .. } = *of;
                    place.address(Envelope { to, from, request: None, sent_at_ns, expires_at_ns });
                    place.payload.share(&of.payload);
                    if let Some(attached) = attached {
                        place.attached = Some(attached.clone());
                    }
                }
                Err(refusal) => self.lose_copy(to, of, attached, &refusal),
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn lose_copy(&mut self, to: ActorId, of: &Message, attached: Option<&Arc<Attached>>, why: &SendError) {
        let message = Message { to: Some(to), attached: attached.cloned(), ..of.clone() };
        self.lost.push((message, dead_on_arrival(why, true)));
    }

    /// Sends one message to another shard, for actors there that this one does not
    /// know. Without room all their copies are one dead letter.
    pub(super) fn send_to_shard(&mut self, shard: ShardId, message: Message) {
        let way = &mut self.on_their_way[shard.index()];
        if *way >= self.bounds.outbox_messages_max {
            return self.lost.push((message, DeadReason::MailboxFull));
        }
        *way += 1;
        self.outlets.send_message(shard, |place| *place = message);
    }

    /// May a message of so many bytes be sent to such an address at all?
    ///
    /// # Errors
    /// Why not.
    pub(super) fn may_carry(&self, to: ActorId, bytes: usize) -> Result<(), SendError> {
        self.may_be_long(bytes)?;
        if to.shard().index() >= self.on_their_way.len() {
            return Err(SendError::NoSuchActor(to));
        }
        Ok(())
    }

    /// May a message have so many bytes?
    ///
    /// # Errors
    /// [`SendError::TooLarge`].
    pub(super) fn may_be_long(&self, bytes: usize) -> Result<(), SendError> {
        let bytes_max = self.bounds.message_bytes_max as usize;
        if bytes > bytes_max { Err(SendError::TooLarge { bytes, bytes_max }) } else { Ok(()) }
    }

    /// What was lost since this was asked last.
    pub(super) fn take_lost(&mut self) -> Vec<(Message, DeadReason)> {
        std::mem::take(&mut self.lost)
    }

    pub(super) fn has_lost(&self) -> bool {
        !self.lost.is_empty()
    }
}
