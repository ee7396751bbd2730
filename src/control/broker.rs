//! Topics: the part of one shard.
//!
//! A shard knows its own subscribers, and of the other shards only whether they
//! have any for a filter. So what is published goes once to each shard that has
//! interest, and from there to its subscribers:
//!
//! ```text
//!   publisher ─► shard 0 ─┬─► subscribers here
//!                         └─► shard 1 ─► its subscribers
//! ```
//!
//! As in NATS, every subscription that matches has a copy of its own: a subscriber
//! with `a.*` and `a.>` is handed `a.b` twice. A subscriber has a filter at most
//! once; to subscribe again changes nothing.
//!
//! A subscription that an actor has made ends with that incarnation: the next one
//! subscribes anew when it starts. One that was made for it from outside lasts as
//! long as its address.

use std::collections::HashMap;

use crate::actor::{ActorId, Filter, Payload, ShardId, Subject};

use super::roster::Roster;
use super::topic::TopicTable;

/// Carries topics to and from a broker outside. What comes from there is published
/// through a handle, like anything else from outside.
///
/// Called on the threads of the shards: it must not block.
pub trait Bridge: Send + Sync {
    /// A shard has, or has no longer, subscribers of its own for this filter.
    fn interest(&self, shard: ShardId, filter: &Filter, interested: bool) {
        let _ = (shard, filter, interested);
    }

    /// An actor has published this. It is called once, on the publisher's shard.
    fn published(&self, subject: &Subject, payload: &Payload);
}

/// The bridge to nowhere: topics stay in this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct InProcess;

impl Bridge for InProcess {
    fn published(&self, _: &Subject, _: &Payload) {}
}

/// To be told to every other shard, in order: does this shard have interest?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// In what.
    pub filter: Filter,
    /// Or no longer.
    pub interested: bool,
}

/// How long a subscription or a membership lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tenure {
    /// As long as the incarnation that made it.
    Incarnation,
    /// As long as the address.
    Address,
}

#[derive(Default)]
struct Leaf {
    here: Roster,
    /// The other shards that have interest.
    shards: Vec<ShardId>,
}

impl Leaf {
    fn is_empty(&self) -> bool {
        self.here.is_empty() && self.shards.is_empty()
    }
}

/// The subscriptions of one shard, and the interest of the others.
#[derive(Default)]
pub struct Broker {
    table: TopicTable<Leaf>,
    by_subscriber: HashMap<ActorId, Vec<(Filter, Tenure)>>,
}

impl Broker {
    /// No subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has nobody subscribed to anything, here or elsewhere?
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many filters an actor of this shard has.
    pub fn filters(&self, subscriber: ActorId) -> usize {
        self.by_subscriber.get(&subscriber).map_or(0, Vec::len)
    }

    /// An actor of this shard wants what matches. Is that new?
    pub fn subscribe(
        &mut self,
        subscriber: ActorId,
        filter: &Filter,
        tenure: Tenure,
        changes: &mut Vec<Interest>,
    ) -> bool {
        let leaf = self.table.entry(filter, Leaf::default);
        let is_first = leaf.here.is_empty();
        let is_new = leaf.here.insert(subscriber);
        let filters = self.by_subscriber.entry(subscriber).or_default();
        if is_new {
            filters.push((filter.clone(), tenure));
        } else if let Some((_, lasting)) = filters.iter_mut().find(|(one, _)| one == filter) {
            *lasting = tenure.max(*lasting);
        }
        if is_first {
            changes.push(Interest { filter: filter.clone(), interested: true });
        }
        is_new
    }

    /// An actor of this shard no longer wants what matches. Did it?
    pub fn unsubscribe(&mut self, subscriber: ActorId, filter: &Filter, changes: &mut Vec<Interest>) -> bool {
        let Some(filters) = self.by_subscriber.get_mut(&subscriber) else { return false };
        let Some(index) = filters.iter().position(|(one, _)| one == filter) else { return false };
        filters.swap_remove(index);
        if filters.is_empty() {
            self.by_subscriber.remove(&subscriber);
        }
        self.take_out(subscriber, filter, changes);
        true
    }

    /// An actor of this shard has ended: all of its subscriptions go that do not
    /// last longer than this.
    pub fn forget(&mut self, subscriber: ActorId, tenure: Tenure, changes: &mut Vec<Interest>) {
        if self.by_subscriber.is_empty() {
            return;
        }
        let Some(filters) = self.by_subscriber.remove(&subscriber) else { return };
        let (ended, lasting): (Vec<_>, Vec<_>) = filters.into_iter().partition(|&(_, own)| own <= tenure);
        if !lasting.is_empty() {
            self.by_subscriber.insert(subscriber, lasting);
        }
        for (filter, _) in ended {
            self.take_out(subscriber, &filter, changes);
        }
    }

    fn take_out(&mut self, subscriber: ActorId, filter: &Filter, changes: &mut Vec<Interest>) {
        let Some(leaf) = self.table.get_mut(filter) else { return };
        leaf.here.remove(subscriber);
        if leaf.here.is_empty() {
            changes.push(Interest { filter: filter.clone(), interested: false });
        }
        if leaf.is_empty() {
            self.table.remove(filter);
        }
    }

    /// Another shard has interest, or has none any longer.
    pub fn on_interest(&mut self, shard: ShardId, change: &Interest) {
        let Interest { filter, interested } = change;
        if *interested {
            let leaf = self.table.entry(filter, Leaf::default);
            if !leaf.shards.contains(&shard) {
                leaf.shards.push(shard);
            }
        } else if let Some(leaf) = self.table.get_mut(filter) {
            leaf.shards.retain(|&other| other != shard);
            if leaf.is_empty() {
                self.table.remove(filter);
            }
        }
    }

    /// Where something that is published here goes: subscribers of this shard, once
    /// for each subscription, and other shards, each once.
    pub fn route(&self, subject: &Subject, here: &mut Vec<ActorId>, shards: &mut Vec<ShardId>) {
        self.table.matches(subject, |leaf| {
            here.extend_from_slice(leaf.here.as_slice());
            for &shard in &leaf.shards {
                if !shards.contains(&shard) {
                    shards.push(shard);
                }
            }
        });
    }

    /// Where something that another shard has sent goes.
    pub fn route_here(&self, subject: &Subject, here: &mut Vec<ActorId>) {
        self.table.matches(subject, |leaf| here.extend_from_slice(leaf.here.as_slice()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(slot: u32) -> ActorId {
        ActorId::new(ShardId(0), slot, 1)
    }

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    fn routed(broker: &Broker, subject: &str) -> (Vec<u32>, Vec<u16>) {
        let (mut here, mut shards) = (Vec::new(), Vec::new());
        broker.route(&Subject::parse(subject).unwrap(), &mut here, &mut shards);
        let mut slots: Vec<_> = here.iter().map(|actor| actor.slot()).collect();
        slots.sort_unstable();
        let mut shards: Vec<_> = shards.iter().map(|shard| shard.0).collect();
        shards.sort_unstable();
        (slots, shards)
    }

    #[test]
    fn each_subscription_that_matches_has_a_copy_and_the_same_filter_counts_once() {
        let (mut broker, mut changes) = (Broker::new(), Vec::new());
        for text in ["a.*", "a.>", "a.*", "b"] {
            broker.subscribe(actor(1), &filter(text), Tenure::Incarnation, &mut changes);
        }
        broker.subscribe(actor(2), &filter("a.*"), Tenure::Incarnation, &mut changes);
        assert_eq!(routed(&broker, "a.b").0, [1, 1, 2]);
        assert_eq!(broker.filters(actor(1)), 3);
        assert!(broker.unsubscribe(actor(1), &filter("a.*"), &mut changes));
        assert!(!broker.unsubscribe(actor(1), &filter("a.*"), &mut changes));
        assert_eq!(routed(&broker, "a.b").0, [1, 2]);
    }

    #[test]
    fn other_shards_hear_of_the_first_and_the_last_subscriber() {
        let (mut broker, mut changes) = (Broker::new(), Vec::new());
        let told = |changes: &mut Vec<Interest>| -> Vec<bool> {
            changes.drain(..).map(|change| change.interested).collect()
        };
        broker.subscribe(actor(1), &filter("a"), Tenure::Incarnation, &mut changes);
        broker.subscribe(actor(2), &filter("a"), Tenure::Incarnation, &mut changes);
        assert_eq!(told(&mut changes), [true]);
        broker.forget(actor(1), Tenure::Address, &mut changes);
        assert!(told(&mut changes).is_empty());
        broker.unsubscribe(actor(2), &filter("a"), &mut changes);
        assert_eq!(told(&mut changes), [false]);
        broker.subscribe(actor(2), &filter("a"), Tenure::Incarnation, &mut changes);
        assert_eq!(told(&mut changes), [true]);
    }

    #[test]
    fn a_shard_with_interest_is_sent_to_once_however_many_filters_match() {
        let mut broker = Broker::new();
        for (shard, text) in [(1, "a.*"), (1, "a.>"), (2, "a.b"), (3, "b")] {
            let change = Interest { filter: filter(text), interested: true };
            broker.on_interest(ShardId(shard), &change);
            broker.on_interest(ShardId(shard), &change);
        }
        assert_eq!(routed(&broker, "a.b"), (vec![], vec![1, 2]));
        for (shard, text) in [(1, "a.*"), (1, "a.>"), (2, "a.b"), (3, "b")] {
            broker.on_interest(ShardId(shard), &Interest { filter: filter(text), interested: false });
        }
        assert_eq!(routed(&broker, "a.b"), (vec![], vec![]));
        assert!(broker.table.is_empty());
    }

    #[test]
    fn what_was_subscribed_from_outside_outlives_an_incarnation_and_not_the_address() {
        let (mut broker, mut changes) = (Broker::new(), Vec::new());
        broker.subscribe(actor(1), &filter("a"), Tenure::Incarnation, &mut changes);
        broker.subscribe(actor(1), &filter("b"), Tenure::Address, &mut changes);
        // To subscribe itself does not make it shorter.
        broker.subscribe(actor(1), &filter("b"), Tenure::Incarnation, &mut changes);
        broker.forget(actor(1), Tenure::Incarnation, &mut changes);
        assert_eq!((routed(&broker, "a").0, routed(&broker, "b").0), (vec![], vec![1]));
        broker.forget(actor(1), Tenure::Address, &mut changes);
        assert_eq!(routed(&broker, "b").0, [] as [u32; 0]);
        assert!(broker.table.is_empty() && broker.by_subscriber.is_empty());
    }
}
