//! One turn of a shard.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::{ActorId, Child, DeadReason, ExitReason, Outcome, RequestError, StopReason};

use super::mailbox::NodeId;
use super::{Command, Control, Shard, Timer, Turned};

/// The most commands from outside taken in one turn.
const TURN_COMMANDS_MAX: usize = 512;
/// How many messages are handled between two looks at the clock.
const CLOCK_EVERY_MESSAGES: usize = 64;

impl Shard {
    /// Does a bounded amount of work.
    pub fn turn(&mut self) -> Turned {
        if self.halted {
            return Turned::Halted;
        }
        self.now_ns = self.clock.now_ns();
        self.counters.turns.add(1);
        let mut busy = self.take_in();
        busy |= self.fire_timers();
        busy |= self.run_actors();
        busy |= self.carry_signals();
        let admission = &self.admission;
        busy |= self.outlets.flush(|shard, messages| admission.crossed(shard, messages));
        self.counters.refused.add(self.admission.take_refused());
        if self.halted {
            return Turned::Halted;
        }
        // Ahead of need, and only when there is nothing else to do.
        busy = busy || self.nurseries.values_mut().any(|kind| kind.nursery.tend());
        if busy || self.has_work() || self.outlets.has_waiting() {
            return Turned::Busy;
        }
        self.counters.idle_turns.add(1);
        Turned::Idle { wake_at_ns: self.timers.next_due_ns() }
    }

    /// Is there something to do that does not wait for a timer? To be asked once
    /// more after the doorbell was armed: it looks at everything that rings it.
    pub fn has_work(&self) -> bool {
        !self.intake.is_empty()
            || !self.inlets.is_empty()
            || !self.run_queue.is_empty()
            || !self.signals.is_empty()
    }

    fn take_in(&mut self) -> bool {
        let signals = &mut self.signals;
        let mut taken = self.inlets.drain_signals(|from, signal| signals.push_back((from, signal)));
        self.carry_signals();

        // The rings are taken out for the while, so that what comes in can be
        // delivered as it is drained.
        let mut inlets = std::mem::take(&mut self.inlets);
        taken += inlets.drain_replies(|reply| self.finish_request(reply.request, reply.outcome));
        taken += inlets.drain_messages(|message| self.deliver_arrival(message));
        self.inlets = inlets;

        let mut commands = std::mem::take(&mut self.commands);
        taken += self.intake.drain(TURN_COMMANDS_MAX, |command| commands.push(command));
        for command in commands.drain(..) {
            self.obey(command);
        }
        self.commands = commands;
        taken > 0
    }

    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Tell(message) => self.deliver_arrival(message),
            Command::Request(message, resolver) => self.begin_outside_request(message, resolver),
            Command::Control(control) => self.obey_control(*control),
        }
    }

    fn obey_control(&mut self, control: Control) {
        match control {
            Control::Spawn { spec, done } => self.spawn(spec, None, Some(done)),
            Control::Stop { actor, shutdown, done } => self.stop_from_outside(actor, shutdown, done),
            Control::StartSupervisor { spec, done } => self.start_supervisor(&spec, &done),
            Control::StartChild { supervisor, shard, policy, spec, done } => {
                self.start_child(supervisor, shard, policy, spec, done);
            }
            Control::StopSupervisor { supervisor, done } => self.stop_supervisor(supervisor, done),
            Control::StopAll => self.stop_all(),
            Control::Report(done) => {
                // Whoever gave up waiting for it does not need it.
                let _ = done.resolve(self.report());
            }
            Control::Close(done) => {
                self.close();
                let _ = done.resolve(());
            }
            Control::Halt(done) => self.halt(&done),
        }
    }

    fn fire_timers(&mut self) -> bool {
        let mut due = std::mem::take(&mut self.due);
        self.timers.advance(self.now_ns, &mut due);
        let any = !due.is_empty();
        for timer in due.drain(..) {
            match timer {
                Timer::RequestDeadline(request) => self.finish_request(request, Err(RequestError::Timeout)),
                Timer::Start(actor) => self.start(actor),
            }
        }
        self.due = due;
        any
    }

    fn run_actors(&mut self) -> bool {
        let mut handled = 0;
        let mut look_at = CLOCK_EVERY_MESSAGES;
        while handled < self.config.turn_messages_max
            && let Some(actor) = self.run_queue.pop_front()
        {
            handled += self.run_actor(actor);
            if handled >= look_at {
                look_at = handled + CLOCK_EVERY_MESSAGES;
                if self.clock.now_ns() - self.now_ns >= self.config.turn_ns_max {
                    break;
                }
            }
        }
        handled > 0
    }

    /// Lets one actor handle messages, within its budget. How many were taken?
    fn run_actor(&mut self, actor: ActorId) -> usize {
        let Some(slot) = self.actors.get_mut(actor) else { return 0 };
        slot.queued = false;
        let Some(mut child) = slot.child.take() else { return 0 };
        let mut taken = 0;
        while taken < self.config.slice_messages_max
            && let Some(slot) = self.actors.get_mut(actor)
            && let Some(node) = slot.mailbox.pop(&self.pool)
        {
            taken += 1;
            if let Some(reason) = self.handle(actor, &mut *child, node) {
                self.end(actor, child, reason);
                return taken;
            }
        }
        let slot = self.actors.get_mut(actor).expect("nobody removes an actor that runs");
        slot.child = Some(child);
        self.make_ready(actor);
        taken
    }

    /// Lets an actor handle one message. Why it ended, if it did.
    fn handle(&mut self, actor: ActorId, child: &mut dyn Child, node: NodeId) -> Option<ExitReason> {
        let message = self.pool.message(node);
        let (request, sent_at_ns) = (message.request, message.sent_at_ns);
        self.admission.leave(actor.slot(), message.payload.len());
        if message.expires_at_ns != 0 && message.expires_at_ns <= self.now_ns {
            self.bury(node, DeadReason::Expired);
            return None;
        }

        let context = &*self.context;
        context.enter(actor, sent_at_ns);
        let outcome = catch_unwind(AssertUnwindSafe(|| child.handle(context, message)))
            .unwrap_or_else(|panic| Outcome::Exited(ExitReason::Panic(panic_text(&*panic))));
        context.leave();
        self.pool.free(node);

        let led_on = self.context.has_effects();
        let asked_to_exit = if led_on { self.apply_effects() } else { None };
        let reply = match outcome {
            Outcome::Done(reply) => Ok(reply.unwrap_or_default()),
            Outcome::Failed(failure) => {
                self.counters.answered_with_failure.add(1);
                Err(RequestError::Failed(failure))
            }
            Outcome::Exited(reason) => {
                self.counters.failed.add(1);
                if let Some(request) = request {
                    self.answer(request, Err(RequestError::CalleeExited(reason.clone())));
                }
                return Some(reason);
            }
        };
        self.counters.handled.add(1);
        if sent_at_ns != 0 && !led_on {
            self.latency.record_ns(self.clock.now_ns().saturating_sub(sent_at_ns));
        }
        if let Some(request) = request {
            self.answer(request, reply);
        }
        let reason = asked_to_exit?;
        let stop = || child.stop(&self.context, StopReason::Normal, None);
        self.context.enter(actor, 0);
        let stopped = catch_unwind(AssertUnwindSafe(stop));
        self.context.leave();
        self.apply_effects();
        Some(match stopped {
            Ok(ExitReason::Normal) => reason,
            Ok(other) => other,
            Err(panic) => ExitReason::Panic(panic_text(&*panic)),
        })
    }
}

/// What a panic says.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
