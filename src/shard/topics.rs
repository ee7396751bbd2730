//! Topics and groups, on one shard: from what is published to the mailboxes of
//! those who want it.
//!
//! ```text
//!   publish ──► copies for subscribers here, at once
//!          └──► one message to each other shard with interest ──► copies there
//! ```
//!
//! A message to another shard takes the lane of all messages, so that what one
//! actor sends and publishes to another stays in order.
//!
//! For the ledger a copy is a message. The one that crosses to another shard counts
//! as one of its copies there; if nobody is left to have one, it is dead. A copy for
//! which there is no room is dead, and nobody else's concern.

use std::collections::HashMap;
use std::sync::Arc;

use crate::actor::{
    ActorId, Attached, DeadReason, Envelope, Filter, Message, Origin, Payload, Pick, SendError, ShardId,
    Subject,
};
use crate::control::broker::{Bridge, Broker, InProcess, Interest, Tenure};
use crate::control::group::{Groups, Membership};

use super::local::Local;
use super::post::Post;
use super::signal::Signal;
use super::{Answer, DeadLetter, Shard};

/// The subjects of dead letters begin with it; their reason follows.
pub const DEAD_LETTERS: &str = "$raddle.dead";

/// Who waits until all other shards have heard what this one has said: signals keep
/// their order, so the answer to the last one is enough.
#[derive(Default)]
pub(super) struct Hearings {
    next: u64,
    awaited: HashMap<u64, (usize, Answer<bool>)>,
}

/// The subscriptions and groups that a shard knows.
pub(super) struct Topics {
    broker: Broker,
    pub(super) groups: Groups,
    pub(super) bridge: Arc<dyn Bridge>,
    /// What other shards have not been told yet.
    interest: Vec<Interest>,
    memberships: Vec<Membership>,
    /// Used again and again.
    here: Vec<ActorId>,
    shards: Vec<ShardId>,
}

impl Topics {
    /// Has anybody subscribed to anything, here or elsewhere?
    pub(super) fn has_filters(&self) -> bool {
        !self.broker.is_empty()
    }

    pub(super) fn new(shard: ShardId) -> Self {
        Self {
            broker: Broker::new(),
            groups: Groups::new(shard),
            bridge: Arc::new(InProcess),
            interest: Vec::new(),
            memberships: Vec::new(),
            here: Vec::new(),
            shards: Vec::new(),
        }
    }

    fn subscribe(&mut self, subscriber: ActorId, filter: &Filter, tenure: Tenure) {
        self.broker.subscribe(subscriber, filter, tenure, &mut self.interest);
    }

    pub(super) fn unsubscribe(&mut self, subscriber: ActorId, filter: &Filter) -> bool {
        self.broker.unsubscribe(subscriber, filter, &mut self.interest)
    }

    pub(super) fn leave(&mut self, member: ActorId, group: &Subject) -> bool {
        self.groups.leave(group, member, &mut self.memberships)
    }

    fn forget(&mut self, actor: ActorId, tenure: Tenure) {
        self.broker.forget(actor, tenure, &mut self.interest);
        self.groups.forget(actor, tenure, &mut self.memberships);
    }
}

impl Local {
    pub(super) fn subscribe(&self, subscriber: ActorId, filter: &Filter) -> Result<(), SendError> {
        let mut topics = self.topics.borrow_mut();
        let most = self.lives.borrow().quotas(subscriber).subscriptions_max;
        if topics.broker.filters(subscriber) >= most as usize {
            return Err(SendError::Quota { what: "subscriptions_max", most });
        }
        topics.subscribe(subscriber, filter, Tenure::Incarnation);
        Ok(())
    }

    pub(super) fn join(&self, member: ActorId, group: &Subject) -> Result<(), SendError> {
        let mut topics = self.topics.borrow_mut();
        let most = self.lives.borrow().quotas(member).groups_max;
        if topics.groups.joined(member) >= most as usize {
            return Err(SendError::Quota { what: "groups_max", most });
        }
        let Topics { groups, memberships, .. } = &mut *topics;
        groups.join(group, member, Tenure::Incarnation, memberships);
        Ok(())
    }

    /// Sends copies to everyone who has subscribed to what matches.
    pub(super) fn publish(
        &self,
        origin: Origin,
        subject: &Subject,
        payload: Payload,
    ) -> Result<(), SendError> {
        let mut post = self.post.borrow_mut();
        post.may_be_long(payload.len())?;
        self.counters.published.add(1);
        let copies = self.spread(&mut post, origin, subject, payload, true);
        if copies == 0 {
            self.counters.unheard.add(1);
        }
        post.count_copies(copies);
        Ok(())
    }

    /// Makes copies for subscribers here, and messages for other shards. How many?
    fn spread(
        &self,
        post: &mut Post,
        origin: Origin,
        subject: &Subject,
        payload: Payload,
        is_to_leave: bool,
    ) -> u64 {
        let mut topics = self.topics.borrow_mut();
        if is_to_leave {
            topics.bridge.published(subject, &payload);
        }
        let Topics { broker, here, shards, .. } = &mut *topics;
        here.clear();
        shards.clear();
        broker.route(subject, here, shards);
        if here.is_empty() && shards.is_empty() {
            return 0;
        }
        let attached = Arc::new(Attached::Topic(subject.clone()));
        copy_out(post, origin, &attached, payload, here, shards)
    }

    /// Sends to members of a group; to how many?
    pub(super) fn send_to_group(
        &self,
        origin: Origin,
        group: &Subject,
        pick: &Pick,
        payload: Payload,
    ) -> Result<u32, SendError> {
        let mut post = self.post.borrow_mut();
        let mut topics = self.topics.borrow_mut();
        let envelope = |to| Envelope {
            to,
            from: origin.from,
            request: None,
            sent_at_ns: origin.sent_at_ns,
            expires_at_ns: 0,
        };
        let mut sent = Err(SendError::NoMember(group.clone()));
        match pick {
            Pick::Key(key) => {
                if let Some(member) = topics.groups.by_key(group, key) {
                    return post.send_payload(envelope(member), payload).map(|()| 1);
                }
            }
            Pick::One => {
                topics.groups.offer(group, |member| {
                    sent = post.offer(envelope(member), &payload).map(|()| 1);
                    // Too large for one is too large for all.
                    !matches!(sent, Err(SendError::MailboxFull(_) | SendError::OutboxFull(_)))
                });
            }
            Pick::All => {
                post.may_be_long(payload.len())?;
                let Topics { groups, here, shards, .. } = &mut *topics;
                let members = groups.members(group).len() as u32;
                here.clear();
                here.extend_from_slice(groups.members_here(group));
                shards.clear();
                shards.extend(groups.shards(group));
                if members > 0 {
                    let attached = Arc::new(Attached::Group(group.clone(), Pick::All));
                    let copies = copy_out(&mut post, origin, &attached, payload, here, shards);
                    post.count_copies(copies);
                    return Ok(members);
                }
            }
        }
        if sent.is_err() {
            post.count_refused();
        }
        sent
    }
}

/// Puts copies into mailboxes here, and sends one message to each of the shards.
/// How many are these?
fn copy_out(
    post: &mut Post,
    origin: Origin,
    attached: &Arc<Attached>,
    payload: Payload,
    here: &[ActorId],
    shards: &[ShardId],
) -> u64 {
    let message = Message {
        from: origin.from,
        sent_at_ns: origin.sent_at_ns,
        payload: if here.len() + shards.len() > 1 { payload.into_shared() } else { payload },
        ..Message::default()
    };
    for &shard in shards {
        post.send_to_shard(shard, Message { attached: Some(attached.clone()), ..message.clone() });
    }
    // Who gets a copy because of a group need not know.
    let to_keep = matches!(**attached, Attached::Topic(_)).then_some(attached);
    post.put_copies(here, &message, to_keep);
    (here.len() + shards.len()) as u64
}

impl Shard {
    /// Another shard has sent something for actors here that it does not know.
    pub(super) fn deliver_copies(&mut self, message: &Message) {
        let local = self.local.clone();
        let mut topics = local.topics.borrow_mut();
        let Topics { broker, groups, here, .. } = &mut *topics;
        here.clear();
        let attached = match message.attached.as_deref() {
            Some(Attached::Topic(subject)) => {
                broker.route_here(subject, here);
                // A counter of its own: shards do not write to each other's memory.
                Some(Arc::new(Attached::Topic(subject.clone())))
            }
            Some(Attached::Group(group, _)) => {
                here.extend_from_slice(groups.members_here(group));
                None
            }
            Some(Attached::Asks(_)) | None => None,
        };
        if here.is_empty() {
            drop(topics);
            return self.bury(message, DeadReason::NoSuchActor);
        }
        let mut post = local.post.borrow_mut();
        post.count_copies(here.len() as u64 - 1);
        post.put_copies(here, message, attached.as_ref());
    }

    /// An outside thread has sent something for whoever wants it.
    pub(super) fn route_from_outside(&mut self, mut message: Message) {
        if self.closed {
            return self.bury(&message, DeadReason::Drained);
        }
        let origin = Origin { from: None, sent_at_ns: message.sent_at_ns };
        let payload = std::mem::take(&mut message.payload);
        match message.attached.as_deref() {
            Some(Attached::Topic(subject)) => {
                // It counted as one message when it was taken: now as its copies.
                let copies = {
                    let mut post = self.local.post.borrow_mut();
                    let copies = self.local.spread(&mut post, origin, subject, payload, false);
                    post.count_copies(copies.saturating_sub(1));
                    copies
                };
                self.counters.published.add(1);
                if copies == 0 {
                    self.counters.unheard.add(1);
                    self.counters.injected.take_back(1);
                    self.taken_in -= 1;
                }
            }
            Some(Attached::Group(group, pick)) => {
                let sent = self.local.send_to_group(origin, group, pick, payload.clone());
                match sent {
                    // It was taken once, and is now accepted again, as its copies.
                    Ok(_) => {
                        self.count_accepted();
                        self.counters.injected.take_back(1);
                        self.taken_in -= 1;
                    }
                    Err(error) => {
                        let reason = match error {
                            SendError::NoMember(_) | SendError::NoSuchActor(_) => DeadReason::NoSuchActor,
                            _ => DeadReason::MailboxFull,
                        };
                        message.payload = payload;
                        self.bury(&message, reason);
                    }
                }
            }
            Some(Attached::Asks(_)) | None => {
                message.payload = payload;
                self.bury(&message, DeadReason::NoSuchActor);
            }
        }
    }

    /// From outside: answers once every other shard has heard what was said so far.
    pub(super) fn answer_when_heard(&mut self, answer: bool, done: Answer<bool>) {
        if self.shards == 1 || !answer {
            // Whoever gave up waiting does not need it.
            let _ = done.resolve(Ok(answer));
            return;
        }
        let number = self.hearings.next;
        self.hearings.next += 1;
        self.hearings.awaited.insert(number, (self.shards - 1, done));
        self.signal_others(|| Signal::Hear(number));
    }

    pub(super) fn on_heard(&mut self, number: u64) {
        let Some((awaited, _)) = self.hearings.awaited.get_mut(&number) else { return };
        *awaited -= 1;
        if *awaited == 0
            && let Some((_, done)) = self.hearings.awaited.remove(&number)
        {
            let _ = done.resolve(Ok(true));
        }
    }

    pub(super) fn on_interest(&mut self, shard: ShardId, change: &Interest) {
        self.local.topics.borrow_mut().broker.on_interest(shard, change);
    }

    pub(super) fn on_membership(&mut self, change: &Membership) {
        self.local.topics.borrow_mut().groups.on_change(change);
    }

    /// From outside: an actor subscribes, for as long as it has its address. False if
    /// it is not there.
    pub(super) fn subscribe_for(&mut self, actor: ActorId, filter: &Filter) -> bool {
        let is_there = self.actors.get(actor).is_some();
        if is_there {
            self.local.topics.borrow_mut().subscribe(actor, filter, Tenure::Address);
            self.tell_changes();
        }
        is_there
    }

    /// From outside: an actor subscribes no longer. Did it?
    pub(super) fn unsubscribe_for(&mut self, actor: ActorId, filter: &Filter) -> bool {
        let did = self.local.topics.borrow_mut().unsubscribe(actor, filter);
        self.tell_changes();
        did
    }

    /// From outside: an actor leaves a group. Was it in it?
    pub(super) fn leave_for(&mut self, actor: ActorId, group: &Subject) -> bool {
        let was = self.local.topics.borrow_mut().leave(actor, group);
        self.tell_changes();
        was
    }

    /// From outside: an actor joins a group, for as long as it has its address.
    pub(super) fn join_for(&mut self, actor: ActorId, group: &Subject) -> bool {
        let is_there = self.actors.get(actor).is_some();
        if is_there {
            let mut topics = self.local.topics.borrow_mut();
            let Topics { groups, memberships, .. } = &mut *topics;
            groups.join(group, actor, Tenure::Address, memberships);
            drop(topics);
            self.tell_changes();
        }
        is_there
    }

    /// An incarnation has ended, and with it what it has subscribed to and joined.
    pub(super) fn leave_topics(&mut self, actor: ActorId, is_for_good: bool) {
        let tenure = if is_for_good { Tenure::Address } else { Tenure::Incarnation };
        self.local.topics.borrow_mut().forget(actor, tenure);
        // Before anybody hears of its end.
        self.tell_changes();
    }

    /// Tells the other shards what has changed.
    pub(super) fn tell_changes(&mut self) {
        let local = self.local.clone();
        let mut topics = local.topics.borrow_mut();
        if topics.interest.is_empty() && topics.memberships.is_empty() {
            return;
        }
        let Topics { interest, memberships, bridge, .. } = &mut *topics;
        for change in interest.drain(..) {
            bridge.interest(self.id, &change.filter, change.interested);
            self.signal_others(|| Signal::Interest(Box::new(change.clone())));
        }
        for change in memberships.drain(..) {
            self.signal_others(|| Signal::Membership(Box::new(change.clone())));
        }
    }

    /// Shows a dead letter to whoever has subscribed to them.
    pub(super) fn publish_dead(&mut self, letter: &DeadLetter) {
        let is_own = letter.subject.as_ref().is_some_and(|subject| subject.as_str().starts_with('$'));
        if is_own || self.closed {
            return;
        }
        let Ok(subject) = Subject::reserved(&format!("{DEAD_LETTERS}.{}", letter.reason)) else { return };
        self.publish_own(&subject, || Payload::from(letter.to_string()));
    }

    /// Publishes what the runtime has to say, if somebody has subscribed to it.
    pub(super) fn publish_own(&mut self, subject: &Subject, payload: impl FnOnce() -> Payload) {
        let local = self.local.clone();
        if self.closed {
            return;
        }
        let Ok(mut post) = local.post.try_borrow_mut() else { return };
        let has_interest = {
            let mut topics = local.topics.borrow_mut();
            let Topics { broker, here, shards, .. } = &mut *topics;
            here.clear();
            shards.clear();
            broker.route(subject, here, shards);
            !here.is_empty() || !shards.is_empty()
        };
        if has_interest {
            let copies = local.spread(&mut post, Origin::default(), subject, payload(), false);
            post.count_copies(copies);
        }
    }
}
