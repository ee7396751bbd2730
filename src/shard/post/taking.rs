//! Messages out of mailboxes, and whose turn it is.

use super::Post;
use crate::actor::{ActorId, Frames, Message};
use crate::shard::mailbox::{Hold, Mailbox};

impl Post {
    /// Takes the oldest message of an actor into the hand.
    #[inline]
    pub(in crate::shard) fn pop(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
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
    pub(in crate::shard) fn waiting(&self, actor: ActorId) -> usize {
        self.mailboxes.get(actor.slot() as usize).map_or(0, |mailbox| mailbox.messages as usize)
    }

    /// As [`pop`](Self::pop), for an actor that may handle it now.
    #[inline]
    pub(in crate::shard) fn pop_ready(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        self.mailboxes.get(actor.slot() as usize).is_some_and(Mailbox::is_ready) && self.pop(actor, hand)
    }

    /// Takes the oldest messages of an actor into the hands, as long as they are
    /// plain. How many?
    pub(in crate::shard) fn pop_plain(&mut self, actor: ActorId, hands: &mut [Box<Message>]) -> usize {
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
    pub(in crate::shard) fn take_run(&mut self, actor: ActorId, hand: &mut Frames) -> bool {
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
    pub(in crate::shard) fn put_back_run(&mut self, actor: ActorId, hand: &mut Frames) {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return };
        debug_assert_eq!(mailbox.generation, actor.generation());
        mailbox.put_back_run(&mut self.pool, hand);
    }

    /// An actor takes so many messages at once as frames; 0 is none.
    pub(in crate::shard) fn set_frames_max(&mut self, actor: ActorId, messages_max: u32) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.set_frames_max(messages_max);
        }
    }

    /// Puts messages in hand back to where they were, in order.
    pub(in crate::shard) fn put_back(&mut self, actor: ActorId, hands: &mut [Box<Message>]) {
        let Some(mailbox) = self.mailboxes.get_mut(actor.slot() as usize) else { return };
        debug_assert_eq!(mailbox.generation, actor.generation());
        for hand in hands.iter_mut().rev() {
            mailbox.put_back(&mut self.pool, hand);
        }
    }

    /// An actor comes up, or is up no longer.
    pub(in crate::shard) fn set_up(&mut self, actor: ActorId, up: bool) {
        if up { self.release(actor, Hold::Down) } else { self.hold(actor, Hold::Down) }
    }

    /// An actor takes no messages for a while.
    pub(in crate::shard) fn hold(&mut self, actor: ActorId, hold: Hold) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.hold(hold);
        }
    }

    /// It takes them again, if nothing else holds it.
    pub(in crate::shard) fn release(&mut self, actor: ActorId, hold: Hold) {
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.release(hold);
        }
    }

    /// The actor whose turn it is. It counts as queued until
    /// [`rest`](Self::rest).
    ///
    /// Whom it wakes first has the turn after it, while what it was sent is in the
    /// caches; and does not pass that on, so that nobody waits in the queue for ever.
    pub(in crate::shard) fn next_ready(&mut self) -> Option<ActorId> {
        if let Some(next) = self.run_next.take() {
            self.can_wake_next = false;
            return Some(next);
        }
        let first = self.run_queue.pop_front();
        self.can_wake_next = first.is_some();
        first
    }

    /// Puts an actor that has been woken where it waits for its turn.
    #[inline]
    pub(super) fn queue(&mut self, actor: ActorId) {
        if std::mem::take(&mut self.can_wake_next) {
            self.run_next = Some(actor);
        } else {
            self.run_queue.push_back(actor);
        }
    }

    /// An actor does not run any longer, and is not queued either.
    pub(in crate::shard) fn rest_without_mail(&mut self, actor: ActorId) {
        self.can_wake_next = false;
        if let Some(mailbox) = self.mailbox(actor) {
            mailbox.queued = false;
        }
    }

    /// An actor does not run any longer: it is queued again if it has mail.
    pub(in crate::shard) fn rest(&mut self, actor: ActorId) {
        self.rest_without_mail(actor);
        self.make_ready(actor);
    }

    /// Queues an actor that is up and has mail.
    pub(in crate::shard) fn make_ready(&mut self, actor: ActorId) {
        if let Some(mailbox) = self.mailbox(actor)
            && mailbox.messages > 0
            && mailbox.wakes()
        {
            self.run_queue.push_back(actor);
        }
    }

    pub(in crate::shard) fn has_ready(&self) -> bool {
        self.run_next.is_some() || !self.run_queue.is_empty()
    }
}
