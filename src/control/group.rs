//! Process groups: the part of one shard.
//!
//! Every shard has a replica of all groups, as of all names. What changes about an
//! actor is said by its own shard, in order, so that the replicas agree once all
//! is said. To join n times needs to leave n times; an actor that ends has left.
//! A group that nobody is in is no different from one that never was.

use std::collections::HashMap;

use crate::actor::{ActorId, ShardId, Subject};

use super::broker::Tenure;
use super::rendezvous::{key_hash, owner};
use super::roster::Roster;

/// To be told to every other shard, in order: is this actor in this group?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Which group.
    pub group: Subject,
    /// An actor of the shard that says so.
    pub member: ActorId,
    /// Or no longer.
    pub is_member: bool,
}

#[derive(Default)]
struct Group {
    /// Of all shards.
    members: Roster,
    /// Those of this shard.
    here: Roster,
    /// The other shards, and how many of them are there.
    elsewhere: Vec<(ShardId, usize)>,
    /// Whose turn it is.
    turn: usize,
}

impl Group {
    fn count_elsewhere(&mut self, shard: ShardId, comes: bool) {
        match self.elsewhere.iter().position(|&(other, _)| other == shard) {
            None => self.elsewhere.push((shard, 1)),
            Some(index) if comes => self.elsewhere[index].1 += 1,
            Some(index) if self.elsewhere[index].1 > 1 => self.elsewhere[index].1 -= 1,
            Some(index) => _ = self.elsewhere.swap_remove(index),
        }
    }
}

/// How often one actor of this shard has joined one group.
struct Joined {
    group: Subject,
    /// For as long as this incarnation.
    incarnation: u32,
    /// For as long as this address.
    address: u32,
}

impl Joined {
    fn count(&mut self, tenure: Tenure) -> &mut u32 {
        match tenure {
            Tenure::Incarnation => &mut self.incarnation,
            Tenure::Address => &mut self.address,
        }
    }
}

/// One shard's replica of all groups.
pub struct Groups {
    shard: ShardId,
    groups: HashMap<Subject, Group>,
    /// Of actors of this shard.
    joined: HashMap<ActorId, Vec<Joined>>,
}

impl Groups {
    /// No groups, on this shard.
    pub fn new(shard: ShardId) -> Self {
        Self { shard, groups: HashMap::new(), joined: HashMap::new() }
    }

    /// How many groups an actor of this shard is in.
    pub fn joined(&self, member: ActorId) -> usize {
        self.joined.get(&member).map_or(0, Vec::len)
    }

    /// An actor of this shard joins.
    pub fn join(&mut self, group: &Subject, member: ActorId, tenure: Tenure, changes: &mut Vec<Membership>) {
        let joined = self.joined.entry(member).or_default();
        if let Some(joined) = joined.iter_mut().find(|joined| joined.group == *group) {
            *joined.count(tenure) += 1;
            return;
        }
        let mut first = Joined { group: group.clone(), incarnation: 0, address: 0 };
        *first.count(tenure) = 1;
        joined.push(first);
        self.change(Membership { group: group.clone(), member, is_member: true }, changes);
    }

    /// An actor of this shard leaves. Was it a member? It first leaves what it has
    /// joined itself.
    pub fn leave(&mut self, group: &Subject, member: ActorId, changes: &mut Vec<Membership>) -> bool {
        let Some(all) = self.joined.get_mut(&member) else { return false };
        let Some(index) = all.iter().position(|joined| joined.group == *group) else { return false };
        let joined = &mut all[index];
        let tenure = if joined.incarnation > 0 { Tenure::Incarnation } else { Tenure::Address };
        *joined.count(tenure) -= 1;
        if joined.incarnation + joined.address == 0 {
            all.swap_remove(index);
            if all.is_empty() {
                self.joined.remove(&member);
            }
            self.change(Membership { group: group.clone(), member, is_member: false }, changes);
        }
        true
    }

    /// An actor of this shard has ended: it leaves all that does not last longer
    /// than this.
    pub fn forget(&mut self, member: ActorId, tenure: Tenure, changes: &mut Vec<Membership>) {
        if self.joined.is_empty() {
            return;
        }
        let Some(mut all) = self.joined.remove(&member) else { return };
        let mut left = Vec::new();
        all.retain_mut(|joined| {
            joined.incarnation = 0;
            if tenure == Tenure::Incarnation && joined.address > 0 {
                return true;
            }
            left.push(joined.group.clone());
            false
        });
        if !all.is_empty() {
            self.joined.insert(member, all);
        }
        for group in left {
            self.change(Membership { group, member, is_member: false }, changes);
        }
    }

    fn change(&mut self, change: Membership, changes: &mut Vec<Membership>) {
        self.on_change(&change);
        changes.push(change);
    }

    /// Another shard says who has come or gone.
    pub fn on_change(&mut self, change: &Membership) {
        let Membership { group, member, is_member } = change;
        let is_here = member.shard() == self.shard;
        if *is_member {
            let group = self.groups.entry(group.clone()).or_default();
            if group.members.insert(*member) {
                if is_here {
                    group.here.insert(*member);
                } else {
                    group.count_elsewhere(member.shard(), true);
                }
            }
        } else if let Some(members) = self.groups.get_mut(group)
            && members.members.remove(*member)
        {
            if is_here {
                members.here.remove(*member);
            } else {
                members.count_elsewhere(member.shard(), false);
            }
            if members.members.is_empty() {
                self.groups.remove(group);
            }
        }
    }

    /// The members of a group, of all shards, each once.
    pub fn members(&self, group: &Subject) -> &[ActorId] {
        self.groups.get(group).map_or(&[], |group| group.members.as_slice())
    }

    /// The members of a group on this shard, each once.
    pub fn members_here(&self, group: &Subject) -> &[ActorId] {
        self.groups.get(group).map_or(&[], |group| group.here.as_slice())
    }

    /// The other shards that have members.
    pub fn shards(&self, group: &Subject) -> impl Iterator<Item = ShardId> {
        self.groups.get(group).into_iter().flat_map(|group| group.elsewhere.iter().map(|&(shard, _)| shard))
    }

    /// Goes through the members, beginning with the one whose turn it is, until one
    /// takes what there is.
    pub fn offer(&mut self, group: &Subject, mut takes: impl FnMut(ActorId) -> bool) -> Option<ActorId> {
        let group = self.groups.get_mut(group)?;
        let members = group.members.as_slice();
        let first = group.turn % members.len();
        let (before, from) = members.split_at(first);
        let index = from.iter().chain(before).position(|&member| takes(member))?;
        let taker = (first + index) % members.len();
        let member = members[taker];
        group.turn = taker + 1;
        Some(member)
    }

    /// The member that has this key: the same on every shard, for as long as the
    /// same actors are in the group; and when one comes or goes, keys move only to
    /// it or from it.
    pub fn by_key(&self, group: &Subject, key: &[u8]) -> Option<ActorId> {
        owner(key_hash(key), self.members(group))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(shard: u16, slot: u32) -> ActorId {
        ActorId::new(ShardId(shard), slot, 1)
    }

    fn group() -> Subject {
        Subject::parse("workers").unwrap()
    }

    fn world() -> (Groups, Vec<Membership>) {
        (Groups::new(ShardId(0)), Vec::new())
    }

    #[test]
    fn to_join_n_times_needs_to_leave_n_times() {
        let (mut groups, mut changes) = world();
        let member = actor(0, 1);
        for _ in 0..3 {
            groups.join(&group(), member, Tenure::Incarnation, &mut changes);
        }
        assert_eq!(groups.members(&group()), [member], "each once");
        assert!(groups.leave(&group(), member, &mut changes));
        assert!(groups.leave(&group(), member, &mut changes));
        assert_eq!(groups.members(&group()), [member]);
        assert!(groups.leave(&group(), member, &mut changes));
        assert_eq!(groups.members(&group()), []);
        assert!(!groups.leave(&group(), member, &mut changes));
        let told: Vec<_> = changes.iter().map(|change| change.is_member).collect();
        assert_eq!(told, [true, false], "the others hear of the first and the last");
        assert!(groups.groups.is_empty() && groups.joined.is_empty(), "empty is absent");
    }

    #[test]
    fn who_ends_has_left_what_it_joined_and_what_it_was_put_into_if_it_is_gone_for_good() {
        let (mut groups, mut changes) = world();
        let (member, other) = (actor(0, 1), Subject::parse("other").unwrap());
        groups.join(&group(), member, Tenure::Incarnation, &mut changes);
        groups.join(&group(), member, Tenure::Incarnation, &mut changes);
        groups.join(&other, member, Tenure::Incarnation, &mut changes);
        groups.join(&other, member, Tenure::Address, &mut changes);
        groups.forget(member, Tenure::Incarnation, &mut changes);
        assert_eq!(groups.members(&group()), []);
        assert_eq!(groups.members(&other), [member]);
        groups.forget(member, Tenure::Address, &mut changes);
        assert_eq!(groups.members(&other), []);
        assert!(groups.groups.is_empty() && groups.joined.is_empty());
    }

    #[test]
    fn replicas_agree_once_all_is_said() {
        let mut shards: Vec<Groups> = (0..3).map(|shard| Groups::new(ShardId(shard))).collect();
        let mut state = 3_u64;
        for _ in 0..5_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let shard = (state >> 33) as usize % 3;
            let member = actor(shard as u16, (state >> 40) as u32 % 30);
            let mut changes = Vec::new();
            match (state >> 60) % 4 {
                0 | 1 => shards[shard].join(&group(), member, Tenure::Incarnation, &mut changes),
                2 => _ = shards[shard].leave(&group(), member, &mut changes),
                _ => shards[shard].forget(member, Tenure::Address, &mut changes),
            }
            for (index, other) in shards.iter_mut().enumerate() {
                if index != shard {
                    changes.iter().for_each(|change| other.on_change(change));
                }
            }
            let members = |groups: &Groups| {
                let mut members = groups.members(&group()).to_vec();
                members.sort();
                members
            };
            let all = members(&shards[0]);
            assert!(shards.iter().all(|groups| members(groups) == all));
            let here: usize = shards.iter().map(|groups| groups.members_here(&group()).len()).sum();
            assert_eq!(here, all.len());
        }
    }

    #[test]
    fn members_take_turns_and_one_without_room_is_passed_over() {
        let (mut groups, mut changes) = world();
        for slot in 0..3 {
            groups.join(&group(), actor(0, slot), Tenure::Incarnation, &mut changes);
        }
        let slots: Vec<_> = (0..6).map(|_| groups.offer(&group(), |_| true).unwrap().slot()).collect();
        assert_eq!(slots, [0, 1, 2, 0, 1, 2]);
        let passed: Vec<_> =
            (0..4).map(|_| groups.offer(&group(), |member| member.slot() != 1).unwrap().slot()).collect();
        assert_eq!(passed, [0, 2, 0, 2]);
        assert_eq!(groups.offer(&group(), |_| false), None);
        assert_eq!(groups.offer(&Subject::parse("nobody").unwrap(), |_| true), None);
    }

    #[test]
    fn a_shard_with_members_is_named_once() {
        let (mut groups, mut changes) = world();
        groups.join(&group(), actor(0, 1), Tenure::Incarnation, &mut changes);
        for (shard, slot) in [(1, 1), (1, 2), (2, 1)] {
            groups.on_change(&Membership { group: group(), member: actor(shard, slot), is_member: true });
        }
        assert_eq!(groups.shards(&group()).collect::<Vec<_>>(), [ShardId(1), ShardId(2)]);
        groups.on_change(&Membership { group: group(), member: actor(1, 1), is_member: false });
        assert_eq!(groups.shards(&group()).count(), 2);
        groups.on_change(&Membership { group: group(), member: actor(1, 2), is_member: false });
        assert_eq!(groups.shards(&group()).collect::<Vec<_>>(), [ShardId(2)]);
    }
}
