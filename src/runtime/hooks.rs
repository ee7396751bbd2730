//! Calls the host's hooks, on threads beside the shards.
//!
//! ```text
//!   shards ──► calls, bounded ──► the worker ──► a hook ──► its shard is told
//!                                    ▲
//!                     the keeper ────┘ looks at its watch: a worker whose hook is
//!                                      late is left behind, and another takes over
//! ```
//!
//! A hook that never returns costs its thread, and nobody can help that; at
//! [`STUCK_MAX`] of them, no more are called until one returns. The threads are
//! started when the first actor with hooks is to be made.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::actor::{ActorId, Hook, HookFault};
use crate::metrics::Clock;
use crate::shard::{Command, Control, HookCall, HookRunner};
use crate::sync::{Doorbell, Injector, Intake, PushError, Rooms, Wake, injector};

/// The most calls that wait. What does not fit is skipped, and counted.
const CALLS_MAX: usize = 16_384;
/// The most workers that are left behind in hooks that hang.
const STUCK_MAX: usize = 8;
/// How long the keeper sleeps at most while a hook runs.
const WATCH: Duration = Duration::from_millis(100);

/// The way to the threads that call hooks.
pub(super) struct HookThreads {
    calls: Injector<HookCall>,
    desk: Arc<Desk>,
    started: OnceLock<()>,
}

struct Desk {
    clock: Clock,
    /// The ways back to the shards.
    shards: Vec<Injector<Command>>,
    state: Mutex<State>,
    /// For the keeper: a hook runs that is to be watched, or all is over.
    watch: Condvar,
    /// The worker that waits for calls.
    waiting: Arc<Waiting>,
    bell: Arc<Doorbell>,
    /// Full while every worker that may be left behind is.
    hands: Rooms,
}

struct State {
    intake: Intake<HookCall>,
    running: Option<Running>,
    /// The number of the worker that takes calls; those before it are left behind.
    worker: u64,
    stuck: usize,
    /// Is nobody there to take calls?
    vacant: bool,
    /// When the keeper looks again, in ns on the runtime's clock; 0 if it sleeps.
    looks_at_ns: u64,
    closed: bool,
}

struct Running {
    actor: ActorId,
    hook: Hook,
    ticket: u64,
    until_ns: u64,
}

#[derive(Default)]
struct Waiting(Mutex<Option<Thread>>);

struct Bell(Arc<Waiting>);

impl Wake for Bell {
    // Only while the worker waits: it is the one that holds the lock, and briefly.
    fn wake(&self) {
        if let Some(thread) = &*self.0.0.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }
}

impl HookRunner for HookThreads {
    fn submit(&self, call: HookCall) -> bool {
        !self.desk.hands.is_full(0) && self.calls.push(call).is_ok()
    }
}

impl HookThreads {
    /// No threads yet.
    pub(super) fn new(clock: Clock, shards: Vec<Injector<Command>>) -> Self {
        let waiting = Arc::<Waiting>::default();
        let bell = Arc::new(Doorbell::new(Box::new(Bell(waiting.clone()))));
        let (calls, intake) = injector(CALLS_MAX, bell.clone());
        let state = State {
            intake,
            running: None,
            worker: 0,
            stuck: 0,
            vacant: false,
            looks_at_ns: 0,
            closed: false,
        };
        let (state, watch, hands) = (Mutex::new(state), Condvar::new(), Rooms::new(1));
        let desk = Arc::new(Desk { clock, shards, state, watch, waiting, bell, hands });
        Self { calls, desk, started: OnceLock::new() }
    }

    /// Starts the threads, if they are not there yet. Not to be called by a shard: they
    /// would be pinned as it is.
    pub(super) fn start(&self) {
        self.started.get_or_init(|| {
            let desk = self.desk.clone();
            let keeper = thread::Builder::new().name("raddle-hooks".into()).spawn(move || desk.keep());
            if let Err(error) = keeper {
                self.desk.hands.set_full(0, true);
                tracing::error!(%error, "hooks are not called: their thread did not start");
            }
        });
    }

    /// Waits until the calls that were taken are made, or given up, but not for longer
    /// than this.
    pub(super) fn settle(&self, deadline: Instant) {
        while Instant::now() < deadline {
            let state = self.desk.lock();
            if self.started.get().is_none()
                || state.vacant
                || (state.running.is_none() && state.intake.is_empty())
            {
                return;
            }
            drop(state);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for HookThreads {
    fn drop(&mut self) {
        self.desk.lock().closed = true;
        self.desk.watch.notify_all();
        self.desk.bell.wake_always();
    }
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keeper: sees that there is a worker that is not stuck.
    fn keep(self: Arc<Self>) {
        self.begin_worker();
        let mut state = self.lock();
        while !state.closed {
            let now_ns = self.clock.now_ns();
            let wait = match &state.running {
                None => {
                    state.looks_at_ns = 0;
                    state = self.watch.wait(state).unwrap_or_else(PoisonError::into_inner);
                    continue;
                }
                Some(running) if running.until_ns > now_ns => {
                    WATCH.min(Duration::from_nanos(running.until_ns - now_ns))
                }
                Some(_) => {
                    let Running { actor, hook, ticket, .. } = state.running.take().expect("it runs");
                    state.worker += 1;
                    state.stuck += 1;
                    state.vacant = state.stuck >= STUCK_MAX;
                    self.hands.set_full(0, state.vacant);
                    let (is_vacant, stuck) = (state.vacant, state.stuck);
                    drop(state);
                    if is_vacant {
                        tracing::error!(stuck, "no more hooks are called until one of them returns");
                    } else {
                        self.begin_worker();
                    }
                    self.answer(actor, hook, ticket, Some(HookFault::Late));
                    state = self.lock();
                    continue;
                }
            };
            state.looks_at_ns = now_ns + wait.as_nanos() as u64;
            state = self.watch.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Starts a worker. Without one, no hooks are called.
    fn begin_worker(self: &Arc<Self>) {
        let (desk, number) = (self.clone(), self.lock().worker);
        let worker = thread::Builder::new().name("raddle-hook".into()).spawn(move || desk.work(number));
        if let Err(error) = worker {
            self.lock().vacant = true;
            self.hands.set_full(0, true);
            tracing::error!(%error, "hooks are not called: a thread did not start");
        }
    }

    /// A worker: makes calls until its own is late.
    fn work(&self, mut number: u64) {
        while let Some(call) = self.next(&mut number) {
            let HookCall { hooks, actor, moment, ticket, .. } = call;
            let fault = hooks.call(&actor, &moment).err().map(HookFault::Panicked);
            let was_present = {
                let mut state = self.lock();
                let is_present = state.worker == number;
                if is_present {
                    state.running = None;
                }
                is_present
            };
            if was_present && (fault.is_some() || ticket != 0) {
                self.answer(actor.id, moment.hook(), ticket, fault);
            }
        }
    }

    /// The next call for a worker of this number; `None` if it is not wanted any longer.
    fn next(&self, number: &mut u64) -> Option<HookCall> {
        loop {
            let mut state = self.lock();
            if state.worker != *number {
                // It was left behind, and has come back.
                state.stuck -= 1;
                if !std::mem::take(&mut state.vacant) {
                    return None;
                }
                *number = state.worker;
                self.hands.set_full(0, false);
            }
            let mut next = None;
            state.intake.drain(1, |call| next = Some(call));
            match next {
                Some(call) => {
                    let now_ns = self.clock.now_ns();
                    if call.until_ns.is_some_and(|until_ns| until_ns <= now_ns) {
                        drop(state);
                        let hook = call.moment.hook();
                        self.answer(call.actor.id, hook, call.ticket, Some(HookFault::Late));
                        continue;
                    }
                    self.begin(&mut state, &call, now_ns);
                    return Some(call);
                }
                None if state.closed => return None,
                None => self.rest(state),
            }
        }
    }

    /// Notes which call is being made, and has the keeper watch it.
    fn begin(&self, state: &mut State, call: &HookCall, now_ns: u64) {
        let hook = call.moment.hook();
        let limit_ns = call.hooks.limit_ns(hook);
        let until_ns = call.until_ns.unwrap_or(now_ns.saturating_add(limit_ns));
        state.running = Some(Running { actor: call.actor.id, hook, ticket: call.ticket, until_ns });
        if state.looks_at_ns == 0 || until_ns < state.looks_at_ns {
            self.watch.notify_all();
        }
    }

    /// Sleeps until there may be a call.
    fn rest(&self, state: MutexGuard<'_, State>) {
        *self.waiting.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread::current());
        self.bell.arm();
        let is_empty = state.intake.is_empty();
        drop(state);
        if is_empty {
            thread::park();
        }
        self.bell.disarm();
    }

    /// Tells the shard of an actor what came of a call; waits for room, since it is no
    /// shard.
    fn answer(&self, actor: ActorId, hook: Hook, ticket: u64, fault: Option<HookFault>) {
        let Some(shard) = self.shards.get(actor.shard().index()) else { return };
        let mut command = Command::Control(Control::Hooked { actor, hook, ticket, fault });
        while let Err(PushError::Full(back)) = shard.push(command) {
            command = back;
            thread::sleep(Duration::from_micros(50));
        }
    }
}
