//! An answer that is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::actor::{Payload, RequestError};
use crate::shard::SpawnError;
use crate::sync::Waiter;

/// An error that says that nobody is left to answer, or not in time.
pub trait Unanswered {
    /// The runtime ended first.
    fn closed() -> Self;
    /// The deadline passed first.
    fn timed_out() -> Self;
}

impl Unanswered for RequestError {
    fn closed() -> Self {
        Self::Closed
    }

    fn timed_out() -> Self {
        Self::Timeout
    }
}

impl Unanswered for SpawnError {
    fn closed() -> Self {
        Self::Closed
    }

    fn timed_out() -> Self {
        Self::Unanswered
    }
}

/// What a [`Handle`](super::Handle) gives for a thing that takes a while: a future,
/// for any executor, that can also be waited for on a plain thread.
///
/// Dropping it gives up on the answer, not on the thing itself.
#[must_use = "it is a future, or call `wait`"]
#[derive(Debug)]
pub struct Pending<T, E> {
    state: State<T, E>,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum State<T, E> {
    Waiting(Waiter<Result<T, E>>),
    Ready(Option<Result<T, E>>),
}

/// A [`Pending`] reply.
pub type PendingReply = Pending<Payload, RequestError>;

impl<T, E: Unanswered> Pending<T, E> {
    pub(super) fn new(waiter: Waiter<Result<T, E>>, deadline: Option<Instant>) -> Self {
        Self { state: State::Waiting(waiter), deadline }
    }

    pub(super) fn ready(outcome: Result<T, E>) -> Self {
        Self { state: State::Ready(Some(outcome)), deadline: None }
    }

    /// Blocks this thread until the answer is there. Not for use in async code:
    /// await it there.
    ///
    /// # Errors
    /// That of the thing itself, or that the runtime has ended. A request ends at
    /// its deadline at the latest.
    pub fn wait(self) -> Result<T, E> {
        match self.state {
            State::Ready(outcome) => outcome.unwrap_or_else(|| Err(E::closed())),
            State::Waiting(waiter) => match self.deadline {
                None => waiter.wait().unwrap_or_else(|_abandoned| Err(E::closed())),
                Some(deadline) => match waiter.wait_until(deadline) {
                    Ok(answer) => answer.unwrap_or_else(|_abandoned| Err(E::closed())),
                    Err(_timed_out) => Err(E::timed_out()),
                },
            },
        }
    }

    /// Blocks this thread until the answer is there, but not for longer than this.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and that it took too long.
    pub fn wait_for(mut self, at_most: Duration) -> Result<T, E> {
        let until = Instant::now() + at_most;
        self.deadline = Some(self.deadline.map_or(until, |deadline| deadline.min(until)));
        self.wait()
    }
}

impl<T: Unpin, E: Unanswered + Unpin> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.state {
            State::Ready(outcome) => Poll::Ready(outcome.take().unwrap_or_else(|| Err(E::closed()))),
            State::Waiting(waiter) => {
                Pin::new(waiter).poll(cx).map(|answer| answer.unwrap_or_else(|_abandoned| Err(E::closed())))
            }
        }
    }
}
