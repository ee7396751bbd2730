//! What actors may ask of their shard while they run.

use std::sync::Arc;

use super::{
    ActorId, Attached, Envelope, Failure, Filter, NewActor, NotSpawned, Payload, Pick, Relation, RequestId,
    SendError, Subject, TimerId,
};

/// Who sends, and since when its cause is measured (0 if it is not).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Origin {
    /// The sender; nobody, if it is outside the runtime.
    pub from: Option<ActorId>,
    /// When the first message was sent that this one was sent because of.
    pub sent_at_ns: u64,
}

/// What actors may ask of their shard while they run. None of it runs another
/// actor.
///
/// Only the first ones are needed to run an actor: where there is no shard behind
/// it, the others say that it is [`SendError::Closed`].
pub trait View {
    /// Puts a plain message with these bytes where it waits for its receiver, or
    /// for its way to another shard.
    ///
    /// The parts of its envelope come one by one, since that is in registers: the
    /// detour of a struct through memory costs a stall in each message.
    ///
    /// # Errors
    /// Why it was not accepted.
    fn send_bytes(
        &self,
        to: ActorId,
        from: Option<ActorId>,
        sent_at_ns: u64,
        bytes: &[u8],
    ) -> Result<(), SendError>;

    /// Many plain messages, in order, up to the first one that is not accepted. How many
    /// were, and why that one was not?
    fn send_many(&self, envelope: Envelope, payloads: &[&[u8]]) -> (usize, Result<(), SendError>) {
        let Envelope { to, from, sent_at_ns, .. } = envelope;
        for (sent, payload) in payloads.iter().enumerate() {
            if let Err(refused) = self.send_bytes(to, from, sent_at_ns, payload) {
                return (sent, Err(refused));
            }
        }
        (payloads.len(), Ok(()))
    }

    /// Any message, with a payload that is there already.
    ///
    /// # Errors
    /// Why it was not accepted.
    fn send(&self, envelope: Envelope, payload: Payload) -> Result<(), SendError> {
        self.send_bytes(envelope.to, envelope.from, envelope.sent_at_ns, &payload)
    }

    /// Who is registered under this name.
    fn lookup(&self, name: &str) -> Option<ActorId>;

    /// Tells this actor who has a name, now and whenever that changes, for as long as
    /// this incarnation.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    fn watch_name(&self, watcher: ActorId, name: &str) -> Result<(), SendError> {
        let _ = (watcher, name);
        Err(SendError::Closed)
    }

    /// Tells this actor no longer. Did it?
    fn unwatch_name(&self, watcher: ActorId, name: &str) -> bool {
        let _ = (watcher, name);
        false
    }

    /// Notes that an actor wants a name: the number of its claim; nothing, if it has
    /// asked for it already.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    fn claim_name(&self, actor: ActorId, name: &Arc<str>) -> Result<Option<u64>, SendError> {
        let _ = (actor, name);
        Err(SendError::Closed)
    }

    /// Notes that an actor is done with a name that it has asked for: it, and the
    /// number of its claim.
    fn let_name_go(&self, actor: ActorId, name: &str) -> Option<(Arc<str>, u64)> {
        let _ = (actor, name);
        None
    }

    /// The time in ns on the runtime's clock.
    fn now_ns(&self) -> u64;

    /// Sends a request, whose outcome comes by `expires_at_ns` at the latest.
    ///
    /// # Errors
    /// Why it was not accepted: then there is no outcome.
    fn request(
        &self,
        envelope: Envelope,
        payload: Payload,
        attached: Option<Arc<Attached>>,
    ) -> Result<RequestId, SendError> {
        let _ = (envelope, payload, attached);
        Err(SendError::Closed)
    }

    /// The caller wants no outcome any longer. Was there none yet?
    fn cancel(&self, caller: ActorId, request: RequestId) -> bool {
        let _ = (caller, request);
        false
    }

    /// The callee takes over the reply to a request, which nobody waits for after
    /// `expires_at_ns`. False if it has taken over too many.
    fn defer(&self, callee: ActorId, request: RequestId, expires_at_ns: u64) -> bool {
        let _ = (callee, request, expires_at_ns);
        false
    }

    /// The callee answers a request that it took over. False if it has none of it.
    fn reply(&self, callee: ActorId, request: RequestId, outcome: Result<Payload, Failure>) -> bool {
        let _ = (callee, request, outcome);
        false
    }

    /// Sends to everyone who has subscribed to what matches.
    ///
    /// # Errors
    /// Why it was not taken.
    fn publish(&self, origin: Origin, subject: &Subject, payload: Payload) -> Result<(), SendError> {
        let _ = (origin, subject, payload);
        Err(SendError::Closed)
    }

    /// Subscribes, for as long as this incarnation.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    fn subscribe(&self, subscriber: ActorId, filter: &Filter) -> Result<(), SendError> {
        let _ = (subscriber, filter);
        Err(SendError::Closed)
    }

    /// Takes a subscription back. Was there one?
    fn unsubscribe(&self, subscriber: ActorId, filter: &Filter) -> bool {
        let _ = (subscriber, filter);
        false
    }

    /// Joins a group, for as long as this incarnation.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    fn join(&self, member: ActorId, group: &Subject) -> Result<(), SendError> {
        let _ = (member, group);
        Err(SendError::Closed)
    }

    /// Leaves a group, once. Was it in it?
    fn leave(&self, member: ActorId, group: &Subject) -> bool {
        let _ = (member, group);
        false
    }

    /// Who is in a group, each once.
    fn members(&self, group: &Subject) -> Vec<ActorId> {
        let _ = group;
        Vec::new()
    }

    /// Sends to members of a group; to how many?
    ///
    /// # Errors
    /// Why it was not accepted.
    fn send_to_group(
        &self,
        origin: Origin,
        group: &Subject,
        pick: &Pick,
        payload: Payload,
    ) -> Result<u32, SendError> {
        let _ = (origin, group, pick, payload);
        Err(SendError::Closed)
    }

    /// Sends later, in `delay_ns`, and then again every `period_ns` if that is
    /// not 0, for as long as this incarnation of the owner.
    ///
    /// # Errors
    /// Why not.
    fn send_later(
        &self,
        owner: ActorId,
        delay_ns: u64,
        period_ns: u64,
        to: ActorId,
        payload: Payload,
    ) -> Result<TimerId, SendError> {
        let _ = (owner, delay_ns, period_ns, to, payload);
        Err(SendError::Closed)
    }

    /// Sends no more. Was something still to be sent?
    fn cancel_timer(&self, owner: ActorId, timer: TimerId) -> bool {
        let _ = (owner, timer);
        false
    }

    /// Notes what becomes of an actor's relations, on its own side. Who is to be told
    /// of it, if somebody is.
    ///
    /// # Errors
    /// [`SendError::Quota`].
    fn relate(&self, actor: ActorId, relation: &Relation) -> Result<Option<ActorId>, SendError> {
        let _ = (actor, relation);
        Err(SendError::Closed)
    }

    /// How many links and monitors an actor has.
    fn relations(&self, actor: ActorId) -> usize {
        let _ = actor;
        0
    }

    /// Makes a place for an actor that this one wants: its address.
    ///
    /// # Errors
    /// Why there is none.
    fn spawn(&self, parent: ActorId, new: NewActor) -> Result<ActorId, NotSpawned> {
        let _ = (parent, new);
        Err(NotSpawned::NoPlace)
    }
}
