//! Names: the part of one shard.
//!
//! The home of a name is the shard that its hash says; that shard decides who
//! gets it. Every shard keeps a replica of all names, so that a lookup is a local
//! probe. A name is granted only after every replica has it:
//!
//! ```text
//!  asker          home            others
//!    │─ claim ────►│                 │
//!    │             │─ bind ─────────►│   the name is found everywhere …
//!    │             │◄──────── bound ─│
//!    │◄─ granted ──│                 │   … before anyone is told that it is
//!    │─ release ──►│                 │
//!    │             │─ unbind ───────►│   it is found nowhere …
//!    │             │◄────── unbound ─│
//!    │◄─ released ─│                 │   … before anyone is told of the end
//! ```
//!
//! A successor may claim a name as soon as its home has let it go: what the home says
//! to a shard stays in order.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::actor::ActorId;

/// A name is taken, by this actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name is taken, by {0}")]
pub struct NameTaken(pub ActorId);

/// What the home shard wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Tell every other shard that the name is this actor's, and say
    /// [`Home::bound`] for each that has it.
    Bind(Arc<str>, ActorId),
    /// Tell the actor's shard what became of its claim.
    Answer(Arc<str>, ActorId, Result<(), NameTaken>),
    /// Tell every other shard that the name is nobody's, and say [`Home::unbound`] for
    /// each that has heard it.
    Unbind(Arc<str>, ActorId),
    /// Tell this actor's shard that the name that it had is free everywhere.
    Released(ActorId),
}

struct Holder {
    actor: ActorId,
    /// Shards that have not said yet that they have it.
    awaited: usize,
}

/// The names whose home is this shard.
pub struct Home {
    shards: usize,
    names: HashMap<Arc<str>, Holder>,
    /// Shards that have not said yet that they have let the name of this actor go.
    leaving: HashMap<ActorId, usize>,
}

impl Home {
    /// No names, on one of so many shards.
    pub fn new(shards: usize) -> Self {
        Self { shards, names: HashMap::new(), leaving: HashMap::new() }
    }

    /// An actor wants a name.
    pub fn claim(&mut self, name: Arc<str>, actor: ActorId, commands: &mut Vec<Command>) {
        if let Some(holder) = self.names.get(&name) {
            let taken = NameTaken(holder.actor);
            commands.push(Command::Answer(name, actor, Err(taken)));
            return;
        }
        let awaited = self.shards - 1;
        self.names.insert(name.clone(), Holder { actor, awaited });
        commands.push(Command::Bind(name.clone(), actor));
        if awaited == 0 {
            commands.push(Command::Answer(name, actor, Ok(())));
        }
    }

    /// One more shard has the name in its replica.
    pub fn bound(&mut self, name: Arc<str>, actor: ActorId, commands: &mut Vec<Command>) {
        let Some(holder) = self.names.get_mut(&name) else { return };
        if holder.actor != actor || holder.awaited == 0 {
            return;
        }
        holder.awaited -= 1;
        if holder.awaited == 0 {
            commands.push(Command::Answer(name, actor, Ok(())));
        }
    }

    /// An actor is done with its name.
    pub fn release(&mut self, name: &str, actor: ActorId, commands: &mut Vec<Command>) {
        if self.names.get(name).is_some_and(|holder| holder.actor == actor)
            && let Some((name, _)) = self.names.remove_entry(name)
        {
            commands.push(Command::Unbind(name, actor));
            if self.shards > 1 {
                self.leaving.insert(actor, self.shards - 1);
                return;
            }
        }
        commands.push(Command::Released(actor));
    }

    /// One more shard has let the name of this actor go.
    pub fn unbound(&mut self, actor: ActorId, commands: &mut Vec<Command>) {
        let Some(awaited) = self.leaving.get_mut(&actor) else { return };
        *awaited -= 1;
        if *awaited == 0 {
            self.leaving.remove(&actor);
            commands.push(Command::Released(actor));
        }
    }
}

/// One shard's copy of all names.
#[derive(Default)]
pub struct Replica {
    names: HashMap<Arc<str>, ActorId, RandomState>,
}

impl Replica {
    /// Who has this name.
    pub fn lookup(&self, name: &str) -> Option<ActorId> {
        self.names.get(name).copied()
    }

    /// The name is this actor's. Was it not before?
    pub fn bind(&mut self, name: Arc<str>, actor: ActorId) -> bool {
        self.names.insert(name, actor) != Some(actor)
    }

    /// The name is no longer this actor's. Was it before?
    pub fn unbind(&mut self, name: &str, actor: ActorId) -> bool {
        let was = self.names.get(name) == Some(&actor);
        if was {
            self.names.remove(name);
        }
        was
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    fn actor(slot: u32) -> ActorId {
        ActorId::new(ShardId(1), slot, 1)
    }

    #[test]
    fn a_name_is_granted_once_every_replica_has_it() {
        let mut home = Home::new(3);
        let mut commands = Vec::new();
        home.claim("a".into(), actor(1), &mut commands);
        assert_eq!(commands, [Command::Bind("a".into(), actor(1))]);
        home.bound("a".into(), actor(1), &mut commands);
        assert_eq!(commands.len(), 1, "one replica is missing");
        home.bound("a".into(), actor(1), &mut commands);
        assert_eq!(commands[1], Command::Answer("a".into(), actor(1), Ok(())));
    }

    #[test]
    fn a_second_claim_is_refused_even_while_the_first_is_pending() {
        let mut home = Home::new(2);
        let mut commands = Vec::new();
        home.claim("a".into(), actor(1), &mut commands);
        commands.clear();
        home.claim("a".into(), actor(2), &mut commands);
        assert_eq!(commands, [Command::Answer("a".into(), actor(2), Err(NameTaken(actor(1))))]);
    }

    #[test]
    fn only_the_holder_releases_and_then_the_name_is_free() {
        let mut home = Home::new(1);
        let mut commands = Vec::new();
        home.claim("a".into(), actor(1), &mut commands);
        commands.clear();
        home.release("a", actor(2), &mut commands);
        assert_eq!(commands, [Command::Released(actor(2))], "it had none");
        commands.clear();
        home.release("a", actor(1), &mut commands);
        assert_eq!(commands, [Command::Unbind("a".into(), actor(1)), Command::Released(actor(1))]);
        commands.clear();
        home.claim("a".into(), actor(2), &mut commands);
        assert_eq!(commands.last(), Some(&Command::Answer("a".into(), actor(2), Ok(()))));
    }

    #[test]
    fn an_actor_is_told_that_its_name_is_free_when_every_replica_has_let_it_go() {
        let mut home = Home::new(3);
        let mut commands = Vec::new();
        home.claim("a".into(), actor(1), &mut commands);
        for _ in 0..2 {
            home.bound("a".into(), actor(1), &mut commands);
        }
        commands.clear();
        home.release("a", actor(1), &mut commands);
        home.unbound(actor(1), &mut commands);
        assert_eq!(commands, [Command::Unbind("a".into(), actor(1))], "one replica is missing");
        // Its successor need not wait for that.
        home.claim("a".into(), actor(2), &mut commands);
        assert_eq!(commands.pop(), Some(Command::Bind("a".into(), actor(2))));
        home.unbound(actor(1), &mut commands);
        assert_eq!(commands.pop(), Some(Command::Released(actor(1))));
        assert!(home.leaving.is_empty());
    }

    #[test]
    fn a_late_unbind_does_not_take_a_successors_name() {
        let mut replica = Replica::default();
        replica.bind("a".into(), actor(1));
        replica.bind("a".into(), actor(2));
        replica.unbind("a", actor(1));
        assert_eq!(replica.lookup("a"), Some(actor(2)));
        replica.unbind("a", actor(2));
        assert!(replica.is_empty());
    }
}
