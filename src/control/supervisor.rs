//! A supervisor: starts its children in order, restarts those that end as their
//! specs say, gives up when that happens too often, and stops them in reverse.
//!
//! ```text
//!             start_child            started Ok
//!   (no spec) ──────────► Starting ─────────────► Running ◄─────────┐
//!                            │ started Err           │ exited       │ started Ok
//!                            ▼                       ▼              │
//!                        (no spec)     policy says no │ yes ─► Restarting
//!                                          │                        │ started Err:
//!                                          ▼                        │ counts as an exit
//!                                      (no spec)                ◄───┘
//! ```
//!
//! Waiting out the backoff is the child's shard's business: the command to
//! restart says how long. So the supervisor itself is never blocked.

use std::collections::BTreeMap;

use crate::actor::{ActorId, DeadReason, ExitReason};

use super::child_spec::{ChildPolicy, Shutdown};
use super::intensity::Intensity;

/// A child's number with its supervisor, in the order of their start.
pub type ChildNumber = u32;

/// Which children share the fate of one that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// None.
    #[default]
    OneForOne,
}

/// How a supervisor works.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SupervisorSpec {
    /// Which children share the fate of one that ended.
    pub strategy: Strategy,
    /// The most restarts within the period, before it gives up.
    pub restarts_max: u32,
    /// The period, in ns.
    pub period_ns: u64,
}

impl Default for SupervisorSpec {
    fn default() -> Self {
        Self {
            strategy: Strategy::OneForOne,
            restarts_max: Intensity::RESTARTS_MAX_DEFAULT,
            period_ns: Intensity::PERIOD_NS_DEFAULT,
        }
    }
}

/// What the supervisor wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start this child for the first time, and say [`Supervisor::started`].
    Start(ChildNumber),
    /// Start this child again at its address after a wait, and say
    /// [`Supervisor::started`].
    Restart {
        /// The child.
        child: ChildNumber,
        /// Its address.
        actor: ActorId,
        /// The wait, in ns.
        after_ns: u64,
    },
    /// Stop this child, and say [`Supervisor::exited`].
    Stop {
        /// The child.
        child: ChildNumber,
        /// Its address.
        actor: ActorId,
        /// How.
        shutdown: Shutdown,
    },
    /// This child does not come back: its address and name are free, and what its
    /// mailbox holds is dead.
    Remove {
        /// Its address.
        actor: ActorId,
        /// Why those messages are dead.
        dead: DeadReason,
    },
    /// The supervisor has stopped its children and ends, for this reason.
    Exit(ExitReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Starting,
    Running(ActorId),
    Restarting(ActorId),
    Stopping(ActorId),
}

#[derive(Debug)]
struct Child {
    policy: ChildPolicy,
    state: State,
    /// Restarts in a row, without a stable while between them.
    attempts: u32,
    restarted_at_ns: u64,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Running,
    Stopping { reason: ExitReason, dead: DeadReason },
    Stopped,
}

/// What a child does now, for `which_children`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChildStatus {
    /// On its way up for the first time.
    Starting,
    /// Up, at this address.
    Running(ActorId),
    /// On its way up again.
    Restarting(ActorId),
    /// On its way down.
    Stopping(ActorId),
}

/// The state of one supervisor.
#[derive(Debug)]
pub struct Supervisor {
    intensity: Intensity,
    children: BTreeMap<ChildNumber, Child>,
    next: ChildNumber,
    phase: Phase,
    random: u64,
    restarts: u64,
}

impl Supervisor {
    /// A supervisor without children. `seed` is for the jitter.
    pub fn new(spec: &SupervisorSpec, seed: u64) -> Self {
        Self {
            intensity: Intensity::new(spec.restarts_max, spec.period_ns),
            children: BTreeMap::new(),
            next: 0,
            phase: Phase::Running,
            random: seed | 1,
            restarts: 0,
        }
    }

    /// Is it at work: neither stopping nor stopped?
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// How many restarts it has ordered.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// The children, in the order of their start.
    pub fn which_children(&self) -> impl Iterator<Item = (ChildNumber, ChildStatus)> {
        self.children.iter().map(|(&number, child)| {
            let status = match child.state {
                State::Starting => ChildStatus::Starting,
                State::Running(actor) => ChildStatus::Running(actor),
                State::Restarting(actor) => ChildStatus::Restarting(actor),
                State::Stopping(actor) => ChildStatus::Stopping(actor),
            };
            (number, status)
        })
    }

    /// Adds a child and starts it. `None` if the supervisor is not at work.
    pub fn start_child(&mut self, policy: ChildPolicy, commands: &mut Vec<Command>) -> Option<ChildNumber> {
        if !self.is_running() {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.children
            .insert(number, Child { policy, state: State::Starting, attempts: 0, restarted_at_ns: 0 });
        commands.push(Command::Start(number));
        Some(number)
    }

    /// A start or restart has ended, well or not.
    pub fn started(
        &mut self,
        number: ChildNumber,
        outcome: Result<ActorId, ExitReason>,
        now_ns: u64,
        commands: &mut Vec<Command>,
    ) {
        let Some(child) = self.children.get_mut(&number) else { return };
        match (child.state, outcome) {
            (State::Starting | State::Restarting(_), Ok(actor)) => {
                child.state = State::Running(actor);
                // It came up while everything else goes down: its turn comes too.
                self.stop_next(commands);
            }
            (State::Starting, Err(_)) => {
                self.children.remove(&number);
                self.stop_next(commands);
            }
            (State::Restarting(_), Err(reason)) => self.exited(number, reason, now_ns, commands),
            // A stop overtook it: what counts is the exit that follows.
            (State::Running(_) | State::Stopping(_), _) => {}
        }
    }

    /// A child has ended.
    pub fn exited(
        &mut self,
        number: ChildNumber,
        reason: ExitReason,
        now_ns: u64,
        commands: &mut Vec<Command>,
    ) {
        let Some(child) = self.children.get_mut(&number) else { return };
        let actor = match child.state {
            State::Running(actor) | State::Restarting(actor) | State::Stopping(actor) => actor,
            State::Starting => return,
        };
        let may_restart =
            !matches!(child.state, State::Stopping(_)) && child.policy.restart.applies_to(&reason);
        match &self.phase {
            Phase::Running if may_restart => self.restart(number, actor, now_ns, commands),
            Phase::Running => self.remove(number, actor, DeadReason::Drained, commands),
            Phase::Stopping { dead, .. } => {
                let dead = *dead;
                self.remove(number, actor, dead, commands);
                self.stop_next(commands);
            }
            Phase::Stopped => {}
        }
    }

    fn restart(&mut self, number: ChildNumber, actor: ActorId, now_ns: u64, commands: &mut Vec<Command>) {
        if !self.intensity.allow(now_ns) {
            self.remove(number, actor, DeadReason::SupervisorStopped, commands);
            self.begin_stop(ExitReason::Shutdown, DeadReason::SupervisorStopped, commands);
            return;
        }
        let random = self.random();
        let child = self.children.get_mut(&number).expect("the caller found it");
        let stable_ns = now_ns.saturating_sub(child.restarted_at_ns);
        let backoff = child.policy.backoff;
        child.attempts =
            if stable_ns >= backoff.stable_after_ns { 1 } else { child.attempts.saturating_add(1) };
        let after_ns = backoff.delay_ns(child.attempts, random);
        child.restarted_at_ns = now_ns + after_ns;
        child.state = State::Restarting(actor);
        self.restarts += 1;
        commands.push(Command::Restart { child: number, actor, after_ns });
    }

    fn remove(&mut self, number: ChildNumber, actor: ActorId, dead: DeadReason, commands: &mut Vec<Command>) {
        self.children.remove(&number);
        commands.push(Command::Remove { actor, dead });
    }

    /// Stops one child for good. False if there is no such child that is up.
    pub fn terminate_child(&mut self, number: ChildNumber, commands: &mut Vec<Command>) -> bool {
        let Some(child) = self.children.get_mut(&number) else { return false };
        match child.state {
            State::Running(actor) | State::Restarting(actor) => {
                child.state = State::Stopping(actor);
                let shutdown = child.policy.shutdown;
                commands.push(Command::Stop { child: number, actor, shutdown });
                true
            }
            State::Starting | State::Stopping(_) => false,
        }
    }

    /// Stops every child, the last one first, each after the one before it, and
    /// then the supervisor.
    pub fn stop(&mut self, commands: &mut Vec<Command>) {
        self.begin_stop(ExitReason::Shutdown, DeadReason::Drained, commands);
    }

    fn begin_stop(&mut self, reason: ExitReason, dead: DeadReason, commands: &mut Vec<Command>) {
        if self.is_running() {
            self.phase = Phase::Stopping { reason, dead };
            self.stop_next(commands);
        }
    }

    /// While stopping: sees to it that the last child goes down.
    fn stop_next(&mut self, commands: &mut Vec<Command>) {
        let Phase::Stopping { reason, .. } = &self.phase else { return };
        match self.children.last_key_value() {
            None => {
                commands.push(Command::Exit(reason.clone()));
                self.phase = Phase::Stopped;
            }
            Some((&last, _)) => {
                self.terminate_child(last, commands);
            }
        }
    }

    /// A number from 0 up to 1 (xorshift).
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::backoff::Backoff;
    use super::super::child_spec::Restart;
    use super::*;
    use crate::actor::{ShardId, TrapCause};

    fn actor(number: ChildNumber) -> ActorId {
        ActorId::new(ShardId(0), number, 1)
    }

    fn trap() -> ExitReason {
        ExitReason::Trap { cause: TrapCause::Guest, message: "unreachable".into() }
    }

    fn policy(restart: Restart) -> ChildPolicy {
        ChildPolicy { restart, ..ChildPolicy::default() }
    }

    /// A supervisor with so many children of a kind, all up.
    fn with_children(restarts_max: u32, policies: &[ChildPolicy]) -> Supervisor {
        let spec = SupervisorSpec { restarts_max, ..SupervisorSpec::default() };
        let mut supervisor = Supervisor::new(&spec, 7);
        for &policy in policies {
            let mut commands = Vec::new();
            let number = supervisor.start_child(policy, &mut commands).unwrap();
            assert_eq!(commands, [Command::Start(number)]);
            supervisor.started(number, Ok(actor(number)), 0, &mut commands);
        }
        supervisor
    }

    fn after_exit(restart: Restart, reason: ExitReason) -> Vec<Command> {
        let mut supervisor = with_children(5, &[policy(restart)]);
        let mut commands = Vec::new();
        supervisor.exited(0, reason, 1, &mut commands);
        commands
    }

    #[test]
    fn policies_decide_who_comes_back() {
        let restarted = [Command::Restart { child: 0, actor: actor(0), after_ns: 0 }];
        let removed = [Command::Remove { actor: actor(0), dead: DeadReason::Drained }];
        for (policy, reason, expected) in [
            (Restart::Permanent, ExitReason::Normal, &restarted),
            (Restart::Permanent, ExitReason::Shutdown, &restarted),
            (Restart::Permanent, trap(), &restarted),
            (Restart::Transient, trap(), &restarted),
        ] {
            assert_eq!(after_exit(policy, reason), expected);
        }
        for (policy, reason) in [
            (Restart::Transient, ExitReason::Normal),
            (Restart::Transient, ExitReason::Shutdown),
            (Restart::Temporary, ExitReason::Normal),
            (Restart::Temporary, trap()),
        ] {
            assert_eq!(after_exit(policy, reason), removed);
        }
    }

    #[test]
    fn one_for_one_touches_only_the_dead_child() {
        let mut supervisor = with_children(5, &[policy(Restart::Permanent); 3]);
        let mut commands = Vec::new();
        supervisor.exited(1, trap(), 1, &mut commands);
        assert_eq!(commands, [Command::Restart { child: 1, actor: actor(1), after_ns: 0 }]);
        let states: Vec<_> = supervisor.which_children().map(|(_, status)| status).collect();
        assert_eq!(
            states,
            [
                ChildStatus::Running(actor(0)),
                ChildStatus::Restarting(actor(1)),
                ChildStatus::Running(actor(2))
            ]
        );
    }

    #[test]
    fn too_many_restarts_stop_all_in_reverse_and_then_the_supervisor() {
        let mut supervisor = with_children(1, &[policy(Restart::Permanent); 3]);
        let mut commands = Vec::new();
        supervisor.exited(1, trap(), 1, &mut commands);
        supervisor.started(1, Ok(actor(1)), 2, &mut commands);
        commands.clear();
        supervisor.exited(1, trap(), 3, &mut commands);
        let shutdown = Shutdown::default();
        assert_eq!(
            commands,
            [
                Command::Remove { actor: actor(1), dead: DeadReason::SupervisorStopped },
                Command::Stop { child: 2, actor: actor(2), shutdown },
            ]
        );
        commands.clear();
        supervisor.exited(2, ExitReason::Shutdown, 4, &mut commands);
        supervisor.exited(0, ExitReason::Shutdown, 5, &mut commands);
        assert_eq!(
            commands,
            [
                Command::Remove { actor: actor(2), dead: DeadReason::SupervisorStopped },
                Command::Stop { child: 0, actor: actor(0), shutdown },
                Command::Remove { actor: actor(0), dead: DeadReason::SupervisorStopped },
                Command::Exit(ExitReason::Shutdown),
            ]
        );
    }

    #[test]
    fn failed_restarts_count_too() {
        let mut supervisor = with_children(2, &[policy(Restart::Permanent)]);
        let mut commands = Vec::new();
        supervisor.exited(0, trap(), 1, &mut commands);
        supervisor.started(0, Err(trap()), 2, &mut commands);
        assert_eq!(commands.len(), 2, "the second attempt");
        supervisor.started(0, Err(trap()), 3, &mut commands);
        assert_eq!(commands.last(), Some(&Command::Exit(ExitReason::Shutdown)));
        assert_eq!(supervisor.restarts(), 2);
    }

    #[test]
    fn waits_grow_while_failures_follow_each_other_and_begin_anew_after_a_stable_while() {
        let backoff =
            Backoff { base_ns: 100, factor: 2.0, max_ns: 10_000, jitter: 0.0, stable_after_ns: 1_000 };
        let mut supervisor = with_children(100, &[ChildPolicy { backoff, ..ChildPolicy::default() }]);
        let mut waits = Vec::new();
        for now_ns in [10_000, 10_200, 10_500, 50_000] {
            let mut commands = Vec::new();
            supervisor.exited(0, trap(), now_ns, &mut commands);
            let Command::Restart { after_ns, .. } = commands[0] else { panic!("{commands:?}") };
            waits.push(after_ns);
            supervisor.started(0, Ok(actor(0)), now_ns + after_ns, &mut commands);
        }
        assert_eq!(waits, [100, 200, 400, 100]);
    }

    #[test]
    fn a_failed_first_start_leaves_no_spec() {
        let mut supervisor = with_children(5, &[]);
        let mut commands = Vec::new();
        let number = supervisor.start_child(policy(Restart::Permanent), &mut commands).unwrap();
        supervisor.started(number, Err(trap()), 1, &mut commands);
        assert_eq!(supervisor.which_children().count(), 0);
        assert_eq!(commands, [Command::Start(number)]);
    }

    #[test]
    fn a_stop_waits_for_a_child_that_is_still_starting() {
        let mut supervisor = with_children(5, &[policy(Restart::Permanent)]);
        let mut commands = Vec::new();
        let late = supervisor.start_child(policy(Restart::Permanent), &mut commands).unwrap();
        commands.clear();
        supervisor.stop(&mut commands);
        assert_eq!(commands, [], "the last child is on its way up");
        supervisor.started(late, Ok(actor(late)), 1, &mut commands);
        assert!(matches!(commands[..], [Command::Stop { child, .. }] if child == late));
        supervisor.exited(late, ExitReason::Killed, 2, &mut commands);
        supervisor.exited(0, ExitReason::Shutdown, 3, &mut commands);
        assert_eq!(commands.last(), Some(&Command::Exit(ExitReason::Shutdown)));
        assert_eq!(supervisor.start_child(policy(Restart::Permanent), &mut commands), None);
    }

    #[test]
    fn a_child_that_ends_by_itself_cannot_hang_the_stop() {
        let mut supervisor = with_children(5, &[policy(Restart::Permanent); 2]);
        let mut commands = Vec::new();
        supervisor.stop(&mut commands);
        // Child 0 ends before its turn, child 1 traps in its stop.
        supervisor.exited(0, trap(), 1, &mut commands);
        supervisor.exited(1, trap(), 2, &mut commands);
        assert_eq!(commands.last(), Some(&Command::Exit(ExitReason::Shutdown)));
    }
}
