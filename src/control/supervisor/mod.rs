//! A supervisor: starts its children in order, restarts those that end as their
//! specs say, gives up when that happens too often, and stops them in reverse.
//!
//! ```text
//!              start            started Ok                  exited, to come back
//!   Absent ────────────► Starting ────────► Running ──────────────────┐
//!     ▲  ▲                  │                 │  ▲                     ▼
//!     │  └─ failed, ignored ┘      terminate, │  │ started Ok   Waiting ⇄ Restarting
//!     │                            or with a  │  └───────────────────────── │
//!     │                            sibling    ▼                             │
//!     └────────────── exited ◄───────────── Stopping ◄──────────────────────┘
//!                                             │ with a sibling
//!                                             └──► Down (keeps its address)
//! ```
//!
//! Nothing here waits. What OTP does in one go (stop all, start all) is a sequence
//! of commands and events; what comes meanwhile and is no part of it is deferred
//! until it is done, as it would lie in the mailbox of OTP's process. A
//! `one_for_one` supervisor has no such sequences: its children come and go at the
//! same time. A failed restart is tried again when the supervisor has been through
//! everything else that waits ([`Command::Wait`]).
//!
//! **Invariant:** whatever comes, each command to stop or start a child is
//! answered by one event, so that a supervisor that was told to stop does.

mod api;
mod children;
mod command;
mod group;
mod restart;
mod spec;
mod start;
mod stop;

use std::collections::VecDeque;
use std::fmt;

use crate::actor::{DeadReason, ExitReason};

use super::child_spec::ChildSpec;
use super::intensity::Intensity;
use children::{Children, State};
use group::Sequence;

pub use api::{ChildInfo, ChildStatus, Counts, Question, Who};
pub use command::{Answer, ChildError, ChildNumber, Command, Ticket};
pub use spec::{AutoShutdown, SpecError, Strategy, SupervisorSpec};

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Running,
    Stopping { reason: ExitReason, dead: DeadReason },
    Stopped,
}

/// Why a supervisor stops, or has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to.
    Asked,
    /// There were too many restarts: it gave up.
    TooManyRestarts,
    /// Its significant children have ended.
    AutoShutdown,
    /// A child that it was to begin with could not be started.
    StartFailed,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Asked => "asked",
            Self::TooManyRestarts => "too-many-restarts",
            Self::AutoShutdown => "auto-shutdown",
            Self::StartFailed => "start-failed",
        })
    }
}

/// What waits until the supervisor has done what it is in the middle of.
#[derive(Debug)]
enum Event<W> {
    Asked(Ticket, Question<W>),
    Ended(ChildNumber),
    Woke(ChildNumber, u64),
}

/// The state of one supervisor. `W` is what children are made from.
#[derive(Debug)]
pub struct Supervisor<W> {
    spec: SupervisorSpec,
    intensity: Intensity,
    children: Children<W>,
    template: Option<ChildSpec<W>>,
    phase: Phase,
    ending: Option<Ending>,
    /// What it is in the middle of.
    sequence: Option<Sequence>,
    deferred: VecDeque<Event<W>>,
    commands: Vec<Command<W>>,
    waits: u64,
    /// The wait after which it tells more of its children to stop.
    stops_on_wait: Option<u64>,
    random: u64,
    restarts: u64,
}

impl<W: Clone> Supervisor<W> {
    /// A supervisor of these children (of this template, if it is
    /// `simple_one_for_one`), before it has started any. `seed` is for the jitter.
    ///
    /// # Errors
    /// What is wrong with the specs.
    pub fn new(spec: SupervisorSpec, children: Vec<ChildSpec<W>>, seed: u64) -> Result<Self, SpecError> {
        spec.check(&children)?;
        let mut supervisor = Self {
            spec,
            intensity: Intensity::new(spec.restarts_max, spec.period_ns),
            children: Children::new(),
            template: None,
            phase: Phase::Running,
            ending: None,
            sequence: None,
            deferred: VecDeque::new(),
            commands: Vec::new(),
            waits: 0,
            stops_on_wait: None,
            random: seed | 1,
            restarts: 0,
        };
        for child in children {
            if spec.strategy == Strategy::SimpleOneForOne {
                supervisor.template = Some(child);
            } else {
                supervisor.children.add(child, false, State::Absent);
            }
        }
        Ok(supervisor)
    }

    /// Is it at work: neither stopping nor stopped?
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// How many restarts it has ordered.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Why it stops, or has stopped.
    pub fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// How many waits it has ordered, or those before it at the same place.
    pub fn waits(&self) -> u64 {
        self.waits
    }

    /// It takes the place of another one, which has ordered so many waits: those
    /// are not for it.
    pub fn continue_waits(&mut self, waits: u64) {
        self.waits = waits;
    }

    /// How it works.
    pub fn spec(&self) -> &SupervisorSpec {
        &self.spec
    }

    /// What it wants done since it was last asked, in order.
    pub fn take_commands(&mut self) -> Vec<Command<W>> {
        self.take_commands_for(Vec::new())
    }

    /// The same; what it wants from here on is put into `room`, which is empty.
    pub fn take_commands_for(&mut self, room: Vec<Command<W>>) -> Vec<Command<W>> {
        debug_assert!(room.is_empty());
        std::mem::replace(&mut self.commands, room)
    }

    /// Something is asked of it. The answer is a command with this ticket.
    pub fn ask(&mut self, ticket: Ticket, question: Question<W>, now_ns: u64) {
        if !self.is_running() {
            self.answer(ticket, Err(ChildError::NotAtWork));
        } else if self.is_busy() {
            self.deferred.push_back(Event::Asked(ticket, question));
        } else {
            self.obey(ticket, question);
            self.settle(now_ns);
        }
    }

    /// A wait is over.
    pub fn woke(&mut self, number: ChildNumber, wait: u64, now_ns: u64) {
        if self.stops_on_wait == Some(wait) {
            self.stop_some(number);
        } else if self.is_busy() {
            self.deferred.push_back(Event::Woke(number, wait));
        } else if self.is_running() {
            self.try_again(number, wait);
            self.settle(now_ns);
        }
    }

    /// Stops every child, the last one first, each after the one before it (those
    /// that were made from a template together), and then the supervisor.
    pub fn stop(&mut self) {
        self.begin_stop(Ending::Asked, ExitReason::Shutdown, DeadReason::Drained);
    }

    /// Is it in the middle of something that nothing else must come between?
    fn is_busy(&self) -> bool {
        self.sequence.is_some() || (self.spec.strategy.is_for_groups() && self.children.in_transition() > 0)
    }

    /// Goes through what was deferred, as far as it can.
    fn settle(&mut self, now_ns: u64) {
        while self.is_running()
            && !self.is_busy()
            && let Some(event) = self.deferred.pop_front()
        {
            match event {
                Event::Asked(ticket, question) => self.obey(ticket, question),
                Event::Ended(number) => {
                    if let Some(child) = self.children.get(number)
                        && let State::Ended { reason, .. } = &child.state
                    {
                        let reason = reason.clone();
                        self.ended(number, &reason, now_ns);
                    }
                }
                Event::Woke(number, wait) => self.try_again(number, wait),
            }
        }
    }

    fn command(&mut self, command: Command<W>) {
        self.commands.push(command);
    }

    fn answer(&mut self, ticket: Ticket, answer: Answer) {
        self.commands.push(Command::Answer(ticket, answer));
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
pub(crate) mod tests;
