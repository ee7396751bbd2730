//! What becomes of a child that ended.

use crate::actor::{DeadReason, ExitReason};
use crate::control::child_spec::ChildAddress;

use super::children::{Cause, State};
use super::command::{ChildNumber, Command};
use super::{AutoShutdown, Ending, Event, Phase, Strategy, Supervisor};

impl<W: Clone> Supervisor<W> {
    /// A child has ended.
    pub fn exited(&mut self, number: ChildNumber, reason: ExitReason, now_ns: u64) {
        let Some(child) = self.children.get(number) else { return };
        match child.state {
            State::Stopping { .. } => self.stopped(number),
            State::Restarting { .. } => return self.started(number, Err(reason), now_ns),
            State::Running(at) => {
                if !self.is_running() {
                    self.gone(number, Some(at));
                } else if self.is_busy() {
                    // In a sequence that stops it anyway, this is its stop.
                    self.children.set(number, State::Ended { at, reason });
                    self.deferred.push_back(Event::Ended(number));
                } else {
                    self.ended(number, &reason, now_ns);
                }
            }
            _ => return,
        }
        self.settle(now_ns);
    }

    /// A child that was up has ended, and there is nothing else to be done first.
    pub(super) fn ended(&mut self, number: ChildNumber, reason: &ExitReason, now_ns: u64) {
        let Some(child) = self.children.get(number) else { return };
        let Some(at) = child.state.address() else { return };
        if child.policy.restart.applies_to(reason) {
            self.restart(number, Some(at), now_ns);
        } else {
            let significant = child.policy.significant;
            self.forget(number, Some(at), DeadReason::Drained);
            if significant && self.is_time_for_auto_shutdown() {
                self.begin_stop(Ending::AutoShutdown, ExitReason::Shutdown, DeadReason::SupervisorStopped);
            }
        }
    }

    /// A significant child has ended by itself: is it time to stop?
    fn is_time_for_auto_shutdown(&self) -> bool {
        match self.spec.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            // One that is to come back counts as active.
            AutoShutdown::AllSignificant => !self
                .children
                .iter()
                .any(|(_, child)| child.policy.significant && child.state != State::Absent),
        }
    }

    /// A restart has failed: that counts as another exit.
    pub(super) fn restart_failed(&mut self, number: ChildNumber, at: Option<ChildAddress>, now_ns: u64) {
        let Some(after_ns) = self.next_wait(number, now_ns, true) else {
            return self.give_up(number, at);
        };
        if self.spec.strategy == Strategy::OneForAll {
            // Those that are up again stop again.
            self.leave_down(number, at);
            self.begin_group(number, Some(after_ns));
        } else {
            self.sequence = None;
            self.wait(number, at, after_ns);
        }
    }

    /// A child that was up comes back, and with it those that share its fate.
    fn restart(&mut self, number: ChildNumber, at: Option<ChildAddress>, now_ns: u64) {
        let Some(after_ns) = self.next_wait(number, now_ns, false) else {
            return self.give_up(number, at);
        };
        if self.spec.strategy.is_for_groups() {
            self.leave_down(number, at);
            self.begin_group(number, (after_ns > 0).then_some(after_ns));
        } else if let (Some(at), 0) = (at, after_ns) {
            self.order_restart(number, at, Cause::Restart);
        } else {
            self.wait(number, at, after_ns);
        }
    }

    /// Counts a restart. How long to wait before it, in ns; `None` if it is one too
    /// many.
    fn next_wait(&mut self, number: ChildNumber, now_ns: u64, failed: bool) -> Option<u64> {
        let allowed = self.intensity.allow(now_ns);
        let random = self.random();
        let child = self.children.get_mut(number)?;
        let backoff = child.policy.backoff;
        let stable = !failed && now_ns.saturating_sub(child.up_since_ns) >= backoff.stable_after_ns;
        child.attempts = if stable { 1 } else { child.attempts.saturating_add(1) };
        if !allowed || child.attempts > backoff.restarts_in_a_row_max {
            return None;
        }
        self.restarts += 1;
        Some(backoff.delay_ns(child.attempts, random))
    }

    fn give_up(&mut self, number: ChildNumber, at: Option<ChildAddress>) {
        self.forget(number, at, DeadReason::SupervisorStopped);
        self.begin_stop(Ending::TooManyRestarts, ExitReason::Shutdown, DeadReason::SupervisorStopped);
    }

    /// Shows a child as restarting until a wait is over.
    pub(super) fn wait(&mut self, number: ChildNumber, at: Option<ChildAddress>, after_ns: u64) {
        self.waits += 1;
        let wait = self.waits;
        self.children.set(number, State::Waiting { at, wait });
        self.command(Command::Wait { child: number, wait, after_ns });
    }

    /// A wait is over: if the child still waits that one out, it is tried again.
    pub(super) fn try_again(&mut self, number: ChildNumber, wait: u64) {
        let Some(child) = self.children.get(number) else { return };
        let State::Waiting { at, wait: waits_for } = child.state else { return };
        if waits_for != wait || self.phase != Phase::Running {
            return;
        }
        if self.spec.strategy.is_for_groups() {
            self.leave_down(number, at);
            self.begin_group(number, None);
        } else if let Some(at) = at {
            self.order_restart(number, at, Cause::Restart);
        } else {
            self.order_start(number, Cause::Restart);
        }
    }

    fn leave_down(&mut self, number: ChildNumber, at: Option<ChildAddress>) {
        self.children.set(number, at.map_or(State::Absent, State::Down));
    }

    /// The next restart of this child counts as the first in a row. False if there
    /// is no such child.
    pub fn reset_backoff(&mut self, id: &str) -> bool {
        let child = self.children.by_id(id).and_then(|number| self.children.get_mut(number));
        child.map(|child| child.attempts = 0).is_some()
    }
}
