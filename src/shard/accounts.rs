//! What the actors of a shard have used.

use std::cmp::Reverse;

use super::{ActorAccount, Shard};

/// How many actors a report tells of: those that have used the most.
const ACCOUNTS_KEPT: usize = 64;

impl Shard {
    /// Those that have used the most CPU time, most first.
    pub(super) fn accounts(&self) -> Vec<ActorAccount> {
        let mut all: Vec<ActorAccount> = Vec::new();
        for actor in self.actors.keys() {
            let Some(slot) = self.actors.get(actor) else { continue };
            let Some(account) = slot.child.as_ref().and_then(|child| child.account()) else { continue };
            all.push(ActorAccount { actor, name: slot.name().cloned(), account });
        }
        all.sort_by_key(|one| Reverse((one.account.cpu_ns, one.account.messages)));
        all.truncate(ACCOUNTS_KEPT);
        all
    }
}
