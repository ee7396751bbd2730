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

use crate::actor::{ActorId, NameTaken};

/// What an actor has asked for once: a name, until it is let go. It may ask for the
/// same one again, and what is said of the first time is not about the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Claim {
    /// The actor.
    pub actor: ActorId,
    /// Of all claims of its shard.
    number: u64,
}

impl Claim {
    /// One that an actor makes itself. The shard's numbers begin with 1.
    pub fn new(actor: ActorId, number: u64) -> Self {
        Self { actor, number }
    }

    /// To the name that it is started with.
    pub fn at_start(actor: ActorId) -> Self {
        Self { actor, number: 0 }
    }

    /// Which of its shard's it is.
    pub fn number(self) -> u64 {
        self.number
    }

    /// Is it to the name that it is started with?
    pub fn is_at_start(self) -> bool {
        self.number == 0
    }
}

/// What the home shard wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Tell every other shard that the name is this actor's, and say
    /// [`Home::bound`] for each that has it.
    Bind(Arc<str>, Claim),
    /// Tell the actor's shard what became of its claim.
    Answer(Arc<str>, Claim, Result<(), NameTaken>),
    /// Tell every other shard that the name is nobody's, and say [`Home::unbound`] for
    /// each that has heard it.
    Unbind(Arc<str>, Claim),
    /// Tell the actor's shard that the name is free everywhere.
    Released(ActorId),
}

struct Holder {
    claim: Claim,
    /// Shards that have not said yet that they have it.
    awaited: usize,
}

/// The names whose home is this shard.
pub struct Home {
    shards: usize,
    names: HashMap<Arc<str>, Holder>,
    /// Shards that have not said yet that they have let the name go.
    leaving: HashMap<Claim, usize>,
}

impl Home {
    /// No names, on one of so many shards.
    pub fn new(shards: usize) -> Self {
        Self { shards, names: HashMap::new(), leaving: HashMap::new() }
    }

    /// An actor wants a name.
    pub fn claim(&mut self, name: Arc<str>, claim: Claim, commands: &mut Vec<Command>) {
        if let Some(holder) = self.names.get(&name) {
            let taken = NameTaken(holder.claim.actor);
            commands.push(Command::Answer(name, claim, Err(taken)));
            return;
        }
        let awaited = self.shards - 1;
        self.names.insert(name.clone(), Holder { claim, awaited });
        commands.push(Command::Bind(name.clone(), claim));
        if awaited == 0 {
            commands.push(Command::Answer(name, claim, Ok(())));
        }
    }

    /// One more shard has the name in its replica.
    pub fn bound(&mut self, name: Arc<str>, claim: Claim, commands: &mut Vec<Command>) {
        let Some(holder) = self.names.get_mut(&name) else { return };
        if holder.claim != claim || holder.awaited == 0 {
            return;
        }
        holder.awaited -= 1;
        if holder.awaited == 0 {
            commands.push(Command::Answer(name, claim, Ok(())));
        }
    }

    /// An actor is done with a name, or does not want it any longer.
    pub fn release(&mut self, name: &str, claim: Claim, commands: &mut Vec<Command>) {
        if self.names.get(name).is_some_and(|holder| holder.claim == claim)
            && let Some((name, _)) = self.names.remove_entry(name)
        {
            commands.push(Command::Unbind(name, claim));
            if self.shards > 1 {
                self.leaving.insert(claim, self.shards - 1);
                return;
            }
        }
        commands.push(Command::Released(claim.actor));
    }

    /// Does nobody have a name, and is none being let go?
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty() && self.leaving.is_empty()
    }

    /// One more shard has let a name go.
    pub fn unbound(&mut self, claim: Claim, commands: &mut Vec<Command>) {
        let Some(awaited) = self.leaving.get_mut(&claim) else { return };
        *awaited -= 1;
        if *awaited == 0 {
            self.leaving.remove(&claim);
            commands.push(Command::Released(claim.actor));
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

    fn claim(slot: u32) -> Claim {
        Claim::at_start(actor(slot))
    }

    #[test]
    fn a_name_is_granted_once_every_replica_has_it() {
        let mut home = Home::new(3);
        let mut commands = Vec::new();
        home.claim("a".into(), claim(1), &mut commands);
        assert_eq!(commands, [Command::Bind("a".into(), claim(1))]);
        home.bound("a".into(), claim(1), &mut commands);
        assert_eq!(commands.len(), 1, "one replica is missing");
        home.bound("a".into(), claim(1), &mut commands);
        assert_eq!(commands[1], Command::Answer("a".into(), claim(1), Ok(())));
    }

    #[test]
    fn a_second_claim_is_refused_even_while_the_first_is_pending() {
        let mut home = Home::new(2);
        let mut commands = Vec::new();
        home.claim("a".into(), claim(1), &mut commands);
        commands.clear();
        home.claim("a".into(), claim(2), &mut commands);
        assert_eq!(commands, [Command::Answer("a".into(), claim(2), Err(NameTaken(actor(1))))]);
    }

    #[test]
    fn only_the_holder_releases_and_then_the_name_is_free() {
        let mut home = Home::new(1);
        let mut commands = Vec::new();
        home.claim("a".into(), claim(1), &mut commands);
        commands.clear();
        home.release("a", claim(2), &mut commands);
        assert_eq!(commands, [Command::Released(actor(2))], "it had none");
        commands.clear();
        home.release("a", claim(1), &mut commands);
        assert_eq!(commands, [Command::Unbind("a".into(), claim(1)), Command::Released(actor(1))]);
        commands.clear();
        home.claim("a".into(), claim(2), &mut commands);
        assert_eq!(commands.last(), Some(&Command::Answer("a".into(), claim(2), Ok(()))));
    }

    #[test]
    fn an_actor_is_told_that_its_name_is_free_when_every_replica_has_let_it_go() {
        let mut home = Home::new(3);
        let mut commands = Vec::new();
        home.claim("a".into(), claim(1), &mut commands);
        for _ in 0..2 {
            home.bound("a".into(), claim(1), &mut commands);
        }
        commands.clear();
        home.release("a", claim(1), &mut commands);
        home.unbound(claim(1), &mut commands);
        assert_eq!(commands, [Command::Unbind("a".into(), claim(1))], "one replica is missing");
        // Its successor need not wait for that.
        home.claim("a".into(), claim(2), &mut commands);
        assert_eq!(commands.pop(), Some(Command::Bind("a".into(), claim(2))));
        home.unbound(claim(1), &mut commands);
        assert_eq!(commands.pop(), Some(Command::Released(actor(1))));
        assert!(home.leaving.is_empty());
    }

    #[test]
    fn what_is_said_of_an_earlier_claim_is_not_about_the_next_one() {
        let mut home = Home::new(2);
        let mut commands = Vec::new();
        let [first, second] = [1, 2].map(|number| Claim::new(actor(1), number));
        home.claim("a".into(), first, &mut commands);
        home.release("a", first, &mut commands);
        home.claim("a".into(), second, &mut commands);
        commands.clear();
        home.bound("a".into(), first, &mut commands);
        assert_eq!(commands, [], "the other replica has heard of the first one only");
        home.unbound(first, &mut commands);
        assert_eq!(commands, [Command::Released(actor(1))]);
        home.release("a", first, &mut commands);
        assert_eq!(commands.len(), 2, "the second one holds it");
        home.bound("a".into(), second, &mut commands);
        assert_eq!(commands[2], Command::Answer("a".into(), second, Ok(())));
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
