//! What happens to actors and supervisors, for the host: as typed events, to
//! whoever has subscribed, and in the log.

use std::sync::Arc;

use crate::actor::{ActorId, ExitReason, Health, Hook, HookFault};
use crate::control::supervisor::Ending;
use crate::sync::{Injector, PushError, SharedCounter};

use super::{Shard, SupervisorId};

/// Something happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// An incarnation is up.
    Started {
        /// The actor.
        actor: ActorId,
        /// Its name.
        name: Option<Arc<str>>,
        /// How many incarnations came before: more than 0 is a restart.
        restarts: u32,
    },
    /// An incarnation has ended.
    Exited {
        /// The actor.
        actor: ActorId,
        /// Its name.
        name: Option<Arc<str>>,
        /// Why.
        reason: ExitReason,
    },
    /// A supervisor is up, with all that it begins with.
    SupervisorStarted {
        /// Which.
        supervisor: SupervisorId,
        /// How often it was started before.
        restarts: u32,
    },
    /// A supervisor stops: its children come next.
    SupervisorEnds {
        /// Which.
        supervisor: SupervisorId,
        /// Why. Too many restarts are for the supervisor above to deal with, if there
        /// is one.
        ending: Ending,
        /// The supervisor above.
        above: Option<SupervisorId>,
    },
    /// An actor says that it is otherwise than before.
    HealthChanged {
        /// The actor.
        actor: ActorId,
        /// Its name.
        name: Option<Arc<str>>,
        /// How it was.
        from: Health,
        /// How it is.
        to: Health,
    },
    /// A hook of the host's was not called as it should be. Its actor does not mind.
    HookFailed {
        /// The actor.
        actor: ActorId,
        /// Its name.
        name: Option<Arc<str>>,
        /// Which hook.
        hook: Hook,
        /// What was wrong.
        fault: HookFault,
    },
}

/// Who is told of events. One that is full loses those that do not fit: a shard
/// does not wait for it.
#[derive(Clone)]
pub struct EventSink {
    /// The way to it.
    pub events: Injector<Event>,
    /// What it has lost.
    pub lost: Arc<SharedCounter>,
}

impl Shard {
    /// Tells of an event.
    pub(super) fn emit(&mut self, event: &Event) {
        tracing::debug!(shard = %self.id, ?event);
        self.event_sinks.retain(|sink| match sink.events.push(event.clone()) {
            Ok(()) => true,
            Err(PushError::Full(_)) => {
                sink.lost.add(1);
                true
            }
            Err(PushError::Closed(_)) => false,
        });
    }
}
