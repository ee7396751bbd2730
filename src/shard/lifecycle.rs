//! The life of an actor on its shard.
//!
//! ```text
//!  spawn ──► Naming ──► Starting ──► Up ──► (ended)
//!               │          │  ▲       ▲        │
//!               ▼          ▼  │       │        ├─ no supervisor ──► gone
//!             gone       gone └───────┼─ Restart ◄─ Down ◄─ supervised
//!                                     │              │
//!                                     └── the same   └─ Remove ──► gone
//!                                        address, name and mailbox
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use crate::actor::{
    ActorId, Child, CreateError, DeadReason, ExitReason, Incarnation, Moment, NameTaken, StartError,
    StopReason,
};
use crate::control::child_spec::{ChildAddress, Shutdown};
use crate::control::registry::Claim;
use crate::sync::mutant;

use super::events::Event;
use super::health::Known;
use super::hooks::AwaitedHook;
use super::relate::Departed;
use super::signal::{ChildRef, Signal};
use super::turn::panic_text;
use super::{ExitRecord, Shard, SpawnError, SpawnSpec, Timer};

mod about;
mod stop;

use about::Life;
pub use about::Newcomer;
pub(super) use about::{About, ActorSlot};

/// How many abnormal exits are kept to look at. They are counted, all of them.
const EXITS_KEPT: usize = 64;
/// The first wait for room in a pool, in ns; each further one is twice as long.
const ROOM_WAIT_NS_MIN: u64 = 1_000_000;
/// The longest wait between two looks for room in a pool, in ns.
const ROOM_WAIT_NS_MAX: u64 = 100_000_000;

enum Attempt {
    Up,
    /// No room yet.
    Later(String),
    Failed(String),
    /// It chose not to be there.
    Ignored,
    /// It came up, and asked to exit in its start.
    Exited(Box<dyn Child>, ExitReason),
}

impl Shard {
    /// Makes a new actor.
    pub(super) fn spawn(&mut self, newcomer: Newcomer) {
        let Some(about) = newcomer.0 else { return };
        let slot = self.slot_for(about);
        let mailbox = slot.about.spec.mailbox;
        if self.closed || self.actors.is_full() {
            let error = if self.closed { SpawnError::Closed } else { SpawnError::NoSlot(self.id) };
            return self.report_start(*slot.about, Err(error));
        }
        let actor = self.actors.insert(slot).expect("the table is not full");
        self.local.post.borrow_mut().open(actor, mailbox);
        self.admit(actor);
        self.begin(actor);
    }

    /// An actor that has its address and its mailbox is in the table from here on.
    pub(super) fn settle_in(&mut self, actor: ActorId, spec: SpawnSpec) {
        let slot = self.slot_for(Box::new(About::new(spec)));
        self.actors.put(actor, slot);
        self.admit(actor);
    }

    fn slot_for(&self, mut about: Box<About>) -> ActorSlot {
        self.give_hooks(&mut about.spec);
        ActorSlot { child: None, about }
    }

    /// An actor is in the table; what it may have is known, and it is counted.
    fn admit(&mut self, actor: ActorId) {
        let Some(slot) = self.actors.get(actor) else { return };
        let quotas = self.nurseries.quotas(&slot.about.spec);
        self.local.lives.borrow_mut().admit(actor, quotas);
        self.counters.actors.set(self.actors.len() as u64);
    }

    /// Begins the start of such an actor.
    pub(super) fn begin(&mut self, actor: ActorId) {
        if self.closed {
            return self.discard(actor, false, SpawnError::Closed);
        }
        match self.about(actor).map(|about| about.spec.name.clone()) {
            Some(Some(name)) => self.claim_name(&name, Claim::at_start(actor)),
            Some(None) => self.begin_start(actor),
            None => {}
        }
    }

    /// An actor is to end that is not up yet, for the first time.
    pub(super) fn end_unborn(&mut self, actor: ActorId, reason: ExitReason) {
        let Some(about) = self.about(actor) else { return };
        if about.restarts == 0 && matches!(about.life, Life::Naming | Life::Starting { .. }) {
            about.ended = Some(reason);
            self.stop_for(actor, Shutdown::BrutalKill, StopReason::Shutdown);
        }
    }

    /// The name that an actor is started with is its, or it is not.
    pub(super) fn on_named(&mut self, actor: ActorId, answer: Result<(), NameTaken>) {
        match answer {
            Ok(()) => self.begin_start(actor),
            Err(NameTaken(by)) => {
                let Some(slot) = self.actors.get(actor) else { return };
                let name = slot.about.spec.name.clone().unwrap_or_default();
                self.discard(actor, false, SpawnError::NameTaken { name, by });
            }
        }
    }

    fn begin_start(&mut self, actor: ActorId) {
        let now_ns = self.now_ns;
        let Some(about) = self.about(actor) else { return };
        if about.stop_asked {
            return self.discard(actor, true, SpawnError::Stopped);
        }
        about.life = Life::Starting { since_ns: now_ns, wait_ns: ROOM_WAIT_NS_MIN, timer: None };
        self.start(actor);
    }

    /// Makes an incarnation and starts it; or tries again later, if there is no room,
    /// or its hook is to be called first.
    pub(super) fn start(&mut self, actor: ActorId) {
        let Some(about) = self.about(actor) else { return };
        if about.spec.hooks.is_some()
            && !std::mem::replace(&mut about.is_announced, true)
            && self.await_hook(actor, Moment::BeforeStart)
        {
            return;
        }
        let Some(about) = self.about(actor) else { return };
        let Life::Starting { since_ns, wait_ns, .. } = about.life else { return };
        match self.attempt_start(actor) {
            Attempt::Up => self.came_up(actor),
            Attempt::Exited(child, reason) => {
                self.came_up(actor);
                self.end(actor, child, reason);
            }
            Attempt::Failed(message) => self.start_failed(actor, message),
            Attempt::Ignored => self.start_ignored(actor),
            Attempt::Later(message)
                if self.now_ns.saturating_sub(since_ns) >= self.config.start_wait_ns_max =>
            {
                self.start_failed(actor, message);
            }
            Attempt::Later(_) => {
                let timer = self.timers.insert(self.now_ns + wait_ns, Timer::Start(actor));
                let wait_ns = (wait_ns * 2).min(ROOM_WAIT_NS_MAX);
                if let Some(about) = self.about(actor) {
                    about.life = Life::Starting { since_ns, wait_ns, timer: Some(timer) };
                }
            }
        }
    }

    fn attempt_start(&mut self, actor: ActorId) -> Attempt {
        let Some(slot) = self.actors.get(actor) else { return Attempt::Failed("it is gone".into()) };
        let About { spec, restarts, .. } = &*slot.about;
        let name = spec.name.as_deref().map(Rc::from);
        let incarnation = Incarnation { id: actor, name, restarts: *restarts };
        let mut child = match self.nurseries.create(spec, self.id, &self.context) {
            Ok(child) => child,
            Err(CreateError::Exhausted(message)) => return Attempt::Later(message),
            Err(CreateError::Failed(message)) => return Attempt::Failed(message),
        };
        let context = &*self.context;
        context.enter(actor, 0);
        let started = catch_unwind(AssertUnwindSafe(|| child.start(context, &incarnation)))
            .unwrap_or_else(|panic| Err(StartError::Exited(ExitReason::Panic(panic_text(&*panic)))));
        context.leave();
        let asked_to_exit = self.apply_effects();
        match (started, asked_to_exit) {
            (Err(StartError::Ignored), _) => Attempt::Ignored,
            (Err(error), _) => Attempt::Failed(error.to_string()),
            (Ok(()), Some(reason)) => Attempt::Exited(child, reason),
            (Ok(()), None) => {
                let child = self.observe(actor, child);
                let at_once = if child.takes_frames() { child.batch_messages_max() } else { 1 };
                let frames_max = if at_once > 1 { at_once as u32 } else { 0 };
                if let Some(slot) = self.actors.get_mut(actor) {
                    slot.child = Some(child);
                }
                let mut post = self.local.post.borrow_mut();
                post.set_frames_max(actor, frames_max);
                post.set_up(actor, true);
                Attempt::Up
            }
        }
    }

    fn came_up(&mut self, actor: ActorId) {
        self.counters.starts.add(1);
        let Some(about) = self.about(actor) else { return };
        about.life = Life::Up;
        let restarts = about.restarts;
        let (parent, started) = (about.parent, about.started.take());
        if self.has_observers() {
            let name = self.name_of(actor);
            self.emit(&Event::Started { actor, name, restarts });
        }
        self.tell_hook(actor, || Moment::AfterStart);
        if let Some(started) = started {
            // Whoever gave up waiting can still find it by its name.
            let _ = started.resolve(Ok(actor));
        }
        if restarts > 0 {
            self.counters.restarts.add(1);
        }
        if let Some(child) = parent {
            let at = Some(ChildAddress::Worker(actor));
            let signal = if restarts == 0 {
                Signal::ChildStarted(child, Ok(at))
            } else {
                Signal::ChildRestarted(child, Ok(at))
            };
            self.signal(child.supervisor.shard(), signal);
        }
        self.local.post.borrow_mut().make_ready(actor);
    }

    fn start_failed(&mut self, actor: ActorId, message: String) {
        self.tell_hook(actor, || Moment::Error(ExitReason::StartFailed(message.clone())));
        let Some(about) = self.about(actor) else { return };
        let kind = about.spec.blueprint.name().to_owned();
        match about.parent {
            Some(child) if about.restarts > 0 => {
                about.life = Life::Down;
                let reason = ExitReason::StartFailed(message);
                about.ended = Some(reason.clone());
                self.incarnation_ended(actor, &reason);
                self.record_exit(actor, &reason);
                self.signal(child.supervisor.shard(), Signal::ChildRestarted(child, Err(reason)));
            }
            _ => self.discard(actor, true, SpawnError::StartFailed { kind, message }),
        }
    }

    fn start_ignored(&mut self, actor: ActorId) {
        let Some(about) = self.about(actor) else { return };
        match about.parent {
            Some(child) if about.restarts > 0 => {
                about.life = Life::Down;
                self.incarnation_ended(actor, &ExitReason::Normal);
                self.signal(child.supervisor.shard(), Signal::ChildRestarted(child, Ok(None)));
            }
            _ => self.discard(actor, true, SpawnError::Ignored),
        }
    }

    /// An actor that never came up goes, with the error for whoever spawned it.
    fn discard(&mut self, actor: ActorId, has_name: bool, error: SpawnError) {
        let Some(about) = self.about(actor) else { return };
        let name = about.spec.name.clone().filter(|_| has_name);
        if let Some(name) = &name {
            self.release_start(name, actor);
        }
        if let Some(slot) = self.vacate(actor, DeadReason::NoSuchActor) {
            // It may have made friends in its start.
            let failed = || ExitReason::StartFailed(error.to_string());
            let reason = slot.about.ended.clone().unwrap_or_else(failed);
            let unborn = Some((slot.about, error));
            let (stopped, told, askers) = (Vec::new(), None, Vec::new());
            self.announce_end(actor, Departed { reason, stopped, told, askers, above: None, unborn });
        }
    }

    pub(super) fn report_start(&mut self, about: About, outcome: Result<ActorId, SpawnError>) {
        let About { parent, started, stopped, .. } = about;
        for stopped in stopped {
            let _ = stopped.resolve(Ok(None));
        }
        if let Some(started) = started {
            let _ = started.resolve(outcome.clone());
        }
        if let Some(child) = parent {
            let outcome = match outcome {
                Ok(actor) => Ok(Some(ChildAddress::Worker(actor))),
                Err(SpawnError::Ignored) => Ok(None),
                Err(error) => Err(error),
            };
            self.signal(child.supervisor.shard(), Signal::ChildStarted(child, outcome));
        }
    }

    /// An incarnation has ended.
    pub(super) fn end(&mut self, actor: ActorId, child: Box<dyn Child>, reason: ExitReason) {
        self.incarnation_ended(actor, &reason);
        // Its memory goes first, so that a successor finds room.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(child))) {
            tracing::error!(%actor, panic = panic_text(&*panic), "panicked while it was dropped");
        }
        if reason.is_abnormal() {
            self.record_exit(actor, &reason);
        }
        self.forget_hook(actor);
        self.tell_hook(actor, || Moment::AfterStop(reason.clone()));
        if reason.is_abnormal() {
            self.tell_hook(actor, || Moment::Error(reason.clone()));
        }
        let Some(about) = self.about(actor) else { return };
        about.life = Life::Down;
        about.leave = None;
        about.ended = Some(reason.clone());
        about.health = Known::default();
        let parent = about.parent;
        if self.has_observers() {
            let name = self.name_of(actor);
            self.emit(&Event::Exited { actor, name, reason: reason.clone() });
        }
        match parent {
            Some(child) => {
                if mutant!("restart.forget_mail") {
                    self.bury_mailbox(actor, DeadReason::Drained);
                }
                self.signal(child.supervisor.shard(), Signal::ChildExited(child, reason));
            }
            None => self.depart(actor, DeadReason::Drained, Some(reason), None),
        }
    }

    fn record_exit(&mut self, actor: ActorId, reason: &ExitReason) {
        self.counters.abnormal_exits.add(1);
        *self.exits_by_label.entry(reason.label()).or_default() += 1;
        let name = self.about(actor).and_then(|about| about.spec.name.clone());
        tracing::warn!(%actor, name = name.as_deref(), %reason, "an actor ended");
        if self.exits.len() == EXITS_KEPT {
            self.exits.pop_front();
        }
        self.exits.push_back(ExitRecord { actor, name, reason: reason.clone() });
    }

    /// The supervisor wants it up again. Its links are told after the names are free
    /// that the incarnation before had taken; and the next one may take them.
    pub(super) fn restart_actor(&mut self, actor: ActorId) {
        let has_names = self.local.holdings.borrow().is_leaving(actor);
        let since_ns = self.now_ns;
        let Some(about) = self.about(actor) else { return };
        if about.life != Life::Down {
            return;
        }
        about.restarts = about.restarts.saturating_add(1);
        about.is_announced = false;
        about.awaits_names = has_names;
        about.life = Life::Starting { since_ns, wait_ns: ROOM_WAIT_NS_MIN, timer: None };
        if !has_names {
            self.go_on_restart(actor);
        }
    }

    /// The names of the incarnation before are free.
    pub(super) fn restart_without_names(&mut self, actor: ActorId) {
        let Some(about) = self.about(actor) else { return };
        let awaited = std::mem::take(&mut about.awaits_names);
        if awaited && matches!(about.life, Life::Starting { .. }) {
            self.go_on_restart(actor);
        }
    }

    /// A restart has to wait if there were too many on this shard of late.
    fn go_on_restart(&mut self, actor: ActorId) {
        let now_ns = self.now_ns;
        let Some(about) = self.about(actor) else { return };
        if let Some(reason) = about.ended.take() {
            self.spend_links(actor, &reason);
            self.tell_hook(actor, || Moment::Restart(reason));
        }
        let after_ns = self.budget.take(now_ns);
        let Some(about) = self.about(actor) else { return };
        about.life = Life::Starting { since_ns: now_ns + after_ns, wait_ns: ROOM_WAIT_NS_MIN, timer: None };
        if after_ns == 0 {
            return self.start(actor);
        }
        let due = self.timers.insert(now_ns + after_ns, Timer::Start(actor));
        if let Some(about) = self.about(actor)
            && let Life::Starting { timer, .. } = &mut about.life
        {
            *timer = Some(due);
        }
    }

    pub(super) fn health_of_mut(&mut self, actor: ActorId) -> Option<&mut Known> {
        self.about(actor).map(|about| &mut about.health)
    }

    pub(super) fn parent_of(&mut self, actor: ActorId) -> Option<ChildRef> {
        self.about(actor)?.parent
    }

    pub(super) fn name_of(&mut self, actor: ActorId) -> Option<Arc<str>> {
        self.about(actor).and_then(|about| about.spec.name.clone())
    }

    /// What an actor is made from, and how many incarnations came before.
    pub(super) fn spec_of(&mut self, actor: ActorId) -> Option<(&SpawnSpec, u32)> {
        self.about(actor).map(|about| (&about.spec, about.restarts))
    }

    /// Does it stop when its hook is done?
    pub(super) fn is_stopping(&mut self, actor: ActorId) -> bool {
        self.about(actor).is_some_and(|about| about.life == Life::Stopping)
    }

    pub(super) fn awaited_hook(&mut self, actor: ActorId) -> Option<&AwaitedHook> {
        self.about(actor)?.hook.as_ref()
    }

    /// The one before, if there was one.
    pub(super) fn set_awaited_hook(
        &mut self,
        actor: ActorId,
        hook: Option<AwaitedHook>,
    ) -> Option<AwaitedHook> {
        std::mem::replace(&mut self.about(actor)?.hook, hook)
    }

    fn about(&mut self, actor: ActorId) -> Option<&mut About> {
        self.actors.get_mut(actor).map(|slot| &mut *slot.about)
    }
}
