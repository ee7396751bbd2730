//! What a supervisor knows of a child.

use std::fmt;
use std::sync::Arc;

use crate::actor::{ActorId, ExitReason, Key, ShardId};

use super::backoff::Backoff;

/// The address of a supervisor.
pub type SupervisorId = Key;

/// When a child that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Restart {
    /// Always.
    #[default]
    Permanent,
    /// Only if it ended abnormally.
    Transient,
    /// Never.
    Temporary,
}

impl Restart {
    /// Is a child that ended for this reason started again?
    pub fn applies_to(self, reason: &ExitReason) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => reason.is_abnormal(),
            Self::Temporary => false,
        }
    }
}

/// How a child is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Asked, and killed if it has not stopped after so many ns.
    Timeout(u64),
    /// Killed at once.
    BrutalKill,
    /// Asked, and waited for.
    Infinity,
}

impl Default for Shutdown {
    /// OTP's default for a worker: 5 s.
    fn default() -> Self {
        Self::Timeout(5_000_000_000)
    }
}

/// How a supervisor treats a child.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChildPolicy {
    /// When it is started again.
    pub restart: Restart,
    /// How it is stopped.
    pub shutdown: Shutdown,
    /// How long to wait before it is started again.
    pub backoff: Backoff,
    /// Does its end count for the supervisor's automatic shutdown?
    pub significant: bool,
}

impl ChildPolicy {
    /// OTP's defaults for a child that is a supervisor: its subtree has all the
    /// time that it needs to stop.
    pub fn of_supervisor() -> Self {
        Self { shutdown: Shutdown::Infinity, ..Self::default() }
    }
}

/// What a child is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChildKind {
    /// An actor.
    #[default]
    Worker,
    /// A supervisor with children of its own.
    Supervisor,
}

/// Where a child is: actors and supervisors have tables of their own, and so
/// addresses of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ChildAddress {
    /// An actor.
    Worker(ActorId),
    /// A supervisor.
    Supervisor(SupervisorId),
}

impl ChildAddress {
    /// The shard that it lives on.
    pub fn shard(self) -> ShardId {
        match self {
            Self::Worker(key) | Self::Supervisor(key) => key.shard(),
        }
    }

    /// The actor, if it is one.
    pub fn actor(self) -> Option<ActorId> {
        match self {
            Self::Worker(actor) => Some(actor),
            Self::Supervisor(_) => None,
        }
    }

    /// The supervisor, if it is one.
    pub fn supervisor(self) -> Option<SupervisorId> {
        match self {
            Self::Worker(_) => None,
            Self::Supervisor(supervisor) => Some(supervisor),
        }
    }
}

impl fmt::Display for ChildAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Worker(actor) => write!(f, "actor {actor}"),
            Self::Supervisor(supervisor) => write!(f, "supervisor {supervisor}"),
        }
    }
}

/// A child: who it is to its supervisor, how it is treated, and what it is made
/// from, which is the host's business.
#[derive(Debug, Clone, PartialEq)]
pub struct ChildSpec<W> {
    /// What its supervisor calls it: each once.
    pub id: Arc<str>,
    /// What it is.
    pub kind: ChildKind,
    /// How it is treated.
    pub policy: ChildPolicy,
    /// What it is made from.
    pub what: W,
}

impl<W> ChildSpec<W> {
    /// A worker with OTP's defaults: permanent, 5 s to stop.
    pub fn worker(id: impl Into<Arc<str>>, what: W) -> Self {
        Self { id: id.into(), kind: ChildKind::Worker, policy: ChildPolicy::default(), what }
    }

    /// A supervisor with OTP's defaults: permanent, as long as it takes to stop.
    pub fn supervisor(id: impl Into<Arc<str>>, what: W) -> Self {
        Self { id: id.into(), kind: ChildKind::Supervisor, policy: ChildPolicy::of_supervisor(), what }
    }

    /// When it is started again.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How it is stopped.
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// How long to wait before it is started again.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// Lets its end count for the supervisor's automatic shutdown.
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }
}
