//! What an actor sees of its shard.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use super::{
    ASK_CHAIN_MAX, ActorId, Attached, Chain, Effect, Envelope, ExitReason, Failure, Filter, Message,
    NewActor, NotAllSent, NotSpawned, Origin, Payload, Pick, RequestError, RequestId, SendError, ShardId,
    Subject, Target, TimerId, View,
};

/// What the actors of one shard share: who is running, what it has done so far,
/// and a view of the shard. One actor of a shard runs at a time.
pub struct Context {
    shard: ShardId,
    running: Cell<Option<ActorId>>,
    sent_at_ns: Cell<u64>,
    /// The request that is being handled, until its reply is taken over.
    request: Cell<Option<RequestId>>,
    request_expires_at_ns: Cell<u64>,
    /// Who waits for what is being handled.
    chain: RefCell<Option<Arc<Attached>>>,
    /// Has the running actor sent anything?
    led_on: Cell<bool>,
    has_effects: Cell<bool>,
    is_exiting: Cell<bool>,
    numbers: Cell<u64>,
    pub(super) effects: RefCell<Vec<Effect>>,
    pub(super) view: Box<dyn View>,
}

impl Context {
    /// The context of a shard.
    pub fn new(shard: ShardId, view: Box<dyn View>) -> Self {
        Self {
            shard,
            running: Cell::new(None),
            sent_at_ns: Cell::new(0),
            request: Cell::new(None),
            request_expires_at_ns: Cell::new(0),
            chain: RefCell::default(),
            led_on: Cell::new(false),
            has_effects: Cell::new(false),
            is_exiting: Cell::new(false),
            numbers: Cell::new(0),
            effects: RefCell::default(),
            view,
        }
    }

    /// The shard.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The address of the actor that is running.
    ///
    /// # Panics
    /// If none is: a bug of the caller.
    #[track_caller]
    pub fn own_id(&self) -> ActorId {
        self.running.get().expect("no actor is running")
    }

    /// Sends a message. Nobody handles it before the actor returns.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send(&self, to: ActorId, payload: impl Into<Payload>) -> Result<(), SendError> {
        let payload = payload.into();
        if payload.is_on_heap() {
            self.view.send(self.envelope(to), payload)?;
            self.led_on.set(true);
            Ok(())
        } else {
            self.send_bytes(to, &payload)
        }
    }

    /// As [`send`](Self::send), with bytes that are copied once, to where the
    /// message waits.
    ///
    /// # Errors
    /// Why it was not accepted.
    #[inline]
    pub fn send_bytes(&self, to: ActorId, bytes: &[u8]) -> Result<(), SendError> {
        // A message sent because of a measured one is measured on from there.
        self.view.send_bytes(to, self.running.get(), self.sent_at_ns.get(), bytes)?;
        self.led_on.set(true);
        Ok(())
    }

    /// Sends many messages to one actor, in this order: for less than one by one,
    /// above all to one that takes batches.
    ///
    /// # Errors
    /// How many were accepted before the first one that was not, and why that was not.
    /// It and those behind it were not sent.
    pub fn send_many(&self, to: ActorId, payloads: &[&[u8]]) -> Result<(), NotAllSent> {
        let (sent, refused) = self.view.send_many(self.envelope(to), payloads);
        if sent > 0 {
            self.led_on.set(true);
        }
        refused.map_err(|reason| NotAllSent { sent, reason })
    }

    fn envelope(&self, to: ActorId) -> Envelope {
        Envelope {
            to,
            from: self.running.get(),
            request: None,
            sent_at_ns: self.sent_at_ns.get(),
            expires_at_ns: 0,
        }
    }

    fn origin(&self) -> Origin {
        Origin { from: self.running.get(), sent_at_ns: self.sent_at_ns.get() }
    }

    /// Sends a message that is dropped, and counted, if nobody has handled it
    /// within this time.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send_within(
        &self,
        to: ActorId,
        payload: impl Into<Payload>,
        time_to_live: Duration,
    ) -> Result<(), SendError> {
        let expires_at_ns = self.deadline_ns(time_to_live);
        self.view.send(Envelope { expires_at_ns, ..self.envelope(to) }, payload.into())?;
        self.led_on.set(true);
        Ok(())
    }

    /// Sends to whomever that is; to how many actors?
    ///
    /// # Errors
    /// Why it was not accepted. What goes to a topic or to all of a group is accepted
    /// even if some have no room: those lose their copies, and that is counted.
    pub fn route(&self, to: Target<'_>, payload: impl Into<Payload>) -> Result<(), SendError> {
        match to {
            Target::Id(actor) => self.send(actor, payload),
            Target::Name(name) => {
                let actor = self.lookup(name).ok_or_else(|| SendError::NoSuchName(name.into()))?;
                self.send(actor, payload)
            }
            Target::One(group) => self.send_to_one(group, payload),
            Target::All(group) => self.send_to_all(group, payload).map(|_members| ()),
            Target::Key { group, key } => self.send_by_key(group, key, payload),
            Target::Topic(subject) => self.publish(subject, payload),
        }
    }

    /// Asks an actor without waiting: the outcome comes to
    /// [`Actor::notice`](super::Actor::notice), exactly once, and within this time.
    ///
    /// # Errors
    /// Why it was not accepted: then no outcome comes.
    pub fn request(
        &self,
        to: ActorId,
        payload: impl Into<Payload>,
        within: Duration,
    ) -> Result<RequestId, SendError> {
        let expires_at_ns = self.deadline_ns(within);
        let request =
            self.view.request(Envelope { expires_at_ns, ..self.envelope(to) }, payload.into(), None)?;
        self.led_on.set(true);
        Ok(request)
    }

    /// Asks an actor, to wait for the outcome and do nothing else meanwhile: to be
    /// followed by [`Outcome::Suspended`](super::Outcome::Suspended).
    ///
    /// # Errors
    /// [`RequestError::Cycle`] if that actor waits for this one, or is this one;
    /// or why it was not accepted.
    pub fn ask(
        &self,
        to: ActorId,
        payload: impl Into<Payload>,
        within: Duration,
    ) -> Result<RequestId, RequestError> {
        let chain = Chain::new(self.own_id(), self.chain.borrow().clone());
        if chain.holds(to) {
            return Err(RequestError::Cycle);
        }
        if chain.length() > ASK_CHAIN_MAX {
            let quota = SendError::Quota { what: "ask_chain_max", most: ASK_CHAIN_MAX };
            return Err(quota.into());
        }
        let expires_at_ns = self.deadline_ns(within);
        let envelope = Envelope { expires_at_ns, ..self.envelope(to) };
        let attached = Some(Arc::new(Attached::Asks(chain)));
        let request = self.view.request(envelope, payload.into(), attached)?;
        self.led_on.set(true);
        Ok(request)
    }

    /// Wants no outcome of a request any longer. True if there was none yet: then
    /// none comes.
    pub fn cancel(&self, request: RequestId) -> bool {
        self.view.cancel(self.own_id(), request)
    }

    /// Takes over the reply to the request that is being handled: what the handler
    /// returns is then dropped, and [`reply`](Self::reply) answers, now or later.
    /// `None` if it is no request, or was taken over already, or if this actor owes
    /// too many replies.
    pub fn defer(&self) -> Option<RequestId> {
        let request = self.request.get()?;
        if !self.view.defer(self.own_id(), request, self.request_expires_at_ns.get()) {
            return None;
        }
        self.request.set(None);
        Some(request)
    }

    /// Answers a request that was taken over. False if it has been answered already,
    /// or was never this actor's to answer.
    pub fn reply(&self, request: RequestId, outcome: Result<Payload, Failure>) -> bool {
        self.view.reply(self.own_id(), request, outcome)
    }

    /// Sends to everyone who has subscribed to a filter that matches.
    ///
    /// # Errors
    /// What is wrong with the subject or the payload. A subscriber without room loses
    /// its copy, and that is counted; it is no error.
    pub fn publish(&self, subject: &str, payload: impl Into<Payload>) -> Result<(), SendError> {
        let subject = Subject::parse(subject)?;
        self.view.publish(self.origin(), &subject, payload.into())?;
        self.led_on.set(true);
        Ok(())
    }

    /// From here on, gets what is published to subjects that match, for as long as
    /// this incarnation: a copy for each of its filters that does. To subscribe twice to
    /// the same filter is to subscribe once.
    ///
    /// # Errors
    /// What is wrong with the filter, or that there are too many.
    pub fn subscribe(&self, filter: &str) -> Result<(), SendError> {
        self.view.subscribe(self.own_id(), &Filter::parse(filter)?)
    }

    /// Takes a subscription back. Was there one?
    ///
    /// # Errors
    /// What is wrong with the filter.
    pub fn unsubscribe(&self, filter: &str) -> Result<bool, SendError> {
        Ok(self.view.unsubscribe(self.own_id(), &Filter::parse(filter)?))
    }

    /// Joins a group, for as long as this incarnation, or until it has left it as
    /// often as it has joined.
    ///
    /// # Errors
    /// What is wrong with its name, or that there are too many.
    pub fn join(&self, group: &str) -> Result<(), SendError> {
        self.view.join(self.own_id(), &Subject::parse(group)?)
    }

    /// Leaves a group, once. Was it in it?
    pub fn leave_group(&self, group: &str) -> bool {
        Subject::parse(group).is_ok_and(|group| self.view.leave(self.own_id(), &group))
    }

    /// Who is in a group, as far as this shard knows, each once.
    pub fn members(&self, group: &str) -> Vec<ActorId> {
        Subject::parse(group).map_or_else(|_error| Vec::new(), |group| self.view.members(&group))
    }

    /// Sends to one member of a group, in turn; one without room is passed over.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send_to_one(&self, group: &str, payload: impl Into<Payload>) -> Result<(), SendError> {
        self.send_to_group(group, &Pick::One, payload.into()).map(|_one| ())
    }

    /// Sends to every member of a group; to how many? One without room loses its
    /// copy, and that is counted.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send_to_all(&self, group: &str, payload: impl Into<Payload>) -> Result<u32, SendError> {
        self.send_to_group(group, &Pick::All, payload.into())
    }

    /// Sends to the member of a group that this key belongs to.
    ///
    /// # Errors
    /// Why it was not accepted.
    pub fn send_by_key(&self, group: &str, key: &[u8], payload: impl Into<Payload>) -> Result<(), SendError> {
        self.send_to_group(group, &Pick::Key(key.into()), payload.into()).map(|_one| ())
    }

    fn send_to_group(&self, group: &str, pick: &Pick, payload: Payload) -> Result<u32, SendError> {
        let group = Subject::parse(group)?;
        let members = self.view.send_to_group(self.origin(), &group, pick, payload)?;
        self.led_on.set(true);
        Ok(members)
    }

    /// Sends once, after so long: never early, late by a few ms at most. It does not
    /// outlive this incarnation.
    ///
    /// # Errors
    /// Why not.
    pub fn send_after(
        &self,
        delay: Duration,
        to: ActorId,
        payload: impl Into<Payload>,
    ) -> Result<TimerId, SendError> {
        self.view.send_later(self.own_id(), nanoseconds(delay), 0, to, payload.into())
    }

    /// Sends again and again, first after one period. Times that were missed are
    /// skipped. It does not outlive this incarnation.
    ///
    /// # Errors
    /// Why not.
    pub fn send_every(
        &self,
        period: Duration,
        to: ActorId,
        payload: impl Into<Payload>,
    ) -> Result<TimerId, SendError> {
        let period_ns = nanoseconds(period).max(1);
        self.view.send_later(self.own_id(), period_ns, period_ns, to, payload.into())
    }

    /// Sends no more. True if something was still to be sent.
    pub fn cancel_timer(&self, timer: TimerId) -> bool {
        self.view.cancel_timer(self.own_id(), timer)
    }

    fn deadline_ns(&self, within: Duration) -> u64 {
        self.view.now_ns().saturating_add(nanoseconds(within)).max(1)
    }

    /// Stops the actor after this message. The first reason is the one that counts.
    pub fn exit(&self, reason: ExitReason) {
        if !self.is_exiting.replace(true) {
            self.record(Effect::Exit(reason));
        }
    }

    /// Has the actor that runs asked to stop?
    pub fn is_exiting(&self) -> bool {
        self.is_exiting.get()
    }

    /// Starts another actor, on this shard. It can be sent to at once; if its start
    /// fails, or its name is taken, its links and monitors are told that it has ended.
    ///
    /// # Errors
    /// Why there is none.
    pub fn spawn(&self, new: NewActor) -> Result<ActorId, NotSpawned> {
        let actor = self.view.spawn(self.own_id(), new)?;
        self.record(Effect::Spawn(actor));
        Ok(actor)
    }

    /// Who is registered under this name.
    pub fn lookup(&self, name: &str) -> Option<ActorId> {
        self.view.lookup(name)
    }

    /// The time in ns on the runtime's clock.
    pub fn now_ns(&self) -> u64 {
        self.view.now_ns()
    }

    pub(super) fn record(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
        self.has_effects.set(true);
    }

    /// A number that nothing else on this shard has.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// For the shard: this actor runs from here on, because of a message that was
    /// sent at that time (0 if nobody measures it).
    #[inline(always)]
    pub fn enter(&self, actor: ActorId, sent_at_ns: u64) {
        self.running.set(Some(actor));
        self.sent_at_ns.set(sent_at_ns);
        self.led_on.set(false);
    }

    /// As [`enter`](Self::enter), for a message that is a request, or that somebody
    /// waits for: to be followed by [`leave_with`](Self::leave_with).
    pub fn enter_with(&self, actor: ActorId, message: &Message, request: Option<RequestId>) {
        self.enter(actor, message.sent_at_ns);
        self.request.set(request);
        self.request_expires_at_ns.set(message.expires_at_ns);
        if message.is_awaited() {
            *self.chain.borrow_mut() = message.attached.clone();
        }
    }

    /// For the shard: no actor runs from here on. The request that was being handled,
    /// unless its reply was taken over.
    pub fn leave_with(&self) -> Option<RequestId> {
        self.leave();
        *self.chain.borrow_mut() = None;
        self.request.take()
    }

    /// For the shard: no actor runs from here on.
    #[inline(always)]
    pub fn leave(&self) {
        self.running.set(None);
        self.sent_at_ns.set(0);
    }

    /// For the shard: has the actor that entered last sent anything?
    pub fn has_led_on(&self) -> bool {
        self.led_on.get()
    }

    /// For the shard: has anything been recorded?
    #[inline(always)]
    pub fn has_effects(&self) -> bool {
        self.has_effects.get()
    }

    /// For the shard: swaps what was recorded for an empty list.
    pub fn take_effects(&self, into: &mut Vec<Effect>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut *self.effects.borrow_mut(), into);
        self.has_effects.set(false);
        self.is_exiting.set(false);
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
