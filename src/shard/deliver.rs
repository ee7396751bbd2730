//! From rings and outside threads into mailboxes; what actors have recorded; and
//! the dead.

use crate::actor::{ActorId, DeadReason, Effect, ExitReason, Message, RequestError};

use super::post::dead_on_arrival;
use super::{DeadLetter, Shard};

/// How many dead letters are kept to look at. They are counted, all of them.
const DEAD_LETTERS_KEPT: usize = 64;

impl Shard {
    /// Carries out what the actor that has just run has recorded, in order. Why
    /// it wants to end, if it does.
    pub(super) fn apply_effects(&mut self) -> Option<ExitReason> {
        if !self.context.has_effects() {
            return None;
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.context.take_effects(&mut effects);
        let mut exit = None;
        for effect in effects.drain(..) {
            match effect {
                Effect::Exit(reason) => exit = exit.or(Some(reason)),
                Effect::Relate(actor, relation) => self.relate(actor, relation),
            }
        }
        self.effects = effects;
        exit
    }

    /// A message has come from another shard, or from outside.
    /// Takes what it owns.
    pub(super) fn deliver_arrival(&mut self, message: &mut Message) {
        let Some(to) = message.to.filter(|to| to.shard() == self.id) else {
            return self.bury(message, DeadReason::NoSuchActor);
        };
        let arrived = self.local.post.borrow_mut().arrive(message);
        if let Err(refusal) = arrived {
            let reason = dead_on_arrival(&refusal, self.actors.knows_slot(to));
            self.bury(message, reason);
        }
    }

    /// Nobody will handle this message.
    pub(super) fn bury(&mut self, message: &Message, reason: DeadReason) {
        let letter = DeadLetter { to: message.to, from: message.from, reason, bytes: message.payload.len() };
        self.count_accepted();
        self.counters.count_dead(letter.reason);
        if self.dead_letters.len() == DEAD_LETTERS_KEPT {
            self.dead_letters.pop_front();
        }
        self.dead_letters.push_back(letter);
        if let Some(request) = message.request {
            self.answer(request, Err(RequestError::Dead(reason)));
        }
    }

    /// Everything in an actor's mailbox is dead.
    pub(super) fn bury_mailbox(&mut self, actor: ActorId, reason: DeadReason) {
        let mut hand = Box::default();
        while self.pop(actor, &mut hand) {
            self.bury(&hand, reason);
            hand.payload.release_heap();
        }
    }

    /// Takes the oldest message of an actor into the hand.
    pub(super) fn pop(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        self.local.post.borrow_mut().pop(actor, hand)
    }

    /// Makes public how many messages this shard's actors have sent. Before
    /// anything is counted as settled, since what was sent may be part of that.
    pub(super) fn count_accepted(&mut self) {
        let accepted = self.local.post.borrow_mut().take_accepted();
        if accepted > 0 {
            self.counters.accepted.add(accepted);
        }
    }
}
