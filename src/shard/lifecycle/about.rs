//! What a shard knows of an actor.

use std::sync::Arc;

use crate::actor::{ActorId, Child, ExitReason, Health};
use crate::sync::Resolver;

use crate::shard::health::Known;
use crate::shard::hooks::{AwaitedHook, Leave};
use crate::shard::signal::ChildRef;
use crate::shard::timer_wheel::TimerKey;
use crate::shard::{SpawnError, SpawnSpec};

/// An actor in the table of its shard. Its mailbox is in [`Post`](crate::shard::post::Post).
pub(in crate::shard) struct ActorSlot {
    /// The incarnation that is up, unless it is running right now.
    pub(in crate::shard) child: Option<Box<dyn Child>>,
    pub(super) about: Box<About>,
}

impl ActorSlot {
    /// What it is registered as.
    pub(in crate::shard) fn name(&self) -> Option<&Arc<str>> {
        self.about.spec.name.as_ref()
    }

    /// How it said it was.
    pub(in crate::shard) fn health(&self) -> &Health {
        &self.about.health.health
    }
}

/// An actor to be, on its way to its shard. Whoever wants it writes what the shard will
/// know of it, so that the shard neither allocates nor copies that. Nobody, once taken.
pub struct Newcomer(pub(super) Option<Box<About>>);

impl Newcomer {
    /// An actor that no supervisor looks after, and who waits for it to be up.
    pub fn new(spec: SpawnSpec, started: Resolver<Result<ActorId, SpawnError>>) -> Self {
        Self(Some(Box::new(About { started: Some(started), ..About::new(spec) })))
    }

    /// A child of a supervisor.
    pub(in crate::shard) fn child(spec: SpawnSpec, parent: ChildRef) -> Self {
        Self(Some(Box::new(About { parent: Some(parent), ..About::new(spec) })))
    }

    /// One that was taken.
    pub(in crate::shard) fn nobody() -> Self {
        Self(None)
    }

    /// It, out of a command that is dropped later.
    pub(in crate::shard) fn take(&mut self) -> Self {
        Self(self.0.take())
    }
}

impl std::fmt::Debug for Newcomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Newcomer").field(&self.0.as_ref().map(|about| &about.spec)).finish()
    }
}

/// What a start touches comes first, and lies together.
#[repr(C)]
pub(in crate::shard) struct About {
    pub(super) spec: SpawnSpec,
    pub(super) life: Life,
    pub(super) parent: Option<ChildRef>,
    /// Who spawned it, and waits for it to be up.
    pub(super) started: Option<Resolver<Result<ActorId, SpawnError>>>,
    pub(super) restarts: u32,
    /// Was it told to stop before it was up?
    pub(super) stop_asked: bool,
    /// Was the host told that the next incarnation comes?
    pub(super) is_announced: bool,
    /// Does its restart wait until the names of the incarnation before are free?
    pub(super) awaits_names: bool,
    /// Who wants to know of its end.
    pub(super) stopped: Vec<Resolver<Result<Option<ExitReason>, SpawnError>>>,
    /// Why its last incarnation ended.
    pub(super) ended: Option<ExitReason>,
    /// How it said it was.
    pub(super) health: Known,
    /// The hook that it waits for.
    pub(super) hook: Option<AwaitedHook>,
    /// How it stops, once its hook is done.
    pub(super) leave: Option<Leave>,
}

impl About {
    pub(super) fn new(spec: SpawnSpec) -> Self {
        Self {
            spec,
            parent: None,
            life: Life::Naming,
            started: None,
            stopped: Vec::new(),
            restarts: 0,
            stop_asked: false,
            ended: None,
            health: Known::default(),
            hook: None,
            is_announced: false,
            awaits_names: false,
            leave: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Its name is being claimed.
    Naming,
    /// It is being made; there may be no room for it yet.
    Starting {
        since_ns: u64,
        wait_ns: u64,
        timer: Option<TimerKey>,
    },
    Up,
    /// It is up, and stops when its hook is done.
    Stopping,
    /// It ended, and its supervisor has not said yet what becomes of it.
    Down,
}
