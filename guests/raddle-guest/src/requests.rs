//! Requests to other actors, without waiting, and replies that are given later.
//!
//! The outcome of a request comes to [`Replies`](crate::Replies), exactly once. To wait
//! for it instead: [`ask`](crate::ask).

use std::time::Duration;

use crate::bindings::imports::raddle::actor::requests as host;
use crate::{ActorId, Failure, RequestId, SendError, nanoseconds};

/// Ask an actor, without waiting. The outcome comes to
/// [`Replies::handle_reply`](crate::Replies::handle_reply), at the latest when the time
/// is over.
///
/// # Errors
/// Why it was not taken: then no outcome comes.
pub fn request(to: ActorId, payload: &[u8], timeout: Duration) -> Result<RequestId, SendError> {
    host::request(to, payload, nanoseconds(timeout))
}

/// Want no outcome any longer. True if there was none yet; then none comes.
pub fn cancel(request: RequestId) -> bool {
    host::cancel(request)
}

/// Take over the reply to the request that is being handled: what the handler answers is
/// dropped, and [`reply`] answers, now or later. `None` if it is no request, or was taken
/// over already.
pub fn defer() -> Option<RequestId> {
    host::defer()
}

/// Answer a request that was taken over. False if it has been answered already.
pub fn reply(request: RequestId, outcome: Result<&[u8], Failure>) -> bool {
    match outcome {
        Ok(reply) => host::reply(request, Ok(reply)),
        Err(failure) => host::reply(request, Err(&failure)),
    }
}
