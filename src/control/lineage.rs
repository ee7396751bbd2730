//! Who has spawned whom, so that nobody has more descendants than it may: neither by
//! many children, nor by children that have children, nor by parents that are gone.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use crate::actor::ActorId;

/// The most actors in a row of which each has spawned the next one.
pub const GENERATIONS_MAX: u32 = 64;

/// What an actor was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Of what.
    pub what: &'static str,
    /// The most.
    pub most: u32,
}

/// One that has spawned others, or was spawned.
struct Member {
    parent: RefCell<Option<Rc<Member>>>,
    /// Descendants that are alive.
    living: Cell<u32>,
    /// The most that it may have.
    most: Cell<u32>,
    is_gone: Cell<bool>,
}

impl Member {
    /// The next one above that is alive, or the first of all: one that is gone binds its
    /// descendants only if nobody else is left to.
    fn above(&self) -> Option<Rc<Member>> {
        loop {
            let parent = self.parent.borrow().clone()?;
            let Some(grandparent) = parent.parent.borrow().clone().filter(|_| parent.is_gone.get()) else {
                return Some(parent);
            };
            *self.parent.borrow_mut() = Some(grandparent);
        }
    }

    fn ancestors(self: &Rc<Self>) -> impl Iterator<Item = Rc<Member>> + use<> {
        std::iter::successors(self.above(), |member| member.above())
    }
}

/// The families of one shard's actors.
#[derive(Default)]
pub struct Lineage(HashMap<ActorId, Rc<Member>>);

impl Lineage {
    /// How many descendants of an actor are alive.
    pub fn living(&self, actor: ActorId) -> u32 {
        self.0.get(&actor).map_or(0, |member| member.living.get())
    }

    /// May this actor, which may have so many descendants, have one more?
    ///
    /// # Errors
    /// Whose limit is reached: its own, or that of one above it.
    pub fn may_spawn(&mut self, parent: ActorId, most: u32) -> Result<(), TooMany> {
        let member = self.member(parent);
        member.most.set(most);
        let member = member.clone();
        let full = |member: &Member| member.living.get() >= member.most.get();
        if full(&member) {
            return Err(TooMany { what: "descendants alive", most });
        }
        for (generation, above) in (1..).zip(member.ancestors()) {
            if full(&above) {
                let most = above.most.get();
                return Err(TooMany { what: "descendants alive of one that has spawned it", most });
            }
            if generation == GENERATIONS_MAX {
                return Err(TooMany { what: "actors each spawned by the one before", most: GENERATIONS_MAX });
            }
        }
        Ok(())
    }

    /// It has one more.
    pub fn spawned(&mut self, parent: ActorId, child: ActorId) {
        let parent = self.member(parent).clone();
        let child = self.member(child);
        *child.parent.borrow_mut() = Some(parent);
        for above in child.clone().ancestors() {
            above.living.set(above.living.get() + 1);
        }
    }

    /// An actor is gone for good.
    pub fn gone(&mut self, actor: ActorId) {
        if self.0.is_empty() {
            return;
        }
        let Some(member) = self.0.remove(&actor) else { return };
        member.is_gone.set(true);
        for above in member.ancestors() {
            above.living.set(above.living.get() - 1);
        }
    }

    fn member(&mut self, actor: ActorId) -> &Rc<Member> {
        self.0.entry(actor).or_insert_with(|| {
            Rc::new(Member {
                parent: RefCell::default(),
                living: Cell::new(0),
                most: Cell::new(u32::MAX),
                is_gone: Cell::new(false),
            })
        })
    }

    /// How many actors have a family.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has none one?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ShardId;

    fn actor(slot: u32) -> ActorId {
        ActorId::new(ShardId(0), slot, 1)
    }

    fn spawn(lineage: &mut Lineage, parent: u32, child: u32, most: u32) -> Result<(), TooMany> {
        lineage.may_spawn(actor(parent), most)?;
        lineage.spawned(actor(parent), actor(child));
        Ok(())
    }

    #[test]
    fn children_are_counted_while_they_live() {
        let mut lineage = Lineage::default();
        spawn(&mut lineage, 1, 2, 2).unwrap();
        spawn(&mut lineage, 1, 3, 2).unwrap();
        let refused = spawn(&mut lineage, 1, 4, 2).unwrap_err();
        assert_eq!(refused, TooMany { what: "descendants alive", most: 2 });
        lineage.gone(actor(2));
        assert_eq!(lineage.living(actor(1)), 1);
        spawn(&mut lineage, 1, 4, 2).unwrap();
    }

    #[test]
    fn grandchildren_count_for_everyone_above_and_so_do_those_of_the_dead() {
        let mut lineage = Lineage::default();
        spawn(&mut lineage, 1, 2, 3).unwrap();
        spawn(&mut lineage, 2, 3, 100).unwrap();
        spawn(&mut lineage, 3, 4, 100).unwrap();
        assert_eq!((lineage.living(actor(1)), lineage.living(actor(2))), (3, 2));
        assert_eq!(spawn(&mut lineage, 4, 5, 100).unwrap_err().most, 3, "that of the first one");
        // Those that are gone leave room for what is there, and no way around it.
        lineage.gone(actor(2));
        lineage.gone(actor(3));
        assert_eq!(lineage.living(actor(1)), 1);
        spawn(&mut lineage, 4, 5, 100).unwrap();
        spawn(&mut lineage, 5, 6, 100).unwrap();
        assert!(spawn(&mut lineage, 6, 7, 100).is_err());
        lineage.gone(actor(1));
        assert!(spawn(&mut lineage, 6, 7, 100).is_err(), "the first one binds even when it is gone");
        for slot in 4..=6 {
            lineage.gone(actor(slot));
        }
        assert!(lineage.is_empty());
    }

    #[test]
    fn a_row_of_actors_ends() {
        let mut lineage = Lineage::default();
        let refused = (1..).find_map(|slot| spawn(&mut lineage, slot, slot + 1, 1_000).err());
        let what = "actors each spawned by the one before";
        assert_eq!(refused, Some(TooMany { what, most: GENERATIONS_MAX }));
        // Each that spawns its successor and goes counts for one.
        let mut lineage = Lineage::default();
        for slot in 1..1_000 {
            spawn(&mut lineage, slot, slot + 1, 1_000).unwrap();
            lineage.gone(actor(slot));
        }
        assert_eq!(lineage.len(), 1);
    }
}
