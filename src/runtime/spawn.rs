//! What an embedder says of an actor to be.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use crate::actor::{Blueprint, Hooks, Recipe, ShardId};
use crate::control::backoff::Backoff;
use crate::control::child_spec::{ChildPolicy, Restart, Shutdown};
use crate::control::placement::Placement;
use crate::shard::{MailboxSpec, Overflow, SpawnSpec, SupervisorId};

use super::handle::Handle;

/// An actor to be: what it is made from, its name and place, and who looks after
/// it.
///
/// ```no_run
/// # use raddle::actor::Blueprint;
/// # fn example(blueprint: std::sync::Arc<dyn Blueprint>, runtime: raddle::Runtime) -> Result<(), Box<dyn std::error::Error>> {
/// use raddle::Spawn;
///
/// let actor = runtime.spawn(Spawn::new(blueprint).name("counter").config("step", "5")).wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Spawn {
    pub(super) blueprint: Arc<dyn Blueprint>,
    recipe: Recipe,
    name: Option<Arc<str>>,
    mailbox: MailboxSpec,
    pub(super) placement: Placement,
    pub(super) supervisor: Option<SupervisorId>,
    pub(super) policy: ChildPolicy,
    id: Option<Arc<str>>,
    pub(super) hooks: Option<Arc<Hooks>>,
}

impl Spawn {
    /// An actor of this kind: nameless, on the shards in turn, and supervised by
    /// nobody.
    pub fn new(blueprint: Arc<dyn Blueprint>) -> Self {
        Self {
            blueprint,
            recipe: Recipe::default(),
            name: None,
            mailbox: MailboxSpec::default(),
            placement: Placement::Spread,
            supervisor: None,
            policy: ChildPolicy::default(),
            id: None,
            hooks: None,
        }
    }

    /// Registers it under this name: unique, and free again when it has ended.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets a key of its configuration.
    pub fn config(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.recipe.config.insert(key.into(), value.into());
        self
    }

    /// Sets many keys of its configuration.
    pub fn configs(mut self, pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        self.recipe.config.extend(pairs);
        self
    }

    /// What becomes of messages for which its mailbox has no room (default: they are
    /// refused).
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.mailbox.overflow = overflow;
        self
    }

    /// The most messages in its mailbox (default: as the runtime has it).
    pub fn mailbox_messages_max(mut self, messages_max: u32) -> Self {
        self.mailbox.messages_max = Some(messages_max);
        self
    }

    /// The most bytes of payload in its mailbox (default: as the runtime has it).
    pub fn mailbox_bytes_max(mut self, bytes_max: u32) -> Self {
        self.mailbox.bytes_max = Some(bytes_max);
        self
    }

    /// How long a message may wait in its mailbox (default: for ever). One that has
    /// waited longer is dropped, and counted as expired. Shards look at the clock once
    /// a turn: it is exact to a ms or so.
    pub fn message_time_to_live(mut self, time_to_live: Duration) -> Self {
        let ns = u64::try_from(time_to_live.as_nanos()).unwrap_or(u64::MAX);
        self.mailbox.time_to_live_ns = NonZeroU64::new(ns);
        self
    }

    /// Puts it on this shard.
    pub fn on(mut self, shard: ShardId) -> Self {
        self.placement = Placement::Shard(shard);
        self
    }

    /// Puts it under this supervisor.
    pub fn under(mut self, supervisor: SupervisorId) -> Self {
        self.supervisor = Some(supervisor);
        self
    }

    /// When its supervisor starts it again (default: always).
    pub fn restart(mut self, restart: Restart) -> Self {
        self.policy.restart = restart;
        self
    }

    /// How its supervisor stops it (default: asked, killed after 5 s).
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.policy.shutdown = shutdown;
        self
    }

    /// How long its supervisor waits before it starts it again (default: not at all).
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.policy.backoff = backoff;
        self
    }

    /// Lets its end count for the automatic shutdown of its supervisor.
    pub fn significant(mut self) -> Self {
        self.policy.significant = true;
        self
    }

    /// What its supervisor calls it (default: its name).
    pub fn id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// What the host is called for in its life (default: what the runtime has for
    /// all).
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = Some(Arc::new(hooks));
        self
    }

    pub(super) fn child_id(&self) -> Option<Arc<str>> {
        self.id.clone().or_else(|| self.name.clone())
    }

    pub(super) fn into_spec(self, handle: &Handle) -> SpawnSpec {
        if self.hooks.is_some() {
            handle.0.hooks.start();
        }
        let Self { blueprint, recipe, name, mailbox, hooks, .. } = self;
        SpawnSpec { recipe: Arc::new(recipe), name, mailbox, hooks, ..SpawnSpec::new(blueprint) }
    }
}
