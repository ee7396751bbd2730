//! One turn of a shard.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::actor::{
    ActorId, Child, DeadReason, ExitReason, Message, Moment, Outcome, RequestError, RequestId, StopReason,
};
use crate::sync::{Taken, mutant};

use super::{Alarm, Command, Control, Shard, Timer, Turned};

/// The most commands from outside taken in one turn.
const TURN_COMMANDS_MAX: usize = 512;
/// How many messages are handled between two looks at the clock.
const CLOCK_EVERY_MESSAGES: usize = 64;

/// What became of an actor that ran.
pub(super) enum Ran {
    /// It takes the next message.
    On,
    /// It waits in the middle of one.
    Suspended,
    /// It stops, for this reason, once its hook is done.
    Leaving(ExitReason),
    /// It has ended.
    Exited(ExitReason),
}

impl Shard {
    /// Does a bounded amount of work.
    pub fn turn(&mut self) -> Turned {
        if self.halted {
            return Turned::Halted;
        }
        self.now_ns = self.clock.now_ns();
        self.local.post.borrow_mut().now_ns = self.now_ns;
        self.counters.turns.add(1);
        let mut busy = self.take_in();
        busy |= self.fire_timers();
        busy |= self.wake_retries();
        busy |= self.check_health();
        busy |= self.run_actors();
        busy |= self.begin_spawned();
        busy |= self.carry_signals();
        busy |= self.flush();
        if self.halted {
            return Turned::Halted;
        }
        if self.config.checks_ledger {
            self.check_ledger();
        }
        // Ahead of need, and only when there is nothing else to do.
        busy = busy || self.nurseries.tend();
        if busy || self.has_work() || self.local.post.borrow().outlets.has_waiting() {
            return Turned::Busy;
        }
        self.counters.idle_turns.add(1);
        let timers = [self.timers.next_due_ns(), self.local.wheel.borrow().next_due_ns()];
        let others = [self.nurseries.tend_at_ns(), self.checks.due_ns()];
        let first = timers.into_iter().chain(others).flatten().min();
        Turned::Idle { wake_at_ns: first }
    }

    /// Is there something to do that does not wait for a timer? To be asked once
    /// more after the doorbell was armed: it looks at everything that rings it.
    pub fn has_work(&self) -> bool {
        self.intake.has_next()
            || !self.inlets.is_empty()
            || !self.signals.is_empty()
            || self.has_notices()
            || !self.retries.is_empty()
            || self.checks.are_due(self.now_ns)
            || !self.to_begin.is_empty()
            || self.local.post.borrow().has_ready()
    }

    /// Shows what goes out: first the counts, so that no other shard can settle a
    /// message that does not count as accepted yet.
    fn flush(&mut self) -> bool {
        self.bury_lost();
        self.tell_changes();
        self.tell_pressure();
        self.count_accepted();
        let mut post = self.local.post.borrow_mut();
        self.counters.refused.add(post.take_refused());
        let moved = post.flush();
        self.went_out += post.take_crossed();
        moved
    }

    fn take_in(&mut self) -> bool {
        let signals = &mut self.signals;
        let mut taken = self.inlets.drain_signals(|from, signal| signals.push_back((from, signal)));
        self.carry_signals();

        let local = &self.local;
        taken += self.inlets.drain_replies(|reply| local.finish_request(reply.request, reply.outcome));
        let came_in = self.take_in_messages();
        self.came_in += came_in as u64;
        taken += came_in;

        taken += self.take_in_commands();
        taken > 0
    }

    /// Takes in what has come from outside. How much was there?
    ///
    /// Each is obeyed as it is taken. Whoever is answered may send at once, and that is for
    /// the next turn: so from the first on that may give an answer, no more is taken
    /// than is there by then.
    fn take_in_commands(&mut self) -> usize {
        let (mut taken, mut most) = (0, TURN_COMMANDS_MAX);
        let mut is_answering = false;
        let mut place = MaybeUninit::uninit();
        while taken < most
            && let Some(mut command) = self.intake.pop_to(&mut place)
        {
            taken += 1;
            self.show_command(&mut command);
            if !is_answering && !matches!(*command, Command::Tell(_) | Command::Request(..)) {
                is_answering = true;
                most = most.min(taken + self.intake.len());
            }
            self.obey(command);
        }
        taken
    }

    /// What comes often is obeyed where it lies.
    #[inline]
    pub(super) fn obey(&mut self, mut command: Taken<'_, Command>) {
        match &mut *command {
            Command::Tell(message) => self.deliver_from_outside(message),
            Command::Request(message, resolver) => {
                self.taken_in += 1;
                self.begin_outside_request(message, resolver.take());
            }
            Command::Control(Control::Spawn(newcomer)) => self.spawn(newcomer.take()),
            Command::Control(Control::Stop { actor, shutdown, done }) => {
                self.stop_from_outside(*actor, *shutdown, done.take());
            }
            Command::AwaitRoom(actor, done) => {
                self.local.post.borrow_mut().await_room(*actor, done.take());
            }
            Command::Control(control) => self.obey_control(control.take()),
        }
    }

    #[inline(never)]
    fn obey_control(&mut self, control: Control) {
        match control {
            Control::Spawn(newcomer) => self.spawn(newcomer),
            Control::Stop { actor, shutdown, done } => self.stop_from_outside(actor, shutdown, done),
            Control::Supervisor(control) => self.obey_supervisor_control(*control),
            Control::StopSupervisor { supervisor, done } => self.stop_supervisor(supervisor, done),
            Control::Subscribe { actor, filter, done } => {
                let is_there = self.subscribe_for(actor, &filter);
                self.answer_when_heard(is_there, done);
            }
            Control::Unsubscribe { actor, filter, done } => {
                let _ = done.resolve(Ok(self.unsubscribe_for(actor, &filter)));
            }
            Control::Join { actor, group, done } => {
                let is_there = self.join_for(actor, &group);
                self.answer_when_heard(is_there, done);
            }
            Control::Leave { actor, group, done } => {
                let _ = done.resolve(Ok(self.leave_for(actor, &group)));
            }
            Control::Members { group, done } => {
                let _ = done.resolve(Ok(self.local.topics.borrow().groups.members(&group).to_vec()));
            }
            Control::SendLater { to, payload, delay_ns, period_ns, done } => {
                let _ = done.resolve(self.local.send_later(None, delay_ns, period_ns, to, payload));
            }
            Control::CancelTimer { timer, done } => {
                let _ = done.resolve(Ok(self.local.cancel_timer(None, timer)));
            }
            Control::Provide { name, blueprint } => {
                self.local.offspring.borrow_mut().provide(name, blueprint);
            }
            Control::Observe { sink, done } => {
                self.event_sinks.push(sink);
                let _ = done.resolve(());
            }
            Control::Health { actor, done } => {
                let _ = done.resolve(Ok(self.health_of_mut(actor).map(|known| known.health.clone())));
            }
            Control::CheckHealth(done) => self.check_health_now(done),
            Control::Hooked { actor, hook, ticket, fault } => self.on_hooked(actor, hook, ticket, fault),
            Control::StopAll { until_ns } => self.stop_all(until_ns),
            Control::Report(done) => {
                // Whoever gave up waiting for it does not need it.
                let _ = done.resolve(self.report());
            }
            Control::Close(done) => {
                self.close();
                let _ = done.resolve(());
            }
            Control::Halt(done) => self.halt(done),
        }
    }

    fn fire_timers(&mut self) -> bool {
        let mut due = std::mem::take(&mut self.due);
        self.timers.advance(self.now_ns, &mut due);
        let mut any = !due.is_empty();
        for timer in due.drain(..) {
            match timer {
                Timer::Start(actor) => self.start(actor),
                Timer::Wake(child, wait) => self.wake_child(child, wait),
                Timer::HealthSweep => self.sweep_health(),
                Timer::Hook(actor, ticket) => self.on_hook_over(actor, ticket),
            }
        }
        self.due = due;

        let mut alarms = std::mem::take(&mut self.alarms);
        self.local.wheel.borrow_mut().advance(self.now_ns, &mut alarms);
        any |= !alarms.is_empty();
        for alarm in alarms.drain(..) {
            match alarm {
                Alarm::Deadline(request) => {
                    self.local.finish_request(request, Err(RequestError::Timeout));
                }
                Alarm::Send(timer) => self.send_now(timer),
            }
        }
        self.alarms = alarms;
        any
    }

    fn run_actors(&mut self) -> bool {
        let mut handled = self.resume_turns();
        let mut look_at = CLOCK_EVERY_MESSAGES;
        while handled < self.config.turn_messages_max {
            // Replies before requests, so that there is room for what follows from them.
            handled += self.run_notices(self.config.turn_messages_max - handled);
            let Some(actor) = self.next_ready() else { break };
            handled += self.run_actor(actor);
            let is_time = handled >= look_at;
            if is_time || self.local.post.borrow().outlets.has_staged() {
                // Other shards need not wait for whoever is ready here.
                self.flush();
            }
            if is_time {
                look_at = handled + CLOCK_EVERY_MESSAGES;
                if self.clock.now_ns() - self.now_ns >= self.config.turn_ns_max {
                    break;
                }
            }
        }
        handled > 0
    }

    fn next_ready(&mut self) -> Option<ActorId> {
        self.local.post.borrow_mut().next_ready()
    }

    /// Lets one actor handle messages, within its budget. How many were taken?
    fn run_actor(&mut self, actor: ActorId) -> usize {
        let child = self.actors.get_mut(actor).and_then(|slot| slot.child.take());
        let Some(mut child) = child else {
            self.local.post.borrow_mut().rest(actor);
            return 0;
        };
        // What it sends itself meanwhile is for its next turn: else it would keep this one.
        let waiting = self.local.post.borrow().waiting(actor);
        let slice = waiting.min(self.config.slice_messages_max);
        // Taken out for the while: what an actor handles lies in them.
        let mut hands = std::mem::take(&mut self.hands);
        let (taken, ran) = match child.batch_messages_max() {
            0 | 1 => self.run_singly(actor, &mut *child, slice, &mut hands[0]),
            most => {
                if hands.len() < most {
                    hands.resize_with(most, Box::default);
                }
                let slice = waiting.min(self.config.slice_messages_max.max(most));
                self.run_in_batches(actor, &mut *child, slice, &mut hands[..most])
            }
        };
        self.hands = hands;
        self.local.post.borrow_mut().rest_without_mail(actor);
        self.put_back(actor, child, ran);
        if self.local.post.borrow().has_lost() {
            self.bury_lost();
        }
        taken
    }

    fn run_singly(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        slice: usize,
        hand: &mut Box<Message>,
    ) -> (usize, Ran) {
        let mut taken = 0;
        let mut handled = 0;
        let mut ran = Ran::On;
        while taken < slice && matches!(ran, Ran::On) && self.pop_ready(actor, hand) {
            taken += 1;
            self.handle(actor, child, hand, &mut handled, &mut ran);
            hand.release_heap();
        }
        self.count_handled(&mut handled);
        (taken, ran)
    }

    /// Makes public what was handled, after what was sent meanwhile.
    pub(super) fn count_handled(&mut self, handled: &mut u64) {
        self.count_accepted();
        self.counters.handled.add(std::mem::take(handled));
    }

    /// Lets an actor handle one message. If it does not go on to the next one, `ran`
    /// says why.
    pub(super) fn handle(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        message: &mut Box<Message>,
        handled: &mut u64,
        ran: &mut Ran,
    ) {
        if message.is_expired(self.now_ns) {
            return self.bury(message, DeadReason::Expired);
        }
        let context = &*self.context;
        let is_simple = !message.is_awaited();
        if is_simple {
            context.enter(actor, message.sent_at_ns);
        } else {
            context.enter_with(actor, message, message.request);
        }
        let mut outcome = None;
        // The usual outcome is told by a flag: moving a whole one, large as it is,
        // costs as much as all the rest of this function.
        let caught = catch_unwind(AssertUnwindSafe(|| match child.handle(context, message) {
            Outcome::Done(None) => {}
            other => outcome = Some(other),
        }));
        let request = if is_simple {
            context.leave();
            None
        } else {
            context.leave_with()
        };
        if let Err(panic) = caught {
            outcome = Some(Outcome::Exited(ExitReason::Panic(panic_text(&*panic))));
        }
        if outcome.is_none() && request.is_none() && !context.has_effects() {
            *handled += 1;
            self.measure(message);
            return;
        }
        let outcome = outcome.unwrap_or(Outcome::Done(None));
        *ran = self.settle(actor, child, Some(message), request, outcome, handled);
    }

    /// Does what the outcome of a call asks for. The call was for a message, or for
    /// a notice; and for a request, unless its reply was taken over.
    pub(super) fn settle(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        message: Option<&mut Box<Message>>,
        request: Option<RequestId>,
        outcome: Outcome,
        handled: &mut u64,
    ) -> Ran {
        let asked_to_exit = self.apply_effects();
        let reply = match outcome {
            Outcome::Done(reply) => Ok(reply.unwrap_or_default()),
            Outcome::Failed(failure) => {
                self.counters.answered_with_failure.add(1);
                Err(RequestError::Failed(failure))
            }
            Outcome::Suspended(awaited) => {
                self.suspend(actor, awaited, message.map(std::mem::take), request, asked_to_exit);
                return Ran::Suspended;
            }
            Outcome::Exited(reason) => {
                self.count_handled(handled);
                self.counters.failed.add(u64::from(message.is_some()));
                if mutant!("restart.redeliver")
                    && let Some(message) = message
                {
                    self.deliver_arrival(&mut (**message).clone());
                }
                if let Some(request) = request {
                    self.answer(request, Err(RequestError::CalleeExited(reason.clone())));
                }
                return Ran::Exited(reason);
            }
        };
        if let Some(message) = message {
            *handled += 1;
            self.measure(message);
        }
        if let Some(request) = request {
            // Whoever has the reply may look at the counts.
            self.count_handled(handled);
            self.answer(request, reply);
        }
        let Some(reason) = asked_to_exit else { return Ran::On };
        self.count_handled(handled);
        self.leave(actor, child, reason)
    }

    /// Records how long a message took that was handled and led to no other.
    #[inline(always)]
    fn measure(&mut self, message: &Message) {
        if message.sent_at_ns != 0 && !self.context.has_led_on() {
            self.latency.record_ns(self.clock.now_ns().saturating_sub(message.sent_at_ns));
        }
    }

    /// An actor has asked to exit.
    pub(super) fn leave(&mut self, actor: ActorId, child: &mut dyn Child, reason: ExitReason) -> Ran {
        if !self.is_stopping(actor) && self.await_hook(actor, Moment::BeforeStop(StopReason::Normal)) {
            Ran::Leaving(reason)
        } else {
            Ran::Exited(self.stop_itself(actor, child, reason))
        }
    }

    /// Stops an actor that asked for it.
    pub(super) fn stop_itself(
        &mut self,
        actor: ActorId,
        child: &mut dyn Child,
        reason: ExitReason,
    ) -> ExitReason {
        let stop = || child.stop(&self.context, StopReason::Normal, None);
        self.context.enter(actor, 0);
        let stopped = catch_unwind(AssertUnwindSafe(stop));
        self.context.leave();
        self.apply_effects();
        match stopped {
            Ok(ExitReason::Normal) => reason,
            Ok(other) => other,
            Err(panic) => ExitReason::Panic(panic_text(&*panic)),
        }
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
