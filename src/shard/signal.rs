//! What shards say to each other besides messages: the system lane.

use std::sync::Arc;

use crate::actor::{ActorId, DeadReason, ExitReason, Payload, RequestError, RequestId};
use crate::control::broker::Interest;
use crate::control::child_spec::Shutdown;
use crate::control::group::Membership;
use crate::control::registry::NameTaken;
use crate::control::supervisor::ChildNumber;

use super::pressure::PressureSignal;
use super::spawn::{SpawnError, SpawnSpec, SupervisorId};

/// One child of one supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChildRef {
    pub(super) supervisor: SupervisorId,
    pub(super) number: ChildNumber,
}

/// From shard to shard, in order, and ahead of every message.
#[derive(Debug)]
pub(super) enum Signal {
    /// To the home of the name: this actor wants it.
    Claim(Arc<str>, ActorId),
    /// From the home to every other shard: it is this actor's; say `Bound`.
    Bind(Arc<str>, ActorId),
    /// To the home: this replica has it.
    Bound(Arc<str>, ActorId),
    /// From the home to the actor's shard: what became of its claim.
    Granted(ActorId, Result<(), NameTaken>),
    /// To the home: this actor is done with it.
    Release(Arc<str>, ActorId),
    /// From the home to every other shard: it is nobody's.
    Unbind(Arc<str>, ActorId),

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
    StartChild(ChildRef, Box<SpawnSpec>),
    /// To the supervisor's shard: the first start has ended.
    ChildStarted(ChildRef, Result<ActorId, SpawnError>),
    /// To the supervisor's shard: a restart has gone well.
    ChildRestarted(ChildRef, ActorId),
    /// To the supervisor's shard: a child has ended, or could not be restarted.
    ChildExited(ChildRef, ExitReason),
    /// To a child's shard: start it again, after so many ns.
    Restart(ActorId, u64),
    /// To a child's shard: stop it.
    Stop(ActorId, Shutdown),
    /// To a child's shard: it does not come back; its messages are dead.
    Remove(ActorId, DeadReason),
}

/// The outcome of a request, on its way back.
pub(super) struct Reply {
    pub(super) request: RequestId,
    pub(super) outcome: Result<Payload, RequestError>,
}
