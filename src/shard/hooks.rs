//! Hooks, on the shard of their actors: which calls are due, and who waits for them.
//!
//! ```text
//!   shard                                 a thread of the host's
//!   ─────                                 ──────────────────────
//!   a call ──── HookRunner::submit ─────► calls the hook
//!   Starting or Stopping: the actor       │
//!   takes no messages, its shard goes on  │
//!     until the answer ◄── Control::Hooked┘
//!     or the limit     ◄── a timer
//! ```
//!
//! **Invariant:** a shard never runs a hook and never waits for one. What an actor
//! waits for has a timer, so that it goes on whatever the hook does.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{
    Account, Actor, ActorId, Batch, BatchOutcome, Child, Context, ExitReason, Health, Hook, HookFault,
    HookedActor, Hooks, Incarnation, Message, Moment, Notice, Outcome, Resume, StartError, StopReason,
};

use super::events::Event;
use super::timer_wheel::TimerKey;
use super::{Shard, SpawnSpec, Timer};

/// One call of a hook.
#[derive(Debug, Clone)]
pub struct HookCall {
    /// Whose it is.
    pub hooks: Arc<Hooks>,
    /// For whom.
    pub actor: HookedActor,
    /// When.
    pub moment: Moment,
    /// What to answer with, if the actor waits; 0 if it does not.
    pub ticket: u64,
    /// When it is late, in ns on the runtime's clock, if the actor waits.
    pub until_ns: Option<u64>,
}

/// Calls hooks, on threads that are no shards.
pub trait HookRunner: Send + Sync {
    /// Takes a call, to be made after those that were taken before. Never waits.
    /// What came of it is told to the shard of the actor, as `Control::Hooked`: always
    /// if the actor waits, else only what was wrong. False if there is no room.
    fn submit(&self, call: HookCall) -> bool;
}

/// How often hooks were called, and what came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCounts {
    /// Calls that were taken by the runner.
    pub calls: u64,
    /// Calls that panicked.
    pub panicked: u64,
    /// Calls that were not done within their limit.
    pub late: u64,
    /// Calls that were never made: too many were waiting.
    pub skipped: u64,
}

impl std::ops::Add for HookCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            calls: self.calls + other.calls,
            panicked: self.panicked + other.panicked,
            late: self.late + other.late,
            skipped: self.skipped + other.skipped,
        }
    }
}

/// What a shard calls hooks with.
#[derive(Clone, Default)]
pub(super) struct HookDesk {
    runner: Option<Arc<dyn HookRunner>>,
    /// For actors that have none of their own.
    hooks: Option<Arc<Hooks>>,
    counts: Rc<Cell<HookCounts>>,
}

impl HookDesk {
    pub(super) fn new(runner: Option<Arc<dyn HookRunner>>, hooks: Option<Arc<Hooks>>) -> Self {
        Self { runner, hooks, counts: Rc::default() }
    }

    pub(super) fn counts(&self) -> HookCounts {
        self.counts.get()
    }

    fn count(&self, add: HookCounts) {
        self.counts.set(self.counts.get() + add);
    }

    /// Was it taken?
    fn submit(&self, call: HookCall) -> bool {
        let taken = self.runner.as_ref().is_some_and(|runner| runner.submit(call));
        let one = u64::from(taken);
        self.count(HookCounts { calls: one, skipped: 1 - one, ..HookCounts::default() });
        taken
    }
}

/// A hook that an actor waits for.
#[derive(Debug)]
pub(super) struct AwaitedHook {
    ticket: u64,
    timer: TimerKey,
}

/// How an actor stops that waits for its hook.
#[derive(Debug)]
pub(super) enum Leave {
    /// It was told to.
    Told(crate::control::child_spec::Shutdown, StopReason),
    /// It asked to, for this reason.
    Itself(ExitReason),
}

impl Shard {
    /// An actor without hooks of its own has those of the runtime.
    pub(super) fn give_hooks(&self, spec: &mut SpawnSpec) {
        if spec.hooks.is_none() {
            spec.hooks.clone_from(&self.hook_desk.hooks);
        }
    }

    /// The call that is due, if there is a hook for it.
    fn hook_call(&mut self, actor: ActorId, moment: Moment) -> Option<HookCall> {
        let (spec, restarts) = self.spec_of(actor)?;
        let hooks = spec.hooks.as_ref().filter(|hooks| hooks.has(moment.hook()))?.clone();
        let actor = hooked(actor, spec, restarts);
        Some(HookCall { hooks, actor, moment, ticket: 0, until_ns: None })
    }

    /// Calls a hook that nobody waits for.
    pub(super) fn tell_hook(&mut self, actor: ActorId, moment: impl FnOnce() -> Moment) {
        if self.spec_of(actor).is_none_or(|(spec, _)| spec.hooks.is_none()) {
            return;
        }
        let moment = moment();
        let hook = moment.hook();
        let Some(call) = self.hook_call(actor, moment) else { return };
        if !self.hook_desk.submit(call) {
            self.emit_fault(actor, hook, HookFault::Skipped);
        }
    }

    /// Calls a hook that the actor waits for. Does it?
    pub(super) fn await_hook(&mut self, actor: ActorId, moment: Moment) -> bool {
        let hook = moment.hook();
        let Some(mut call) = self.hook_call(actor, moment) else { return false };
        self.hook_tickets += 1;
        let ticket = self.hook_tickets;
        let until_ns = self.now_ns.saturating_add(call.hooks.limit_ns(hook));
        (call.ticket, call.until_ns) = (ticket, Some(until_ns));
        if !self.hook_desk.submit(call) {
            self.emit_fault(actor, hook, HookFault::Skipped);
            return false;
        }
        let timer = self.timers.insert(until_ns, Timer::Hook(actor, ticket));
        self.set_awaited_hook(actor, Some(AwaitedHook { ticket, timer }));
        true
    }

    /// The runner says what came of a call.
    pub(super) fn on_hooked(&mut self, actor: ActorId, hook: Hook, ticket: u64, fault: Option<HookFault>) {
        if let Some(fault) = fault {
            let mut add = HookCounts::default();
            match fault {
                HookFault::Panicked(_) => add.panicked = 1,
                HookFault::Late => add.late = 1,
                HookFault::Skipped => add.skipped = 1,
            }
            self.hook_desk.count(add);
            self.emit_fault(actor, hook, fault);
        }
        if ticket != 0 {
            self.on_hook_over(actor, ticket);
        }
    }

    fn emit_fault(&mut self, actor: ActorId, hook: Hook, fault: HookFault) {
        let name = self.name_of(actor);
        tracing::warn!(%actor, name = name.as_deref(), "the hook {hook} {fault}");
        self.emit(&Event::HookFailed { actor, name, hook, fault });
    }

    /// Nobody waits for a hook any longer that an actor may be waiting for.
    pub(super) fn forget_hook(&mut self, actor: ActorId) {
        if let Some(AwaitedHook { timer, .. }) = self.set_awaited_hook(actor, None) {
            self.timers.cancel(timer);
        }
    }

    /// A hook is done, or its time is up: the actor goes on, if it still waits for it.
    pub(super) fn on_hook_over(&mut self, actor: ActorId, ticket: u64) {
        if self.awaited_hook(actor).is_some_and(|awaited| awaited.ticket == ticket) {
            self.forget_hook(actor);
            self.go_on_after_hook(actor);
        }
    }

    /// An actor whose messages the host wants to hear of.
    pub(super) fn observe(&mut self, actor: ActorId, child: Box<dyn Child>) -> Box<dyn Child> {
        let Some((spec, restarts)) = self.spec_of(actor) else { return child };
        let Some(hooks) = spec.hooks.as_ref().filter(|hooks| hooks.has(Hook::Message)) else { return child };
        let (hooks, actor) = (hooks.clone(), hooked(actor, spec, restarts));
        Box::new(Observed { child, hooks, actor, desk: self.hook_desk.clone() })
    }
}

fn hooked(actor: ActorId, spec: &SpawnSpec, restarts: u32) -> HookedActor {
    HookedActor { id: actor, name: spec.name.clone(), kind: spec.blueprint.name().into(), restarts }
}

/// An actor, and a hook that hears of each of its messages.
struct Observed {
    child: Box<dyn Child>,
    hooks: Arc<Hooks>,
    actor: HookedActor,
    desk: HookDesk,
}

impl Observed {
    fn tell(&self, message: &Message) {
        self.desk.submit(HookCall {
            hooks: self.hooks.clone(),
            actor: self.actor.clone(),
            moment: Moment::Message(message.payload.clone()),
            ticket: 0,
            until_ns: None,
        });
    }
}

impl Actor for Observed {
    fn handle(&mut self, context: &Context, message: &Message) -> Outcome {
        self.tell(message);
        self.child.handle(context, message)
    }

    fn resume(&mut self, context: &Context, resume: Resume) -> Outcome {
        self.child.resume(context, resume)
    }

    fn notice(&mut self, context: &Context, notice: Notice) -> Outcome {
        self.child.notice(context, notice)
    }

    fn batch_messages_max(&self) -> usize {
        self.child.batch_messages_max()
    }

    fn handle_batch(&mut self, context: &Context, batch: Batch<'_>) -> BatchOutcome {
        batch.iter().for_each(|message| self.tell(message));
        self.child.handle_batch(context, batch)
    }
}

impl Child for Observed {
    fn start(&mut self, context: &Context, incarnation: &Incarnation) -> Result<(), StartError> {
        self.child.start(context, incarnation)
    }

    fn stop(&mut self, context: &Context, reason: StopReason, within: Option<Duration>) -> ExitReason {
        self.child.stop(context, reason, within)
    }

    fn account(&self) -> Option<Account> {
        self.child.account()
    }

    fn health(&mut self, context: &Context) -> Health {
        self.child.health(context)
    }
}
