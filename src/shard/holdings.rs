//! The names that actors of one shard have taken themselves, and those on their way
//! back.
//!
//! A name is its actor's to count from the moment that it asks for it to the moment
//! when it is free everywhere. So whoever takes names and gives them up, again and
//! again, has no more of them on their way than it may have names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::actor::{ActorId, SendError};
use crate::control::registry::Claim;

use super::local::Local;

#[derive(Default)]
struct Held {
    /// Asked for, and granted or not yet.
    names: BTreeMap<Arc<str>, Claim>,
    /// Those that it is done with, until they are free everywhere; also the one that it
    /// was started with.
    leaving: u32,
}

/// What the actors of one shard hold.
#[derive(Default)]
pub(super) struct Holdings {
    claims: u64,
    by_actor: HashMap<ActorId, Held>,
}

impl Holdings {
    /// Has no actor a name of its own, or one on its way back?
    pub(super) fn is_empty(&self) -> bool {
        self.by_actor.is_empty()
    }

    fn count(&self, actor: ActorId) -> usize {
        self.by_actor.get(&actor).map_or(0, |held| held.names.len() + held.leaving as usize)
    }

    fn holds(&self, actor: ActorId, name: &str) -> bool {
        self.by_actor.get(&actor).is_some_and(|held| held.names.contains_key(name))
    }

    fn claim(&mut self, actor: ActorId, name: Arc<str>) -> Claim {
        self.claims += 1;
        let claim = Claim::new(actor, self.claims);
        self.by_actor.entry(actor).or_default().names.insert(name, claim);
        claim
    }

    /// Somebody else has it. Was it still asked for?
    pub(super) fn refused(&mut self, name: &str, claim: Claim) -> bool {
        let was = self.is_wanted(name, claim);
        if was {
            self.change(claim.actor, |held| held.names.remove(name));
        }
        was
    }

    /// Does the actor still want the name that it has claimed?
    pub(super) fn is_wanted(&self, name: &str, claim: Claim) -> bool {
        self.by_actor.get(&claim.actor).is_some_and(|held| held.names.get(name) == Some(&claim))
    }

    /// It is done with this name.
    fn let_go(&mut self, actor: ActorId, name: &str) -> Option<(Arc<str>, Claim)> {
        let held = self.by_actor.get_mut(&actor)?;
        let taken = held.names.remove_entry(name)?;
        held.leaving += 1;
        Some(taken)
    }

    /// It is done with all of them.
    pub(super) fn let_all_go(&mut self, actor: ActorId) -> BTreeMap<Arc<str>, Claim> {
        let Some(held) = self.by_actor.get_mut(&actor) else { return BTreeMap::new() };
        let names = std::mem::take(&mut held.names);
        held.leaving += names.len() as u32;
        names
    }

    /// It is done with the name that it was started with.
    pub(super) fn leave_start(&mut self, actor: ActorId) {
        self.by_actor.entry(actor).or_default().leaving += 1;
    }

    /// One that it was done with is free everywhere. Was it the last one?
    pub(super) fn left(&mut self, actor: ActorId) -> bool {
        self.change(actor, |held| held.leaving -= 1);
        !self.is_leaving(actor)
    }

    /// Is there any that it is done with, and that may still be found?
    pub(super) fn is_leaving(&self, actor: ActorId) -> bool {
        self.by_actor.get(&actor).is_some_and(|held| held.leaving > 0)
    }

    fn change<T>(&mut self, actor: ActorId, change: impl FnOnce(&mut Held) -> T) {
        let Some(held) = self.by_actor.get_mut(&actor) else { return };
        change(held);
        if held.names.is_empty() && held.leaving == 0 {
            self.by_actor.remove(&actor);
        }
    }
}

impl Local {
    /// An actor of this shard wants a name: the number of its claim, unless it has made
    /// one already.
    pub(super) fn claim_name(&self, actor: ActorId, name: &Arc<str>) -> Result<Option<u64>, SendError> {
        let most = self.lives.borrow().quotas(actor).names_max;
        let mut holdings = self.holdings.borrow_mut();
        if holdings.holds(actor, name) {
            return Ok(None);
        }
        if holdings.count(actor) >= most as usize {
            return Err(SendError::Quota { what: "names_max", most });
        }
        Ok(Some(holdings.claim(actor, name.clone()).number()))
    }

    /// An actor of this shard is done with a name: it, and the number of its claim.
    pub(super) fn let_name_go(&self, actor: ActorId, name: &str) -> Option<(Arc<str>, u64)> {
        let (name, claim) = self.holdings.borrow_mut().let_go(actor, name)?;
        Some((name, claim.number()))
    }
}
