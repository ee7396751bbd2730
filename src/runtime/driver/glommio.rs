//! The io_uring driver: one glommio executor, one task, one loop.
//!
//! Of glommio it uses the ring and the timer, nothing that crosses threads:
//! its wakers lose wake-ups from other threads, its channels have hung. The
//! doorbell is an eventfd that the ring polls, so a wake-up is I/O like any
//! other.

use std::future::poll_fn;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use ::glommio::io::{PollState, PollableFd};
use ::glommio::timer::Timer;
use ::glommio::{GlommioError, LocalExecutor, LocalExecutorBuilder, Placement};
use rustix::event::{EventfdFlags, eventfd};

use super::Drive;
use super::pace::{Pace, Step};
use super::probe::{REGISTERED_BYTES, Refusal};
use crate::sync::Wake;

/// How long a saturated shard keeps the reactor waiting; and of how many steps one
/// looks whether it is time, since a look at the clock takes 25 ns.
const REACTOR_TURN_EVERY: Duration = Duration::from_millis(4);
const STEPS_PER_CLOCK: u32 = 8;

/// glommio's own timer for taking the CPU from a task: as good as never. There is
/// no other task to give it to; and if it fires between glommio's look at its
/// rings and its look at its tasks, which takes no more than a thread that had to
/// wait for its core, glommio parks with a task ready to run
/// (docs/decisions/0006).
const PREEMPT_EVERY: Duration = Duration::from_secs(3600);

/// The longest sleep in one piece, in case glommio parks for the same reason on
/// another completion: a timer makes it look again.
const SLEEP_MAX: Duration = Duration::from_millis(20);

/// The same for a turn of the reactor: while that waits nobody could ring, and there is
/// work.
const REACTOR_TURN_MAX: Duration = Duration::from_millis(1);

/// The eventfd. Its counter is not zero once somebody rang.
type Ringer = Arc<OwnedFd>;

pub(super) fn bell() -> io::Result<(Bell, Sleeper)> {
    let ringer: Ringer = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
    Ok((Bell(ringer.clone()), Sleeper(ringer)))
}

pub(super) struct Bell(Ringer);

impl Wake for Bell {
    fn wake(&self) {
        // Fails only when the counter is full, and then it has rung already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

#[derive(Debug)]
pub(super) struct Sleeper(Ringer);

impl Sleeper {
    /// Settles in on the current thread, which is pinned already.
    pub(super) fn settle(self) -> io::Result<Engine> {
        Ok(Engine { executor: executor()?, ringer: self.0 })
    }
}

pub(super) struct Engine {
    executor: LocalExecutor,
    ringer: Ringer,
}

impl Engine {
    pub(super) fn run<D: Drive>(self, pace: Pace<D>) -> io::Result<()> {
        let ringer = self.ringer;
        let outcome = self.executor.run(drive(pace, ringer));
        drop(self.executor);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Turns until the shard stops. A panic is carried past the executor, which
/// would report one of its own instead.
async fn drive<D: Drive>(mut pace: Pace<D>, ringer: Ringer) -> thread::Result<io::Result<()>> {
    let mut reactor = match Reactor::new(ringer) {
        Ok(reactor) => reactor,
        Err(error) => return Ok(Err(error)),
    };
    loop {
        let served = match catch_unwind(AssertUnwindSafe(|| pace.step()))? {
            Step::Again => reactor.turn_if_due().await,
            Step::Sleep(until) => {
                let slept = reactor.sleep(until).await;
                pace.woken();
                slept
            }
            Step::Stop => return Ok(Ok(())),
        };
        if let Err(error) = served {
            return Ok(Err(error));
        }
    }
}

/// How the bell is looked at: for reading or for writing.
type PollBell =
    fn(&PollableFd<Ringer>, &mut Context<'_>, &mut PollState) -> Poll<Result<(), GlommioError<()>>>;

/// The ring, seen from the only task.
struct Reactor {
    bell: PollableFd<Ringer>,
    last_turn: Instant,
    /// Since the last look at the clock.
    steps: u32,
}

impl Reactor {
    fn new(ringer: Ringer) -> io::Result<Self> {
        Ok(Self { bell: PollableFd::new(ringer).map_err(to_io)?, last_turn: Instant::now(), steps: 0 })
    }

    /// Lets the reactor submit and collect, if it has waited long enough.
    ///
    /// A yield would not do: with a single task glommio runs it again at once
    /// and leaves the rings alone. Waiting for what is always true, that the
    /// bell can be written, goes through the ring and back.
    async fn turn_if_due(&mut self) -> io::Result<()> {
        self.steps += 1;
        if self.steps < STEPS_PER_CLOCK {
            return Ok(());
        }
        self.steps = 0;
        if self.last_turn.elapsed() < REACTOR_TURN_EVERY {
            return Ok(());
        }
        self.until(PollableFd::poll_writable, Instant::now() + REACTOR_TURN_MAX).await?;
        self.last_turn = Instant::now();
        Ok(())
    }

    /// Sleeps in the ring until the bell rings or until the time given; or less,
    /// which costs the shard a turn that finds nothing.
    async fn sleep(&mut self, until: Option<Instant>) -> io::Result<()> {
        let latest = Instant::now() + SLEEP_MAX;
        self.until(PollableFd::poll_readable, until.map_or(latest, |at| at.min(latest))).await?;
        self.last_turn = Instant::now();
        // Back to zero. One that rings late only cuts the next sleep short.
        let mut count = [0; size_of::<u64>()];
        match rustix::io::read(self.bell.get_ref(), &mut count) {
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits for the bell to be ready for this, but not for longer than that.
    async fn until(&self, poll: PollBell, at: Instant) -> io::Result<()> {
        let mut timer = Timer::new(at.saturating_duration_since(Instant::now()));
        // Dropped with a registration still in it, it cancels that one.
        let mut state = PollState::new();
        poll_fn(|context| match poll(&self.bell, context, &mut state) {
            Poll::Ready(ready) => Poll::Ready(ready.map_err(to_io)),
            Poll::Pending => Pin::new(&mut timer).poll(context).map(|_due| Ok(())),
        })
        .await
    }
}

fn executor() -> io::Result<LocalExecutor> {
    // Unbound: the thread is pinned before, by us, with the same call that the
    // other driver uses.
    LocalExecutorBuilder::new(Placement::Unbound)
        .io_memory(REGISTERED_BYTES)
        .preempt_timer(PREEMPT_EVERY)
        .make()
        .map_err(to_io)
}

fn to_io(error: GlommioError<()>) -> io::Error {
    match error {
        GlommioError::IoError(error) => error,
        other => io::Error::other(other.to_string()),
    }
}

/// Sets up a ring and throws it away: what a seccomp filter forbids, say.
pub(super) fn try_ring() -> Result<(), Refusal> {
    match io_uring::IoUring::new(2) {
        Ok(_ring) => Ok(()),
        Err(error) => Err(Refusal::NoRing(error)),
    }
}

/// Makes an executor and throws it away, for whatever else glommio needs: the
/// operations of the kernel's io_uring, `membarrier`, descriptors, memory.
pub(super) fn try_executor() -> Result<(), Refusal> {
    let trial = thread::Builder::new()
        .name("raddle-probe".into())
        .spawn(|| executor().map(drop))
        .map_err(Refusal::NoExecutor)?;
    match trial.join() {
        Ok(made) => made.map_err(Refusal::NoExecutor),
        Err(_panic) => Err(Refusal::NoExecutor(io::Error::other("it panicked"))),
    }
}
