//! Supervisors, on the shard that hosts them: feeds them and carries out what
//! they want, on whichever shard the child is.

use std::collections::HashMap;

use crate::actor::{ActorId, ExitReason, ShardId};
use crate::control::child_spec::ChildPolicy;
use crate::control::supervisor::{ChildNumber, Command, Supervisor, SupervisorSpec};
use crate::sync::Resolver;

use super::signal::{ChildRef, Signal};
use super::{Shard, SpawnError, SpawnSpec, SupervisorId};

/// A supervisor in the table of its shard.
pub(super) struct SupervisorCell {
    machine: Supervisor,
    /// First starts that have not ended yet.
    starting: HashMap<ChildNumber, Starting>,
    stopped: Vec<Resolver<Result<Option<ExitReason>, SpawnError>>>,
    /// Was it told to stop, or does it do so by itself?
    asked: bool,
    /// It does so by itself, and that was counted.
    gave_up: bool,
}

struct Starting {
    shard: ShardId,
    spec: Option<SpawnSpec>,
    done: Resolver<Result<ActorId, SpawnError>>,
}

impl Shard {
    pub(super) fn start_supervisor(
        &mut self,
        spec: &SupervisorSpec,
        done: &Resolver<Result<SupervisorId, SpawnError>>,
    ) {
        let machine = Supervisor::new(spec, self.now_ns ^ 0x9e37_79b9_7f4a_7c15);
        let (starting, stopped) = (HashMap::new(), Vec::new());
        let cell = SupervisorCell { machine, starting, stopped, asked: false, gave_up: false };
        let supervisor = if self.closed { None } else { self.supervisors.insert(cell) };
        // Whoever gave up waiting has no address for it; it does no harm.
        let _ = done.resolve(supervisor.ok_or(SpawnError::Closed));
    }

    pub(super) fn start_child(
        &mut self,
        supervisor: SupervisorId,
        shard: ShardId,
        policy: ChildPolicy,
        spec: SpawnSpec,
        done: Resolver<Result<ActorId, SpawnError>>,
    ) {
        let mut commands = Vec::new();
        let cell = self.supervisors.get_mut(supervisor);
        let started = cell.and_then(|cell| {
            let number = cell.machine.start_child(policy, &mut commands)?;
            cell.starting.insert(number, Starting { shard, spec: Some(spec), done: done.clone() });
            Some(number)
        });
        match started {
            Some(_) => self.carry_out(supervisor, commands),
            None => {
                let _ = done.resolve(Err(SpawnError::NoSupervisor(supervisor)));
            }
        }
    }

    pub(super) fn on_child_started(&mut self, child: ChildRef, outcome: Result<ActorId, SpawnError>) {
        let now_ns = self.now_ns;
        let mut commands = Vec::new();
        let Some(cell) = self.supervisors.get_mut(child.supervisor) else { return };
        let for_machine =
            outcome.as_ref().map(|&actor| actor).map_err(|error| ExitReason::StartFailed(error.to_string()));
        cell.machine.started(child.number, for_machine, now_ns, &mut commands);
        if let Some(starting) = cell.starting.remove(&child.number) {
            let _ = starting.done.resolve(outcome);
        }
        self.carry_out(child.supervisor, commands);
    }

    pub(super) fn on_child_restarted(&mut self, child: ChildRef, actor: ActorId) {
        let now_ns = self.now_ns;
        let mut commands = Vec::new();
        let Some(cell) = self.supervisors.get_mut(child.supervisor) else { return };
        cell.machine.started(child.number, Ok(actor), now_ns, &mut commands);
        self.carry_out(child.supervisor, commands);
    }

    pub(super) fn on_child_exited(&mut self, child: ChildRef, reason: ExitReason) {
        let now_ns = self.now_ns;
        let mut commands = Vec::new();
        let Some(cell) = self.supervisors.get_mut(child.supervisor) else { return };
        cell.machine.exited(child.number, reason, now_ns, &mut commands);
        self.carry_out(child.supervisor, commands);
    }

    pub(super) fn stop_supervisor(
        &mut self,
        supervisor: SupervisorId,
        done: Resolver<Result<Option<ExitReason>, SpawnError>>,
    ) {
        match self.supervisors.get_mut(supervisor) {
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
        let mut commands = Vec::new();
        if let Some(cell) = self.supervisors.get_mut(supervisor) {
            cell.asked = true;
            cell.machine.stop(&mut commands);
        }
        self.carry_out(supervisor, commands);
    }

    /// Counts a supervisor that gives up, before any child stops because of it: who
    /// sees the messages that die then sees why.
    fn note_giving_up(&mut self, supervisor: SupervisorId) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        if !cell.asked && !cell.gave_up && !cell.machine.is_running() {
            cell.gave_up = true;
            self.counters.supervisors_given_up.add(1);
            tracing::error!(%supervisor, "a supervisor gives up: too many restarts");
        }
    }

    fn carry_out(&mut self, supervisor: SupervisorId, commands: Vec<Command>) {
        self.note_giving_up(supervisor);
        for command in commands {
            match command {
                Command::Start(number) => {
                    let child = ChildRef { supervisor, number };
                    let starting = self
                        .supervisors
                        .get_mut(supervisor)
                        .and_then(|cell| cell.starting.get_mut(&number))
                        .and_then(|starting| Some((starting.shard, starting.spec.take()?)));
                    if let Some((shard, spec)) = starting {
                        self.signal(shard, Signal::StartChild(child, Box::new(spec)));
                    }
                }
                Command::Restart { actor, after_ns, .. } => {
                    self.signal(actor.shard(), Signal::Restart(actor, after_ns));
                }
                Command::Stop { actor, shutdown, .. } => {
                    self.signal(actor.shard(), Signal::Stop(actor, shutdown));
                }
                Command::Remove { actor, dead } => {
                    self.signal(actor.shard(), Signal::Remove(actor, dead));
                }
                Command::Exit(reason) => self.supervisor_exits(supervisor, &reason),
            }
        }
    }

    fn supervisor_exits(&mut self, supervisor: SupervisorId, reason: &ExitReason) {
        let Some(cell) = self.supervisors.remove(supervisor) else { return };
        for stopped in cell.stopped {
            let _ = stopped.resolve(Ok(Some(reason.clone())));
        }
        for starting in cell.starting.into_values() {
            let _ = starting.done.resolve(Err(SpawnError::NoSupervisor(supervisor)));
        }
    }
}
