//! From rings and outside threads into mailboxes; what actors have recorded; and
//! the dead.

use crate::actor::{ActorId, DeadReason, Effect, ExitReason, Message, RequestError};
use crate::control::registry::Claim;

use super::post::dead_on_arrival;
use super::signal::Signal;
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
                Effect::Relate { from, to, relation } => self.relate(from, to, relation),
                Effect::Spawn(actor) => self.adopt(actor),
                Effect::Claim { actor, name, number } => self.claim_name(&name, Claim::new(actor, number)),
                Effect::Release { actor, name, number } => {
                    self.release_name(&name, Claim::new(actor, number));
                }
            }
        }
        self.effects = effects;
        exit
    }

    /// A message has come from another shard. Takes what it owns.
    pub(super) fn deliver_arrival(&mut self, message: &mut Message) {
        self.deliver(message, 0);
    }

    /// A message has come from outside. Its sender was told that there is room when
    /// there was: so there may be as many more than the bound as were under way.
    pub(super) fn deliver_from_outside(&mut self, message: &mut Message) {
        self.taken_in += 1;
        if message.to.is_none() {
            return self.route_from_outside(std::mem::take(message));
        }
        self.deliver(message, self.config.injector_commands_max as u32);
    }

    pub(super) fn deliver(&mut self, message: &mut Message, extra: u32) {
        let Some(to) = message.to else { return self.deliver_copies(message) };
        if to.shard() != self.id {
            return self.bury(message, DeadReason::NoSuchActor);
        }
        let arrived = self.local.post.borrow_mut().arrive(message, extra);
        if let Err(refusal) = arrived {
            let reason = dead_on_arrival(&refusal, self.actors.knows_slot(to));
            self.bury(message, reason);
        }
    }

    /// Nobody will handle this message.
    pub(super) fn bury(&mut self, message: &Message, reason: DeadReason) {
        let letter = DeadLetter {
            to: message.to,
            from: message.from,
            reason,
            bytes: message.payload.len(),
            subject: message.subject().cloned(),
        };
        self.count_accepted();
        self.counters.count_dead(letter.reason);
        if let Some(to) = letter.to.filter(|&to| to.shard() == self.id && self.actors.get(to).is_some()) {
            self.dead_by_actor.entry(to).or_default()[reason as usize] += 1;
        }
        self.publish_dead(&letter);
        if self.dead_letters.len() == DEAD_LETTERS_KEPT {
            self.dead_letters.pop_front();
        }
        self.dead_letters.push_back(letter);
        if let Some(request) = message.request {
            self.answer(request, Err(RequestError::Dead(reason)));
        }
    }

    /// What was accepted and had no room is dead.
    pub(super) fn bury_lost(&mut self) {
        loop {
            let lost = self.local.post.borrow_mut().take_lost();
            if lost.is_empty() {
                return;
            }
            for (message, reason) in lost {
                self.bury(&message, reason);
            }
        }
    }

    /// Tells other shards who presses.
    pub(super) fn tell_pressure(&mut self) {
        let (outgoing, pauses) = {
            let pressure = &mut self.local.post.borrow_mut().pressure;
            (pressure.take_outgoing(), pressure.take_pauses())
        };
        self.counters.pauses.add(pauses);
        for (shard, signal) in outgoing {
            self.signal(shard, Signal::Pressure(signal));
        }
    }

    /// Is every message accounted for that this shard has accepted or taken in?
    ///
    /// # Panics
    /// If not: a bug of the runtime.
    pub(super) fn check_ledger(&self) {
        let settled = self.counters.settled();
        let mut post = self.local.post.borrow_mut();
        let accepted = self.counters.accepted.get() + post.uncounted();
        let resident = (post.resident() + self.suspended_messages) as u64;
        let (came, went) = (accepted + self.taken_in + self.came_in, settled + resident + self.went_out);
        assert!(
            came == went,
            "the ledger of shard {} does not close: accepted {accepted} + from outside {} + from shards {} \
             is not settled {settled} + resident {resident} + to shards {}",
            self.id,
            self.taken_in,
            self.came_in,
            self.went_out,
        );
    }

    /// Everything in an actor's mailbox is dead.
    pub(super) fn bury_mailbox(&mut self, actor: ActorId, reason: DeadReason) {
        if self.local.post.borrow().waiting(actor) == 0 {
            return;
        }
        let mut hand = Box::default();
        while self.pop(actor, &mut hand) {
            self.bury(&hand, reason);
            hand.release_heap();
        }
    }

    /// Takes the oldest message of an actor into the hand.
    pub(super) fn pop(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        self.local.post.borrow_mut().pop(actor, hand)
    }

    /// As [`pop`](Self::pop), for an actor that may handle it now.
    pub(super) fn pop_ready(&mut self, actor: ActorId, hand: &mut Box<Message>) -> bool {
        self.local.post.borrow_mut().pop_ready(actor, hand)
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
