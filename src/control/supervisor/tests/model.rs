//! The statements about supervision in the plainest form: one thing after the
//! other, each to its end, on a list of children. The machine must come to the
//! same, however its work is cut up into commands and events.

use std::collections::VecDeque;

use super::super::{AutoShutdown, Strategy, SupervisorSpec};
use super::stage::Start;
use crate::control::backoff::Backoff;
use crate::control::child_spec::Restart;

/// What a child is in the model.
#[derive(Debug, Clone)]
pub(super) struct ModelChild {
    pub(super) id: String,
    pub(super) restart: Restart,
    pub(super) significant: bool,
    pub(super) backoff: Backoff,
    pub(super) first: VecDeque<Start>,
    pub(super) then: Start,
    pub(super) state: ModelState,
    pub(super) in_a_row: u32,
    pub(super) up_since_ns: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ModelState {
    Up,
    /// It has ended, and nobody has noticed yet.
    Corpse,
    /// Until then; the second number orders those that are due together.
    Waiting(u64, u64),
    /// Not there. Is it to come back with the one that it went down with?
    Undefined {
        comes_back: bool,
    },
}

const GONE: ModelState = ModelState::Undefined { comes_back: false };

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    AlreadyStarted,
    AlreadyPresent,
    Running,
    Restarting,
    NotFound,
    StartFailed,
}

pub(super) struct Model {
    pub(super) spec: SupervisorSpec,
    pub(super) children: Vec<ModelChild>,
    pub(super) up: bool,
    pub(super) now_ns: u64,
    pub(super) trace: Vec<String>,
    restarts_at_ns: Vec<u64>,
    waits: u64,
}

impl Model {
    /// Statements 1 to 3. `None` if a child could not be started: then those before
    /// it have been stopped in reverse.
    pub(super) fn start(spec: SupervisorSpec, children: Vec<ModelChild>, now_ns: u64) -> (Self, bool) {
        let (restarts_at_ns, trace) = (Vec::new(), Vec::new());
        let mut model = Self { spec, children, up: true, now_ns, trace, restarts_at_ns, waits: 0 };
        let mut at = 0;
        while at < model.children.len() {
            match model.attempt(at) {
                Start::Good => at += 1,
                Start::Ignore => at += usize::from(!model.undefine(at)),
                Start::Fail => {
                    model.stop();
                    return (model, false);
                }
            }
        }
        (model, true)
    }

    fn is_simple(&self) -> bool {
        self.spec.strategy == Strategy::SimpleOneForOne
    }

    fn attempt(&mut self, at: usize) -> Start {
        let child = &mut self.children[at];
        let start = child.first.pop_front().unwrap_or(child.then);
        if start == Start::Good {
            child.state = ModelState::Up;
            child.up_since_ns = self.now_ns;
            self.trace.push(format!("+{}", child.id));
        }
        start
    }

    /// Statement 11: nothing is left of a temporary child. Is it out of the list?
    fn undefine(&mut self, at: usize) -> bool {
        let out = self.is_simple() || self.children[at].restart == Restart::Temporary;
        if out {
            self.children.remove(at);
        } else {
            self.children[at].state = GONE;
        }
        out
    }

    pub(super) fn find(&self, id: &str) -> Option<usize> {
        self.children.iter().position(|child| child.id == id)
    }

    /// Statements 4 and 7.
    pub(super) fn start_child(&mut self, child: ModelChild) -> Result<bool, Refusal> {
        if !self.is_simple()
            && let Some(at) = self.find(&child.id)
        {
            return Err(match self.children[at].state {
                ModelState::Up => Refusal::AlreadyStarted,
                _ => Refusal::AlreadyPresent,
            });
        }
        self.children.push(child);
        let at = self.children.len() - 1;
        match self.attempt(at) {
            Start::Good => Ok(true),
            Start::Ignore => {
                self.undefine(at);
                Ok(false)
            }
            Start::Fail => {
                self.children.remove(at);
                Err(Refusal::StartFailed)
            }
        }
    }

    pub(super) fn terminate_child(&mut self, at: Option<usize>) -> Result<(), Refusal> {
        let at = at.ok_or(Refusal::NotFound)?;
        let called_off = matches!(self.children[at].state, ModelState::Waiting(..));
        if self.children[at].state == ModelState::Up {
            self.trace.push(format!("-{}", self.children[at].id));
        }
        self.undefine(at);
        let waits = |child: &ModelChild| matches!(child.state, ModelState::Waiting(..));
        if called_off && !self.children.iter().any(waits) {
            for child in &mut self.children {
                if child.state == (ModelState::Undefined { comes_back: true }) {
                    child.state = GONE;
                }
            }
        }
        Ok(())
    }

    pub(super) fn restart_child(&mut self, at: Option<usize>) -> Result<bool, Refusal> {
        let at = at.ok_or(Refusal::NotFound)?;
        match self.children[at].state {
            ModelState::Undefined { .. } => match self.attempt(at) {
                Start::Good => Ok(true),
                outcome => {
                    self.undefine(at);
                    if outcome == Start::Fail { Err(Refusal::StartFailed) } else { Ok(false) }
                }
            },
            ModelState::Waiting(..) => Err(Refusal::Restarting),
            ModelState::Up | ModelState::Corpse => Err(Refusal::Running),
        }
    }

    pub(super) fn delete_child(&mut self, at: Option<usize>) -> Result<(), Refusal> {
        let at = at.ok_or(Refusal::NotFound)?;
        match self.children[at].state {
            ModelState::Undefined { .. } => {
                self.children.remove(at);
                Ok(())
            }
            ModelState::Waiting(..) => Err(Refusal::Restarting),
            ModelState::Up | ModelState::Corpse => Err(Refusal::Running),
        }
    }

    /// Children end by themselves, all before anyone notices.
    pub(super) fn exit(&mut self, ids: &[usize], abnormal: bool) {
        for &at in ids {
            self.children[at].state = ModelState::Corpse;
            self.trace.push(format!("-{}", self.children[at].id));
        }
        let count = ids.len();
        for _ in 0..count {
            // In the order of their ends, which is that of the list.
            let corpse = |child: &ModelChild| child.state == ModelState::Corpse;
            let Some(at) = self.children.iter().position(corpse) else { return };
            if self.up {
                self.notice(at, abnormal);
                self.retry_what_is_due();
            }
        }
    }

    /// Statements 9 to 11 and 31 to 33.
    fn notice(&mut self, at: usize, abnormal: bool) {
        let child = &self.children[at];
        let comes_back = match child.restart {
            Restart::Permanent => true,
            Restart::Transient => abnormal,
            Restart::Temporary => false,
        };
        if comes_back {
            return self.restart(at, false);
        }
        let significant = child.significant;
        self.undefine(at);
        let active = |child: &ModelChild| child.significant && child.state != GONE;
        let stops = match self.spec.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.iter().any(active),
        };
        if significant && stops {
            self.stop();
        }
    }

    /// Statements 13 to 24, and the waits. `failed`: the last attempt has.
    fn restart(&mut self, at: usize, failed: bool) {
        // 17 and 20: the window includes its ends, and failed attempts count.
        self.restarts_at_ns.push(self.now_ns);
        let oldest = self.now_ns.saturating_sub(self.spec.period_ns);
        let recent = self.restarts_at_ns.iter().filter(|&&at_ns| at_ns >= oldest).count();
        let now_ns = self.now_ns;
        let child = &mut self.children[at];
        let stable = !failed && now_ns - child.up_since_ns >= child.backoff.stable_after_ns;
        child.in_a_row = if stable { 1 } else { child.in_a_row + 1 };
        if recent > self.spec.restarts_max as usize || child.in_a_row > child.backoff.restarts_in_a_row_max {
            self.undefine(at);
            return self.stop();
        }
        let wait_ns = child.backoff.delay_ns(child.in_a_row, 0.0);
        self.children[at].state = ModelState::Undefined { comes_back: true };
        let at = match self.spec.strategy {
            Strategy::OneForOne | Strategy::SimpleOneForOne => at,
            // 23: those before it that came up again stay up.
            Strategy::RestForOne if failed => at,
            Strategy::RestForOne => self.stop_from(at, at),
            Strategy::OneForAll => self.stop_from(0, at),
        };
        if wait_ns > 0 || failed {
            self.waits += 1;
            self.children[at].state = ModelState::Waiting(self.now_ns + wait_ns, self.waits);
        } else {
            self.start_again(at);
        }
    }

    /// Stops the children from here on, the last one first (14, 15); temporary ones
    /// for good (12). Where the one that is followed has got to.
    fn stop_from(&mut self, from: usize, mut follow: usize) -> usize {
        for at in (from..self.children.len()).rev() {
            let child = &mut self.children[at];
            if child.state == ModelState::Up {
                self.trace.push(format!("-{}", child.id));
            }
            let was_there = !matches!(child.state, ModelState::Undefined { comes_back: false });
            if child.restart == Restart::Temporary && was_there {
                self.children.remove(at);
                follow -= usize::from(at < follow);
            } else if was_there {
                child.state = ModelState::Undefined { comes_back: true };
            }
        }
        follow
    }

    fn start_again(&mut self, at: usize) {
        let mut next = match self.spec.strategy {
            Strategy::OneForAll => 0,
            _ => at,
        };
        let one = !matches!(self.spec.strategy, Strategy::OneForAll | Strategy::RestForOne);
        while next < self.children.len() {
            match self.attempt(next) {
                Start::Good => next += 1,
                Start::Ignore => next += usize::from(!self.undefine(next)),
                // 23, 24.
                Start::Fail => return self.restart(next, true),
            }
            if one {
                return;
            }
        }
    }

    fn retry_what_is_due(&mut self) {
        loop {
            let due = |child: &ModelChild| match child.state {
                ModelState::Waiting(at_ns, turn) if at_ns <= self.now_ns => Some((at_ns, turn)),
                _ => None,
            };
            let first = (0..self.children.len()).filter_map(|at| Some((due(&self.children[at])?, at))).min();
            let Some((_, at)) = first.filter(|_| self.up) else { return };
            self.children[at].state = ModelState::Undefined { comes_back: true };
            let at = match self.spec.strategy {
                Strategy::OneForOne | Strategy::SimpleOneForOne => at,
                Strategy::RestForOne => self.stop_from(at, at),
                Strategy::OneForAll => self.stop_from(0, at),
            };
            self.start_again(at);
        }
    }

    pub(super) fn advance_to(&mut self, now_ns: u64) {
        loop {
            let next_ns = self.children.iter().filter_map(|child| match child.state {
                ModelState::Waiting(at_ns, _) if at_ns <= now_ns => Some(at_ns),
                _ => None,
            });
            let Some(next_ns) = next_ns.min().filter(|_| self.up) else { break };
            self.now_ns = self.now_ns.max(next_ns);
            self.retry_what_is_due();
        }
        self.now_ns = now_ns;
    }

    /// Statement 2 and 17: in reverse.
    pub(super) fn stop(&mut self) {
        for child in self.children.drain(..).rev() {
            if child.state == ModelState::Up {
                self.trace.push(format!("-{}", child.id));
            }
        }
        self.up = false;
    }
}
