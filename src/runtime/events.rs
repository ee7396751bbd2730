//! What happens in a runtime, as a stream.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::actor::{ActorId, Health, ShardId};
use crate::shard::{Control, Event, EventSink, SpawnError};
use crate::sync::{Doorbell, Intake, SharedCounter, Wake, injector, reply_slot};

use super::handle::Handle;
use super::pending::Pending;

/// Who waits for an event.
#[derive(Debug, Default)]
struct Waiting(Mutex<Option<Thread>>);

impl Waiting {
    fn set(&self, thread: Option<Thread>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = thread;
    }
}

struct Bell(Arc<Waiting>);

impl Wake for Bell {
    // Only called while somebody waits: a shard that finds nobody waiting does not
    // come here.
    fn wake(&self) {
        if let Some(thread) = &*self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }
}

/// Events of all shards: those of one shard in their order.
///
/// It holds a bounded number of them. What does not fit is lost, and
/// [counted](Self::lost): no shard waits for whoever reads it.
pub struct Events {
    intake: Intake<Event>,
    bell: Arc<Doorbell>,
    waiting: Arc<Waiting>,
    taken: VecDeque<Event>,
    lost: Arc<SharedCounter>,
}

impl Events {
    /// The next event, if there is one within this time.
    pub fn next_within(&mut self, within: Duration) -> Option<Event> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(event) = self.try_next() {
                return Some(event);
            }
            self.waiting.set(Some(thread::current()));
            self.bell.arm();
            if self.intake.is_empty() {
                thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
            }
            self.bell.disarm();
            self.waiting.set(None);
            if Instant::now() >= deadline {
                return self.try_next();
            }
        }
    }

    /// The next event, if there is one now.
    pub fn try_next(&mut self) -> Option<Event> {
        if self.taken.is_empty() {
            let taken = &mut self.taken;
            self.intake.drain(256, |event| taken.push_back(event));
        }
        self.taken.pop_front()
    }

    /// How many events did not fit.
    pub fn lost(&self) -> u64 {
        self.lost.get()
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("lost", &self.lost()).finish_non_exhaustive()
    }
}

impl Handle {
    /// From here on, what happens to actors and supervisors; at most so many events
    /// wait to be read.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[track_caller]
    pub fn events(&self, capacity: usize) -> Events {
        let waiting = Arc::<Waiting>::default();
        let bell = Arc::new(Doorbell::new(Box::new(Bell(waiting.clone()))));
        let (events, intake) = injector(capacity, bell.clone());
        let lost = Arc::<SharedCounter>::default();
        let mut asked = Vec::new();
        for shard in 0..self.shards() {
            let (done, waiter) = reply_slot();
            let sink = EventSink { events: events.clone(), lost: lost.clone() };
            if self.control(ShardId(shard as u16), Control::Observe { sink, done }) {
                asked.push(waiter);
            }
        }
        // What happens after this call is told.
        for waiter in asked {
            let _ = waiter.wait();
        }
        Events { intake, bell, waiting, taken: VecDeque::new(), lost }
    }

    /// How an actor said it was when it was last asked; nothing if it is not there.
    ///
    /// # Errors
    /// The answer is an error if the runtime ended first.
    pub fn health(&self, actor: ActorId) -> Pending<Option<Health>, SpawnError> {
        if actor.shard().index() >= self.shards() {
            return Pending::ready(Ok(None));
        }
        let (done, waiter) = reply_slot();
        if self.control(actor.shard(), Control::Health { actor, done }) {
            Pending::new(waiter)
        } else {
            Pending::ready(Err(SpawnError::Closed))
        }
    }

    /// Asks every actor how it is now, beside the interval, and waits until all were
    /// asked. False if that was not done within this time.
    pub fn check_health(&self, within: Duration) -> bool {
        let answers = self.ask_all(Control::CheckHealth, Instant::now() + within);
        answers.iter().all(Option::is_some)
    }
}
