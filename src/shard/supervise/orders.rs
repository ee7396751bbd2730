//! What supervisors want done, carried out: on this shard at once, and elsewhere by
//! signals.

use crate::actor::{DeadReason, ExitReason};
use crate::control::child_spec::{ChildAddress, Shutdown};
use crate::control::supervisor::{Answer, ChildError, Command, Ending, Strategy, Ticket};

use super::{Asked, Machine, SupervisorCell, supervisor_failed};
use crate::shard::events::Event;
use crate::shard::lifecycle::Newcomer;
use crate::shard::signal::{ChildRef, Signal, Stop};
use crate::shard::tree::{Asker, ChildSource};
use crate::shard::{Shard, SpawnError, SupervisorId, Timer};

impl SupervisorCell {
    /// Does it stop, and with it all children that were made from its template?
    fn stops_together(&self) -> bool {
        self.ending_noted && self.tree.spec.strategy == Strategy::SimpleOneForOne
    }
}

impl Shard {
    /// A child that was to be removed is gone, and its name is free.
    pub(in crate::shard) fn on_child_gone(&mut self, supervisor: SupervisorId) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        cell.removals -= 1;
        if cell.removals == 0 {
            let mut held = std::mem::take(&mut cell.held);
            self.carry_out_all(supervisor, &mut held, &mut None);
        }
    }

    /// Notes a supervisor that ends by itself, before any child stops because of
    /// it: who sees the messages that die then sees why.
    pub(super) fn note_ending(&mut self, supervisor: SupervisorId) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        let Some(ending) = cell.machine.as_ref().and_then(Machine::ending) else { return };
        if std::mem::replace(&mut cell.ending_noted, true) {
            return;
        }
        cell.ends_since_ns = self.clock.now_ns();
        let above = cell.parent.map(|child| child.supervisor);
        let parent = cell.parent;
        self.emit(&Event::SupervisorEnds { supervisor, ending, above });
        match (ending, parent) {
            (Ending::TooManyRestarts, None) => {
                self.counters.supervisors_given_up.add(1);
                tracing::error!(%supervisor, "a supervisor gives up: too many restarts");
            }
            (Ending::TooManyRestarts, Some(child)) => {
                let above = child.supervisor;
                tracing::warn!(%supervisor, %above, "a supervisor gives up: too many restarts");
            }
            (Ending::AutoShutdown, _) => {
                tracing::info!(%supervisor, "a supervisor stops: its significant children have ended");
            }
            (Ending::StartFailed | Ending::Asked, _) => {}
        }
    }

    /// Carries out what a supervisor wants; `error` is why the start failed that it
    /// has just heard of.
    pub(super) fn carry_out(&mut self, supervisor: SupervisorId, mut error: Option<SpawnError>) {
        self.note_ending(supervisor);
        let room = std::mem::take(&mut self.supervisor_commands);
        let Some(machine) = self.machine(supervisor) else { return };
        let mut commands = machine.take_commands_for(room);
        self.carry_out_all(supervisor, &mut commands, &mut error);
        self.supervisor_commands = commands;
    }

    fn carry_out_all(
        &mut self,
        supervisor: SupervisorId,
        commands: &mut Vec<Command<ChildSource>>,
        error: &mut Option<SpawnError>,
    ) {
        for command in commands.drain(..) {
            let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
            match command {
                // Nobody hears that a child is gone before its name is free.
                Command::Answer(_, Ok(None)) | Command::Exit(_) if cell.removals > 0 => {
                    cell.held.push(command);
                }
                Command::Start { child: number, what, .. } => {
                    let child = ChildRef { supervisor, number };
                    match what {
                        ChildSource::Actor { shard, spec } => {
                            self.signal_child(shard, child, Signal::StartChild(Newcomer::child(spec, child)));
                        }
                        ChildSource::Supervisor { shard, tree } => {
                            self.signal_child(shard, child, Signal::StartSupervisor(child, tree));
                        }
                    }
                }
                Command::Restart { at, .. } => self.signal(at.shard(), Signal::Restart(at)),
                Command::Stop { at, shutdown, comes_back, .. } => {
                    let until_ns = match shutdown {
                        // Those that stop together have one time.
                        Shutdown::Timeout(ns) if cell.stops_together() => {
                            cell.ends_since_ns.saturating_add(ns)
                        }
                        Shutdown::Timeout(ns) => self.clock.now_ns().saturating_add(ns),
                        Shutdown::BrutalKill => 0,
                        Shutdown::Infinity => u64::MAX,
                    };
                    let until_ns = until_ns.min(cell.stop_by_ns);
                    self.signal(at.shard(), Signal::Stop(at, Stop { until_ns, comes_back }));
                }
                Command::Remove { at, dead } => {
                    if let Some(cell) = self.supervisors.get_mut(supervisor) {
                        cell.removals += 1;
                    }
                    self.signal(at.shard(), Signal::Remove(at, dead, supervisor));
                }
                Command::Wait { child: number, wait, after_ns } => {
                    let child = ChildRef { supervisor, number };
                    if after_ns == 0 {
                        self.retries.push_back((child, wait));
                    } else {
                        self.timers.insert(self.now_ns + after_ns, Timer::Wake(child, wait));
                    }
                }
                Command::Answer(ticket, answer) => self.tell_asker(supervisor, ticket, answer, error),
                Command::Booted => self.supervisor_is_up(supervisor),
                Command::Exit(reason) => self.supervisor_exits(supervisor, reason),
            }
        }
    }

    /// Tells a shard to start a child, if there is such a shard.
    fn signal_child(&mut self, shard: crate::actor::ShardId, child: ChildRef, signal: Signal) {
        if shard.index() < self.shards {
            self.signal(shard, signal);
        } else {
            let error = SpawnError::NoSuchShard(shard);
            self.signal(self.id, Signal::ChildStarted(child, Err(error)));
        }
    }

    fn tell_asker(
        &mut self,
        supervisor: SupervisorId,
        ticket: Ticket,
        answer: Answer,
        error: &mut Option<SpawnError>,
    ) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        let Some(Asked { asker, address }) = cell.asked.remove(&ticket) else { return };
        let answer = match (answer, address) {
            (Err(ChildError::NotFound), Some(at))
                if cell.tree.spec.strategy == Strategy::SimpleOneForOne
                    && at.shard().index() < self.shards =>
            {
                // One that is gone is as good as stopped: its own shard knows.
                return self.signal(at.shard(), Signal::AnswerIfGone(at, asker));
            }
            (Err(ChildError::NotAtWork), _) => Err(SpawnError::NoSupervisor(supervisor)),
            (Err(ChildError::StartFailed(reason)), _) => {
                Err(error.take().unwrap_or(ChildError::StartFailed(reason).into()))
            }
            (answer, _) => answer.map_err(SpawnError::from),
        };
        asker.tell(answer);
    }

    pub(in crate::shard) fn answer_if_gone(&mut self, at: ChildAddress, asker: Asker) {
        if let Some(departed) = at.actor().and_then(|actor| self.departed.get_mut(&actor)) {
            // When its name is free, too.
            departed.askers.push(asker);
            return;
        }
        let is_there = match at {
            ChildAddress::Worker(actor) => self.actors.get(actor).is_some(),
            ChildAddress::Supervisor(supervisor) => self.supervisors.get(supervisor).is_some(),
        };
        asker.tell(if is_there { Err(ChildError::NotFound.into()) } else { Ok(None) });
    }

    fn supervisor_is_up(&mut self, supervisor: SupervisorId) {
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        cell.booted = true;
        let (parent, started, restarts) = (cell.parent, cell.started.take(), cell.restarts);
        self.emit(&Event::SupervisorStarted { supervisor, restarts });
        match parent {
            Some(child) if restarts > 0 => {
                let outcome = Ok(Some(ChildAddress::Supervisor(supervisor)));
                self.signal(child.supervisor.shard(), Signal::ChildRestarted(child, outcome));
            }
            parent => self.report_supervisor_start(parent, started, Ok(supervisor)),
        }
    }

    fn supervisor_exits(&mut self, supervisor: SupervisorId, reason: ExitReason) {
        let is_late = |cell: &SupervisorCell| cell.stop_by_ns <= self.clock.now_ns();
        let is_late = self.supervisors.get(supervisor).is_some_and(is_late);
        let reason = if is_late { ExitReason::Killed } else { reason };
        let Some(cell) = self.supervisors.get_mut(supervisor) else { return };
        if let Some(machine) = cell.machine.take() {
            cell.waits = machine.waits();
        }
        for (_, Asked { asker, .. }) in cell.asked.drain() {
            asker.tell(Err(SpawnError::NoSupervisor(supervisor)));
        }
        for stopped in cell.stopped.drain(..) {
            let _ = stopped.resolve(Ok(Some(reason.clone())));
        }
        let (parent, booted, restarts) = (cell.parent, cell.booted, cell.restarts);
        match parent {
            Some(child) if booted => {
                self.signal(child.supervisor.shard(), Signal::ChildExited(child, reason));
            }
            Some(child) if restarts > 0 => {
                self.signal(child.supervisor.shard(), Signal::ChildRestarted(child, Err(reason)));
            }
            parent => {
                let cell = self.supervisors.remove(supervisor).expect("it was found");
                if !booted {
                    let error = supervisor_failed(match reason {
                        ExitReason::StartFailed(message) => message,
                        reason => reason.to_string(),
                    });
                    self.report_supervisor_start(parent, cell.started, Err(error));
                }
            }
        }
    }

    /// An actor of this shard, or a supervisor, is to be started again.
    pub(in crate::shard) fn restart(&mut self, at: ChildAddress) {
        match at {
            ChildAddress::Worker(actor) => self.restart_actor(actor),
            ChildAddress::Supervisor(supervisor) => self.restart_supervisor(supervisor),
        }
    }

    /// An actor of this shard, or a supervisor, is to be stopped. What a supervisor
    /// looks after has until then too: those whose turn has not come are killed.
    pub(in crate::shard) fn stop_child(&mut self, at: ChildAddress, stop: Stop) {
        match at {
            ChildAddress::Worker(actor) => self.stop_until(actor, stop),
            ChildAddress::Supervisor(supervisor) => {
                if let Some(cell) = self.supervisors.get_mut(supervisor) {
                    cell.stop_by_ns = cell.stop_by_ns.min(stop.until_ns);
                }
                self.begin_stop_of_supervisor(supervisor);
            }
        }
    }

    /// An actor of this shard, or a supervisor, does not come back.
    pub(in crate::shard) fn remove_child(&mut self, at: ChildAddress, dead: DeadReason, above: SupervisorId) {
        match at {
            ChildAddress::Worker(actor) => self.remove(actor, dead, above),
            ChildAddress::Supervisor(supervisor) => {
                // Its own children were gone before it ended.
                self.supervisors.remove(supervisor);
                self.signal(above.shard(), Signal::ChildGone(above));
            }
        }
    }
}
