//! What belongs to an incarnation and ends with it: requests that it waits for,
//! timers that it set. They are not looked for when it ends; they carry its number,
//! and find it outdated.

use crate::actor::{ActorId, SendError};

/// How much an actor may have of what costs its shard memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Requests that wait for their outcome.
    pub requests_max: u32,
    /// Requests whose reply it has taken over.
    pub deferred_max: u32,
    /// Timers that are pending.
    pub timers_max: u32,
    /// Filters that it has subscribed to.
    pub subscriptions_max: u32,
    /// Groups that it is in.
    pub groups_max: u32,
    /// Links to others, and monitors of others.
    pub relations_max: u32,
    /// Actors alive that it has spawned, and those that they have, and so on.
    pub children_max: u32,
    /// Names that it watches.
    pub watches_max: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            requests_max: 65_536,
            deferred_max: 65_536,
            timers_max: 1_048_576,
            subscriptions_max: 1_024,
            groups_max: 256,
            relations_max: 65_536,
            children_max: 65_536,
            watches_max: 1_024,
        }
    }
}

/// One incarnation of one actor of this shard, ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LifeId {
    slot: u32,
    number: u32,
}

#[derive(Default)]
struct Life {
    number: u32,
    requests: u32,
    timers: u32,
}

/// The present incarnations of a shard's actors, by slot.
#[derive(Default)]
pub(super) struct Lives(Vec<Life>);

impl Lives {
    fn at(&mut self, slot: u32) -> &mut Life {
        let slot = slot as usize;
        if self.0.len() <= slot {
            self.0.resize_with(slot + 1, Life::default);
        }
        &mut self.0[slot]
    }

    /// The present incarnation.
    pub(super) fn of(&mut self, actor: ActorId) -> LifeId {
        LifeId { slot: actor.slot(), number: self.at(actor.slot()).number }
    }

    pub(super) fn is_present(&self, life: LifeId) -> bool {
        self.0.get(life.slot as usize).is_some_and(|present| present.number == life.number)
    }

    /// An incarnation has ended.
    pub(super) fn end(&mut self, actor: ActorId) {
        let life = self.at(actor.slot());
        *life = Life { number: life.number.wrapping_add(1), ..Life::default() };
    }

    pub(super) fn begin_request(&mut self, actor: ActorId, most: u32) -> Result<LifeId, SendError> {
        let life = self.at(actor.slot());
        if life.requests >= most {
            return Err(SendError::Quota { what: "requests that wait", most });
        }
        life.requests += 1;
        Ok(LifeId { slot: actor.slot(), number: life.number })
    }

    /// A request has ended. Is the incarnation that made it still there?
    pub(super) fn end_request(&mut self, life: LifeId) -> bool {
        let is_present = self.is_present(life);
        if is_present {
            self.at(life.slot).requests -= 1;
        }
        is_present
    }

    pub(super) fn begin_timer(&mut self, actor: ActorId, most: u32) -> Result<LifeId, SendError> {
        let life = self.at(actor.slot());
        if life.timers >= most {
            return Err(SendError::Quota { what: "timers", most });
        }
        life.timers += 1;
        Ok(LifeId { slot: actor.slot(), number: life.number })
    }

    /// A timer has ended. Is the incarnation that set it still there?
    pub(super) fn end_timer(&mut self, life: LifeId) -> bool {
        let is_present = self.is_present(life);
        if is_present {
            self.at(life.slot).timers -= 1;
        }
        is_present
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    #[test]
    fn what_an_incarnation_has_is_bounded_and_none_of_its_successors() {
        let actor = ActorId::new(ShardId(0), 5, 1);
        let mut lives = Lives::default();
        let first = lives.begin_request(actor, 2).unwrap();
        lives.begin_request(actor, 2).unwrap();
        assert_eq!(
            lives.begin_request(actor, 2),
            Err(SendError::Quota { what: "requests that wait", most: 2 })
        );
        assert!(lives.end_request(first));
        lives.begin_request(actor, 2).unwrap();
        lives.end(actor);
        assert!(!lives.end_request(first), "its caller is gone");
        let second = lives.begin_request(actor, 2).unwrap();
        assert_ne!(first, second);
        lives.begin_request(actor, 2).unwrap();
        assert!(lives.begin_request(actor, 2).is_err());
    }
}
