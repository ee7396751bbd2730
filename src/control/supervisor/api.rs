//! What can be asked of a supervisor at run time.

use std::sync::Arc;

use crate::actor::DeadReason;
use crate::control::child_spec::{ChildAddress, ChildKind, ChildSpec};
use crate::control::intensity::Intensity;

use super::children::{Cause, Child, State};
use super::command::{ChildError, ChildNumber, Command, Ticket};

use super::{SpecError, Strategy, Supervisor, SupervisorSpec};

/// Which child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The one with this id.
    Id(Arc<str>),
    /// The one at this address: for those that were made from a template, which
    /// have no ids.
    Address(ChildAddress),
}

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question<W> {
    /// To add a child and start it.
    StartChild(ChildSpec<W>),
    /// To start a child as the template says, made from this.
    StartFromTemplate(W),
    /// To stop a child. Its spec is kept, unless it is temporary.
    TerminateChild(Who),
    /// To start a child again that is not up.
    RestartChild(Arc<str>),
    /// To forget a child that is not up.
    DeleteChild(Arc<str>),
}

/// What a child does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildStatus {
    /// On its way up for the first time.
    Starting,
    /// Up, at this address.
    Running(ChildAddress),
    /// It ended, or could not be started, and is to come up again.
    Restarting(Option<ChildAddress>),
    /// On its way down.
    Stopping(ChildAddress),
    /// Not there; the supervisor knows how to start it.
    Absent,
}

/// One child, as `which_children` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildInfo {
    /// Its number.
    pub number: ChildNumber,
    /// Its id, unless it was made from a template.
    pub id: Option<Arc<str>>,
    /// What it is.
    pub kind: ChildKind,
    /// What it does.
    pub status: ChildStatus,
}

/// How many children there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Specs: one for each child, or the template.
    pub specs: usize,
    /// Children that are up.
    pub active: usize,
    /// Children that are supervisors, up or not.
    pub supervisors: usize,
    /// Children that are actors, up or not.
    pub workers: usize,
}

impl<W: Clone> Supervisor<W> {
    /// The children, in the order of their start.
    pub fn which_children(&self) -> impl DoubleEndedIterator<Item = ChildInfo> {
        self.children.iter().map(|(number, child)| ChildInfo {
            number,
            id: child.id.clone(),
            kind: child.kind,
            status: status(child),
        })
    }

    /// How many children there are.
    pub fn count_children(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, child) in self.children.iter() {
            counts.specs += 1;
            counts.active += usize::from(matches!(child.state, State::Running(_)));
            match child.kind {
                ChildKind::Worker => counts.workers += 1,
                ChildKind::Supervisor => counts.supervisors += 1,
            }
        }
        if self.template.is_some() {
            counts.specs = 1;
        }
        counts
    }

    /// What this child is called.
    pub fn id_of(&self, number: ChildNumber) -> Option<&Arc<str>> {
        self.children.get(number)?.id.as_ref()
    }

    /// What children are made like, if it is `simple_one_for_one`.
    pub fn template(&self) -> Option<&ChildSpec<W>> {
        self.template.as_ref()
    }

    /// How a child is treated, and what it is made from, if that is kept.
    pub fn child_spec(&self, id: &str) -> Option<ChildSpec<Option<W>>> {
        let child = self.children.get(self.children.by_id(id)?)?;
        let (kind, policy, what) = (child.kind, child.policy, child.what.as_deref().cloned());
        Some(ChildSpec { id: id.into(), kind, policy, what })
    }

    /// From here on it works like that. Children that it knows are treated as
    /// their new spec says; those that it does not know yet are to be started by
    /// `restart_child`; those that are not mentioned stay as they are.
    ///
    /// # Errors
    /// What is wrong with the specs; then nothing has changed.
    pub fn change(&mut self, spec: SupervisorSpec, children: Vec<ChildSpec<W>>) -> Result<(), SpecError> {
        spec.check(&children)?;
        if (spec.strategy == Strategy::SimpleOneForOne) != self.template.is_some() {
            return Err(SpecError::OtherKind);
        }
        self.intensity = Intensity::new(spec.restarts_max, spec.period_ns);
        self.spec = spec;
        for new in children {
            if spec.strategy == Strategy::SimpleOneForOne {
                self.template = Some(new);
                continue;
            }
            match self.children.by_id(&new.id).and_then(|number| self.children.get_mut(number)) {
                Some(known) => {
                    known.policy = new.policy;
                    known.what = Some(Box::new(new.what));
                }
                None => {
                    self.children.add(new, false, State::Absent);
                }
            }
        }
        Ok(())
    }

    /// Does what is asked. Nothing else is under way that it could disturb.
    pub(super) fn obey(&mut self, ticket: Ticket, question: Question<W>) {
        let done = match question {
            Question::StartChild(spec) => self.start_child(ticket, spec),
            Question::StartFromTemplate(what) => self.start_from_template(ticket, what),
            Question::TerminateChild(who) => self.find(&who).map(|number| self.terminate(number, ticket)),
            Question::RestartChild(id) => self.restart_child(ticket, id),
            Question::DeleteChild(id) => self.delete_child(ticket, id),
        };
        if let Err(error) = done {
            self.answer(ticket, Err(error));
        }
    }

    fn find(&self, who: &Who) -> Result<ChildNumber, ChildError> {
        match who {
            Who::Id(_) if self.template.is_some() => Err(ChildError::SimpleOneForOne),
            Who::Id(id) => self.children.by_id(id).ok_or(ChildError::NotFound),
            Who::Address(at) => self.children.by_address(*at).ok_or(ChildError::NotFound),
        }
    }

    fn start_child(&mut self, ticket: Ticket, spec: ChildSpec<W>) -> Result<(), ChildError> {
        if self.template.is_some() {
            return Err(ChildError::SimpleOneForOne);
        }
        self.spec.check_child(&spec)?;
        if let Some(known) = self.children.by_id(&spec.id).and_then(|number| self.children.get(number)) {
            return Err(match known.state {
                State::Running(at) | State::Stopping { at, .. } => ChildError::AlreadyStarted(at),
                _ => ChildError::AlreadyPresent,
            });
        }
        let number = self.children.add(spec, false, State::Absent);
        self.order_start(number, Cause::Asked { ticket, new: true });
        Ok(())
    }

    fn start_from_template(&mut self, ticket: Ticket, what: W) -> Result<(), ChildError> {
        let template = self.template.as_ref().ok_or(ChildError::NotFound)?;
        let (kind, policy) = (template.kind, template.policy);
        let spec = ChildSpec { id: template.id.clone(), kind, policy, what };
        let number = self.children.add(spec, true, State::Absent);
        self.order_start(number, Cause::Asked { ticket, new: true });
        Ok(())
    }

    /// Stops one child; answers when it is down.
    pub(super) fn terminate(&mut self, number: ChildNumber, ticket: Ticket) {
        let at = match self.children.get_mut(number).map(|child| &mut child.state) {
            Some(&mut (State::Running(at) | State::Restarting { at, .. })) => {
                self.order_stop(number, at, false);
                return self.tell_when_down(number, ticket);
            }
            Some(State::Stopping { tickets, .. }) => return tickets.push(ticket),
            Some(State::Starting { to_stop, .. }) => return to_stop.push(ticket),
            Some(state) => state.address(),
            None => None,
        };
        let restart_called_off =
            matches!(self.children.get(number).map(|child| &child.state), Some(State::Waiting { .. }));
        self.forget(number, at, DeadReason::Drained);
        if restart_called_off {
            self.let_siblings_go();
        }
        self.answer(ticket, Ok(None));
    }

    fn tell_when_down(&mut self, number: ChildNumber, ticket: Ticket) {
        if let Some(State::Stopping { tickets, .. }) =
            self.children.get_mut(number).map(|child| &mut child.state)
        {
            tickets.push(ticket);
        }
    }

    /// Nothing brings those back that went down with a child which does not come
    /// back: their addresses and names are free.
    fn let_siblings_go(&mut self) {
        if self.children.iter().any(|(_, child)| matches!(child.state, State::Waiting { .. })) {
            return;
        }
        for number in self.children.numbers() {
            if let Some(&State::Down(at)) = self.children.get(number).map(|child| &child.state) {
                self.children.set(number, State::Absent);
                self.command(Command::Remove { at, dead: DeadReason::Drained });
            }
        }
    }

    fn restart_child(&mut self, ticket: Ticket, id: Arc<str>) -> Result<(), ChildError> {
        let number = self.find(&Who::Id(id))?;
        let cause = Cause::Asked { ticket, new: false };
        match self.children.get(number).map(|child| &child.state) {
            Some(State::Absent) => self.order_start(number, cause),
            Some(&State::Down(at)) => self.order_restart(number, at, cause),
            Some(State::Waiting { .. } | State::Restarting { .. }) => return Err(ChildError::Restarting),
            _ => return Err(ChildError::Running),
        }
        Ok(())
    }

    fn delete_child(&mut self, ticket: Ticket, id: Arc<str>) -> Result<(), ChildError> {
        let number = self.find(&Who::Id(id))?;
        match self.children.get(number).map(|child| &child.state) {
            Some(State::Absent) => {}
            Some(&State::Down(at)) => self.command(Command::Remove { at, dead: DeadReason::Drained }),
            Some(State::Waiting { .. } | State::Restarting { .. }) => return Err(ChildError::Restarting),
            _ => return Err(ChildError::Running),
        }
        self.children.remove(number);
        self.answer(ticket, Ok(None));
        Ok(())
    }
}

fn status<W>(child: &Child<W>) -> ChildStatus {
    match child.state {
        State::Starting { cause: Cause::Restart, .. } => ChildStatus::Restarting(None),
        State::Starting { .. } => ChildStatus::Starting,
        State::Running(at) => ChildStatus::Running(at),
        State::Restarting { at, .. } | State::Ended { at, .. } => ChildStatus::Restarting(Some(at)),
        State::Waiting { at, .. } => ChildStatus::Restarting(at),
        State::Stopping { at, .. } => ChildStatus::Stopping(at),
        // Those that went down with a sibling come back with it, or not at all.
        State::Down(_) | State::Absent => ChildStatus::Absent,
    }
}
