//! Wakes async tasks at a time, where no shard can be relied on to do so.
//!
//! One thread for a runtime, started when the first task asks for it. It looks at
//! the clock every few ms while anybody waits, and sleeps when nobody does; so to
//! ask it costs no system call.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use crate::sync::{Resolver, Waiter, reply_slot};

/// How often it looks: no alarm is later than that, plus what the system adds.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// From so many alarms on, those that nobody waits for are looked for.
const TIDY_FROM: usize = 1_024;

/// Rings for tasks.
#[derive(Debug, Default)]
pub(super) struct AlarmClock {
    sender: OnceLock<Option<Sender<Alarm>>>,
}

#[derive(Debug)]
struct Alarm {
    at: Instant,
    ring: Resolver<()>,
}

impl AlarmClock {
    /// Something to wait for that is ready at that time, never before; or, if there is
    /// no thread to be had for it, at once.
    pub(super) fn at(&self, at: Instant) -> Waiter<()> {
        let (ring, waiter) = reply_slot();
        let sender = self.sender.get_or_init(start);
        if let Some(sender) = sender {
            // If the thread has ended, the alarm is abandoned, which is ready too.
            let _ = sender.send(Alarm { at, ring });
        }
        waiter
    }
}

fn start() -> Option<Sender<Alarm>> {
    let (sender, receiver) = mpsc::channel();
    let started = thread::Builder::new().name("raddle-alarms".into()).spawn(move || run(&receiver));
    if let Err(error) = &started {
        tracing::error!(%error, "no thread for the deadlines of async tasks");
    }
    started.is_ok().then_some(sender)
}

/// Ends when the runtime, and all that wait for its answers, are gone.
fn run(receiver: &Receiver<Alarm>) {
    let mut alarms: BinaryHeap<Reverse<Alarm>> = BinaryHeap::new();
    let mut tidy_at = TIDY_FROM;
    while let Ok(first) = receiver.recv() {
        alarms.push(Reverse(first));
        while !alarms.is_empty() {
            thread::sleep(LOOK_EVERY);
            loop {
                match receiver.try_recv() {
                    Ok(alarm) => alarms.push(Reverse(alarm)),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            let now = Instant::now();
            while alarms.peek().is_some_and(|Reverse(alarm)| alarm.at <= now)
                && let Some(Reverse(alarm)) = alarms.pop()
            {
                // Whoever gave up waiting does not need it.
                let _ = alarm.ring.resolve(());
            }
            if alarms.len() >= tidy_at {
                alarms.retain(|Reverse(alarm)| !alarm.ring.is_closed());
                tidy_at = (2 * alarms.len()).max(TIDY_FROM);
            }
        }
    }
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_ring_in_their_order_and_never_early() {
        let clock = AlarmClock::default();
        let start = Instant::now();
        let delays = [30, 5, 60, 1].map(Duration::from_millis);
        let waiters = delays.map(|delay| clock.at(start + delay));
        for (delay, waiter) in delays.into_iter().zip(waiters) {
            assert_eq!(waiter.wait(), Ok(()));
            assert!(start.elapsed() >= delay);
        }
        // And after a rest again.
        assert_eq!(clock.at(Instant::now() + Duration::from_millis(1)).wait(), Ok(()));
    }

    #[test]
    fn what_nobody_waits_for_is_not_kept() {
        let clock = AlarmClock::default();
        let far = Instant::now() + Duration::from_secs(3_600);
        for _ in 0..10 * TIDY_FROM {
            drop(clock.at(far));
        }
        assert_eq!(clock.at(Instant::now()).wait(), Ok(()));
    }
}
