//! Actors that actors of this shard spawn.
//!
//! The address is there at once, and with it the mailbox. The start comes in the next
//! turn at the earliest, a few at a time: an actor that spawns in its start, and so on,
//! takes turns like everyone.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::actor::{ActorId, Blueprint, NewActor, NotSpawned, Recipe, Subject};
use crate::control::lineage::TooMany;

use super::local::Local;
use super::mailbox::MailboxSpec;
use super::{Shard, SpawnSpec};

/// The most of them started in one turn.
const TURN_STARTS_MAX: usize = 64;

/// What there is to spawn, and what was spawned.
#[derive(Default)]
pub(super) struct Offspring {
    /// By the names that hosts have given to it.
    catalogue: imbl::HashMap<Arc<str>, Arc<dyn Blueprint>>,
    /// Those that have an address, and are not in the table yet.
    spawned: VecDeque<(ActorId, SpawnSpec)>,
    is_closed: bool,
}

impl Offspring {
    pub(super) fn provide(&mut self, name: Arc<str>, blueprint: Arc<dyn Blueprint>) {
        self.catalogue.insert(name, blueprint);
    }

    /// From here on nobody spawns anything: everyone is being stopped.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) fn take(&mut self, actor: ActorId) -> Option<SpawnSpec> {
        let index = self.spawned.iter().position(|(spawned, _)| *spawned == actor)?;
        self.spawned.remove(index).map(|(_, spec)| spec)
    }
}

impl Local {
    /// Makes a place for an actor that another one wants.
    pub(super) fn spawn(&self, parent: ActorId, new: NewActor) -> Result<ActorId, NotSpawned> {
        let NewActor { component, name, config, linked, children_max } = new;
        let mut offspring = self.offspring.borrow_mut();
        if offspring.is_closed {
            return Err(NotSpawned::Closed);
        }
        let Some(blueprint) = offspring.catalogue.get(component.as_str()).cloned() else {
            return Err(NotSpawned::NoSuchComponent(component));
        };
        let name: Option<Arc<str>> = match name {
            Some(name) => Some(Subject::parse(&name)?.as_str().into()),
            None => None,
        };
        let mut lineage = self.lineage.borrow_mut();
        let most = children_max.min(self.lives.borrow().quotas(parent).children_max);
        let over = |TooMany { what, most }| NotSpawned::Quota { what, most };
        lineage.may_spawn(parent, most).map_err(over)?;
        let actor = self.actor_keys.take().ok_or(NotSpawned::NoPlace)?;
        lineage.spawned(parent, actor);
        if linked {
            let mut relations = self.relations.borrow_mut();
            relations.link(parent, actor);
            relations.link(actor, parent);
        }
        let mailbox = MailboxSpec::default();
        self.post.borrow_mut().open(actor, mailbox);
        let recipe = Arc::new(Recipe { config });
        offspring
            .spawned
            .push_back((actor, SpawnSpec { recipe, name, mailbox, ..SpawnSpec::new(blueprint) }));
        Ok(actor)
    }
}

impl Shard {
    /// An actor that another one has spawned is there from here on.
    pub(super) fn adopt(&mut self, actor: ActorId) {
        let spec = self.local.offspring.borrow_mut().take(actor);
        if let Some(spec) = spec {
            self.settle_in(actor, spec);
            self.to_begin.push_back(actor);
        }
    }

    /// Begins the starts of those that were spawned, as many as there is time for. Was
    /// there any?
    pub(super) fn begin_spawned(&mut self) -> bool {
        let any = !self.to_begin.is_empty();
        for _ in 0..self.to_begin.len().min(TURN_STARTS_MAX) {
            let Some(actor) = self.to_begin.pop_front() else { break };
            self.begin(actor);
            if self.clock.now_ns() - self.now_ns >= self.config.turn_ns_max {
                break;
            }
        }
        any
    }
}
