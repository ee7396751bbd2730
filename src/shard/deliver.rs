//! From effects, rings and outside threads into mailboxes; and the dead.

use crate::actor::{ActorId, DeadReason, Effect, ExitReason, Message, RequestError};

use super::admission::dead_on_arrival;
use super::mailbox::NodeId;
use super::{DeadLetter, Shard};

/// How many dead letters are kept to look at. They are counted, all of them.
const DEAD_LETTERS_KEPT: usize = 64;

impl Shard {
    /// Carries out what the actor that has just run has recorded, in order. Why
    /// it wants to end, if it does.
    pub(super) fn apply_effects(&mut self) -> Option<ExitReason> {
        let mut effects = std::mem::take(&mut self.effects);
        self.context.take_effects(&mut effects);
        let mut exit = None;
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(message) => self.send_admitted(message),
                Effect::Exit(reason) => exit = exit.or(Some(reason)),
            }
        }
        self.effects = effects;
        exit
    }

    fn send_admitted(&mut self, message: Message) {
        self.counters.accepted.add(1);
        let Some(to) = message.to else { return self.bury_message(&message, DeadReason::NoSuchActor) };
        if to.shard() == self.id {
            self.enqueue(to, message);
        } else {
            self.outlets.send_message(to.shard(), message);
        }
    }

    /// A message has come from another shard, or from outside.
    pub(super) fn deliver_arrival(&mut self, message: Message) {
        let Some(to) = message.to.filter(|to| to.shard() == self.id) else {
            return self.bury_message(&message, DeadReason::NoSuchActor);
        };
        match self.admission.enter(to, message.payload.len()) {
            Ok(()) => self.enqueue(to, message),
            Err(refusal) => {
                let reason = dead_on_arrival(&refusal, self.actors.knows_slot(to));
                self.bury_message(&message, reason);
            }
        }
    }

    /// Puts a message for which there is room into its mailbox.
    fn enqueue(&mut self, to: ActorId, message: Message) {
        let Some(slot) = self.actors.get_mut(to) else {
            return self.bury_message(&message, DeadReason::StaleGeneration);
        };
        slot.mailbox.push(&mut self.pool, message);
        if !slot.queued && slot.child.is_some() {
            slot.queued = true;
            self.run_queue.push_back(to);
        }
    }

    /// Queues an actor that is up and has mail.
    pub(super) fn make_ready(&mut self, actor: ActorId) {
        if let Some(slot) = self.actors.get_mut(actor)
            && !slot.queued
            && slot.child.is_some()
            && !slot.mailbox.is_empty()
        {
            slot.queued = true;
            self.run_queue.push_back(actor);
        }
    }

    /// Nobody will handle the message in this node.
    pub(super) fn bury(&mut self, node: NodeId, reason: DeadReason) {
        let message = self.pool.message(node);
        let letter = DeadLetter { to: message.to, from: message.from, reason, bytes: message.payload.len() };
        let request = message.request;
        self.pool.free(node);
        self.count_dead(letter);
        if let Some(request) = request {
            self.answer(request, Err(RequestError::Dead(reason)));
        }
    }

    /// Nobody will handle this message.
    pub(super) fn bury_message(&mut self, message: &Message, reason: DeadReason) {
        let letter = DeadLetter { to: message.to, from: message.from, reason, bytes: message.payload.len() };
        self.count_dead(letter);
        if let Some(request) = message.request {
            self.answer(request, Err(RequestError::Dead(reason)));
        }
    }

    fn count_dead(&mut self, letter: DeadLetter) {
        self.counters.count_dead(letter.reason);
        if self.dead_letters.len() == DEAD_LETTERS_KEPT {
            self.dead_letters.pop_front();
        }
        self.dead_letters.push_back(letter);
    }

    /// Everything in an actor's mailbox is dead.
    pub(super) fn bury_mailbox(&mut self, actor: ActorId, reason: DeadReason) {
        while let Some(slot) = self.actors.get_mut(actor)
            && let Some(node) = slot.mailbox.pop(&self.pool)
        {
            self.admission.leave(actor.slot(), self.pool.message(node).payload.len());
            self.bury(node, reason);
        }
    }
}
