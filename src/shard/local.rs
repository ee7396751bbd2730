//! What a shard shares with its actors while they run.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use crate::actor::{
    ActorId, Attached, Envelope, Failure, Filter, NewActor, NotSpawned, Notice, Origin, Payload, Pick,
    Relation, RequestId, SendError, ShardId, Subject, TimerId, View,
};
use crate::control::lineage::Lineage;
use crate::control::registry::Replica;
use crate::control::relations::Relations;
use crate::metrics::{Clock, ShardCounters};

use super::Alarm;
use super::holdings::Holdings;
use super::later::Later;
use super::lives::{LifeId, Lives};
use super::offspring::Offspring;
use super::post::Post;
use super::requests::Requests;
use super::table::{Keys, Table};
use super::timer_wheel::TimerWheel;
use super::topics::Topics;
use super::watch::Watches;

/// What actors touch of their shard. None of it is borrowed while an actor runs,
/// but within one call of its view.
pub(super) struct Local {
    pub(super) shard: ShardId,
    pub(super) clock: Clock,
    pub(super) counters: Arc<ShardCounters>,
    pub(super) post: RefCell<Post>,
    pub(super) names: RefCell<Replica>,
    pub(super) watches: RefCell<Watches>,
    pub(super) holdings: RefCell<Holdings>,
    pub(super) lives: RefCell<Lives>,
    pub(super) requests: RefCell<Requests>,
    /// What actors of this shard are to hear, each in the incarnation that it is for.
    pub(super) notices: RefCell<VecDeque<(ActorId, LifeId, Notice)>>,
    pub(super) laters: RefCell<Table<Later>>,
    pub(super) wheel: RefCell<TimerWheel<Alarm>>,
    pub(super) topics: RefCell<Topics>,
    pub(super) relations: RefCell<Relations>,
    pub(super) lineage: RefCell<Lineage>,
    pub(super) offspring: RefCell<Offspring>,
    /// The addresses that no actor of this shard has.
    pub(super) actor_keys: Rc<Keys>,
}

impl Local {
    pub(super) fn new(post: Post, clock: Clock, counters: Arc<ShardCounters>, actor_keys: Rc<Keys>) -> Self {
        let shard = post.shard();
        Self {
            shard,
            counters,
            post: RefCell::new(post),
            names: RefCell::default(),
            watches: RefCell::default(),
            holdings: RefCell::default(),
            lives: RefCell::default(),
            requests: RefCell::new(Requests::new(shard)),
            notices: RefCell::default(),
            laters: RefCell::new(Table::new(shard)),
            wheel: RefCell::new(TimerWheel::new(clock.now_ns())),
            topics: RefCell::new(Topics::new(shard)),
            relations: RefCell::default(),
            lineage: RefCell::default(),
            offspring: RefCell::default(),
            actor_keys,
            clock,
        }
    }
}

/// The view that the actors of a shard have of it.
pub(super) struct ShardView(pub(super) Rc<Local>);

impl View for ShardView {
    fn send_bytes(
        &self,
        to: ActorId,
        from: Option<ActorId>,
        sent_at_ns: u64,
        bytes: &[u8],
    ) -> Result<(), SendError> {
        let envelope = Envelope { to, from, request: None, sent_at_ns, expires_at_ns: 0 };
        self.0.post.borrow_mut().send_bytes(envelope, bytes)
    }

    fn send_many(&self, envelope: Envelope, payloads: &[&[u8]]) -> (usize, Result<(), SendError>) {
        self.0.post.borrow_mut().send_many(envelope, payloads)
    }

    fn send(&self, envelope: Envelope, payload: Payload) -> Result<(), SendError> {
        self.0.post.borrow_mut().send_payload(envelope, payload)
    }

    fn lookup(&self, name: &str) -> Option<ActorId> {
        self.0.names.borrow().lookup(name)
    }

    fn watch_name(&self, watcher: ActorId, name: &str) -> Result<(), SendError> {
        self.0.watch_name(watcher, name)
    }

    fn unwatch_name(&self, watcher: ActorId, name: &str) -> bool {
        self.0.unwatch_name(watcher, name)
    }

    fn claim_name(&self, actor: ActorId, name: &Arc<str>) -> Result<Option<u64>, SendError> {
        self.0.claim_name(actor, name)
    }

    fn let_name_go(&self, actor: ActorId, name: &str) -> Option<(Arc<str>, u64)> {
        self.0.let_name_go(actor, name)
    }

    fn now_ns(&self) -> u64 {
        self.0.clock.now_ns()
    }

    fn request(
        &self,
        envelope: Envelope,
        payload: Payload,
        attached: Option<Arc<Attached>>,
    ) -> Result<RequestId, SendError> {
        self.0.request(envelope, payload, attached)
    }

    fn cancel(&self, caller: ActorId, request: RequestId) -> bool {
        self.0.cancel_request(caller, request)
    }

    fn defer(&self, callee: ActorId, request: RequestId, expires_at_ns: u64) -> bool {
        self.0.defer(callee, request, expires_at_ns)
    }

    fn reply(&self, callee: ActorId, request: RequestId, outcome: Result<Payload, Failure>) -> bool {
        self.0.reply_deferred(callee, request, outcome)
    }

    fn publish(&self, origin: Origin, subject: &Subject, payload: Payload) -> Result<(), SendError> {
        self.0.publish(origin, subject, payload)
    }

    fn subscribe(&self, subscriber: ActorId, filter: &Filter) -> Result<(), SendError> {
        self.0.subscribe(subscriber, filter)
    }

    fn unsubscribe(&self, subscriber: ActorId, filter: &Filter) -> bool {
        self.0.topics.borrow_mut().unsubscribe(subscriber, filter)
    }

    fn join(&self, member: ActorId, group: &Subject) -> Result<(), SendError> {
        self.0.join(member, group)
    }

    fn leave(&self, member: ActorId, group: &Subject) -> bool {
        self.0.topics.borrow_mut().leave(member, group)
    }

    fn members(&self, group: &Subject) -> Vec<ActorId> {
        self.0.topics.borrow().groups.members(group).to_vec()
    }

    fn send_to_group(
        &self,
        origin: Origin,
        group: &Subject,
        pick: &Pick,
        payload: Payload,
    ) -> Result<u32, SendError> {
        self.0.send_to_group(origin, group, pick, payload)
    }

    fn send_later(
        &self,
        owner: ActorId,
        delay_ns: u64,
        period_ns: u64,
        to: ActorId,
        payload: Payload,
    ) -> Result<TimerId, SendError> {
        self.0.send_later(Some(owner), delay_ns, period_ns, to, payload)
    }

    fn cancel_timer(&self, owner: ActorId, timer: TimerId) -> bool {
        self.0.cancel_timer(Some(owner), timer)
    }

    fn relate(&self, actor: ActorId, relation: &Relation) -> Result<Option<ActorId>, SendError> {
        self.0.relate(actor, relation)
    }

    fn relations(&self, actor: ActorId) -> usize {
        self.0.relations.borrow().of(actor)
    }

    fn spawn(&self, parent: ActorId, new: NewActor) -> Result<ActorId, NotSpawned> {
        self.0.spawn(parent, new)
    }
}
