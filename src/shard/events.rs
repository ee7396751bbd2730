//! What happens to actors and supervisors: as typed events, to hosts that observe; as
//! text, to actors that have subscribed; and in the log.

use std::fmt;
use std::sync::Arc;

use crate::actor::{ActorId, ExitReason, Health, Hook, HookFault, Payload, Subject};
use crate::control::supervisor::Ending;
use crate::sync::{Injector, PushError, SharedCounter};

use super::{Shard, SupervisorId};

/// The subjects of events begin with it; their [kind](Event::kind) follows.
pub const EVENTS: &str = "$raddle.event";

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

/// The words for what happens: the last tokens of the subjects of events.
const KINDS: [&str; 7] = [
    "started",
    "restarted",
    "exited",
    "supervisor-started",
    "supervisor-ends",
    "health-changed",
    "hook-failed",
];

impl Event {
    fn kind_index(&self) -> usize {
        match self {
            Self::Started { restarts: 0, .. } => 0,
            Self::Started { .. } => 1,
            Self::Exited { .. } => 2,
            Self::SupervisorStarted { .. } => 3,
            Self::SupervisorEnds { .. } => 4,
            Self::HealthChanged { .. } => 5,
            Self::HookFailed { .. } => 6,
        }
    }

    /// One word for what happened: the last token of its subject.
    pub fn kind(&self) -> &'static str {
        KINDS[self.kind_index()]
    }
}

/// The subjects of events, by the number of their kind.
pub(super) struct EventSubjects([Subject; KINDS.len()]);

impl Default for EventSubjects {
    fn default() -> Self {
        let subject = |kind| Subject::reserved(&format!("{EVENTS}.{kind}")).expect("a good subject");
        Self(KINDS.map(subject))
    }
}

/// What is published: whom it is about, its name or `-`, and what there is to say.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |name: &Option<Arc<str>>| name.as_deref().unwrap_or("-").to_owned();
        match self {
            Self::Started { actor, name, restarts } => write!(f, "{actor} {} {restarts}", named(name)),
            Self::Exited { actor, name, reason } => write!(f, "{actor} {} {reason}", named(name)),
            Self::SupervisorStarted { supervisor, restarts } => write!(f, "{supervisor} - {restarts}"),
            Self::SupervisorEnds { supervisor, ending, above } => {
                write!(f, "{supervisor} - {ending}")?;
                above.map_or(Ok(()), |above| write!(f, ", below {above}"))
            }
            Self::HealthChanged { actor, name, to, .. } => write!(f, "{actor} {} {to}", named(name)),
            Self::HookFailed { actor, name, hook, fault } => {
                write!(f, "{actor} {} {hook} {fault}", named(name))
            }
        }
    }
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
    /// Would anybody be told of an event?
    pub(super) fn has_observers(&self) -> bool {
        !self.event_sinks.is_empty()
            || self.local.topics.borrow().has_filters()
            || tracing::enabled!(tracing::Level::DEBUG)
    }

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
        let subject = self.event_subjects.0[event.kind_index()].clone();
        self.publish_own(&subject, || Payload::from(event.to_string()));
    }
}
