//! Supervisors, on the shard that hosts them: feeds them and carries out what
//! they want, on whichever shard the child is.
//!
//! A supervisor that another one looks after keeps its place in the table, and so
//! its address, while it is down; what it begins with is kept there too.

mod orders;

use std::collections::HashMap;
use std::sync::Arc;

use crate::actor::{ExitReason, Health};
use crate::control::child_spec::ChildAddress;
use crate::control::health::Aggregate;
use crate::control::supervisor::{ChildError, Command, Question, Supervisor, Ticket, Who};
use crate::sync::Resolver;

use super::signal::{ChildRef, Signal};
use super::tree::{Asker, ChildSource, SupervisorControl, SupervisorView, Tree};
use super::{Shard, SpawnError, SupervisorId};

type Machine = Supervisor<ChildSource>;

/// A supervisor in the table of its shard.
pub(super) struct SupervisorCell {
    /// `None` while it is down.
    machine: Option<Machine>,
    tree: Arc<Tree>,
    /// Who looks after it.
    parent: Option<ChildRef>,
    /// Are all the children up that it began with?
    booted: bool,
    restarts: u32,
    /// Waits that its machines have used up.
    waits: u64,
    tickets: Ticket,
    asked: HashMap<Ticket, Asked>,
    started: Option<Resolver<Result<SupervisorId, SpawnError>>>,
    stopped: Vec<Resolver<Result<Option<ExitReason>, SpawnError>>>,
    /// It ends by itself, and that was counted.
    ending_noted: bool,
    /// When that was, in ns on the runtime's clock.
    ends_since_ns: u64,
    /// What its children have said of their health.
    health: Aggregate,
    /// Children that were to be removed, and are not gone yet.
    removals: usize,
    /// What waits for that.
    held: Vec<Command<ChildSource>>,
    /// When it has to be down, in ns on the runtime's clock: its children have no more
    /// time than that, whatever their specs say.
    stop_by_ns: u64,
}

struct Asked {
    asker: Asker,
    /// Who is to be stopped, if it was named by its address.
    address: Option<ChildAddress>,
}

impl Shard {
    pub(super) fn obey_supervisor_control(&mut self, control: SupervisorControl) {
        match control {
            SupervisorControl::Start { tree, done } => self.start_supervisor(tree, None, Some(done)),
            SupervisorControl::Ask { supervisor, question, asker } => self.ask(supervisor, question, asker),
            SupervisorControl::StartFromTemplate { supervisor, extra, asker } => {
                let template = self.machine(supervisor).and_then(|machine| machine.template());
                let source = template.map(|template| template.what.with(*extra));
                match source {
                    Some(source) => self.ask(supervisor, Question::StartFromTemplate(source), asker),
                    None if self.machine(supervisor).is_some() => {
                        asker.tell(Err(ChildError::NotFound.into()))
                    }
                    None => asker.tell(Err(SpawnError::NoSupervisor(supervisor))),
                }
            }
            SupervisorControl::Change { supervisor, tree, done } => {
                let changed = match self.machine(supervisor) {
                    Some(machine) => {
                        machine.change(tree.spec, tree.children.clone()).map_err(SpawnError::from)
                    }
                    None => Err(SpawnError::NoSupervisor(supervisor)),
                };
                let changed = changed.inspect(|()| {
                    self.supervisors.get_mut(supervisor).expect("it was found").tree = tree;
                });
                // Whoever gave up waiting does not need it.
                let _ = done.resolve(changed);
            }
            SupervisorControl::View { supervisor, done } => {
                let cell = self.supervisors.get(supervisor);
                let machine = cell.and_then(|cell| Some((cell, cell.machine.as_ref()?)));
                let view = machine.map(|(cell, machine)| SupervisorView {
                    spec: *machine.spec(),
                    children: machine.which_children().collect(),
                    counts: machine.count_children(),
                    restarts: machine.restarts(),
                    health: cell.health.whole().clone(),
                });
                let _ = done.resolve(Ok(view));
            }
        }
    }

    fn machine(&mut self, supervisor: SupervisorId) -> Option<&mut Machine> {
        self.supervisors.get_mut(supervisor)?.machine.as_mut()
    }

    /// Starts a supervisor that is new.
    pub(super) fn start_supervisor(
        &mut self,
        tree: Arc<Tree>,
        parent: Option<ChildRef>,
        started: Option<Resolver<Result<SupervisorId, SpawnError>>>,
    ) {
        let error = match tree.spec.check(&tree.children) {
            Err(error) if parent.is_some() => Some(supervisor_failed(error.to_string())),
            Err(error) => Some(SpawnError::Spec(error)),
            Ok(()) if self.closed => Some(SpawnError::Closed),
            Ok(()) if self.supervisors.is_full() => Some(SpawnError::NoSlot(self.id)),
            Ok(()) => None,
        };
        if let Some(error) = error {
            return self.report_supervisor_start(parent, started, Err(error));
        }
        let cell = SupervisorCell {
            machine: None,
            tree,
            parent,
            booted: false,
            restarts: 0,
            waits: 0,
            tickets: 0,
            asked: HashMap::new(),
            started,
            stopped: Vec::new(),
            ending_noted: false,
            ends_since_ns: 0,
            health: Aggregate::default(),
            removals: 0,
            held: Vec::new(),
            stop_by_ns: u64::MAX,
        };
        let supervisor = self.supervisors.insert(cell).expect("the table is not full");
        self.boot_supervisor(supervisor);
    }

    fn report_supervisor_start(
        &mut self,
        parent: Option<ChildRef>,
        started: Option<Resolver<Result<SupervisorId, SpawnError>>>,
        outcome: Result<SupervisorId, SpawnError>,
    ) {
        if let Some(started) = started {
            // Whoever gave up waiting has no address for it; it does no harm.
            let _ = started.resolve(outcome.clone());
        }
        if let Some(child) = parent {
            let outcome = outcome.map(|supervisor| Some(ChildAddress::Supervisor(supervisor)));
            self.signal(child.supervisor.shard(), Signal::ChildStarted(child, outcome));
        }
    }

    fn boot_supervisor(&mut self, supervisor: SupervisorId) {
        let seed = self.now_ns ^ supervisor.to_bits().rotate_left(17) ^ 0x9e37_79b9_7f4a_7c15;
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        let tree = &cell.tree;
        let mut machine =
            Machine::new(tree.spec, tree.children.clone(), seed).expect("its specs were checked");
        machine.continue_waits(cell.waits);
        machine.boot();
        cell.machine = Some(machine);
        cell.booted = false;
        cell.health = Aggregate::default();
        cell.ending_noted = false;
        cell.stop_by_ns = u64::MAX;
        self.carry_out(supervisor, None);
    }

    /// The supervisor above wants it up again.
    pub(super) fn restart_supervisor(&mut self, supervisor: SupervisorId) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        if cell.machine.is_none() {
            cell.restarts = cell.restarts.saturating_add(1);
            self.boot_supervisor(supervisor);
        }
    }

    fn ask(&mut self, supervisor: SupervisorId, question: Question<ChildSource>, asker: Asker) {
        let now_ns = self.now_ns;
        let Some(cell) = self.supervisors.get_mut(supervisor) else {
            return asker.tell(Err(SpawnError::NoSupervisor(supervisor)));
        };
        let Some(machine) = &mut cell.machine else {
            return asker.tell(Err(SpawnError::NoSupervisor(supervisor)));
        };
        let address = match &question {
            Question::TerminateChild(Who::Address(address)) => Some(*address),
            _ => None,
        };
        cell.tickets += 1;
        cell.asked.insert(cell.tickets, Asked { asker, address });
        machine.ask(cell.tickets, question, now_ns);
        self.carry_out(supervisor, None);
    }

    pub(super) fn on_child_started(
        &mut self,
        child: ChildRef,
        outcome: Result<Option<ChildAddress>, SpawnError>,
    ) {
        let now_ns = self.now_ns;
        let Some(machine) = self.machine(child.supervisor) else { return };
        let (outcome, error) = match outcome {
            Ok(at) => (Ok(at), None),
            Err(error) => (Err(ExitReason::StartFailed(error.to_string())), Some(error)),
        };
        machine.started(child.number, outcome, now_ns);
        self.carry_out(child.supervisor, error);
    }

    pub(super) fn on_child_restarted(
        &mut self,
        child: ChildRef,
        outcome: Result<Option<ChildAddress>, ExitReason>,
    ) {
        let now_ns = self.now_ns;
        let Some(machine) = self.machine(child.supervisor) else { return };
        machine.started(child.number, outcome, now_ns);
        self.carry_out(child.supervisor, None);
    }

    pub(super) fn on_child_exited(&mut self, child: ChildRef, reason: ExitReason) {
        let now_ns = self.now_ns;
        let Some(machine) = self.machine(child.supervisor) else { return };
        machine.exited(child.number, reason, now_ns);
        self.carry_out(child.supervisor, None);
        self.note_child_health(child, |cell| cell.health.forget(child.number));
    }

    /// A child says how it is.
    pub(super) fn on_child_health(&mut self, child: ChildRef, health: Health) {
        self.note_child_health(child, |cell| {
            let id = cell.machine.as_ref()?.id_of(child.number).cloned();
            let id = id.unwrap_or_else(|| format!("#{}", child.number).into());
            cell.health.hear(child.number, id, health)
        });
    }

    /// Notes what a child is like, or that nothing is known of it any longer. The
    /// supervisor above hears of it if that changes the whole.
    fn note_child_health(
        &mut self,
        child: ChildRef,
        note: impl FnOnce(&mut SupervisorCell) -> Option<Health>,
    ) {
        let Some(cell) = self.supervisors.get_mut(child.supervisor) else { return };
        if cell.machine.is_none() {
            return;
        }
        let changed = note(cell);
        if let (Some(whole), Some(parent)) = (changed, cell.parent) {
            self.signal(parent.supervisor.shard(), Signal::ChildHealth(parent, whole));
        }
    }

    /// A wait of a child is over.
    pub(super) fn wake_child(&mut self, child: ChildRef, wait: u64) {
        let now_ns = self.now_ns;
        let Some(machine) = self.machine(child.supervisor) else { return };
        machine.woke(child.number, wait, now_ns);
        self.carry_out(child.supervisor, None);
    }

    /// Lets restarts be tried again that have failed before this turn. Were there
    /// any?
    pub(super) fn wake_retries(&mut self) -> bool {
        let count = self.retries.len();
        for _ in 0..count {
            if let Some((child, wait)) = self.retries.pop_front() {
                self.wake_child(child, wait);
            }
        }
        count > 0
    }

    pub(super) fn stop_supervisor(
        &mut self,
        supervisor: SupervisorId,
        done: Resolver<Result<Option<ExitReason>, SpawnError>>,
    ) {
        match self.supervisors.get_mut(supervisor).filter(|cell| cell.machine.is_some()) {
            Some(cell) => {
                cell.stopped.push(done);
                self.begin_stop_of_supervisor(supervisor);
            }
            None => {
                let _ = done.resolve(Ok(None));
            }
        }
    }

    pub(super) fn begin_stop_of_supervisor(&mut self, supervisor: SupervisorId) {
        if let Some(machine) = self.machine(supervisor) {
            machine.stop();
            self.carry_out(supervisor, None);
        }
    }

    /// The supervisors that no other looks after.
    pub(super) fn roots(&self) -> Vec<SupervisorId> {
        let is_root =
            |key: &SupervisorId| self.supervisors.get(*key).is_some_and(|cell| cell.parent.is_none());
        self.supervisors.keys().into_iter().filter(is_root).collect()
    }
}

fn supervisor_failed(message: String) -> SpawnError {
    SpawnError::StartFailed { kind: "supervisor".into(), message }
}

/// For tests that look into machines.
#[cfg(test)]
impl Shard {
    pub(super) fn machine_of(&mut self, supervisor: SupervisorId) -> Option<&mut Machine> {
        self.machine(supervisor)
    }
}
