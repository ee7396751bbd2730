//! A thread that is no part of a runtime, and waits for replies.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::engine::{Engine, check};
use crate::packet::{ASK, Packet};

/// How long it looks before it sleeps: as long as a thread that asks Raddle.
const LOOK: Duration = Duration::from_micros(30);

/// A thread that waits, and whether it was called.
struct Bell {
    thread: Thread,
    // Release by the one who calls, Acquire by the thread: what came before the
    // call is seen after it.
    is_called: AtomicBool,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.is_called.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// What waits for futures on this thread, one after the other.
struct Waiting {
    bell: Arc<Bell>,
    waker: Waker,
}

impl Waiting {
    fn new() -> Self {
        let bell = Arc::new(Bell { thread: thread::current(), is_called: AtomicBool::new(false) });
        Self { waker: bell.clone().into(), bell }
    }

    fn wait_for<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let mut context = Context::from_waker(&self.waker);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            let until = Instant::now() + LOOK;
            while !self.bell.is_called.load(Ordering::Acquire) {
                if Instant::now() < until {
                    std::hint::spin_loop();
                } else {
                    thread::park();
                }
            }
            // A call that comes meanwhile is one for the same poll.
            self.bell.is_called.store(false, Ordering::Relaxed);
        }
    }
}

/// Asks so often, one after the other, and checks each reply. How long it took.
pub(crate) fn ask_all<E: Engine>(actor: &E::Address, units: u64, bytes: usize) -> anyhow::Result<Duration> {
    let waiting = Waiting::new();
    let start = Instant::now();
    for value in 0..units {
        let reply = waiting.wait_for(E::ask(actor, Packet::new(ASK, value, bytes)))?;
        check(reply, value)?;
    }
    Ok(start.elapsed())
}
