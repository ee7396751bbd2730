//! What concerns several children, one after the other.

use std::ops::Bound;

use crate::actor::DeadReason;
use crate::control::child_spec::{ChildAddress, Restart, Shutdown};

use super::children::{Cause, State};
use super::command::{ChildNumber, Command};
use super::{Strategy, Supervisor};

/// What the supervisor is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sequence {
    /// It starts the children that it begins with; those from `next` on are left.
    Boot { next: ChildNumber },
    /// It stops the children from `from` on, the last one first; those before
    /// `before` are left. Then it waits, if it is to, or starts them.
    Stops { culprit: ChildNumber, from: ChildNumber, before: Bound<ChildNumber>, wait_ns: Option<u64> },
    /// It starts the children again; those from `next` on are left.
    Starts { next: ChildNumber },
}

impl<W: Clone> Supervisor<W> {
    /// Restarts a child that is down, and those that share its fate; before it
    /// starts them it waits, if it is to.
    pub(super) fn begin_group(&mut self, culprit: ChildNumber, wait_ns: Option<u64>) {
        let from = if self.spec.strategy == Strategy::OneForAll { 0 } else { culprit };
        self.sequence = Some(Sequence::Stops { culprit, from, before: Bound::Unbounded, wait_ns });
        self.advance();
    }

    /// Goes on with what it is in the middle of, up to the next thing to wait for.
    pub(super) fn advance(&mut self) {
        while let Some(sequence) = self.sequence
            && self.step(sequence)
        {}
    }

    /// Takes one step. False if there is something to wait for, or it was the last.
    fn step(&mut self, sequence: Sequence) -> bool {
        match sequence {
            Sequence::Boot { next } => match self.children.first_from(next) {
                None => {
                    self.sequence = None;
                    self.command(Command::Booted);
                    false
                }
                Some(child) => self.boot_one(child),
            },
            Sequence::Stops { culprit, from, before, wait_ns } => {
                match self.children.last_between(from, before) {
                    None => self.stops_are_done(culprit, from, wait_ns),
                    Some(child) => {
                        if !self.take_down(child) {
                            return false;
                        }
                        let before = Bound::Excluded(child);
                        self.sequence = Some(Sequence::Stops { culprit, from, before, wait_ns });
                        true
                    }
                }
            }
            Sequence::Starts { next } => match self.children.first_from(next) {
                None => {
                    self.sequence = None;
                    false
                }
                Some(child) => self.bring_up(child),
            },
        }
    }

    fn boot_one(&mut self, number: ChildNumber) -> bool {
        match self.children.get(number).map(|child| &child.state) {
            Some(State::Starting { .. }) => false,
            Some(State::Absent) => {
                // It goes on from the next one: a child that chose not to be there
                // is not asked again.
                self.sequence = Some(Sequence::Boot { next: number + 1 });
                self.order_start(number, Cause::Boot);
                false
            }
            _ => {
                self.sequence = Some(Sequence::Boot { next: number + 1 });
                true
            }
        }
    }

    fn stops_are_done(&mut self, culprit: ChildNumber, from: ChildNumber, wait_ns: Option<u64>) -> bool {
        match wait_ns {
            None => {
                self.sequence = Some(Sequence::Starts { next: from });
                true
            }
            Some(after_ns) => {
                self.sequence = None;
                let at = self.children.get(culprit).and_then(|child| child.state.address());
                self.wait(culprit, at, after_ns);
                false
            }
        }
    }

    /// Sees to it that a child is down. Is it?
    fn take_down(&mut self, number: ChildNumber) -> bool {
        let Some(child) = self.children.get(number) else { return true };
        let temporary = child.policy.restart == Restart::Temporary;
        match child.state {
            State::Running(at) => {
                self.order_stop(number, at, !temporary);
                false
            }
            State::Starting { .. } | State::Restarting { .. } | State::Stopping { .. } => false,
            State::Ended { at, .. } | State::Waiting { at: Some(at), .. } | State::Down(at) => {
                self.is_down(number, at, temporary);
                true
            }
            State::Waiting { at: None, .. } | State::Absent => {
                self.children.set(number, State::Absent);
                true
            }
        }
    }

    /// A child is down that is to come back with its siblings, or is temporary.
    pub(super) fn is_down(&mut self, number: ChildNumber, at: ChildAddress, temporary: bool) {
        if temporary {
            self.forget(number, Some(at), DeadReason::Drained);
        } else {
            self.children.set(number, State::Down(at));
        }
    }

    /// Starts a child again. True if there was nothing to be done.
    fn bring_up(&mut self, number: ChildNumber) -> bool {
        self.sequence = Some(Sequence::Starts { next: number + 1 });
        match self.children.get(number).map(|child| &child.state) {
            Some(&State::Down(at)) => {
                self.order_restart(number, at, Cause::Restart);
                false
            }
            Some(State::Absent) => {
                self.order_start(number, Cause::Restart);
                false
            }
            _ => true,
        }
    }

    pub(super) fn order_stop(&mut self, number: ChildNumber, at: ChildAddress, comes_back: bool) {
        let shutdown = self.children.get(number).map_or(Shutdown::BrutalKill, |child| child.policy.shutdown);
        self.children.set(number, State::Stopping { at, tickets: Vec::new(), comes_back });
        self.command(Command::Stop { child: number, at, shutdown, comes_back });
    }
}
