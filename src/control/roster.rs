//! A set of actors that is gone through often, and joined and left in constant time.

use std::collections::HashMap;

use crate::actor::ActorId;

/// From so many members on, each one's place is looked up instead of looked for.
const LOOKED_FOR_MAX: usize = 16;

/// Some actors, each once, in an order that joining and leaving may change.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    members: Vec<ActorId>,
    /// Empty while there are few.
    places: HashMap<ActorId, u32>,
}

impl Roster {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// All of them.
    pub fn as_slice(&self) -> &[ActorId] {
        &self.members
    }

    /// Is this actor one of them?
    pub fn contains(&self, actor: ActorId) -> bool {
        self.place(actor).is_some()
    }

    /// Adds an actor. Was it not there?
    pub fn insert(&mut self, actor: ActorId) -> bool {
        if self.contains(actor) {
            return false;
        }
        self.members.push(actor);
        if !self.places.is_empty() {
            self.places.insert(actor, self.members.len() as u32 - 1);
        } else if self.members.len() > LOOKED_FOR_MAX {
            self.places = (0_u32..).zip(&self.members).map(|(place, &member)| (member, place)).collect();
        }
        true
    }

    /// Takes an actor out. Was it there?
    pub fn remove(&mut self, actor: ActorId) -> bool {
        let Some(place) = self.place(actor) else { return false };
        self.members.swap_remove(place);
        if !self.places.is_empty() {
            self.places.remove(&actor);
            if let Some(&moved) = self.members.get(place) {
                self.places.insert(moved, place as u32);
            }
        }
        true
    }

    fn place(&self, actor: ActorId) -> Option<usize> {
        if self.places.is_empty() {
            self.members.iter().position(|&member| member == actor)
        } else {
            self.places.get(&actor).map(|&place| place as usize)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::actor::ShardId;

    #[test]
    fn it_holds_what_a_set_would() {
        let (mut roster, mut oracle) = (Roster::default(), BTreeSet::new());
        let mut state = 7_u64;
        for _ in 0..20_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let actor = ActorId::new(ShardId(0), (state >> 33) as u32 % 40, 1);
            if (state >> 60) < 8 {
                assert_eq!(roster.insert(actor), oracle.insert(actor));
            } else {
                assert_eq!(roster.remove(actor), oracle.remove(&actor));
            }
            assert_eq!(roster.contains(actor), oracle.contains(&actor));
            assert_eq!(roster.as_slice().iter().copied().collect::<BTreeSet<_>>(), oracle);
            assert_eq!(roster.len(), oracle.len(), "each once");
        }
    }
}
