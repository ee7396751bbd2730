//! The words for making actors: specs, errors, and what outside threads ask of
//! a shard.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::actor::{
    Account, ActorId, Blueprint, DeadReason, ExitReason, Filter, Health, Hook, HookFault, Hooks, Message,
    Payload, Recipe, RequestError, SendError, ShardId, Subject, TimerId,
};
use crate::control::child_spec::Shutdown;
pub use crate::control::child_spec::SupervisorId;
use crate::control::supervisor::{ChildError, SpecError};
use crate::metrics::{Latency, Ledger, Requests};
use crate::sync::Resolver;

use super::events::EventSink;
use super::health::{HealthCounts, Unwell};
use super::hooks::HookCounts;
use super::lifecycle::Newcomer;
use super::mailbox::MailboxSpec;
use super::tree::SupervisorControl;

/// What an actor is made from.
#[derive(Clone)]
pub struct SpawnSpec {
    /// What makes it.
    pub blueprint: Arc<dyn Blueprint>,
    /// What it is made from, beyond that.
    pub recipe: Arc<Recipe>,
    /// The name to register it under.
    pub name: Option<Arc<str>>,
    /// Its mailbox.
    pub mailbox: MailboxSpec,
    /// What the host is called for in its life, if not what the runtime has for all.
    pub hooks: Option<Arc<Hooks>>,
}

impl SpawnSpec {
    /// A nameless actor of this kind, with the defaults.
    pub fn new(blueprint: Arc<dyn Blueprint>) -> Self {
        let (recipe, mailbox) = (Arc::default(), MailboxSpec::default());
        Self { blueprint, recipe, name: None, mailbox, hooks: None }
    }
}

impl fmt::Debug for SpawnSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpawnSpec")
            .field("blueprint", &self.blueprint.name())
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// An actor could not be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// Another actor has the name.
    #[error("the name `{name}` is taken, by {by}")]
    NameTaken {
        /// The name.
        name: Arc<str>,
        /// Who has it.
        by: ActorId,
    },
    /// The shard has no slot left.
    #[error("shard {0} has as many actors as it can address")]
    NoSlot(ShardId),
    /// It could not be made, or its start failed.
    #[error("could not start an actor of `{kind}`: {message}")]
    StartFailed {
        /// What it is made from.
        kind: String,
        /// Why.
        message: String,
    },
    /// There is no such supervisor, or it is not at work.
    #[error("the supervisor {0} is not at work")]
    NoSupervisor(SupervisorId),
    /// The supervisor refused it.
    #[error(transparent)]
    Supervision(ChildError),
    /// The specs of a supervisor and its children do not go together.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// It chose not to be there.
    #[error("it chose not to start")]
    Ignored,
    /// It was stopped while it was starting.
    #[error("it was stopped while it was starting")]
    Stopped,
    /// There is no such shard.
    #[error("there is no shard {0}")]
    NoSuchShard(ShardId),
    /// The runtime is shutting down.
    #[error("the runtime is shutting down")]
    Closed,
    /// Whoever asked did not wait for the answer any longer.
    #[error("there was no answer in time")]
    Unanswered,
}

/// From an outside thread to a shard, through its injector.
pub enum Command {
    /// A message for an actor of this shard.
    Tell(Message),
    /// A request to an actor of this shard; its deadline is when it expires.
    Request(Message, Resolver<Result<Payload, RequestError>>),
    /// Say when an actor of this shard has room, or is there no longer.
    AwaitRoom(ActorId, Resolver<()>),
    /// Anything else.
    Control(Control),
}

/// An answer to an outside thread that talks to actors.
pub type Answer<T> = Resolver<Result<T, SendError>>;

/// What an outside thread asks of a shard. Each answer goes through its resolver;
/// one that nobody waits for any longer is dropped.
pub enum Control {
    /// Start an actor that no supervisor looks after.
    Spawn(Newcomer),
    /// Stop an actor.
    Stop {
        /// Which.
        actor: ActorId,
        /// How.
        shutdown: Shutdown,
        /// Why it ended, if it was there and has no supervisor to know it.
        done: Resolver<Result<Option<ExitReason>, SpawnError>>,
    },
    /// To do with a supervisor of this shard.
    Supervisor(Box<SupervisorControl>),
    /// Stop a supervisor of this shard and its children, the last one first.
    StopSupervisor {
        /// Which.
        supervisor: SupervisorId,
        /// Why it ended, if it was there.
        done: Resolver<Result<Option<ExitReason>, SpawnError>>,
    },
    /// Let an actor of this shard have what matches, for as long as it has its
    /// address. Answered when every shard knows; false if it is not there.
    Subscribe {
        /// Which actor.
        actor: ActorId,
        /// To what.
        filter: Filter,
        /// Was it there?
        done: Answer<bool>,
    },
    /// Take such a subscription back, or one of its own.
    Unsubscribe {
        /// Which actor.
        actor: ActorId,
        /// From what.
        filter: Filter,
        /// Was there one?
        done: Answer<bool>,
    },
    /// Let an actor of this shard join a group, for as long as it has its address.
    /// Answered when every shard knows; false if it is not there.
    Join {
        /// Which actor.
        actor: ActorId,
        /// Which group.
        group: Subject,
        /// Was it there?
        done: Answer<bool>,
    },
    /// Let an actor of this shard leave a group, once.
    Leave {
        /// Which actor.
        actor: ActorId,
        /// Which group.
        group: Subject,
        /// Was it in it?
        done: Answer<bool>,
    },
    /// Say who is in a group.
    Members {
        /// Which group.
        group: Subject,
        /// Each once.
        done: Answer<Vec<ActorId>>,
    },
    /// Send something later, once or again and again.
    SendLater {
        /// To whom.
        to: ActorId,
        /// What.
        payload: Payload,
        /// After how many ns.
        delay_ns: u64,
        /// And then again after how many ns; 0 is never.
        period_ns: u64,
        /// What to cancel it by.
        done: Answer<TimerId>,
    },
    /// Send no more.
    CancelTimer {
        /// What.
        timer: TimerId,
        /// Was something still to be sent?
        done: Answer<bool>,
    },
    /// Let actors of this shard spawn this, by this name.
    Provide {
        /// By what name.
        name: Arc<str>,
        /// What.
        blueprint: Arc<dyn Blueprint>,
    },
    /// Tell of events from here on.
    Observe {
        /// Whom.
        sink: EventSink,
        /// It does.
        done: Resolver<()>,
    },
    /// Say how an actor said it was.
    Health {
        /// Which.
        actor: ActorId,
        /// Nothing, if it is not there.
        done: Resolver<Result<Option<Health>, SpawnError>>,
    },
    /// Ask every actor of this shard how it is, beside the interval. Answered when
    /// all were asked.
    CheckHealth(Resolver<()>),
    /// From whoever calls hooks: what came of a call.
    Hooked {
        /// For whom it was.
        actor: ActorId,
        /// Which hook.
        hook: Hook,
        /// That of the call; 0 if nobody waits for it.
        ticket: u64,
        /// What was wrong with it, if anything was.
        fault: Option<HookFault>,
    },
    /// Stop every supervisor, and every actor that has none. Whoever has not stopped
    /// by then, in ns on the runtime's clock, is killed.
    StopAll {
        /// When their time is up; `u64::MAX` is never.
        until_ns: u64,
    },
    /// Say what was done so far.
    Report(Resolver<ShardReport>),
    /// End every actor that is left, and start no more.
    Close(Resolver<()>),
    /// Settle what has come in, say what was done, and end the loop. To be sent
    /// when every shard is closed, so that nothing is on its way from another one.
    Halt(Resolver<ShardReport>),
}

impl Control {
    /// Start an actor that no supervisor looks after; its address, once it is up.
    pub fn spawn(spec: SpawnSpec, done: Resolver<Result<ActorId, SpawnError>>) -> Self {
        Self::Spawn(Newcomer::new(spec, done))
    }

    /// Itself, out of a command that is dropped later: what stays there starts nobody.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Spawn(Newcomer::nobody()))
    }

    /// To do with a supervisor of this shard.
    pub fn supervisor(control: SupervisorControl) -> Self {
        Self::Supervisor(Box::new(control))
    }
}

/// A message that nobody handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Who it was for.
    pub to: Option<ActorId>,
    /// Who sent it.
    pub from: Option<ActorId>,
    /// Why nobody handled it.
    pub reason: DeadReason,
    /// How long it was, in bytes.
    pub bytes: usize,
    /// What it was published to, if it was.
    pub subject: Option<Subject>,
}

impl fmt::Display for DeadLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, from, reason, bytes, subject } = self;
        write!(f, "{reason}: {bytes} bytes")?;
        if let Some(from) = from {
            write!(f, " from {from}")?;
        }
        if let Some(to) = to {
            write!(f, " to {to}")?;
        }
        if let Some(subject) = subject {
            write!(f, " about {subject}")?;
        }
        Ok(())
    }
}

/// How an incarnation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitRecord {
    /// The actor.
    pub actor: ActorId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Why.
    pub reason: ExitReason,
}

/// What one shard has done so far.
#[derive(Debug, Clone)]
pub struct ShardReport {
    /// Which one.
    pub shard: ShardId,
    /// Its part of the ledger.
    pub ledger: Ledger,
    /// From the sending of a measured message to the end of the last handler that
    /// it led to, on whichever shard it began.
    pub latency: Latency,
    /// Actors alive.
    pub actors: u64,
    /// Incarnations started.
    pub starts: u64,
    /// Incarnations that took the place of an earlier one.
    pub restarts: u64,
    /// Incarnations that ended abnormally.
    pub abnormal_exits: u64,
    /// Requests and messages that were answered with a failure.
    pub answered_with_failure: u64,
    /// Turns taken.
    pub turns: u64,
    /// The account of the requests that wait here.
    pub requests: Requests,
    /// Publications of this shard's actors, and from outside through this shard.
    pub published: u64,
    /// Those of them that nobody had subscribed to.
    pub unheard: u64,
    /// Times that a sender was paused, because its receiver had too much to do.
    pub pauses: u64,
    /// The latest dead letters.
    pub dead_letters: Vec<DeadLetter>,
    /// How many messages to each actor that is still there were dead, by the number
    /// of the [`DeadReason`].
    pub dead_by_actor: BTreeMap<ActorId, [u64; DeadReason::COUNT]>,
    /// The latest abnormal exits.
    pub exits: Vec<ExitRecord>,
    /// All abnormal exits, by the label of their reason.
    pub exits_by_label: BTreeMap<&'static str, u64>,
    /// Supervisors of this shard that gave up, and that no other looks after.
    pub supervisors_given_up: u64,
    /// How the actors said they were when they were asked last.
    pub health: HealthCounts,
    /// Some of those that are not well.
    pub unwell: Vec<Unwell>,
    /// How often the host's hooks were called, and what came of it.
    pub hooks: HookCounts,
    /// What those actors have used that have used the most CPU time, most first.
    pub accounts: Vec<ActorAccount>,
}

/// What one actor's present incarnation has used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActorAccount {
    /// The actor.
    pub actor: ActorId,
    /// Its name.
    pub name: Option<Arc<str>>,
    /// What it has used.
    pub account: Account,
}
