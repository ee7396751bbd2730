//! glommio's own way to wake a task from another thread: its `Waker`. What Raddle
//! does not do, since such wake-ups get lost; measured beside what it does.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use core_affinity::CoreId;
use glommio::timer::Timer;
use glommio::{LocalExecutorBuilder, Placement};
use raddle::sync::{Consumer, SharedCounter, ring};

use crate::pin;

/// A task that nobody woke looks by itself after so long.
const PATIENCE: Duration = Duration::from_millis(5);

/// What the task is woken by, while it waits.
type Bed = Arc<Mutex<Option<Waker>>>;

/// Round trips, and how many of them a wake-up was lost in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// What the others took.
    pub took: Duration,
    /// How many were lost. They are not part of the time.
    pub lost: u64,
}

/// Waits for an item; true if the task was not woken in time, and the item was
/// there all the same. On a crowded machine that may be late and not lost.
async fn receive(inbound: &mut Consumer<u64>, bed: &Bed) -> (u64, bool) {
    loop {
        let mut timer = Timer::new(PATIENCE);
        let mut by_timer = false;
        let item = poll_fn(|context| {
            *bed.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            if let Some(item) = inbound.pop() {
                by_timer = Pin::new(&mut timer).poll(context).is_ready();
                return Poll::Ready(Some(item));
            }
            Pin::new(&mut timer).poll(context).map(|_due| None)
        });
        if let Some(item) = item.await {
            return (item, by_timer);
        }
    }
}

/// There and back: a thread wakes a glommio task, the task unparks the thread.
pub fn through_waker(count: u64, cores: (Option<CoreId>, Option<CoreId>)) -> Outcome {
    let (mut outbound, mut inbound) = ring(4);
    let (mut back, mut from_there) = ring(4);
    let (bed, lost) = (Bed::default(), Arc::new(SharedCounter::new()));
    let (their_bed, their_lost) = (bed.clone(), lost.clone());
    let here = thread::current();
    let echo = thread::spawn(move || {
        pin(cores.1);
        let executor = LocalExecutorBuilder::new(Placement::Unbound).make().expect("an executor");
        executor.run(async move {
            for _ in 0..count {
                let (item, by_timer) = receive(&mut inbound, &their_bed).await;
                their_lost.add(u64::from(by_timer));
                back.push(item).expect("one item is under way");
                here.unpark();
            }
        });
    });
    pin(cores.0);
    let mut outcome = Outcome::default();
    for item in 0..count {
        let started = Instant::now();
        outbound.push(item).expect("one item is under way");
        let waker = bed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waker) = waker {
            waker.wake();
        }
        while from_there.pop() != Some(item) {
            thread::park();
        }
        if lost.get() == outcome.lost {
            outcome.took += started.elapsed();
        }
        outcome.lost = lost.get();
    }
    echo.join().expect("the echo ends well");
    outcome
}
