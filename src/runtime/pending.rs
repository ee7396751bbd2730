//! An answer that is on its way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::actor::{Payload, RequestError, SendError};
use crate::shard::SpawnError;
use crate::sync::Waiter;

use super::alarm::AlarmClock;

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

impl Unanswered for SendError {
    fn closed() -> Self {
        Self::Closed
    }

    fn timed_out() -> Self {
        Self::Closed
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
    deadline: Option<Deadline>,
}

/// When it is over, whether the shard says so or not.
#[derive(Debug)]
struct Deadline {
    at: Instant,
    clock: Arc<AlarmClock>,
    /// Set when it was first awaited in vain.
    alarm: Option<Waiter<()>>,
}

#[derive(Debug)]
enum State<T, E> {
    Waiting(Waiter<Result<T, E>>),
    Ready(Option<Result<T, E>>),
}

/// A [`Pending`] reply.
pub type PendingReply = Pending<Payload, RequestError>;

impl<T, E: Unanswered> Pending<T, E> {
    pub(super) fn new(waiter: Waiter<Result<T, E>>) -> Self {
        Self { state: State::Waiting(waiter), deadline: None }
    }

    /// One that is over at that time at the latest.
    pub(super) fn until(waiter: Waiter<Result<T, E>>, at: Option<Instant>, clock: &Arc<AlarmClock>) -> Self {
        let deadline = at.map(|at| Deadline { at, clock: clock.clone(), alarm: None });
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
        let deadline = self.deadline.as_ref().map(|deadline| deadline.at);
        self.wait_until(deadline)
    }

    /// Blocks this thread until the answer is there, but not for longer than this.
    ///
    /// # Errors
    /// As [`wait`](Self::wait), and that it took too long.
    pub fn wait_for(self, at_most: Duration) -> Result<T, E> {
        let until = Instant::now() + at_most;
        let deadline = self.deadline.as_ref().map_or(until, |deadline| deadline.at.min(until));
        self.wait_until(Some(deadline))
    }

    fn wait_until(self, deadline: Option<Instant>) -> Result<T, E> {
        match self.state {
            State::Ready(outcome) => outcome.unwrap_or_else(|| Err(E::closed())),
            State::Waiting(waiter) => {
                look_for_a_while(&waiter);
                Self::sleep_until(waiter, deadline)
            }
        }
    }

    fn sleep_until(waiter: Waiter<Result<T, E>>, deadline: Option<Instant>) -> Result<T, E> {
        match deadline {
            None => waiter.wait().unwrap_or_else(|_abandoned| Err(E::closed())),
            Some(deadline) => match waiter.wait_until(deadline) {
                Ok(answer) => answer.unwrap_or_else(|_abandoned| Err(E::closed())),
                Err(_timed_out) => Err(E::timed_out()),
            },
        }
    }
}

/// How long a waiting thread looks before it sleeps. A shard that is awake has
/// answered by then; to be woken takes longer, and costs the shard 10 µs.
const LOOK: Duration = Duration::from_micros(30);

/// Looks between two looks at the clock, which cost more.
const LOOKS_PER_CLOCK: u32 = 16;

fn look_for_a_while<T>(waiter: &Waiter<T>) {
    let until = Instant::now() + LOOK;
    while Instant::now() < until {
        for _ in 0..LOOKS_PER_CLOCK {
            if waiter.is_ready() {
                return;
            }
            std::hint::spin_loop();
        }
    }
}

impl<T: Unpin, E: Unanswered + Unpin> Future for Pending<T, E> {
    type Output = Result<T, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { state, deadline } = &mut *self;
        match state {
            State::Ready(outcome) => Poll::Ready(outcome.take().unwrap_or_else(|| Err(E::closed()))),
            State::Waiting(waiter) => {
                if let Poll::Ready(answer) = Pin::new(waiter).poll(cx) {
                    return Poll::Ready(answer.unwrap_or_else(|_abandoned| Err(E::closed())));
                }
                // The shard says when a deadline has passed; but it may be stuck.
                let Some(Deadline { at, clock, alarm }) = deadline else { return Poll::Pending };
                let alarm = alarm.get_or_insert_with(|| clock.at(*at));
                if Pin::new(alarm).poll(cx).is_pending() {
                    return Poll::Pending;
                }
                *state = State::Ready(None);
                Poll::Ready(Err(E::timed_out()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Wake, Waker};
    use std::thread::{self, Thread};

    use super::*;
    use crate::sync::reply_slot;

    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    fn block_on<T: Future + Unpin>(mut future: T) -> T::Output {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    #[test]
    fn awaited_on_a_stuck_shard_it_ends_at_its_deadline() {
        let clock = Arc::new(AlarmClock::default());
        let (resolver, waiter) = reply_slot();
        let start = Instant::now();
        let deadline = start + Duration::from_millis(20);
        let pending: PendingReply = Pending::until(waiter, Some(deadline), &clock);
        assert_eq!(block_on(pending), Err(RequestError::Timeout));
        assert!(start.elapsed() >= Duration::from_millis(20), "never early");
        assert!(resolver.resolve(Ok(Payload::empty())).is_err(), "the outcome was the deadline");
    }

    #[test]
    fn an_answer_before_the_deadline_is_the_outcome() {
        let clock = Arc::new(AlarmClock::default());
        let (resolver, waiter) = reply_slot();
        let deadline = Instant::now() + Duration::from_secs(3_600);
        let pending: PendingReply = Pending::until(waiter, Some(deadline), &clock);
        let answerer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(5));
            resolver.resolve(Ok("yes".into()))
        });
        assert_eq!(block_on(pending), Ok("yes".into()));
        assert_eq!(answerer.join().unwrap(), Ok(()));
    }
}
