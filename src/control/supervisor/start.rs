//! How children come up.

use crate::actor::{DeadReason, ExitReason};
use crate::control::child_spec::{ChildAddress, Restart};

use super::children::{Cause, State};
use super::command::{ChildError, ChildNumber, Command};
use super::group::Sequence;
use super::{Ending, Phase, Strategy, Supervisor};

impl<W: Clone> Supervisor<W> {
    /// Starts the children that it begins with, one after the other. Then it says
    /// [`Command::Booted`], or stops and exits, if one of them could not be started.
    pub fn boot(&mut self) {
        self.sequence = Some(Sequence::Boot { next: 0 });
        self.advance();
    }

    /// A start or restart has ended: the child is up at this address, or chose not
    /// to be there, or failed.
    pub fn started(
        &mut self,
        number: ChildNumber,
        outcome: Result<Option<ChildAddress>, ExitReason>,
        now_ns: u64,
    ) {
        let Some(child) = self.children.get(number) else { return };
        let (at, cause, to_stop) = match &child.state {
            State::Starting { cause, to_stop } => (None, *cause, to_stop.clone()),
            State::Restarting { at, cause } => (Some(*at), *cause, Vec::new()),
            // A stop overtook it: what counts is the exit that follows, unless
            // nothing is left that could end.
            State::Stopping { .. } => {
                if !matches!(outcome, Ok(Some(_))) {
                    self.stopped(number);
                    self.settle(now_ns);
                }
                return;
            }
            _ => return,
        };
        match outcome {
            Ok(Some(at)) => self.came_up(number, at, cause, now_ns),
            Ok(None) => self.ignored(number, at, cause),
            Err(reason) => self.start_failed(number, at, cause, reason, now_ns),
        }
        for ticket in to_stop {
            self.terminate(number, ticket);
        }
        match self.phase {
            Phase::Running => self.advance(),
            Phase::Stopping { .. } => self.stop_on(number),
            Phase::Stopped => {}
        }
        self.settle(now_ns);
    }

    fn came_up(&mut self, number: ChildNumber, at: ChildAddress, cause: Cause, now_ns: u64) {
        self.children.set(number, State::Running(at));
        let never_again = self.spec.strategy == Strategy::SimpleOneForOne;
        if let Some(child) = self.children.get_mut(number) {
            child.up_since_ns = now_ns;
            if never_again || child.policy.restart == Restart::Temporary {
                child.what = None;
            }
        }
        if let Cause::Asked { ticket, .. } = cause {
            self.answer(ticket, Ok(Some(at)));
        }
    }

    /// It chose not to be there: that is no failure.
    fn ignored(&mut self, number: ChildNumber, at: Option<ChildAddress>, cause: Cause) {
        self.forget(number, at, DeadReason::Drained);
        if let Cause::Asked { ticket, .. } = cause {
            self.answer(ticket, Ok(None));
        }
    }

    fn start_failed(
        &mut self,
        number: ChildNumber,
        at: Option<ChildAddress>,
        cause: Cause,
        reason: ExitReason,
        now_ns: u64,
    ) {
        match cause {
            _ if !self.is_running() => {
                self.children.remove(number);
                if let Cause::Asked { ticket, .. } = cause {
                    self.answer(ticket, Err(ChildError::StartFailed(reason)));
                }
            }
            Cause::Boot => {
                let id = self.children.get(number).and_then(|child| child.id.clone()).unwrap_or_default();
                self.children.set(number, State::Absent);
                let failed = ExitReason::StartFailed(format!("failed to start child `{id}`: {reason}"));
                self.begin_stop(Ending::StartFailed, failed, DeadReason::SupervisorStopped);
            }
            Cause::Asked { ticket, new } => {
                if new {
                    self.children.remove(number);
                } else {
                    self.forget(number, at, DeadReason::Drained);
                }
                self.answer(ticket, Err(ChildError::StartFailed(reason)));
            }
            Cause::Restart => self.restart_failed(number, at, now_ns),
        }
    }

    /// A child is down for good: what is left of it is its spec, or nothing.
    pub(super) fn forget(&mut self, number: ChildNumber, at: Option<ChildAddress>, dead: DeadReason) {
        if let Some(at) = at {
            self.command(Command::Remove { at, dead });
        }
        let Some(child) = self.children.get(number) else { return };
        if child.id.is_none() || child.policy.restart == Restart::Temporary {
            self.children.remove(number);
        } else {
            self.children.set(number, State::Absent);
        }
    }

    /// Orders the start of a child that is not there.
    pub(super) fn order_start(&mut self, number: ChildNumber, cause: Cause) {
        let Some(child) = self.children.get_mut(number) else { return };
        // One that was made from the template is never started again.
        let what = if child.id.is_none() { child.what.take() } else { child.what.clone() };
        let Some(what) = what else { return };
        let kind = child.kind;
        self.children.set(number, State::Starting { cause, to_stop: Vec::new() });
        self.command(Command::Start { child: number, kind, what: *what });
    }

    /// Orders the restart of a child that has an address.
    pub(super) fn order_restart(&mut self, number: ChildNumber, at: ChildAddress, cause: Cause) {
        self.children.set(number, State::Restarting { at, cause });
        self.command(Command::Restart { child: number, at });
    }
}
