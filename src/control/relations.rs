//! Who is linked to whom, and who monitors whom: the part of one shard.
//!
//! Both ends of a link are known on the shards of both; a monitor on that of the
//! watcher and on that of the watched. What has crossed on the way is sorted out by
//! what each side knows when it arrives.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::actor::{ActorId, ExitReason};

/// What an exit signal does to an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    None,
    /// The actor is told.
    Tell,
    /// The actor ends.
    End,
}

/// What an actor that has ended leaves behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Those that it was linked to.
    pub links: Vec<ActorId>,
    /// Those that it monitored, and its monitors.
    pub monitors: Vec<(ActorId, u64)>,
}

#[derive(Debug, Default)]
struct Entry {
    links: BTreeSet<ActorId>,
    monitors: BTreeMap<u64, ActorId>,
    watchers: BTreeSet<(ActorId, u64)>,
    traps: bool,
}

impl Entry {
    fn is_empty(&self) -> bool {
        self.links.is_empty() && self.monitors.is_empty() && self.watchers.is_empty() && !self.traps
    }
}

/// The relations of one shard's actors.
#[derive(Debug, Default)]
pub struct Relations(HashMap<ActorId, Entry>);

impl Relations {
    fn entry(&mut self, actor: ActorId) -> &mut Entry {
        self.0.entry(actor).or_default()
    }

    fn change<T: Default>(&mut self, actor: ActorId, change: impl FnOnce(&mut Entry) -> T) -> T {
        let Some(entry) = self.0.get_mut(&actor) else { return T::default() };
        let changed = change(entry);
        if entry.is_empty() {
            self.0.remove(&actor);
        }
        changed
    }

    /// Links an actor of this shard to another one. Was it not yet?
    pub fn link(&mut self, actor: ActorId, other: ActorId) -> bool {
        actor != other && self.entry(actor).links.insert(other)
    }

    /// Is an actor of this shard linked to another one?
    pub fn is_linked(&self, actor: ActorId, other: ActorId) -> bool {
        self.0.get(&actor).is_some_and(|entry| entry.links.contains(&other))
    }

    /// Takes a link of an actor of this shard back. Was there one?
    pub fn unlink(&mut self, actor: ActorId, other: ActorId) -> bool {
        self.change(actor, |entry| entry.links.remove(&other))
    }

    /// An actor of this shard monitors another one.
    pub fn monitor(&mut self, actor: ActorId, monitor: u64, other: ActorId) {
        self.entry(actor).monitors.insert(monitor, other);
    }

    /// Takes a monitor of an actor of this shard back. Whom it was on, if it has not
    /// fired.
    pub fn demonitor(&mut self, actor: ActorId, monitor: u64) -> Option<ActorId> {
        self.change(actor, |entry| entry.monitors.remove(&monitor))
    }

    /// An actor of this shard is monitored.
    pub fn watch(&mut self, actor: ActorId, watcher: ActorId, monitor: u64) {
        self.entry(actor).watchers.insert((watcher, monitor));
    }

    /// An actor of this shard is not monitored any more.
    pub fn unwatch(&mut self, actor: ActorId, watcher: ActorId, monitor: u64) {
        self.change(actor, |entry| entry.watchers.remove(&(watcher, monitor)));
    }

    /// Whether an actor of this shard traps exits.
    pub fn trap(&mut self, actor: ActorId, on: bool) {
        self.entry(actor).traps = on;
        self.change(actor, |_| ());
    }

    /// A linked actor has ended. What that does to this one: nothing if the link was
    /// taken back meanwhile.
    pub fn linked_exit(&mut self, actor: ActorId, from: ActorId, reason: &ExitReason) -> Effect {
        let traps = self.0.get(&actor).is_some_and(|entry| entry.traps);
        match (self.change(actor, |entry| entry.links.remove(&from)), traps, reason) {
            (false, ..) => Effect::None,
            (true, true, _) => Effect::Tell,
            (true, false, ExitReason::Normal) => Effect::None,
            (true, false, _) => Effect::End,
        }
    }

    /// Somebody has sent an exit signal. What that does to this actor.
    pub fn exit_signal(&self, actor: ActorId, reason: &ExitReason) -> Effect {
        match (self.0.get(&actor).is_some_and(|entry| entry.traps), reason) {
            (_, ExitReason::Killed) => Effect::End,
            (true, _) => Effect::Tell,
            (false, ExitReason::Normal) => Effect::None,
            (false, _) => Effect::End,
        }
    }

    /// An incarnation has ended: what it began goes with it. Those who monitor the
    /// actor go on doing so.
    pub fn incarnation_ended(&mut self, actor: ActorId) -> Left {
        self.change(actor, |entry| {
            entry.traps = false;
            let links = std::mem::take(&mut entry.links).into_iter().collect();
            let monitors = std::mem::take(&mut entry.monitors);
            let monitors = monitors.into_iter().map(|(monitor, other)| (other, monitor)).collect();
            Left { links, monitors }
        })
    }

    /// An actor is gone for good: who is to be told, each by its monitor.
    pub fn gone(&mut self, actor: ActorId) -> Vec<(ActorId, u64)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0.remove(&actor).map(|entry| entry.watchers.into_iter().collect()).unwrap_or_default()
    }

    /// How many links and monitors an actor of this shard has.
    pub fn of(&self, actor: ActorId) -> usize {
        self.0.get(&actor).map_or(0, |entry| entry.links.len() + entry.monitors.len())
    }

    /// How many actors have relations.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Has none any?
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

    fn error() -> ExitReason {
        ExitReason::Error("told to".into())
    }

    #[test]
    fn a_pair_has_one_link_and_a_late_exit_is_dropped() {
        let mut relations = Relations::default();
        assert!(relations.link(actor(1), actor(2)));
        assert!(!relations.link(actor(1), actor(2)), "at most one");
        assert!(!relations.link(actor(1), actor(1)), "not to itself");
        relations.unlink(actor(1), actor(2));
        assert_eq!(relations.linked_exit(actor(1), actor(2), &error()), Effect::None);
        relations.link(actor(1), actor(2));
        assert_eq!(relations.linked_exit(actor(1), actor(2), &error()), Effect::End);
        assert_eq!(relations.linked_exit(actor(1), actor(2), &error()), Effect::None, "it was spent");
        assert!(relations.is_empty());
    }

    #[test]
    fn what_can_be_trapped_and_what_is_dropped() {
        let mut relations = Relations::default();
        let mut linked = |traps, reason: &ExitReason| {
            relations.link(actor(1), actor(2));
            relations.trap(actor(1), traps);
            relations.linked_exit(actor(1), actor(2), reason)
        };
        assert_eq!(linked(false, &ExitReason::Normal), Effect::None);
        assert_eq!(linked(true, &ExitReason::Normal), Effect::Tell);
        assert_eq!(linked(true, &ExitReason::Killed), Effect::Tell, "the end of one that was killed");
        assert_eq!(linked(false, &ExitReason::Killed), Effect::End);
        relations.trap(actor(1), true);
        assert_eq!(relations.exit_signal(actor(1), &ExitReason::Killed), Effect::End, "cannot be trapped");
        assert_eq!(relations.exit_signal(actor(1), &ExitReason::Normal), Effect::Tell);
        relations.trap(actor(1), false);
        assert_eq!(relations.exit_signal(actor(1), &ExitReason::Normal), Effect::None);
        assert_eq!(relations.exit_signal(actor(1), &error()), Effect::End);
    }

    #[test]
    fn an_incarnation_takes_what_it_began_and_leaves_who_watches() {
        let mut relations = Relations::default();
        relations.link(actor(1), actor(2));
        relations.monitor(actor(1), 7, actor(3));
        relations.watch(actor(1), actor(4), 8);
        relations.watch(actor(1), actor(4), 9);
        relations.trap(actor(1), true);
        let left = Left { links: vec![actor(2)], monitors: vec![(actor(3), 7)] };
        assert_eq!(relations.incarnation_ended(actor(1)), left);
        assert_eq!(relations.incarnation_ended(actor(1)), Left::default());
        assert_eq!(relations.demonitor(actor(1), 7), None);
        relations.unwatch(actor(1), actor(4), 8);
        assert_eq!(relations.gone(actor(1)), [(actor(4), 9)]);
        assert!(relations.is_empty());
    }
}
