//! Requests that wait for their outcome, on the shard that waits.
//!
//! A request's place is made before the request is delivered, and taken away by
//! whatever comes first: reply, failure, death of the callee, deadline. So each
//! has exactly one outcome, and what comes later finds nothing.

use crate::actor::{Message, Payload, RequestError, RequestId, SendError};
use crate::sync::Resolver;

use super::signal::Reply;
use super::timer_wheel::TimerKey;
use super::{Shard, Timer};

/// Who waits, and until when.
pub(super) struct Pending {
    resolver: Resolver<Result<Payload, RequestError>>,
    deadline: Option<TimerKey>,
}

impl Shard {
    /// A request has come from an outside thread. It waits here, on the shard of
    /// the callee, until `expires_at_ns`.
    pub(super) fn begin_outside_request(
        &mut self,
        mut message: Message,
        resolver: Resolver<Result<Payload, RequestError>>,
    ) {
        let Some(request) = self.requests.insert(Pending { resolver: resolver.clone(), deadline: None })
        else {
            self.bury(&message, crate::actor::DeadReason::Quota);
            // Nobody else has it, so nobody can have resolved it.
            let _ = resolver.resolve(Err(RequestError::NotSent(SendError::Closed)));
            return;
        };
        let deadline = self.timers.insert(message.expires_at_ns, Timer::RequestDeadline(request));
        if let Some(pending) = self.requests.get_mut(request) {
            pending.deadline = Some(deadline);
        }
        message.request = Some(request);
        self.deliver_arrival(&mut message);
    }

    /// Sends the outcome of a request to the shard that waits for it.
    pub(super) fn answer(&mut self, request: RequestId, outcome: Result<Payload, RequestError>) {
        if request.shard() == self.id {
            self.finish_request(request, outcome);
        } else {
            let mut post = self.local.post.borrow_mut();
            post.outlets.send_reply(request.shard(), Reply { request, outcome });
        }
    }

    /// The outcome of a request that waits here, if it still does.
    pub(super) fn finish_request(&mut self, request: RequestId, outcome: Result<Payload, RequestError>) {
        let Some(pending) = self.requests.remove(request) else {
            self.counters.late_replies.add(1);
            return;
        };
        if let Some(deadline) = pending.deadline {
            self.timers.cancel(deadline);
        }
        if pending.resolver.resolve(outcome).is_err() {
            self.counters.late_replies.add(1);
        }
    }

    /// The shard ends: so do the requests that wait here.
    pub(super) fn abandon_requests(&mut self) {
        for request in self.requests.keys() {
            self.finish_request(request, Err(RequestError::Closed));
        }
    }
}
