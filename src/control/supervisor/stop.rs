//! How children, and the supervisor, come down.

use crate::actor::{DeadReason, ExitReason};
use crate::control::child_spec::{ChildAddress, Restart};

use super::children::State;
use super::command::{ChildError, ChildNumber, Command};
use super::{Ending, Event, Phase, Strategy, Supervisor};

/// How many children of a template are told to stop at a time: they all stop together, but
/// their shard has others to look after, and caches.
pub(super) const STOPS_AT_ONCE_MAX: usize = 256;

impl<W: Clone> Supervisor<W> {
    /// A child that was being stopped has ended.
    pub(super) fn stopped(&mut self, number: ChildNumber) {
        let Some(child) = self.children.get_mut(number) else { return };
        let temporary = child.policy.restart == Restart::Temporary;
        let State::Stopping { at, tickets, comes_back } = &mut child.state else { return };
        let (at, tickets, comes_back) = (*at, std::mem::take(tickets), *comes_back);
        if !self.is_running() {
            self.gone(number, Some(at));
        } else if self.sequence.is_some() && tickets.is_empty() {
            self.is_down(number, at, temporary || !comes_back);
        } else {
            self.forget(number, Some(at), DeadReason::Drained);
        }
        for ticket in tickets {
            self.answer(ticket, Ok(None));
        }
        if self.is_running() {
            self.advance();
        }
    }

    /// Stops the children and then the supervisor.
    pub(super) fn begin_stop(&mut self, ending: Ending, reason: ExitReason, dead: DeadReason) {
        if !self.is_running() {
            return;
        }
        self.phase = Phase::Stopping { reason, dead };
        self.ending = Some(ending);
        self.sequence = None;
        for event in std::mem::take(&mut self.deferred) {
            if let Event::Asked(ticket, _) = event {
                self.answer(ticket, Err(ChildError::NotAtWork));
            }
        }
        if self.spec.strategy == Strategy::SimpleOneForOne {
            self.stop_some(0);
        } else {
            self.stop_next();
        }
    }

    /// While stopping: sees to it that the first children from `from` on go down that
    /// were made from the template, and goes on with the others when whatever else waits
    /// has come first.
    pub(super) fn stop_some(&mut self, from: ChildNumber) {
        self.stops_on_wait = None;
        let some = self.children.some_from(from, STOPS_AT_ONCE_MAX);
        for &number in &some {
            self.stop_child(number);
        }
        if some.len() == STOPS_AT_ONCE_MAX {
            self.waits += 1;
            self.stops_on_wait = Some(self.waits);
            let next = some[STOPS_AT_ONCE_MAX - 1] + 1;
            self.command(Command::Wait { child: next, wait: self.waits, after_ns: 0 });
        }
        self.exit_if_alone();
    }

    /// While stopping: a child has come up, or not. Its turn comes too.
    pub(super) fn stop_on(&mut self, number: ChildNumber) {
        if self.spec.strategy == Strategy::SimpleOneForOne {
            self.stop_child(number);
            self.exit_if_alone();
        } else {
            self.stop_next();
        }
    }

    /// While stopping: sees to it that the last child goes down, and then the one
    /// before it.
    fn stop_next(&mut self) {
        while let Some(last) = self.children.last() {
            if !self.stop_child(last) {
                return;
            }
        }
        self.exit_if_alone();
    }

    /// While stopping: sees to it that a child goes down. Is it gone?
    fn stop_child(&mut self, number: ChildNumber) -> bool {
        let Some(child) = self.children.get(number) else { return true };
        match child.state {
            State::Running(at) | State::Restarting { at, .. } => {
                self.order_stop(number, at, false);
                false
            }
            State::Starting { .. } | State::Stopping { .. } => false,
            State::Ended { at, .. } | State::Down(at) => self.take_away(number, Some(at)),
            State::Waiting { at, .. } => self.take_away(number, at),
            State::Absent => self.take_away(number, None),
        }
    }

    fn take_away(&mut self, number: ChildNumber, at: Option<ChildAddress>) -> bool {
        let dead = match self.phase {
            Phase::Stopping { dead, .. } => dead,
            _ => DeadReason::Drained,
        };
        if let Some(at) = at {
            self.command(Command::Remove { at, dead });
        }
        self.children.remove(number);
        true
    }

    /// While stopping: a child has ended.
    pub(super) fn gone(&mut self, number: ChildNumber, at: Option<ChildAddress>) {
        self.take_away(number, at);
        if self.spec.strategy == Strategy::SimpleOneForOne {
            self.exit_if_alone();
        } else {
            self.stop_next();
        }
    }

    fn exit_if_alone(&mut self) {
        if let Phase::Stopping { reason, .. } = &self.phase
            && self.children.is_empty()
        {
            let reason = reason.clone();
            self.phase = Phase::Stopped;
            self.command(Command::Exit(reason));
        }
    }
}
