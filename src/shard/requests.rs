//! Requests that wait for their outcome, on the shard that waits; and those whose
//! reply an actor of this shard has taken over.
//!
//! A request's place is made before the request is delivered, and taken away by
//! whatever comes first: reply, failure, death of the callee, deadline, or the
//! caller's own wish. So each has exactly one outcome, and what comes later finds
//! nothing.

use std::collections::HashMap;
use std::sync::Arc;

use crate::actor::{
    ActorId, Attached, Envelope, ExitReason, Failure, Message, Notice, Payload, RequestError, RequestId,
    SendError, ShardId,
};
use crate::metrics::RequestEnd;
use crate::sync::Resolver;

use super::lives::LifeId;
use super::local::Local;
use super::signal::Reply;
use super::table::Table;
use super::timer_wheel::TimerKey;
use super::{Alarm, Shard};

type Outcome = Result<Payload, RequestError>;

/// Who waits for one request, and until when.
struct Pending {
    waiter: Waiter,
    deadline: TimerKey,
}

enum Waiter {
    Outside(Resolver<Outcome>),
    Actor(ActorId, LifeId),
}

/// A request whose reply an actor owes.
struct Owed {
    callee: ActorId,
    expires_at_ns: u64,
}

/// What one actor owes.
#[derive(Default)]
struct Debts {
    /// All that it took over, and perhaps some that it has answered since.
    all: Vec<RequestId>,
    /// How many it has not answered yet.
    open: u32,
}

/// The requests of one shard.
pub(super) struct Requests {
    places: Table<Pending>,
    owed: HashMap<RequestId, Owed>,
    debts: HashMap<ActorId, Debts>,
}

impl Requests {
    pub(super) fn new(shard: ShardId) -> Self {
        Self { places: Table::new(shard), owed: HashMap::new(), debts: HashMap::new() }
    }

    /// How many wait here.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn is_pending(&self, request: RequestId) -> bool {
        self.places.get(request).is_some()
    }

    /// A callee owes the reply to a request no longer. Did it?
    fn settle_debt(&mut self, callee: ActorId, request: RequestId) -> bool {
        if self.owed.get(&request).is_none_or(|owed| owed.callee != callee) {
            return false;
        }
        self.owed.remove(&request);
        if let Some(debts) = self.debts.get_mut(&callee) {
            debts.open -= 1;
            if debts.open == 0 {
                self.debts.remove(&callee);
            } else if debts.all.len() > 64 && debts.all.len() > 2 * debts.open as usize {
                debts.all.retain(|one| self.owed.contains_key(one));
            }
        }
        true
    }

    /// Forgets the debts that nobody waits for any longer.
    fn drop_outdated(&mut self, callee: ActorId, now_ns: u64) {
        let Some(debts) = self.debts.get_mut(&callee) else { return };
        debts.all.retain(|one| {
            let is_awaited = self.owed.get(one).is_some_and(|owed| owed.expires_at_ns > now_ns);
            if !is_awaited {
                self.owed.remove(one);
            }
            is_awaited
        });
        debts.open = debts.all.len() as u32;
    }
}

/// What an outcome counts as.
fn end_of(outcome: &Outcome) -> RequestEnd {
    match outcome {
        Ok(_) => RequestEnd::Replied,
        Err(RequestError::Failed(_)) => RequestEnd::Failed,
        Err(RequestError::Timeout) => RequestEnd::TimedOut,
        Err(RequestError::CalleeExited(_) | RequestError::Dead(_)) => RequestEnd::CalleeDead,
        Err(_) => RequestEnd::Abandoned,
    }
}

impl Local {
    /// An actor of this shard asks another actor.
    pub(super) fn request(
        &self,
        envelope: Envelope,
        payload: Payload,
        attached: Option<Arc<Attached>>,
    ) -> Result<RequestId, SendError> {
        let Some(caller) = envelope.from else { return Err(SendError::Closed) };
        let life = self.lives.borrow_mut().begin_request(caller)?;
        let waiter = Waiter::Actor(caller, life);
        let Ok(request) = self.make_place(waiter, envelope.expires_at_ns) else {
            self.lives.borrow_mut().end_request(life);
            return Err(SendError::Closed);
        };
        let envelope = Envelope { request: Some(request), ..envelope };
        let sent = self.post.borrow_mut().send_attached(envelope, payload, attached);
        match sent {
            Ok(()) => {
                self.counters.requests.add(1);
                Ok(request)
            }
            Err(error) => {
                self.take_place(request);
                self.lives.borrow_mut().end_request(life);
                Err(error)
            }
        }
    }

    /// A place for a request; without one the waiter comes back.
    fn make_place(&self, waiter: Waiter, expires_at_ns: u64) -> Result<RequestId, Waiter> {
        let mut requests = self.requests.borrow_mut();
        // The key of the alarm is known only once there is one to be put in.
        let Some(request) = requests.places.next_key() else { return Err(waiter) };
        let deadline = self.wheel.borrow_mut().insert(expires_at_ns, Alarm::Deadline(request));
        let made = requests.places.insert(Pending { waiter, deadline });
        debug_assert_eq!(made, Some(request));
        Ok(request)
    }

    fn take_place(&self, request: RequestId) -> Option<Waiter> {
        let pending = self.requests.borrow_mut().places.remove(request)?;
        self.wheel.borrow_mut().cancel(pending.deadline);
        Some(pending.waiter)
    }

    /// The outcome of a request, on its way to the shard that waits for it.
    pub(super) fn answer(&self, request: RequestId, outcome: Outcome) {
        if request.shard() == self.shard {
            self.finish_request(request, outcome);
        } else {
            self.post.borrow_mut().outlets.send_reply(request.shard(), Reply { request, outcome });
        }
    }

    /// The outcome of a request that waits here, if it still does.
    pub(super) fn finish_request(&self, request: RequestId, outcome: Outcome) {
        let Some(waiter) = self.take_place(request) else {
            self.counters.late_replies.add(1);
            return;
        };
        let end = end_of(&outcome);
        let heard = match waiter {
            Waiter::Outside(resolver) => resolver.resolve(outcome).is_ok(),
            Waiter::Actor(caller, life) => {
                let is_present = self.lives.borrow_mut().end_request(life);
                if is_present {
                    let notice = Notice::Reply { request, outcome };
                    self.notices.borrow_mut().push_back((caller, life, notice));
                }
                is_present
            }
        };
        self.counters.count_request_end(if heard { end } else { RequestEnd::CallerGone });
    }

    /// A caller wants no outcome any longer. Was there none yet?
    pub(super) fn cancel_request(&self, caller: ActorId, request: RequestId) -> bool {
        if request.shard() != self.shard {
            return false;
        }
        let is_own = matches!(
            self.requests.borrow().places.get(request),
            Some(Pending { waiter: Waiter::Actor(own, life), .. })
                if *own == caller && self.lives.borrow().is_present(*life)
        );
        if is_own && let Some(Waiter::Actor(_, life)) = self.take_place(request) {
            self.lives.borrow_mut().end_request(life);
            self.counters.count_request_end(RequestEnd::Cancelled);
        }
        is_own
    }

    /// A callee takes over the reply to a request.
    pub(super) fn defer(&self, callee: ActorId, request: RequestId, expires_at_ns: u64) -> bool {
        let mut requests = self.requests.borrow_mut();
        let most = self.lives.borrow().quotas(callee).deferred_max;
        if requests.debts.get(&callee).is_some_and(|debts| debts.open >= most) {
            requests.drop_outdated(callee, self.clock.now_ns());
        }
        let debts = requests.debts.entry(callee).or_default();
        if debts.open >= most {
            return false;
        }
        debts.open += 1;
        debts.all.push(request);
        requests.owed.insert(request, Owed { callee, expires_at_ns });
        true
    }

    /// A callee answers a request that it took over.
    pub(super) fn reply_deferred(
        &self,
        callee: ActorId,
        request: RequestId,
        outcome: Result<Payload, Failure>,
    ) -> bool {
        let owed = self.requests.borrow_mut().settle_debt(callee, request);
        if owed {
            if outcome.is_err() {
                self.counters.answered_with_failure.add(1);
            }
            self.answer(request, outcome.map_err(RequestError::Failed));
        }
        owed
    }

    /// An incarnation has ended: whoever waits for its reply need not.
    pub(super) fn fail_owed(&self, callee: ActorId, reason: &ExitReason) {
        if self.requests.borrow().debts.is_empty() {
            return;
        }
        let Some(debts) = self.requests.borrow_mut().debts.remove(&callee) else { return };
        for request in debts.all {
            if self.requests.borrow_mut().owed.remove(&request).is_some() {
                self.answer(request, Err(RequestError::CalleeExited(reason.clone())));
            }
        }
    }
}

impl Shard {
    /// A request has come from an outside thread. It waits here, on the shard of
    /// the callee, until `expires_at_ns`.
    pub(super) fn begin_outside_request(&mut self, message: &mut Message, resolver: Resolver<Outcome>) {
        let request = match self.local.make_place(Waiter::Outside(resolver), message.expires_at_ns) {
            Ok(request) => request,
            Err(refused) => {
                self.bury(message, crate::actor::DeadReason::Quota);
                if let Waiter::Outside(resolver) = refused {
                    // Whoever has gone does not need to know.
                    let _ = resolver.resolve(Err(RequestError::NotSent(SendError::Closed)));
                }
                return;
            }
        };
        self.counters.requests.add(1);
        message.request = Some(request);
        self.deliver(message, self.config.injector_commands_max as u32);
    }

    /// Sends the outcome of a request to the shard that waits for it.
    pub(super) fn answer(&mut self, request: RequestId, outcome: Outcome) {
        self.local.answer(request, outcome);
    }

    /// The shard ends: so do the requests that wait here.
    pub(super) fn abandon_requests(&mut self) {
        let left = self.local.requests.borrow().places.keys();
        for request in left {
            self.local.finish_request(request, Err(RequestError::Closed));
        }
    }
}
