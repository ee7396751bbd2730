//! What shards say to each other besides messages: the system lane.

use std::sync::Arc;

use crate::actor::{ActorId, DeadReason, ExitReason, Health, NameTaken, Payload, RequestError, RequestId};
use crate::control::broker::Interest;
use crate::control::child_spec::ChildAddress;
use crate::control::group::Membership;
use crate::control::registry::Claim;
use crate::control::supervisor::ChildNumber;

use super::lifecycle::Newcomer;
use super::pressure::PressureSignal;
use super::spawn::{SpawnError, SupervisorId};
use super::tree::{Asker, Tree};

/// One child of one supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChildRef {
    pub(super) supervisor: SupervisorId,
    pub(super) number: ChildNumber,
}

/// How a child is to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stop {
    /// Until when it may take its time, in ns on the runtime's clock. All of those
    /// that stop together have the same.
    pub(super) until_ns: u64,
    /// Will it be started again, with its siblings?
    pub(super) comes_back: bool,
}

/// From shard to shard, in order, and ahead of every message.
#[derive(Debug)]
pub(super) enum Signal {
    /// To the home of the name: this actor wants it.
    Claim(Arc<str>, Claim),
    /// From the home to every other shard: it is this actor's; say `Bound`.
    Bind(Arc<str>, Claim),
    /// To the home: this replica has it.
    Bound(Arc<str>, Claim),
    /// From the home to the actor's shard: what became of its claim.
    Granted(Arc<str>, Claim, Result<(), NameTaken>),
    /// To the home: this actor is done with it.
    Release(Arc<str>, Claim),
    /// From the home to every other shard: it is nobody's; say `Unbound`.
    Unbind(Arc<str>, Claim),
    /// To the home: this replica has let the name go.
    Unbound(Claim),

    /// To every other shard: this one has, or has no longer, interest in a topic.
    Interest(Box<Interest>),
    /// To every other shard: an actor of this one is, or is no longer, in a group.
    Membership(Box<Membership>),
    /// Who presses, or no longer does.
    Pressure(PressureSignal),
    /// Say [`Signal::Heard`]: then whatever was said before has been heard.
    Hear(u64),
    /// It has.
    Heard(u64),

    /// To a child's shard: start it for the first time.
    StartChild(Newcomer),
    /// The same, for a child that is a supervisor.
    StartSupervisor(ChildRef, Arc<Tree>),
    /// To the supervisor's shard: the first start has ended. The child may have
    /// chosen not to be there.
    ChildStarted(ChildRef, Result<Option<ChildAddress>, SpawnError>),
    /// To the supervisor's shard: a restart has ended.
    ChildRestarted(ChildRef, Result<Option<ChildAddress>, ExitReason>),
    /// To the supervisor's shard: a child has ended.
    ChildExited(ChildRef, ExitReason),
    /// To the supervisor's shard: how a child says it is.
    ChildHealth(ChildRef, Health),
    /// To a child's shard: start it again.
    Restart(ChildAddress),
    /// To a child's shard: stop it.
    Stop(ChildAddress, Stop),
    /// To a child's shard: it does not come back; its messages are dead. Say
    /// `ChildGone` to this supervisor when its name is free.
    Remove(ChildAddress, DeadReason, SupervisorId),
    /// To the supervisor's shard: a child that was to be removed is gone.
    ChildGone(SupervisorId),
    /// From the home to the shard of an actor that was done with a name: it is free
    /// everywhere.
    Released(ActorId),
    /// To the shard of the actor that it is for: about its relations.
    Relation(Box<RelationSignal>),
    /// To the shard of what is no child: tell whoever wanted it stopped whether it
    /// is gone anyway.
    AnswerIfGone(ChildAddress, Asker),
}

/// About links and monitors, from one actor to another.
#[derive(Debug)]
pub(super) enum RelationSignal {
    Link {
        from: ActorId,
        to: ActorId,
    },
    Unlink {
        from: ActorId,
        to: ActorId,
    },
    Monitor {
        from: ActorId,
        to: ActorId,
        monitor: u64,
    },
    Demonitor {
        from: ActorId,
        to: ActorId,
        monitor: u64,
    },
    /// Because it has ended, or because it wants the other one to.
    Exit {
        from: ActorId,
        to: ActorId,
        reason: ExitReason,
        linked: bool,
    },
    /// What was monitored is gone, and its name is free.
    Down {
        to: ActorId,
        monitor: u64,
        actor: ActorId,
        reason: ExitReason,
    },
}

/// The outcome of a request, on its way back.
pub(super) struct Reply {
    pub(super) request: RequestId,
    pub(super) outcome: Result<Payload, RequestError>,
}
