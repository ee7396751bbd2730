//! Messages that are sent later. They come to [`Actor::handle`](crate::Actor::handle) of
//! the receiver, from this actor; they end with this incarnation.

use std::time::Duration;

use crate::bindings::imports::raddle::actor::timers as host;
use crate::{ActorId, SendError, nanoseconds};

pub use host::TimerId;

/// Send once, after so long: never early, late by a few milliseconds at most.
///
/// # Errors
/// See [`SendError`].
pub fn send_after(delay: Duration, to: ActorId, payload: &[u8]) -> Result<TimerId, SendError> {
    host::send_after(nanoseconds(delay), to, payload)
}

/// Send again and again, with so long between, first after one period.
///
/// # Errors
/// See [`SendError`].
pub fn send_every(period: Duration, to: ActorId, payload: &[u8]) -> Result<TimerId, SendError> {
    host::send_every(nanoseconds(period), to, payload)
}

/// Send no more. True if something was still to be sent.
pub fn cancel(timer: TimerId) -> bool {
    host::cancel(timer)
}

/// How far the runtime's clock has come. It only ever goes forward.
pub fn now() -> Duration {
    Duration::from_nanos(host::now_ns())
}
