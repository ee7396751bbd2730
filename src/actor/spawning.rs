//! What an actor says of another one that it wants started.

use std::collections::BTreeMap;

use super::TopicError;

/// An actor to be, on the shard of the one that wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewActor {
    /// What it is made from: the name that the host gave to that.
    pub component: String,
    /// The name to register it under.
    pub name: Option<String>,
    /// Its configuration.
    pub config: BTreeMap<String, String>,
    /// Is it to be linked to the one that wants it?
    pub linked: bool,
    /// The most descendants alive of the one that wants it, if that is less than the
    /// shard allows.
    pub children_max: u32,
}

impl NewActor {
    /// Of this kind: nameless, not configured, and not linked.
    pub fn of(component: impl Into<String>) -> Self {
        Self {
            component: component.into(),
            name: None,
            config: BTreeMap::new(),
            linked: false,
            children_max: u32::MAX,
        }
    }
}

/// There is no new actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSpawned {
    /// Nothing goes by this name.
    #[error("there is no component `{0}` to spawn")]
    NoSuchComponent(String),
    /// The name cannot be one.
    #[error(transparent)]
    Name(#[from] TopicError),
    /// There are too many.
    #[error("{most} {what}")]
    Quota {
        /// Of what.
        what: &'static str,
        /// The most.
        most: u32,
    },
    /// Everyone is being stopped.
    #[error("the runtime is shutting down")]
    Closed,
    /// The shard has no place left, or there is none.
    #[error("there is no place for another actor")]
    NoPlace,
}
