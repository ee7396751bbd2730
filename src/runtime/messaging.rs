//! What outside threads do besides telling and asking one actor: topics, groups,
//! timers, and waiting for room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::actor::{
    ActorId, Attached, Filter, Message, Payload, Pick, SendError, ShardId, Subject, Target, TimerId,
};
use crate::control::placement::home_of;
use crate::shard::{Answer, Command, Control};
use crate::sync::reply_slot;

use super::handle::{Handle, NotSent, nanoseconds, payload_of};
use super::pending::Pending;

/// How long to wait until the way into a shard is looked at again, when it was full.
const WAY_IN_RETRY: Duration = Duration::from_millis(1);

impl Handle {
    /// Sends a message, once there is room for it. Messages that are sent one after
    /// the other keep their order.
    ///
    /// # Errors
    /// As [`tell`](Self::tell), but never that something is full.
    pub async fn tell_when_room(&self, to: ActorId, payload: impl Into<Payload>) -> Result<(), NotSent> {
        let mut payload = payload.into();
        loop {
            match self.tell(to, payload) {
                Err(NotSent { reason: SendError::MailboxFull(_), payload: back }) => payload = back,
                other => return other,
            }
            self.room(to).await;
        }
    }

    /// Is ready when there is room again, or nobody left to wait for.
    async fn room(&self, to: ActorId) {
        let outside = &self.0.outside[to.shard().index()];
        let (done, room) = reply_slot();
        if outside.injector.push(Command::AwaitRoom(to, done)).is_ok() {
            // If it is abandoned, the shard has ended: sending says so.
            let _ = room.await;
        } else {
            let _ = self.0.alarms.at(Instant::now() + WAY_IN_RETRY).await;
        }
    }

    /// Sends to whomever that is. What goes to one name, group or topic keeps its
    /// order.
    ///
    /// # Errors
    /// Gives the payload back. Who is in a group is not known here: if nobody is, the
    /// message is dead, and counted.
    pub fn route(&self, to: Target<'_>, payload: impl Into<Payload>) -> Result<(), NotSent> {
        let payload = payload.into();
        let parsed = |text| Subject::parse(text).map_err(SendError::from);
        let attached = match to {
            Target::Id(actor) => return self.tell(actor, payload),
            Target::Name(name) => {
                return match self.lookup(name) {
                    Some(actor) => self.tell(actor, payload),
                    None => Err(NotSent { reason: SendError::NoSuchName(name.into()), payload }),
                };
            }
            Target::One(group) => parsed(group).map(|group| Attached::Group(group, Pick::One)),
            Target::All(group) => parsed(group).map(|group| Attached::Group(group, Pick::All)),
            Target::Key { group, key } => {
                parsed(group).map(|group| Attached::Group(group, Pick::Key(key.into())))
            }
            Target::Topic(subject) => parsed(subject).map(Attached::Topic),
        };
        match attached {
            Ok(attached) => self.spread(attached, payload),
            Err(reason) => Err(NotSent { reason, payload }),
        }
    }

    /// Sends to everyone who has subscribed to a filter that matches.
    ///
    /// # Errors
    /// As [`route`](Self::route).
    pub fn publish(&self, subject: &str, payload: impl Into<Payload>) -> Result<(), NotSent> {
        self.route(Target::Topic(subject), payload)
    }

    /// Hands a message for several to one shard: always the same one for the same
    /// topic or group, so that order holds.
    fn spread(&self, attached: Attached, payload: Payload) -> Result<(), NotSent> {
        let shard = match &attached {
            Attached::Topic(subject) | Attached::Group(subject, _) => {
                home_of(subject.as_str(), self.shards())
            }
            Attached::Asks(_) => ShardId(0),
        };
        // An address of that shard, for the checks and for errors.
        let anybody = ActorId::new(shard, ActorId::SLOTS_MAX as u32 - 1, 1);
        if let Err(reason) = self.may_send(anybody, &payload) {
            return Err(NotSent { reason, payload });
        }
        let message = Message {
            attached: Some(Arc::new(attached)),
            sent_at_ns: self.0.stamp_ns(),
            payload,
            ..Message::default()
        };
        self.inject(anybody, Command::Tell(message))
            .map_err(|(reason, command)| NotSent { reason, payload: payload_of(command) })
    }

    /// Lets an actor have what matches, for as long as it has its address. The answer
    /// comes when every shard knows; it is false if the actor is not there.
    ///
    /// # Errors
    /// The answer is an error if the filter is none, or the runtime ended first.
    pub fn subscribe(&self, actor: ActorId, filter: &str) -> Pending<bool, SendError> {
        match Filter::parse(filter) {
            Ok(filter) => self.answer(actor.shard(), |done| Control::Subscribe { actor, filter, done }),
            Err(error) => Pending::ready(Err(error.into())),
        }
    }

    /// Takes a subscription back, whoever made it. The answer says whether there was
    /// one.
    ///
    /// # Errors
    /// As [`subscribe`](Self::subscribe).
    pub fn unsubscribe(&self, actor: ActorId, filter: &str) -> Pending<bool, SendError> {
        match Filter::parse(filter) {
            Ok(filter) => self.answer(actor.shard(), |done| Control::Unsubscribe { actor, filter, done }),
            Err(error) => Pending::ready(Err(error.into())),
        }
    }

    /// Lets an actor join a group, for as long as it has its address, or until it has
    /// left it as often as it has joined. The answer comes when every shard knows; it
    /// is false if the actor is not there.
    ///
    /// # Errors
    /// The answer is an error if the group's name is none, or the runtime ended first.
    pub fn join(&self, actor: ActorId, group: &str) -> Pending<bool, SendError> {
        match Subject::parse(group) {
            Ok(group) => self.answer(actor.shard(), |done| Control::Join { actor, group, done }),
            Err(error) => Pending::ready(Err(error.into())),
        }
    }

    /// Lets an actor leave a group, once. The answer says whether it was in it.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub fn leave(&self, actor: ActorId, group: &str) -> Pending<bool, SendError> {
        match Subject::parse(group) {
            Ok(group) => self.answer(actor.shard(), |done| Control::Leave { actor, group, done }),
            Err(error) => Pending::ready(Err(error.into())),
        }
    }

    /// Who is in a group, each once.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub fn members(&self, group: &str) -> Pending<Vec<ActorId>, SendError> {
        match Subject::parse(group) {
            Ok(group) => {
                let shard = home_of(group.as_str(), self.shards());
                self.answer(shard, |done| Control::Members { group, done })
            }
            Err(error) => Pending::ready(Err(error.into())),
        }
    }

    /// Sends once, after so long: never early, late by a few ms at most.
    ///
    /// # Errors
    /// The answer is an error if it cannot be sent there.
    pub fn send_after(
        &self,
        delay: Duration,
        to: ActorId,
        payload: impl Into<Payload>,
    ) -> Pending<TimerId, SendError> {
        self.send_later(nanoseconds(delay), 0, to, payload.into())
    }

    /// Sends again and again, first after one period, until it is cancelled or the
    /// receiver is gone. Times that were missed are skipped.
    ///
    /// # Errors
    /// As [`send_after`](Self::send_after).
    pub fn send_every(
        &self,
        period: Duration,
        to: ActorId,
        payload: impl Into<Payload>,
    ) -> Pending<TimerId, SendError> {
        let period_ns = nanoseconds(period).max(1);
        self.send_later(period_ns, period_ns, to, payload.into())
    }

    fn send_later(
        &self,
        delay_ns: u64,
        period_ns: u64,
        to: ActorId,
        payload: Payload,
    ) -> Pending<TimerId, SendError> {
        if to.shard().index() >= self.shards() {
            return Pending::ready(Err(SendError::NoSuchActor(to)));
        }
        self.answer(to.shard(), |done| Control::SendLater { to, payload, delay_ns, period_ns, done })
    }

    /// Sends no more. The answer is true if something was still to be sent; only what
    /// a handle has set can be cancelled by one.
    ///
    /// # Errors
    /// The answer is an error if the runtime ended first.
    pub fn cancel_timer(&self, timer: TimerId) -> Pending<bool, SendError> {
        self.answer(timer.shard(), |done| Control::CancelTimer { timer, done })
    }

    fn answer<T>(&self, shard: ShardId, control: impl FnOnce(Answer<T>) -> Control) -> Pending<T, SendError> {
        let (done, waiter) = reply_slot();
        let is_there = shard.index() < self.shards();
        if is_there && self.control(shard, control(done)) {
            Pending::new(waiter)
        } else {
            Pending::ready(Err(SendError::Closed))
        }
    }
}
